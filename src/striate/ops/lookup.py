"""Levels of integer images to numbers by a table, and numbers back to the nearest level."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.ops._jit import kernel
from striate.ops._threads import run_blocks

__all__ = ["Levels", "look_up"]

BLOCK = 2**15  # numbers that a thread takes at a time
BINS = 2**12  # stretches of a curve that are nearly straight: 16 KiB, which the first cache holds


@kernel
def look_up_each(levels: NDArray[Any], table: NDArray[Any], output: NDArray[Any]) -> None:
    """Fill `output` with the table's number for each level."""
    for i in range(levels.size):
        output[i] = table[levels[i]]


@kernel
def find_each(
    values: NDArray[Any],
    edges: NDArray[np.float32],
    heights: NDArray[np.float32],
    output: NDArray[Any],
) -> None:
    """Fill `output` with how many edges each value has reached; NaN has reached none.

    Between points of the curve a straight line guesses; the edges then say exactly.
    """
    bins = heights.size - 1
    top = edges.size
    for i in range(values.size):
        value = values[i]
        level = 0
        if value >= 1:
            level = top
        elif value > 0:
            place = value * bins
            k = int(place)
            level = int(heights[k] + (place - k) * (heights[k + 1] - heights[k]))
            while level < top and value >= edges[level]:
                level += 1
            while level > 0 and value < edges[level - 1]:
                level -= 1
        output[i] = level


def look_up(levels: NDArray[Any], table: NDArray[Any]) -> NDArray[Any]:
    """Return the table's number for each level.

    Parameters
    ----------
    levels : array of uint8 or uint16, any shape
        Positions in the table.
    table : array, shape (256,) or (65536,)
        What each level becomes.

    Returns
    -------
    array of the table's dtype, the shape of `levels`

    Examples
    --------
    >>> squares = np.arange(256.0) ** 2
    >>> look_up(np.array([[3, 255]], dtype=np.uint8), squares)
    array([[9.0000e+00, 6.5025e+04]])
    """
    source = np.ascontiguousarray(levels).reshape(-1)
    output = np.empty(source.size, table.dtype)

    def fill(start: int, stop: int) -> None:
        part = slice(start * BLOCK, stop * BLOCK)
        look_up_each(source[part], table, output[part])

    run_blocks(fill, -(-source.size // BLOCK), source.size)
    return output.reshape(levels.shape)


@dataclass(frozen=True)
class Levels:
    """An increasing curve from 0 ... 1 to whole levels, to be read at any value.

    Attributes
    ----------
    edges : array of float32, shape (levels - 1,)
        ``edges[k]`` is the least float32 that is nearer to level k + 1 than to level k.
    heights : array of float32, shape (bins + 1,)
        About the level, plus a half, at 0, 1 / bins, 2 / bins, ... 1.
    """

    edges: NDArray[np.float32]
    heights: NDArray[np.float32]

    @classmethod
    def between(cls, edges: NDArray[np.float64]) -> Levels:
        """Return the levels that `edges` keep apart."""
        least = edges.astype(np.float32)
        np.nextafter(least, np.float32(np.inf), out=least, where=least < edges)
        at = np.arange(BINS + 1) / BINS
        heights = np.interp(at, edges, np.arange(1, edges.size + 1))
        return cls(least, heights.astype(np.float32))

    def nearest(self, values: NDArray[np.float32], output: NDArray[Any]) -> None:
        """Fill `output` with the level nearest to each value; NaN becomes level 0.

        Parameters
        ----------
        values : array of float32, any shape
            What lies beyond 0 ... 1 becomes the first or the last level.
        output : array of an integer dtype, the shape of `values`
            C-contiguous.

        Examples
        --------
        >>> halves = Levels.between(np.array([0.25, 0.75]))
        >>> levels = np.empty(4, np.uint8)
        >>> halves.nearest(np.array([-1, 0.25, 0.7, 2], np.float32), levels)
        >>> levels
        array([0, 1, 1, 2], dtype=uint8)
        """
        source, target = np.ascontiguousarray(values).reshape(-1), output.reshape(-1)

        def fill(start: int, stop: int) -> None:
            part = slice(start * BLOCK, stop * BLOCK)
            find_each(source[part], self.edges, self.heights, target[part])

        run_blocks(fill, -(-source.size // BLOCK), source.size)
