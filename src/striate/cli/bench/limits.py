"""The machine's limits: multiply-adds in cache, and bytes through memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np

from striate.ops._jit import kernel
from striate.ops._microkernel import multiply_tile, tile_for

__all__ = ["Limits", "measured_limits"]

DEPTH = 192  # A and B of a tile stay within 32 KiB, the smallest first-level cache in use
MEGABYTES = 96  # of each array that is copied: more than caches hold
TRIES = 12


@dataclass(frozen=True, slots=True)
class Limits:
    """What the machine can do with this many threads.

    `gflops` is the best rate of our own microkernel on arrays in cache, two operations for each
    multiply-add; `gigabytes` is the best rate of copying large arrays, in 1e9 bytes read and
    written a second.
    """

    threads: int
    gflops: float
    gigabytes: float

    def bound(self, macs: int, size: int) -> tuple[str, float]:
        """Return what bounds this work, and the seconds that it takes at least.

        Examples
        --------
        >>> Limits(1, gflops=100.0, gigabytes=20.0).bound(macs=10**9, size=10**6)
        ('multiply-adds', 0.02)
        """
        arithmetic, memory = 2e-9 * macs / self.gflops, 1e-9 * size / self.gigabytes
        if arithmetic >= memory:
            return "multiply-adds", arithmetic
        return "memory", memory


@kernel
def multiply_again(a, b, c, sizes, width, times):  # type: ignore[no-untyped-def]
    """Add the same product to C again and again."""
    for _ in range(times):
        multiply_tile(a, (0, sizes[0], 1), b, 0, c, (0, width), sizes)


def measured_limits(threads: int) -> Limits:
    """Measure both limits with this many threads; takes about a second."""
    return Limits(threads, _gflops(threads), _gigabytes(threads))


def _gflops(threads: int) -> float:
    tile = tile_for(4)
    sizes = (DEPTH, tile.rows, tile.vectors)
    operations = 2 * DEPTH * tile.rows * tile.width
    times = max(1, 30_000_000 // operations)
    works = [
        partial(
            multiply_again,
            *(np.ones(tile.rows * DEPTH, np.float32), np.ones(DEPTH * tile.width, np.float32)),
            *(np.zeros(tile.rows * tile.width, np.float32), sizes, tile.width, times * 20),
        )
        for _ in range(threads)
    ]
    return 20e-9 * threads * operations * times / _best_time(works)


def _gigabytes(threads: int) -> float:
    count = MEGABYTES * 1_000_000 // 4 // threads
    works = [
        partial(np.copyto, np.zeros(count, np.float32), np.ones(count, np.float32))
        for _ in range(threads)
    ]
    return 8e-9 * count * threads / _best_time(works)


def _best_time(works: Sequence[Callable[[], object]]) -> float:
    """Return the least time in which all of these end, side by side."""
    taken = []
    with ThreadPoolExecutor(len(works)) as pool:
        for _ in range(TRIES):
            start = time.perf_counter()
            for future in [pool.submit(work) for work in works]:
                future.result()
            taken.append(time.perf_counter() - start)
    return min(taken[1:])
