"""Runs of elements, and which inputs a row of outputs reads at one tap of a window.

Kernels that go over the taps outside and a row of outputs inside find here the part of the row
that reads no padding, so that their inner loop has no conditions and can be vectorised.

A run is an array, a start and a step. Inside, indices are unsigned: one that Numba cannot tell
from a negative one, which would count from the end, keeps a loop from being vectorised.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.ops._extents import AxisExtents, Extents
from striate.ops._jit import inlined

Run = tuple[NDArray[np.floating], int, int]

__all__ = [
    "Run",
    "add_run",
    "add_scaled",
    "copy_run",
    "fill_run",
    "position",
    "readers",
    "row_read",
]


@inlined
def readers(i: int, axis: AxisExtents) -> tuple[int, int, int]:
    """Return first and last output that find tap `i` inside the input, and what the first reads."""
    offset = i * axis.dilation - axis.before
    first = max(0, -(offset // axis.stride)) if offset < 0 else 0
    stop = 0 if offset >= axis.size else (axis.size - 1 - offset) // axis.stride + 1
    return first, max(first, min(stop, axis.output)), offset + first * axis.stride


@inlined
def position(o: int, i: int, axis: AxisExtents) -> int:
    """Return the input that output `o` reads at tap `i`, or -1 where that is padding."""
    at = o * axis.stride + i * axis.dilation - axis.before
    return at if 0 <= at < axis.size else -1


@inlined
def row_read(plane: int, o: tuple[int, int], i: tuple[int, int], e: Extents) -> int:
    """Return where in x the row starts that output row `o` reads at tap row `i`, or -1."""
    r0, r1 = position(o[0], i[0], e.first), position(o[1], i[1], e.second)
    if r0 < 0 or r1 < 0:
        return -1
    return ((plane * e.first.size + r0) * e.second.size + r1) * e.third.size


@inlined
def add_scaled(target: Run, source: Run, count: int, factor: float) -> None:
    """Add a run, times a factor, to another."""
    y, x = target[0], source[0]
    i, k = np.uint64(target[1]), np.uint64(source[1])
    di, dk = np.uint64(target[2]), np.uint64(source[2])
    if target[2] == 1 and source[2] == 1:
        for j in range(np.uint64(count)):
            y[i + j] += factor * x[k + j]
    else:
        for j in range(np.uint64(count)):
            y[i + j * di] += factor * x[k + j * dk]


@inlined
def add_run(target: Run, source: Run, count: int) -> None:
    """Add a run to another."""
    y, x = target[0], source[0]
    i, k = np.uint64(target[1]), np.uint64(source[1])
    di, dk = np.uint64(target[2]), np.uint64(source[2])
    if target[2] == 1 and source[2] == 1:
        for j in range(np.uint64(count)):
            y[i + j] += x[k + j]
    else:
        for j in range(np.uint64(count)):
            y[i + j * di] += x[k + j * dk]


@inlined
def copy_run(target: Run, source: Run, count: int) -> None:
    """Copy a run to another."""
    y, x = target[0], source[0]
    i, k = np.uint64(target[1]), np.uint64(source[1])
    di, dk = np.uint64(target[2]), np.uint64(source[2])
    if target[2] == 1 and source[2] == 1:
        for j in range(np.uint64(count)):
            y[i + j] = x[k + j]
    else:
        for j in range(np.uint64(count)):
            y[i + j * di] = x[k + j * dk]


@inlined
def fill_run(y: NDArray[np.floating], start: int, count: int, value: Any) -> None:
    """Set elements that lie one after another to a number of their dtype."""
    i = np.uint64(start)
    for j in range(np.uint64(count)):
        y[i + j] = value
