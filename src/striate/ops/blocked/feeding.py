"""What feeds the steps of a program that repeats: each step has its own part of longer buffers.

A counter, a 64-bit word in memory, says which step it is; the loop that repeats the program counts
it up. Sizes are of 4 bytes each, whatever they hold.
"""

from __future__ import annotations

from typing import Any

from striate.ops.blocked.lanes import first_lanes, load_first, store_first
from striate.ops.blocked.layout import Place
from striate.ops.blocked.task import Task, Word
from striate.ops.codegen import Index, Pointer, Target, Writer, template
from striate.ops.codegen.values import I32

__all__ = ["look", "put", "take"]

PART = 1 << 14
"""Elements of a block of work."""


def take(target: Target, counter: Place, source: Place, result: Place, size: int) -> Task:
    """Return what copies the step's part of `source`, `size` elements, to `result`."""
    return _copy(target, counter, source, result, size, (size, 0))


def put(target: Target, counter: Place, source: Place, result: Place, size: int) -> Task:
    """Return what copies `size` elements of `source` to the step's part of `result`."""
    return _copy(target, counter, source, result, size, (0, size))


def _copy(
    target: Target,
    counter: Place,
    source: Place,
    result: Place,
    size: int,
    steps: tuple[int, int],
) -> Task:
    words: dict[str, Word] = {"counter": counter, "x": source, "y": result, "size": size}
    words |= {"x_step": steps[0], "y_step": steps[1]}
    return Task(copy_part.kernel(target), words, -(-size // PART), 4 * size)


@template("counter", "x", "y", "size", "x_step", "y_step")
def copy_part(w: Writer, a: Any) -> None:
    """Copy blocks of `PART` elements."""
    step = w.word(w.pointer(a.counter), 0)
    x, y = w.pointer(a.x) + step * a.x_step, w.pointer(a.y) + step * a.y_step
    begin, end = w.begin * PART, (w.end * PART).least(a.size)
    whole = begin + (end - begin) // w.lanes * w.lanes
    with w.loop(begin, whole, w.lanes) as i:
        y.store(x.load(i), i)
    mask = first_lanes(w, end - whole)
    store_first(w, y + whole, load_first(w, x + whole, mask), mask)


def look(target: Target, numbers: Place, count: int, stop: Place) -> Task:
    """Return what sets the word at `stop` to 1 if one of `count` numbers is not finite, else 0."""
    words: dict[str, Word] = {"x": numbers, "count": count, "stop": stop}
    return Task(look_at.kernel(target), words, 1, 4 * count)


@template("x", "count", "stop")
def look_at(w: Writer, a: Any) -> None:
    """Count those that are not finite."""
    x = w.pointer(a.x)
    found = w.variable(w.index(0))
    with w.loop(0, a.count) as i:
        found.set(found.get() + _strange(w, x, i))
    w.set_word(w.pointer(a.stop), 0, w.choose(found.get() > 0, 1, 0))


def _strange(w: Writer, x: Pointer, i: Index) -> Index:
    """Return 1 if a number is not finite: all bits of its exponent are 1."""
    bits = w.builder.bitcast(x.scalar(i), I32)
    exponent = w.builder.and_(bits, I32(0x7F800000))
    same = w.builder.icmp_unsigned("==", exponent, I32(0x7F800000))
    return w.choose(same, 1, 0)
