"""SciPy: ``scipy.ndimage``, on one thread; in float64 it is what all others are checked with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from striate.cli.bench.filters.cases import BORDER, FilterCase
from striate.cli.bench.filters.engines.engine import into
from striate.cli.bench.peers.runner import Runner

__all__ = ["NAME", "exact", "runners"]

NAME = "SciPy"
PLANE = (0, 1)  # the axes of an image that are filtered: not the channels

Array = NDArray[Any]


def runners(case: FilterCase, threads: int) -> Iterator[Runner]:
    """Yield the one setting."""
    image, chosen, dtype = case.image, _FILTERS[case.kind], case.result_dtype

    def filtered(out: Array | None) -> Array:
        return chosen(case, image, np.empty(case.shape, dtype) if out is None else out)

    yield into("scipy.ndimage", case, filtered)


def exact(case: FilterCase, image: Array) -> Array:
    """Return the filter of another image."""
    return _FILTERS[case.kind](case, image, np.empty(image.shape, image.dtype))


def _box(case: FilterCase, image: Array, out: Array) -> Array:
    ndimage.uniform_filter(image, case.number, out, BORDER, axes=PLANE)
    return out


def _gaussian(case: FilterCase, image: Array, out: Array) -> Array:
    ndimage.gaussian_filter(image, case.number, 0, out, BORDER, axes=PLANE)
    return out


def _general(case: FilterCase, image: Array, out: Array) -> Array:
    kernel = case.kernel.reshape(case.side, case.side, *[1] * (image.ndim - 2))
    ndimage.correlate(image, kernel, out, BORDER)
    return out


def _sobel(case: FilterCase, image: Array, out: Array, axis: int = 1) -> Array:
    """``ndimage.sobel`` would smooth along the channels too."""
    ndimage.correlate1d(image, [-1, 0, 1], axis, out, BORDER)
    ndimage.correlate1d(out, [1, 2, 1], 1 - axis, out, BORDER)
    return out


def _laplacian(case: FilterCase, image: Array, out: Array) -> Array:
    ndimage.laplace(image, out, BORDER, axes=PLANE)
    return out


def _magnitude(case: FilterCase, image: Array, out: Array) -> Array:
    _sobel(case, image, out)
    return np.hypot(out, _sobel(case, image, np.empty_like(out), 0), out=out)


def _median(case: FilterCase, image: Array, out: Array) -> Array:
    ndimage.median_filter(image, case.number, None, out, BORDER, axes=PLANE)
    return out


_FILTERS: dict[str, Callable[[FilterCase, Array, Array], Array]] = {
    "box": _box,
    "gaussian": _gaussian,
    "general": _general,
    "sobel": _sobel,
    "laplacian": _laplacian,
    "magnitude": _magnitude,
    "median": _median,
}
