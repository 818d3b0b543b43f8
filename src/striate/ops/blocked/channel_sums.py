"""Passes over values in blocks that know their channels: expressions of pixels, and their sums.

A pass is cut into parts of rows by the shape alone, and what the parts sum is added in their
order: results do not depend on threads. Within a part, `CHAINS` sums of at most `CHUNK` pixels are
taken, and added to the part's with what rounding takes from it kept apart (Knuth, The Art of
Computer Programming, volume 2, section 4.2.2, theorem B).
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from math import prod
from typing import Any, NamedTuple

from striate.errors import ShapeError
from striate.ops.blocked.expression import Expression, Form, form_of, written
from striate.ops.blocked.lanes import first_lanes, load_first, store_first
from striate.ops.blocked.layout import Blocked, Place, Value
from striate.ops.blocked.rows import row_of, stride_names
from striate.ops.blocked.task import Task, Word, bits
from striate.ops.blocked.walk import counted, cut_task, row_template, volume, walk
from striate.ops.codegen import Target, Template, Vector, Writer

__all__ = ["Parts", "TwoSum", "channel_map", "channel_sums", "partial_size", "parts_of"]

CHAINS = 4

CHUNK = 64
"""Pixels after which sums are added to a part's."""

SPREAD = 32
"""Parts of all blocks of channels together, where there are rows enough."""


class Parts(NamedTuple):
    """How values of one shape are gone through: parts of `each` rows of every block.

    Attributes
    ----------
    sizes : images, slices, rows and pixels of a row, joined where no padding lies between
    each, parts : rows of a part, and how many parts each block falls into
    """

    sizes: tuple[int, int, int, int]
    each: int
    parts: int

    def words(self, layouts: dict[str, Blocked]) -> dict[str, Word]:
        """Return the words of sizes and strides."""
        first = next(iter(layouts.values()))
        names = ("batch", "slices", "rows", "width")
        words: dict[str, Word] = dict(zip(names, self.sizes, strict=True))
        words |= {"each": self.each, "parts": self.parts}
        words |= {"blocks": first.blocks, "channels": first.channels}
        for name, layout in layouts.items():
            v = volume(layout)
            steps = (layout.image, layout.plane, v.strides[0], v.strides[1])
            words |= dict(zip(stride_names(name), steps, strict=True))
        return words


PARTS = ("batch", "slices", "rows", "width", "each", "parts", "blocks", "channels")
"""Fields of a kernel that goes through parts, besides its strides."""


