"""striate itself, and its definition in float64 for those without SciPy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from numpy.typing import NDArray

from striate import filters
from striate.cli.bench.filters.cases import BORDER, FilterCase
from striate.cli.bench.filters.engines.engine import into
from striate.cli.bench.peers.runner import Runner

__all__ = ["NAME", "defined", "runners"]

NAME = "striate"


def runners(case: FilterCase, threads: int) -> Iterator[Runner]:
    """Yield the one setting; threads are those of the environment."""
    image, chosen, dtype = case.image, _filter(case), case.result_dtype

    def filtered(out: NDArray[Any] | None) -> NDArray[Any]:
        if out is None:
            return chosen(image, border=BORDER, dtype=dtype)
        return chosen(image, border=BORDER, out=out)

    yield into("as it is", case, filtered)


def defined(case: FilterCase, image: NDArray[Any]) -> NDArray[Any]:
    """Return the filter of another image by its definition."""
    return _filter(case)(image, border=BORDER, method="reference")


def _filter(case: FilterCase) -> Callable[..., NDArray[Any]]:
    makers: dict[str, Callable[[], Callable[..., NDArray[Any]]]] = {
        "box": lambda: partial(filters.box, size=case.number),
        "gaussian": lambda: partial(filters.gaussian, sigma=case.number),
        "general": lambda: partial(filters.correlate, kernel=case.kernel),
        "sobel": lambda: partial(filters.sobel, axis=1),
        "laplacian": lambda: filters.laplacian,
        "magnitude": lambda: filters.sobel,
        "median": lambda: partial(filters.median, size=case.number),
    }
    return makers[case.kind]()
