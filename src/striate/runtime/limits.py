"""The machine's limits: multiply-adds in registers, and bytes through memory."""

from __future__ import annotations

import functools
import time
from dataclasses import dataclass

from striate.ops.blocked.probes import multiply_adds, stream
from striate.ops.blocked.program import Table, aligned
from striate.ops.codegen import Target

__all__ = ["Limits", "measured_bandwidth", "measured_limits"]

TIMES = 4_000  # repetitions in a block of work: some microseconds
BLOCKS = 8  # of work for each thread
SIZE = 32 << 20  # float32 elements that are changed: 128 MiB, more than caches hold
SECONDS = 0.1  # for tries of each limit
BUFFER = "x"


@dataclass(frozen=True, slots=True)
class Limits:
    """What the machine can do with this many threads.

    `gflops` is the best rate of independent multiply-adds in registers, two operations each;
    `gigabytes` is the best rate of changing a large array, in 1e9 bytes read and written a second.
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

    def share(self, macs: int, size: int, seconds: float) -> float:
        """Return the least time for this work as a share of the time that it took.

        It exceeds 1 where a method multiplies less than the definition, as Winograd's, and
        where values came from caches.

        Examples
        --------
        >>> Limits(1, gflops=100.0, gigabytes=20.0).share(10**9, 10**6, seconds=0.04)
        0.5
        """
        return self.bound(macs, size)[1] / seconds


def measured_limits(threads: int, target: Target | None = None) -> Limits:
    """Return both limits with this many threads, measured when first asked for.

    That takes a quarter of a second. `target` is this machine's processor, or what
    ``STRIATE_ISA`` names.

    Examples
    --------
    >>> measured_limits(1).gflops > 1
    True
    """
    return _measured(threads, target or Target.host())


@functools.cache
def _measured(threads: int, target: Target) -> Limits:
    return Limits(threads, _gflops(threads, target), _gigabytes(threads, target, SIZE))


@functools.cache
def measured_bandwidth(threads: int, size: int) -> float:
    """Return the best rate of changing an array of `size` bytes again and again.

    In 1e9 bytes read and written a second, with up to this many threads: fewer where an array is
    so small that they do not pay. What fits into caches is faster than ``Limits.gigabytes``.

    Examples
    --------
    >>> measured_bandwidth(1, 100_000) > 1
    True
    """
    counts = range(1, threads + 1)
    return max(_gigabytes(count, Target.host(), size // 4) for count in counts)


def _gflops(threads: int, target: Target) -> float:
    task = multiply_adds(target, TIMES, BLOCKS * threads)
    return 2e-9 * task.work / _best_time(Table([task], {}, threads, target))


def _gigabytes(threads: int, target: Target, size: int) -> float:
    """Return the rate for an array of `size` float32 elements."""
    array = aligned(size)
    array.fill(1.0)
    task = stream(target, BUFFER, size, BLOCKS * threads)
    table = Table([task], {BUFFER: array.ctypes.data}, threads, target)
    return 8e-9 * size / _best_time(table)


def _best_time(table: Table) -> float:
    """Return the least time of many runs."""
    end = time.perf_counter() + SECONDS
    taken: list[float] = []
    while len(taken) < 3 or time.perf_counter() < end:
        start = time.perf_counter()
        table.run()
        taken.append(time.perf_counter() - start)
    return min(taken)