def parts_of(layouts: Sequence[Blocked]) -> Parts:
    """Return how to go through values of one shape.

    Raises
    ------
    ShapeError
        If they are of several shapes.

    Examples
    --------
    >>> from striate.ops.blocked.layout import blocked
    >>> parts_of([blocked((128, 32, 7, 7), 16)])
    Parts(sizes=(128, 1, 1, 49), each=8, parts=16)
    >>> parts_of([blocked((2, 32, 7, 7), 16), blocked((2, 32, 7, 7), 16, (1, 1))])
    Parts(sizes=(2, 1, 7, 7), each=1, parts=14)
    """
    first = layouts[0]
    shapes = [(layout.batch, layout.channels, *layout.spatial) for layout in layouts]
    if any(shape != shapes[0] for shape in shapes):
        raise ShapeError(f"values of shapes {shapes} do not go together: they must be the same")
    d, h, width = volume(first).sizes
    many = first.batch * first.blocks >= SPREAD // 2
    if many and all(layout.contiguous for layout in layouts):
        d, h, width = 1, 1, d * h * width
    rows = first.batch * d * h
    each = -(-rows // min(rows, -(-SPREAD // first.blocks)))
    return Parts((first.batch, d, h, width), each, -(-rows // each))


def partial_size(value: Value, sums: int = 1) -> int:
    """Return the elements that a buffer between the tasks of a pass must have, at least.

    Its size depends on no other value: parts are never more than rows.

    >>> from striate.ops.blocked.layout import blocked
    >>> partial_size(Value(blocked((128, 32, 7, 7), 16), "x"))
    512
    """
    layout = value.layout
    rows = layout.batch * prod(volume(layout).sizes[:2])
    most = min(rows, -(-SPREAD // layout.blocks))
    return sums * most * layout.blocks * layout.lanes


class TwoSum:
    """A sum in the making, and the rest of it that rounding takes away."""

    def __init__(self, w: Writer, start: Vector | None = None, rest: Vector | None = None) -> None:
        self.sum = w.variable(start or w.constant(0.0))
        self.rest = w.variable(rest or w.constant(0.0))

    def add(self, term: Vector) -> None:
        """Add a register."""
        before: Vector = self.sum.get()
        now = before + term
        taken = now - before
        self.rest.set(self.rest.get() + ((before - (now - taken)) + (term - taken)))
        self.sum.set(now)

    def result(self) -> Vector:
        """Return the sum."""
        total: Vector = self.sum.get() + self.rest.get()
        return total


def channel_map(
    target: Target,
    expression: Expression | None,
    values: Sequence[Value],
    numbers: Sequence[Place],
    result: Value | None,
    sums: Sequence[tuple[Expression, Place]] = (),
    partial: str = "",
) -> list[Task]:
    """Return what writes an expression of values, and sums of others over images and pixels.

    Parameters
    ----------
    expression, result : what is written where; both None to take sums only. The result may be one
        of the values.
    values : operands 0, 1 ... of the expressions, all of one shape
    numbers : the operands after them: plain arrays of a number for each channel
    sums : expressions, each with the place of the plain array (C,) that gets its sums
    partial : a buffer of `partial_size(values[0], len(sums))` elements, if there are sums
    """
    layouts = {f"x{i}": value.layout for i, value in enumerate(values)}
    places = {f"x{i}": value.origin for i, value in enumerate(values)}
    if result is not None:
        layouts["y"], places["y"] = result.layout, result.origin
    parts, first = parts_of(list(layouts.values())), values[0].layout
    form, constants = form_of(("together", *(each for each, _ in sums), expression or 0))
    words: dict[str, Word] = {**parts.words(layouts), **places}
    words |= {f"c{i}": place for i, place in enumerate(numbers)}
    words |= {f"n{i}": bits(number) for i, number in enumerate(constants)}
    words |= {"partial": Place(partial) if sums else 0}
    of = _template(len(values), len(numbers), len(constants), result is not None)
    kernel = of.kernel(target, form=form)
    rows = parts.parts * first.blocks
    work = 4 * first.batch * first.blocks * prod(first.spatial) * first.lanes
    tasks = [cut_task(kernel, words, rows, work * (len(layouts) + len(sums)))]
    if sums:
        tasks.append(_add_parts(target, parts, first, [place for _, place in sums], partial))
    return tasks


def channel_sums(target: Target, source: Value, result: Place, partial: str) -> list[Task]:
    """Return what writes the sum of each channel over images and pixels to a plain array (C,).

    `partial` is a buffer of `partial_size(source)` elements.
    """
    return channel_map(target, None, [source], (), None, [(0, result)], partial)


@functools.cache
def _template(values: int, numbers: int, constants: int, writes: bool) -> Template:
    """Return the template of passes over so many values."""
    names = [f"x{i}" for i in range(values)] + ["y"] * writes
    fields = [*PARTS, *names, *(step for name in names for step in stride_names(name))]
    fields += [f"c{i}" for i in range(numbers)] + [f"n{i}" for i in range(constants)]

    def body(w: Writer, a: Any, form: Form) -> None:
        given = [w.float_of(getattr(a, f"n{i}")) for i in range(constants)]
        _write_parts(w, a, form, values, numbers, given, writes)

    body.__name__ = f"channels_{values}_{numbers}_{constants}_{int(writes)}"
    return row_template(*fields, "partial")(body)


def _write_parts(
    w: Writer, a: Any, form: Form, values: int, numbers: int, given: list[Vector], writes: bool
) -> None:
    """Write parts of rows of a block, and their sums."""
    _, *sums, expression = form
    with walk(w, a, (a.parts, a.blocks)) as (part, b):
        mask = first_lanes(w, a.channels - b * w.lanes)
        own = [
            load_first(w, w.pointer(getattr(a, f"c{i}")) + b * w.lanes, mask)
            for i in range(numbers)
        ]
        totals = [TwoSum(w) for _ in sums]
        begin = part * a.each
        end = (begin + a.each).least(a.batch * a.slices * a.rows)
        with counted(w, begin, end, (a.batch, a.slices, a.rows)) as (n, d, h):
            inputs = [row_of(w, a, f"x{i}", (n, b, d, h)) for i in range(values)]
            y = row_of(w, a, "y", (n, b, d, h)) if writes else None
            with w.loop(0, a.width, CHUNK) as first:
                stop = (first + CHUNK).least(a.width)
                whole = first + (stop - first) // CHAINS * CHAINS
                chains = [[w.variable(w.constant(0.0)) for _ in range(CHAINS)] for _ in sums]

                def take(pixels: list[Any], chains: list[Any] = chains) -> None:
                    taken = [[x.load(p * w.lanes) for x in inputs] + own for p in pixels]
                    for number, (p, operands) in enumerate(zip(pixels, taken, strict=True)):
                        if y is not None:
                            y.store(written(expression, operands, given), p * w.lanes)
                        for of, chain in zip(sums, chains, strict=True):
                            term = written(of, operands, given)
                            chain[number].set(chain[number].get() + term)

                with w.loop(first, whole, CHAINS) as pixel:
                    take([pixel + i for i in range(CHAINS)])
                with w.loop(whole, stop) as pixel:
                    take([pixel])
                for total, chain in zip(totals, chains, strict=True):
                    one, two, three, four = (each.get() for each in chain)
                    total.add((one + two) + (three + four))
        for number, total in enumerate(totals):
            at = ((a.parts * number + part) * a.blocks + b) * w.lanes
            w.pointer(a.partial).store(total.result(), at)


def _add_parts(
    target: Target, parts: Parts, layout: Blocked, results: Sequence[Place], partial: str
) -> Task:
    """Return what adds the sums of parts in their order."""
    words: dict[str, Word] = {f"y{i}": place for i, place in enumerate(results)}
    words |= {"partial": Place(partial), "parts": parts.parts}
    words |= {"blocks": layout.blocks, "channels": layout.channels}
    rows, sums = layout.blocks, len(results)
    work = 8 * sums * parts.parts * layout.blocks * layout.lanes
    return cut_task(_adding(sums).kernel(target), words, rows, work)


@functools.cache
def _adding(sums: int) -> Template:
    """Return the template that adds so many sums of each block."""

    def body(w: Writer, a: Any) -> None:
        with walk(w, a, (a.blocks,)) as (b,):
            mask = first_lanes(w, a.channels - b * w.lanes)
            for number in range(sums):
                total = TwoSum(w)
                partial = w.pointer(a.partial) + (a.parts * a.blocks * number + b) * w.lanes
                with w.loop(0, a.parts) as part:
                    total.add(partial.load(part * a.blocks * w.lanes))
                y = w.pointer(getattr(a, f"y{number}")) + b * w.lanes
                store_first(w, y, total.result(), mask)

    body.__name__ = f"add_parts_{sums}"
    fields = [f"y{i}" for i in range(sums)]
    return row_template(*fields, "partial", "parts", "blocks", "channels")(body)
