"""How kernels go through values: rows of pixels, whatever the number of axes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from striate.ops.blocked.layout import Blocked
from striate.ops.codegen import Index, Pointer, Writer

__all__ = ["Volume", "three", "volume", "walk", "within", "zero"]


class Volume(NamedTuple):
    """A layout as if it had three spatial axes; leading axes of one pixel are added."""

    sizes: tuple[int, int, int]
    before: tuple[int, int, int]
    padded: tuple[int, int, int]
    strides: tuple[int, int, int]


def three(numbers: Sequence[int], fill: int) -> tuple[int, int, int]:
    """Return one to three numbers after as many of `fill` as make three."""
    d, h, w = (fill,) * (3 - len(numbers)) + tuple(numbers)
    return d, h, w


def volume(layout: Blocked) -> Volume:
    """Return a layout as if it had three spatial axes."""
    return Volume(
        three(layout.spatial, 1),
        three(layout.before, 0),
        three(layout.padded, 1),
        three(layout.strides, 0),
    )


@contextmanager
def walk(w: Writer, sizes: Sequence[Index]) -> Iterator[list[Index]]:
    """Repeat for all blocks of a step, giving the place of each along axes of these sizes.

    The last axis changes fastest. Only the first block is divided: the others are counted.
    """
    rest, first = w.begin, []
    for size in reversed(sizes[1:]):
        quotient = rest // size
        first.append(rest - quotient * size)
        rest = quotient
    first.append(rest)
    places = [w.variable(place) for place in reversed(first)]
    with w.loop(w.begin, w.end):
        now = [place.get() for place in places]
        yield now
        carry = w.index(1)
        for axis in reversed(range(len(sizes))):
            moved = now[axis] + carry
            over = moved >= sizes[axis]
            places[axis].set(w.choose(over, 0, moved) if axis else moved)
            carry = w.choose(over, 1, 0)


def within(w: Writer, place: Index, size: Index) -> Index:
    """Return 1 if 0 <= place < size, and 0 if not."""
    inside = w.builder.icmp_unsigned("<", place.value, size.value)
    return w.choose(inside, 1, 0)


def zero(w: Writer, y: Pointer, pixels: Index | int) -> None:
    """Fill pixels of a block with zeros."""
    nothing = w.constant(0.0)
    with w.loop(0, pixels) as pixel:
        y.store(nothing, pixel * w.lanes)
