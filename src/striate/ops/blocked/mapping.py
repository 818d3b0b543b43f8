"""Kernels that compute expressions of single elements, on blocks and in NumPy's order alike.

Axes along which all operands lie one after another are joined first. What is left is rows of
elements, as long as possible, and cut into parts of `PART` registers. An operand is a row too, or
one register for a whole row (a number for each channel of a block), or one element for it.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from math import prod
from typing import Any, NamedTuple

from striate.errors import ShapeError
from striate.ops.blocked.expression import Expression, Form, form_of, written
from striate.ops.blocked.lanes import first_lanes, load_first, store_first
from striate.ops.blocked.layout import Place, Value
from striate.ops.blocked.task import Task, Word, bits
from striate.ops.blocked.walk import cut_task, row_template, volume, walk
from striate.ops.codegen import Index, Pointer, Target, Template, Vector, Writer

__all__ = [
    "AXES",
    "PART",
    "Operand",
    "joined",
    "joined_axes",
    "joins",
    "map_blocks",
    "map_plain",
    "map_rows",
    "steps_of",
]

PART = 512
"""Registers of a row where rows may be of any length."""

AXES = range(4)
"""Outer axes; those that are not needed have one element."""

CHEAP = frozenset(
    {"add", "sub", "mul", "div", "multiply_add", "max", "min", "clip", "abs", "neg", "leaky"}
    | {"sqrt", "reciprocal", "hard_sigmoid", "hard_swish", "threshold", "pow"}
    | {"gate", "gate_leaky", "gate_sigmoid", "gate_tanh"}
)
"""Functions of a few instructions; four registers are done together, of others two."""

LETTERS = "abcdefgh"
"""Names of operands: expressions have at most so many."""


class Operand(NamedTuple):
    """Where a kernel reads; strides along all axes of the result, in elements."""

    place: Word
    strides: tuple[int, ...]


class Rows(NamedTuple):
    """What is left after joining axes: outer sizes, units of a row, operands' strides.

    The strides are of the outer axes and then of the row, 0 where one unit is for all.
    """

    outer: tuple[int, ...]
    length: int
    strides: list[tuple[int, ...]]


def joined(sizes: Sequence[int], strides: Sequence[tuple[int, ...]], unit: int) -> Rows:
    """Join the axes along which all operands lie one after another, in units of elements.

    >>> joined((1, 2, 1, 5, 7), [(80, 40, 0, 56, 8), (80, 40, 0, 0, 0)], 8)
    Rows(outer=(1, 1, 1, 2), length=35, strides=[(0, 0, 0, 40, 8), (0, 0, 0, 40, 0)])
    """
    kept = joined_axes(sizes, strides, unit)
    kept = [(1, [0] * len(strides))] * (len(AXES) + 1 - len(kept)) + kept
    outer = tuple(size for size, _ in kept[:-1])
    return Rows(outer, kept[-1][0], list(zip(*(steps for _, steps in kept), strict=True)))


def joins(sizes: Sequence[int], strides: Sequence[tuple[int, ...]], unit: int) -> bool:
    """Tell whether few enough axes are left after joining them."""
    return len(joined_axes(sizes, strides, unit)) <= len(AXES) + 1


def joined_axes(
    sizes: Sequence[int], strides: Sequence[tuple[int, ...]], unit: int
) -> list[tuple[int, list[int]]]:
    """Return the sizes and strides of the axes that are left, the row last."""
    axes = [(size, step) for size, *step in zip(sizes, *strides, strict=True) if size > 1]
    if not axes or any(step not in (0, unit) for step in axes[-1][1]):
        axes.append((1, [unit] * len(strides)))
    kept = [axes.pop()]
    while axes:
        (size, steps), (inner, inner_steps) = axes.pop(), kept[0]
        if steps == [step * inner for step in inner_steps]:
            kept[0] = (size * inner, inner_steps)
        else:
            kept.insert(0, (size, steps))
    return kept


def map_blocks(
    target: Target, expression: Expression, operands: Sequence[Value | Operand], result: Value
) -> Task:
    """Return what writes an expression of values in blocks.

    A value may have single pixels, for all pixels of the result, or one example for all;
    other operands have strides along (N, blocks, D, H, W).
    """
    layout = result.layout
    v = volume(layout)
    sizes = (layout.batch, layout.blocks, *v.sizes)
    taken = [o if isinstance(o, Operand) else _of_value(o, result) for o in operands]
    written_to = Operand(result.origin, (layout.image, layout.plane, *v.strides))
    return _task(target, expression, sizes, written_to, taken, target.lanes)


def map_plain(
    target: Target,
    expression: Expression,
    operands: Sequence[Operand],
    result: Place,
    shape: Sequence[int],
) -> Task:
    """Return what writes an expression of values in NumPy's order; strides are 0 to repeat."""
    return map_rows(target, expression, shape, Operand(result, steps_of(shape)), operands)


def map_rows(
    target: Target,
    expression: Expression,
    sizes: Sequence[int],
    result: Operand,
    operands: Sequence[Operand],
) -> Task:
    """Return what writes an expression to anywhere: the last axis lies element by element."""
    return _task(target, expression, tuple(sizes), result, operands, 1)


