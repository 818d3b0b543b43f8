"""Fully connected layers of few examples: dot products with weights that stay as they are.

The weights are read once, whatever the number of examples: a few of their rows at a time, in
segments that stay in the cache while all groups of examples take them. Each sum has the lanes of
one register, whose order depends on neither.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import ShapeError
from striate.ops.blocked.lanes import first_lanes, load_first, sum_lanes
from striate.ops.blocked.layout import Place
from striate.ops.blocked.task import Task, Word, bits
from striate.ops.blocked.walk import cut_task, row_template, span
from striate.ops.codegen import Index, Pointer, Target, Vector, Writer
from striate.ops.codegen.values import I32

__all__ = ["linear"]

EXAMPLES = 4
"""Examples of a group."""

SUMS = {16: 8, 32: 24}
"""Sums that are taken at once, by the number of registers."""

ROWS = 4
"""Rows of weights taken together by one or two examples: more do not read memory faster."""

AHEAD = 256
"""Elements of a row from those that are needed to those that are fetched."""

SEGMENT = 1024
"""Elements of a row that all groups of examples take before the next."""

Array = NDArray[Any]


def linear(
    target: Target,
    x: Place,
    examples: int,
    weight: NDArray[np.float32] | Place,
    bias: Array | Place | None,
    result: Place,
    low: float,
    high: float,
    shape: tuple[int, int] = (0, 0),
) -> Task:
    """Return what writes x weight^T + bias, moved into [low, high].

    Parameters
    ----------
    x : (examples, inner) in NumPy's order
    weight : (outer, inner), C-contiguous; it is read where it lies, or will lie then
    bias : (outer,), or where it will lie
    result : (examples, outer) in NumPy's order
    shape : (outer, inner) if the weights are no array

    Raises
    ------
    ShapeError
        If the weights cannot be read in place, or the bias does not go with them.
    """
    outer, inner = shape if isinstance(weight, Place) else _shape_of(weight)
    start = bias if isinstance(bias, Place) else _bias_of(bias, outer)
    group = min(examples, EXAMPLES)
    groups = -(-examples // group)
    rows = ROWS if group <= 2 else SUMS[target.registers] // group
    whole = inner - inner % target.lanes
    segment = SEGMENT if groups > 1 else max(target.lanes, whole)
    words: dict[str, Word] = {"x": x, "weight": weight, "bias": start, "y": result}
    words |= {"examples": examples, "inner": inner, "outer": outer, "groups": groups}
    words |= {"segment": segment, "segments": -(-whole // segment), "whole": whole}
    words |= {"low": bits(low), "high": bits(high)}
    kernel = dot_products.kernel(target, group=group, rows=rows)
    scratch = groups * group * rows * target.lanes
    work, cut = examples * inner * outer, f"{group}x{rows}"
    return cut_task(kernel, words, -(-outer // rows), work, scratch, cut)


def _shape_of(weight: NDArray[np.float32]) -> tuple[int, int]:
    if weight.dtype != np.float32 or not weight.flags.c_contiguous:
        raise ShapeError(f"weights must be contiguous float32, not {weight.dtype}: copy them first")
    outer, inner = weight.shape
    return outer, inner


def _bias_of(bias: Array | None, outer: int) -> NDArray[np.float32]:
    start = np.zeros(outer, np.float32) if bias is None else np.array(bias, np.float32)
    if start.shape != (outer,):
        raise ShapeError(f"bias must have shape ({outer},), not {start.shape}")
    return start


@row_template(
    *("x", "weight", "bias", "y", "examples", "inner", "outer", "groups"),
    *("segment", "segments", "whole", "low", "high"),
)
def dot_products(w: Writer, a: Any, group: int, rows: int) -> None:
    """Write the outputs of a few rows of weights; sums wait in scratch between segments."""
    low, high = w.float_of(a.low), w.float_of(a.high)
    mask = first_lanes(w, a.inner - a.whole)
    products = rows * group

    def examples_of(g: Index) -> list[Index]:
        return [(g * group + e).least(a.examples - 1) for e in range(group)]

    begin, end = span(w, a)
    with w.loop(begin, end) as block:
        outputs = [(block * rows + r).least(a.outer - 1) for r in range(rows)]
        weights = [w.pointer(a.weight) + o * a.inner for o in outputs]
        with w.loop(0, a.groups * products) as i:
            w.scratch.store(w.constant(0.0), i * w.lanes)
        with w.loop(0, a.segments) as part, w.loop(0, a.groups) as g:
            begin = part * a.segment
            end = (begin + a.segment).least(a.whole)
            inputs = [w.pointer(a.x) + e * a.inner for e in examples_of(g)]
            sums = Sums(w, w.scratch + g * (products * w.lanes), products)
            with w.loop(begin, end, w.lanes) as i:
                for row in weights:
                    w.prefetch(row + (i + AHEAD), 1)
                sums.add([x.load(i) for x in inputs], [row.load(i) for row in weights])
            sums.keep()
        with w.loop(0, a.groups) as g:
            examples = examples_of(g)
            inputs = [w.pointer(a.x) + e * a.inner for e in examples]
            sums = Sums(w, w.scratch + g * (products * w.lanes), products)
            with w.when(a.inner > a.whole):
                rests = [
                    [load_first(w, one + a.whole, mask) for one in some]
                    for some in (inputs, weights)
                ]
                sums.add(*rests)
            totals = iter(sums.totals())
            for o in outputs:
                for e in examples:
                    total = next(totals) + w.pointer(a.bias).broadcast(o)
                    _put(w, w.pointer(a.y) + (e * a.outer + o), total.clip(low, high))


class Sums:
    """Sums of products of a few rows and examples, in registers from one place of scratch."""

    def __init__(self, w: Writer, place: Pointer, count: int) -> None:
        self._place, self._lanes = place, w.lanes
        self._sums = [w.variable(place.load(i * w.lanes)) for i in range(count)]

    def add(self, inputs: list[Vector], weights: list[Vector]) -> None:
        """Add the products of each row with each example."""
        places = iter(self._sums)
        for weight in weights:
            for x in inputs:
                total = next(places)
                total.set(weight.multiply_add(x, total.get()))

    def keep(self) -> None:
        """Put the sums back."""
        for i, total in enumerate(self._sums):
            self._place.store(total.get(), i * self._lanes)

    def totals(self) -> list[Vector]:
        """Return the sums of their lanes."""
        return [sum_lanes(total.get()) for total in self._sums]


def _put(w: Writer, y: Pointer, vector: Vector) -> None:
    y.put_scalar(w.builder.extract_element(vector.value, I32(0)))
