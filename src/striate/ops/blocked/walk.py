"""How kernels go through values: rows of pixels, whatever the number of axes.

Threads are dealt blocks of several rows, which take long enough to be worth dealing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from striate.ops.blocked.layout import Blocked
from striate.ops.blocked.task import Task, Word
from striate.ops.codegen import Index, Kernel, Pointer, Template, Vector, Writer, template

__all__ = [
    "Volume",
    "counted",
    "cut_task",
    "fill_pixels",
    "row_template",
    "span",
    "three",
    "volume",
    "walk",
    "within",
    "zero",
]


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


CUT = ("grain", "rows_in_all")
"""Fields of a kernel whose blocks are of `grain` rows each."""

SHARE = 100_000
"""Work of a block: about a microsecond, ten times what dealing it takes."""


EVEN = 4
"""Few blocks are as many as this divides, so that two or four threads get equally many."""


def row_template(*fields: str) -> Callable[[Callable[..., None]], Template]:
    """Make a template whose blocks are of several rows; `cut_task` sets how many."""
    return template(*fields, *CUT)


def cut_task(
    kernel: Kernel,
    words: Mapping[str, Word],
    rows: int,
    work: int,
    scratch: int = 0,
    tile: str = "",
) -> Task:
    """Return a task of so many rows, cut into blocks, of a `row_template`."""
    most = max(1, work // SHARE)
    if most > 2:
        most = -(-most // EVEN) * EVEN
    grain = -(-rows // min(rows, most))
    words = {**words, "grain": grain, "rows_in_all": rows}
    return Task(kernel, words, -(-rows // grain), work, scratch, tile=tile)


def span(w: Writer, a: Any) -> tuple[Index, Index]:
    """Return the first row of a step's blocks, and the one after the last."""
    return w.begin * a.grain, (w.end * a.grain).least(a.rows_in_all)


@contextmanager
def walk(w: Writer, a: Any, sizes: Sequence[Index]) -> Iterator[list[Index]]:
    """Repeat for all rows of a step, giving the place of each along axes of these sizes.

    The last axis changes fastest. Only the first row is divided: the others are counted.
    """
    with counted(w, *span(w, a), sizes) as places:
        yield places


@contextmanager
def counted(w: Writer, begin: Index, end: Index, sizes: Sequence[Index]) -> Iterator[list[Index]]:
    """Repeat for rows begin ... end - 1, giving the place of each along axes of these sizes."""
    rest, first = begin, []
    for size in reversed(sizes[1:]):
        quotient = rest // size
        first.append(rest - quotient * size)
        rest = quotient
    first.append(rest)
    places = [w.variable(place) for place in reversed(first)]
    with w.loop(begin, end):
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
    fill_pixels(w, y, pixels, w.constant(0.0))


def fill_pixels(w: Writer, y: Pointer, pixels: Index | int, number: Vector) -> None:
    """Fill pixels of a block with a number."""
    with w.loop(0, pixels) as pixel:
        y.store(number, pixel * w.lanes)
