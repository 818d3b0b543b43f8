"""Memory for results: large ones are used again once nobody has the result any more.

Fresh memory costs more than filling it, since the system clears each page when it is first
touched. Python counts who refers to an array, views of it included.
"""

from __future__ import annotations

import sys
import threading
from math import prod

import numpy as np

from striate.network import Shape
from striate.runtime.steps import Array

__all__ = ["SLACK", "Outputs"]

LARGE = 1 << 14  # elements of a result whose memory is worth keeping
SLACK = 16  # elements: a result begins on a line, and its last register may write behind it
MOST = 2  # kept at a time: the last result is often still there while the next is computed


def references(arrays: list[Array], place: int) -> int:
    """Return how many references there are to an array of a list, as Python counts them."""
    array = arrays[place]
    return sys.getrefcount(array)


UNUSED = references([np.empty(0)], 0)


class Outputs:
    """Where the results of one shape are written."""

    def __init__(self, shape: Shape) -> None:
        self._shape, self._size = shape, prod(shape)
        self._kept: list[Array] = []
        self._taking = threading.Lock()

    def take(self) -> Array:
        """Return an array for a result, with room behind it; it may hold anything."""
        with self._taking:
            memory = self._memory()
            start = -(memory.__array_interface__["data"][0] // 4) % SLACK
            return memory[start : start + self._size].reshape(self._shape)

    def _memory(self) -> Array:
        size = self._size + 2 * SLACK
        if size < LARGE:
            return np.empty(size, np.float32)
        for place in range(len(self._kept)):
            if references(self._kept, place) == UNUSED:
                return self._kept[place]
        fresh = np.empty(size, np.float32)
        self._kept = [*self._kept[1 - MOST :], fresh]
        return fresh
