"""How far a filter reaches, as the filter itself tells when it is tried on one pixel."""

from __future__ import annotations

import math
import threading
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from striate.errors import ParameterError
from striate.filters._footprints import Footprint, footprints
from striate.filters.large.cuts import Cut, cut

__all__ = ["Reach", "Trial", "black", "reach", "tried", "working_bytes"]

Pair = tuple[int, int]

SAMPLE = 2**18  # numbers of the image whose memory is measured
RUNS = 3

_tracing = threading.Lock()  # Python traces for all threads at once


@dataclass(frozen=True)
class Reach:
    """Which pixels a filter must see for one pixel of its result; each pair is (rows, columns).

    Attributes
    ----------
    before, after : (int, int)
        Pixels ahead of it and beyond it.
    step : (int, int)
        Sides of the tiles that are computed at once, on a grid that begins at the image's first
        pixel: those of the Fourier transforms of large kernels. 1 for all other filters.
    wraps : bool
        Whether the border is wrap, which shows the opposite edge.
    """

    before: Pair = (0, 0)
    after: Pair = (0, 0)
    step: Pair = (1, 1)
    wraps: bool = False

    @classmethod
    def of(cls, noted: Sequence[Footprint]) -> Reach:
        """Return what holds all that was noted."""
        before, after, steps, wraps = zip(*noted, strict=True)
        step = multiple(steps, 0), multiple(steps, 1)
        return cls(largest(before), largest(after), step, any(wraps))

    def cut(self, axis: int, wanted: range, size: int) -> Cut:
        """Return what the filter must see of the rows (axis 0) or columns to compute `wanted`."""
        pairs = (self.before, self.after, self.step)
        before, after, step = (pair[axis] for pair in pairs)
        return cut(wanted, size, before, after, step, wraps=self.wraps)


def largest(pairs: Sequence[Pair]) -> Pair:
    """Return the largest number of rows, and of columns."""
    return max(rows for rows, _ in pairs), max(columns for _, columns in pairs)


def multiple(pairs: Sequence[Pair], axis: int) -> int:
    """Return the least number of rows (axis 0) or columns at which all grids have a line."""
    return math.lcm(*(pair[axis] for pair in pairs))


@dataclass(frozen=True)
class Trial:
    """What came of trying a filter.

    Attributes
    ----------
    reach : Reach
    results : tuple of arrays
        For one pixel: most filters give one.
    working : float
        Bytes allocated for a number of the image, results included.
    """

    reach: Reach
    results: tuple[NDArray[Any], ...]
    working: float = 0.0


def tried(
    function: Callable[..., Any],
    pixel: NDArray[Any],
    parameters: dict[str, Any],
    known: Reach | None = None,
) -> Trial:
    """Filter one pixel; the reach is what the filter notes meanwhile, unless it is `known`."""
    if parameters.get("out") is not None:
        raise ParameterError("out is given, but the result is made in parts; leave it out")
    with footprints() as noted:
        result = function(pixel, **parameters)
    if known is None and not noted:
        name = getattr(function, "__name__", repr(function))
        raise ParameterError(
            f"{name} is no filter: it tells no reach; give one, as Reach((2, 2), (2, 2))"
        )
    return Trial(known or Reach.of(noted), result if isinstance(result, tuple) else (result,))


def black(side: int, dtype: DTypeLike, channels: int) -> NDArray[Any]:
    """Return an image of zeros; `channels` is 0 where it has no such axis."""
    return np.zeros((side, side, channels) if channels else (side, side), dtype)


def working_bytes(
    function: Callable[..., Any], dtype: DTypeLike, channels: int, parameters: dict[str, Any]
) -> float:
    """Return how many bytes a function allocates for a number of an image, results included.

    The least of a few runs counts: other threads allocate too, and the first run compiles.
    """
    image = black(max(math.isqrt(SAMPLE // max(channels, 1)), 1), dtype, channels)
    peaks = []
    with _tracing:
        traced = tracemalloc.is_tracing()
        for _ in range(RUNS):
            tracemalloc.start()
            before, _ = tracemalloc.get_traced_memory()
            tracemalloc.reset_peak()
            try:
                function(image, **parameters)
                peaks.append(tracemalloc.get_traced_memory()[1] - before)
            finally:
                if not traced:
                    tracemalloc.stop()
    return max(min(peaks), 0) / image.size


def reach(
    function: Callable[..., Any],
    dtype: DTypeLike = "float64",
    channels: int = 0,
    /,
    **parameters: Any,
) -> Reach:
    """Return how far a filter reaches with such parameters.

    Parameters
    ----------
    function : function
        A filter of `striate.filters`, or one of your own that applies several of them to the
        image, but none to the result of another: then add up their reaches.
    dtype, channels
        The image's, by position; 0 channels is (H, W). The dtype decides whether large kernels go
        through Fourier transforms, and of two or four channels one may be alpha.
    **parameters
        The filter's, by name.

    Returns
    -------
    Reach

    Raises
    ------
    ShapeError, DTypeError, ParameterError
        What the filter says of its parameters.

    Examples
    --------
    >>> from striate import filters
    >>> reach(filters.gaussian, sigma=2)
    Reach(before=(8, 8), after=(8, 8), step=(1, 1), wraps=False)
    >>> reach(filters.median, size=(4, 3)).before
    (2, 1)
    """
    return tried(function, black(1, dtype, channels), parameters).reach
