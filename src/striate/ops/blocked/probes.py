"""Kernels that do nothing but reach the processor's limits: multiply-adds, and memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from striate.ops.blocked.layout import Place
from striate.ops.blocked.task import Task, Word
from striate.ops.codegen import Target, Writer, template

__all__ = ["multiply_adds", "stream"]

LINE = 16  # float32 elements of a line of the cache
AHEAD = 64  # lines that are fetched before they are wanted


@template("numbers", "times")
def repeated_multiply_adds(w: Writer, a: Any) -> None:
    """Multiply and add in as many registers as there are, none of which waits for another."""
    numbers = w.pointer(a.numbers)
    factor, term = numbers.load(), numbers.load(w.lanes)
    with w.loop(w.begin, w.end):
        sums = [w.variable(numbers.load(w.lanes)) for _ in range(_chains(w.target))]
        for number, one in enumerate(sums):  # else they would all be the same sum
            one.set(one.get() + float(number))
        with w.loop(0, a.times):
            for one in sums:
                one.set(one.get().multiply_add(factor, term))
        for number, one in enumerate(sums):
            w.scratch.store(one.get(), number * w.lanes)


@template("x", "lines", "lines_each")
def changed_lines(w: Writer, a: Any) -> None:
    """Read and write every line of an array once: a block of work is some lines."""
    factor = w.constant(-1.0)
    with w.loop(w.begin, w.end) as block:
        first = block * a.lines_each
        with w.loop(first, (first + a.lines_each).least(a.lines)) as line:
            at = w.pointer(a.x) + line * LINE
            w.prefetch(at + AHEAD * LINE, level=1, to_write=True)
            for start in range(0, LINE, w.lanes):
                at.store(at.load(start) * factor, start)


def _chains(target: Target) -> int:
    """Return how many sums there are: a factor and a term stay in registers beside them."""
    return min(target.registers - 2, 24)


def multiply_adds(target: Target, times: int, blocks: int) -> Task:
    """Return the task that does `work` multiply-adds, in registers alone.

    Examples
    --------
    >>> target = Target.named("avx2")  # 14 registers of 8 lanes
    >>> multiply_adds(target, times=1000, blocks=3).work
    336000
    """
    numbers = np.full(2 * target.lanes, 0.5, np.float32)
    words: dict[str, Word] = {"numbers": numbers, "times": times}
    kernel = repeated_multiply_adds.kernel(target)
    work, scratch = times * blocks * _chains(target) * target.lanes, 32 * target.lanes
    return Task(kernel, words, blocks, work, scratch)


def stream(target: Target, buffer: str, size: int, blocks: int) -> Task:
    """Return the task that reads and writes `size` elements once, from the start of a buffer.

    The size is rounded down to whole lines of the cache.
    """
    lines = size // LINE
    words: dict[str, Word] = {"x": Place(buffer), "lines": lines, "lines_each": -(-lines // blocks)}
    return Task(changed_lines.kernel(target), words, blocks, 4 * size)
