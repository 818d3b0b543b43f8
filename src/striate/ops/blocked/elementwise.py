"""Kernels that take values element by element.

Axes along which all values lie one after another are joined first. What is left is rows of
registers, as long as possible, and cut into parts of `PART`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf, prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from striate.errors import ShapeError
from striate.ops.blocked.exponential import logistic, tangent
from striate.ops.blocked.layout import Value
from striate.ops.blocked.task import Task, Word, bits
from striate.ops.blocked.walk import cut_task, row_template, volume, walk
from striate.ops.codegen import Index, Target, Vector, Writer

__all__ = [
    "add",
    "clip",
    "copy",
    "multiply",
    "of_channels",
    "scale_shift",
    "sigmoid",
    "tanh",
]

PART = 512
"""Registers of a row where rows may be of any length."""

UNROLLED = 4
"""Registers done together."""

AXES = range(4)
"""Outer axes; those that are not needed have one element."""

Array = NDArray[Any]


class Operand(NamedTuple):
    """Where an element-wise kernel reads or writes; strides as of `Rows`."""

    place: Word
    strides: tuple[int, ...]


class Rows(NamedTuple):
    """What is left after joining axes: outer sizes, registers of a row, operands' strides.

    The strides are of the outer axes and then of the row, 0 where one register is for all.
    """

    outer: tuple[int, ...]
    length: int
    strides: list[tuple[int, ...]]


def add(target: Target, a: Value, b: Value, result: Value, low: float, high: float) -> Task:
    """Return what writes a + b, moved into [low, high]."""
    operands = [_of_value(a, result), _of_value(b, result)]
    return _task(target, "add", operands, result, (low, high))


def multiply(
    target: Target, a: Value, b: Value, result: Value, low: float = -inf, high: float = inf
) -> Task:
    """Return what writes a b, moved into [low, high]; b may have single pixels, for all of a."""
    operands = [_of_value(a, result), _of_value(b, result)]
    return _task(target, "multiply", operands, result, (low, high))


def scale_shift(
    target: Target,
    source: Value,
    result: Value,
    scale: Array,
    shift: Array,
    low: float = -inf,
    high: float = inf,
) -> Task:
    """Return what writes scale x + shift, moved into [low, high]; both (C,), one per channel."""
    strides = (0, target.lanes, 0, 0, 0)
    channels = [Operand(of_channels(a, target.lanes), strides) for a in (scale, shift)]
    operands = [_of_value(source, result), *channels]
    return _task(target, "scale_shift", operands, result, (low, high))


def clip(target: Target, source: Value, result: Value, low: float, high: float) -> Task:
    """Return what writes x moved into [low, high]."""
    return _task(target, "clip", [_of_value(source, result)], result, (low, high))


def tanh(
    target: Target, source: Value, result: Value, alpha: float = 1.0, beta: float = 1.0
) -> Task:
    """Return what writes alpha tanh(beta x)."""
    return _task(target, "tanh", [_of_value(source, result)], result, (alpha, beta))


def sigmoid(target: Target, source: Value, result: Value) -> Task:
    """Return what writes 1 / (1 + exp(-x))."""
    return _task(target, "sigmoid", [_of_value(source, result)], result, (0, 0))


def copy(target: Target, source: Value, result: Value) -> Task:
    """Return what copies a value; its shape stays, but not its padding."""
    return _task(target, "copy", [_of_value(source, result)], result, (0, 0))


def of_channels(numbers: Array, lanes: int) -> NDArray[np.float32]:
    """Return one number per channel as blocks of them have it: zeros in the spare lanes."""
    blocks = -(-len(numbers) // lanes)
    filled = np.zeros(blocks * lanes, np.float32)
    filled[: len(numbers)] = numbers
    return filled


def _of_value(value: Value, result: Value) -> Operand:
    """Return a value as an operand of a kernel that writes `result`."""
    layout, written = value.layout, result.layout
    shape, wanted = ((v.batch, v.channels, *v.spatial) for v in (layout, written))
    single = prod(layout.spatial) == 1
    if shape != wanted and not (single and shape[:2] == wanted[:2]):
        raise ShapeError(f"values of shapes {shape} and {wanted} do not go together")
    repeated = single and prod(written.spatial) > 1
    spatial = (0, 0, 0) if repeated else volume(layout).strides
    return Operand(value.origin, (layout.image, layout.plane, *spatial))


def joined(sizes: Sequence[int], strides: Sequence[tuple[int, ...]], lanes: int) -> Rows:
    """Join the axes along which all operands lie one after another.

    >>> joined((1, 2, 1, 5, 7), [(80, 40, 0, 56, 8), (80, 40, 0, 0, 0)], 8)
    Rows(outer=(1, 1, 1, 2), length=35, strides=[(0, 0, 0, 40, 8), (0, 0, 0, 40, 0)])
    """
    axes = [(size, step) for size, *step in zip(sizes, *strides, strict=True) if size > 1]
    if not axes or any(step not in (0, lanes) for step in axes[-1][1]):
        axes.append((1, [lanes] * len(strides)))
    kept = [axes.pop()]
    while axes:
        (size, steps), (inner, inner_steps) = axes.pop(), kept[0]
        if steps == [step * inner for step in inner_steps]:
            kept[0] = (size * inner, inner_steps)
        else:
            kept.insert(0, (size, steps))
    kept = [(1, [0] * len(strides))] * (len(AXES) + 1 - len(kept)) + kept
    outer = tuple(size for size, _ in kept[:-1])
    return Rows(outer, kept[-1][0], list(zip(*(steps for _, steps in kept), strict=True)))


def _task(
    target: Target,
    name: str,
    operands: Sequence[Operand],
    result: Value,
    numbers: tuple[float, float],
) -> Task:
    layout = result.layout
    v = volume(layout)
    places = [Operand(result.origin, (layout.image, layout.plane, *v.strides)), *operands]
    sizes = (layout.batch, layout.blocks, *v.sizes)
    rows = joined(sizes, [operand.strides for operand in places], target.lanes)
    words: dict[str, Word] = {f"size{axis}": rows.outer[axis] for axis in AXES}
    for letter, operand, strides in zip("yabc", places, rows.strides, strict=False):
        words[letter] = operand.place
        words |= {f"{letter}{axis}": strides[axis] for axis in AXES}
    parts = -(-rows.length // PART)
    words |= {"length": rows.length, "parts": parts}
    words |= {"p": bits(numbers[0]), "q": bits(numbers[1])}
    spread = tuple(step == 0 for *_, step in rows.strides[1:])
    kernel = KERNELS[len(operands)].kernel(target, name=name, spread=spread)
    work = 4 * prod(sizes) * target.lanes * len(places)
    return cut_task(kernel, words, prod(rows.outer) * parts, work)


def _fields(letters: str) -> list[str]:
    sizes = [f"size{axis}" for axis in AXES]
    strides = [f"{letter}{axis}" for letter in letters for axis in AXES]
    return [*letters, *sizes, *strides, "length", "parts", "p", "q"]


@row_template(*_fields("ya"))
def map_one(w: Writer, a: Any, name: str, spread: tuple[bool, ...]) -> None:
    """Write a function of one value."""
    _map(w, a, "a", name, spread)


@row_template(*_fields("yab"))
def map_two(w: Writer, a: Any, name: str, spread: tuple[bool, ...]) -> None:
    """Write a function of two values."""
    _map(w, a, "ab", name, spread)


@row_template(*_fields("yabc"))
def map_three(w: Writer, a: Any, name: str, spread: tuple[bool, ...]) -> None:
    """Write a function of three values."""
    _map(w, a, "abc", name, spread)


KERNELS = {1: map_one, 2: map_two, 3: map_three}


def _map(w: Writer, a: Any, letters: str, name: str, spread: tuple[bool, ...]) -> None:
    p, q = w.float_of(a.p), w.float_of(a.q)
    sizes = [getattr(a, f"size{axis}") for axis in AXES]
    with walk(w, a, [*sizes, a.parts]) as (*outer, part):
        begin = part * PART
        count = (a.length - begin).least(PART)

        def row(letter: str, steps: bool) -> Any:
            start = begin * w.lanes if steps else w.index(0)
            for axis in AXES:
                start = start + outer[axis] * getattr(a, f"{letter}{axis}")
            return w.pointer(getattr(a, letter)) + start

        y = row("y", True)
        inputs = [row(letter, not same) for letter, same in zip(letters, spread, strict=True)]
        fixed = [x.load() if same else None for x, same in zip(inputs, spread, strict=True)]

        def write(first: Index, registers: int) -> None:
            places = [(first + i) * w.lanes for i in range(registers)]
            taken = [
                [one or x.load(place) for x, one in zip(inputs, fixed, strict=True)]
                for place in places
            ]
            for place, elements in zip(places, taken, strict=True):
                y.store(FUNCTIONS[name](w, elements, p, q), place)

        whole = count // UNROLLED * UNROLLED
        with w.loop(0, whole, UNROLLED) as first:
            write(first, UNROLLED)
        with w.loop(whole, count) as first:
            write(first, 1)


Function = Callable[[Writer, list[Vector], Vector, Vector], Vector]

FUNCTIONS: dict[str, Function] = {
    "add": lambda w, e, low, high: (e[0] + e[1]).clip(low, high),
    "multiply": lambda w, e, low, high: (e[0] * e[1]).clip(low, high),
    "scale_shift": lambda w, e, low, high: e[0].multiply_add(e[1], e[2]).clip(low, high),
    "clip": lambda w, e, low, high: e[0].clip(low, high),
    "copy": lambda w, e, p, q: e[0],
    "tanh": lambda w, e, alpha, beta: alpha * tangent(w, beta * e[0]),
    "sigmoid": lambda w, e, p, q: logistic(w, e[0]),
}
"""Of the elements and the two numbers of a kernel."""