def steps_of(shape: Sequence[int]) -> tuple[int, ...]:
    """Return the strides of an array in NumPy's order, in elements.

    >>> steps_of((2, 3, 5))
    (15, 5, 1)
    """
    return tuple(prod(shape[axis + 1 :]) for axis in range(len(shape)))


def _of_value(value: Value, result: Value) -> Operand:
    """Return a value as an operand of a kernel that writes `result`."""
    layout, out = value.layout, result.layout
    shape, wanted = ((v.batch, v.channels, *v.spatial) for v in (layout, out))
    single = prod(layout.spatial) == 1
    if shape[1:] != wanted[1:] and not (single and shape[1] == wanted[1]):
        raise ShapeError(f"values of shapes {shape} and {wanted} do not go together")
    if shape[0] not in (1, wanted[0]):
        raise ShapeError(f"values of shapes {shape} and {wanted} do not go together")
    repeated = single and prod(out.spatial) > 1
    spatial = (0, 0, 0) if repeated else volume(layout).strides
    image = layout.image if layout.batch == out.batch else 0
    return Operand(value.origin, (image, layout.plane, *spatial))


def _task(
    target: Target,
    expression: Expression,
    sizes: tuple[int, ...],
    result: Operand,
    operands: Sequence[Operand],
    unit: int,
) -> Task:
    form, numbers = form_of(expression)
    places = [result, *operands]
    rows = joined(sizes, [operand.strides for operand in places], unit)
    words: dict[str, Word] = {f"size{axis}": rows.outer[axis] for axis in AXES}
    letters = "y" + LETTERS[: len(operands)]
    for letter, operand, strides in zip(letters, places, rows.strides, strict=True):
        words[letter] = operand.place
        words |= {f"{letter}{axis}": strides[axis] for axis in AXES}
    length = rows.length * unit
    parts = -(-length // (PART * target.lanes))
    words |= {"length": length, "parts": parts}
    words |= {f"n{place}": bits(number) for place, number in enumerate(numbers)}
    one = "register" if unit > 1 else "element"
    kinds = tuple("row" if step else one for *_, step in rows.strides[1:])
    kernel = _template(len(operands), len(numbers)).kernel(target, form=form, kinds=kinds)
    work = 4 * prod(sizes) * unit * (len(places) + 8 * costly(form))
    return cut_task(kernel, words, prod(rows.outer) * parts, work)


def costly(form: Form) -> int:
    """Return how many of a form's functions take many instructions."""
    if not isinstance(form, tuple):
        return 0
    return (form[0] not in CHEAP) + sum(costly(part) for part in form[1:])


@functools.cache
def _template(operands: int, numbers: int) -> Template:
    """Return the template of expressions of so many operands and numbers."""
    letters = "y" + LETTERS[:operands]
    fields = [*letters, *(f"{letter}{axis}" for letter in letters for axis in AXES)]
    fields += [*(f"size{axis}" for axis in AXES), "length", "parts"]
    fields += [f"n{place}" for place in range(numbers)]

    def body(w: Writer, a: Any, form: Form, kinds: tuple[str, ...]) -> None:
        _map(w, a, form, kinds, [w.float_of(getattr(a, f"n{place}")) for place in range(numbers)])

    body.__name__ = f"map_{operands}_{numbers}"
    return row_template(*fields)(body)


def _map(w: Writer, a: Any, form: Form, kinds: tuple[str, ...], numbers: list[Vector]) -> None:
    """Write rows: first several registers at a time, then one, then some of its lanes."""
    sizes = [getattr(a, f"size{axis}") for axis in AXES]
    part_size = PART * w.lanes
    together = 2 if costly(form) else 4
    with walk(w, a, [*sizes, a.parts]) as (*outer, part):
        begin = part * part_size
        count = (a.length - begin).least(part_size)

        def start(letter: str, kind: str) -> Pointer:
            offset = begin if kind == "row" else w.index(0)
            for axis in AXES:
                offset = offset + outer[axis] * getattr(a, f"{letter}{axis}")
            return w.pointer(getattr(a, letter)) + offset

        y = start("y", "row")
        inputs = [start(letter, kind) for letter, kind in zip(LETTERS, kinds, strict=False)]
        fixed = [_fixed(x, kind) for x, kind in zip(inputs, kinds, strict=True)]

        def write(first: Index, registers: int) -> None:
            places = [first + i * w.lanes for i in range(registers)]
            taken = [
                [one or x.load(place) for x, one in zip(inputs, fixed, strict=True)]
                for place in places
            ]
            for place, elements in zip(places, taken, strict=True):
                y.store(written(form, elements, numbers), place)

        several = count // (together * w.lanes) * (together * w.lanes)
        whole = count // w.lanes * w.lanes
        with w.loop(0, several, together * w.lanes) as first:
            write(first, together)
        with w.loop(several, whole, w.lanes) as first:
            write(first, 1)
        with w.when(count > whole):
            mask = first_lanes(w, count - whole)
            taken = [
                one or load_first(w, x + whole, mask) for x, one in zip(inputs, fixed, strict=True)
            ]
            store_first(w, y + whole, written(form, taken, numbers), mask)


def _fixed(x: Pointer, kind: str) -> Vector | None:
    """Return what is the same for a whole row."""
    if kind == "row":
        return None
    return x.load() if kind == "register" else x.broadcast()
