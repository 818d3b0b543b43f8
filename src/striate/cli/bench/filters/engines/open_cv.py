"""OpenCV: results into arrays that are there, weights as float32, the border replicated.

Gaussians of bytes also with ``ALGO_HINT_APPROX``, which may be faster and need not be exact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from striate.cli.bench.filters.cases import FilterCase
from striate.cli.bench.filters.engines.engine import Filter, into
from striate.cli.bench.peers.runner import Runner

__all__ = ["NAME", "runners"]

NAME = "OpenCV"
EDGE = cv2.BORDER_REPLICATE
HERE = (-1, -1)  # the anchor: the middle


def runners(case: FilterCase, threads: int) -> Iterator[Runner]:
    """Yield the settings; sets the number of OpenCV's threads."""
    cv2.setNumThreads(threads)
    for setting, filtered in _FILTERS[case.kind](case):
        yield into(setting, case, filtered)


def _box(case: FilterCase) -> Iterator[tuple[str, Filter]]:
    image, size = case.image, (case.number, case.number)
    yield "blur", lambda out: cv2.blur(image, size, out, HERE, EDGE)


def _gaussian(case: FilterCase) -> Iterator[tuple[str, Filter]]:
    image, size, sigma = case.image, (case.side, case.side), float(case.number)
    blur: Callable[..., NDArray[Any]] = cv2.GaussianBlur
    yield "GaussianBlur", lambda out: blur(image, size, sigma, out, sigma, EDGE)
    if case.dtype == "uint8" and hasattr(cv2, "ALGO_HINT_APPROX"):
        hint = cv2.ALGO_HINT_APPROX
        yield "approximate", lambda out: blur(image, size, sigma, out, sigma, EDGE, hint)


def _general(case: FilterCase) -> Iterator[tuple[str, Filter]]:
    image, kernel = case.image, case.kernel.astype(np.float32)
    yield "filter2D", lambda out: cv2.filter2D(image, -1, kernel, out, HERE, 0.0, EDGE)


def _sobel(case: FilterCase) -> Iterator[tuple[str, Filter]]:
    image, depth = case.image, _depth(case)
    yield "Sobel", lambda out: cv2.Sobel(image, depth, 1, 0, out, 3, 1.0, 0.0, EDGE)


def _laplacian(case: FilterCase) -> Iterator[tuple[str, Filter]]:
    image, depth = case.image, _depth(case)
    yield "Laplacian", lambda out: cv2.Laplacian(image, depth, out, 1, 1.0, 0.0, EDGE)


def _magnitude(case: FilterCase) -> Iterator[tuple[str, Filter]]:
    image = case.image
    across, down = (np.empty(case.shape, np.float32) for _ in range(2))

    def filtered(out: NDArray[Any] | None) -> NDArray[Any]:
        cv2.Sobel(image, cv2.CV_32F, 1, 0, across, 3, 1.0, 0.0, EDGE)
        cv2.Sobel(image, cv2.CV_32F, 0, 1, down, 3, 1.0, 0.0, EDGE)
        return cv2.magnitude(across, down, out)

    yield "two of Sobel, magnitude", filtered


def _median(case: FilterCase) -> Iterator[tuple[str, Filter]]:
    image, side = case.image, case.number
    yield "medianBlur", lambda out: cv2.medianBlur(image, side, out)


def _depth(case: FilterCase) -> int:
    return cv2.CV_16S if case.dtype == "uint8" else cv2.CV_32F


_FILTERS: dict[str, Callable[[FilterCase], Iterator[tuple[str, Filter]]]] = {
    "box": _box,
    "gaussian": _gaussian,
    "general": _general,
    "sobel": _sobel,
    "laplacian": _laplacian,
    "magnitude": _magnitude,
    "median": _median,
}
