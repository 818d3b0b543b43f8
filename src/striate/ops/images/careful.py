"""Sums of float32 that must be rounded as those of float64 are: which to doubt, and again.

A sum of float32 is off by no more than a bound that follows from the weights. Rounded, it can
only be wrong where it lies within that bound of the middle between two whole numbers. There,
which is at few pixels, it is computed as the pass with float64 sums computes it.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.ops.codegen import Index, Pointer, Writer
from striate.ops.codegen.values import ADDRESS, I64, VOID, ir
from striate.ops.images.cells import Cells, Held
from striate.ops.images.endings import any_lane
from striate.ops.images.kinds import F32, F64, Kind, Lanes

__all__ = [
    "DOUBTFUL",
    "ROOM",
    "SLACK",
    "UNIT",
    "Again",
    "doubtful_again",
    "error_of_sums",
    "finest",
    "scaled_error",
]

Values = NDArray[np.float64]

UNIT = 2.0**-24  # half the distance of float32 numbers, in parts of them
ROOM = 1.001  # for products of errors
SLACK = 2.0**-20  # for the rounding of a bound itself
DOUBTFUL = 2.0**-8  # error from which float64 is faster than doubts


def error_of_sums(weights: Values, largest: float, scale: float | None = None) -> float:
    """Return by how much a running sum of float32 products may be off; 0 where it is exact.

    The weights are rounded to float32, and each step rounds what has been added up so far, which
    is at most all that is positive, or all that is negative, so far.

    Parameters
    ----------
    weights : array, shape (lines, n)
        Products are added up line by line, and then the lines.
    largest : whole numbers from 0 to this are what weights are multiplied by
    scale : what the sums are multiplied by in the end, if by anything

    Examples
    --------
    >>> error_of_sums(np.array([[0.5, 0.25]]), 255.0)
    0.0
    >>> error_of_sums(np.array([[0.5, 1 / 3]]), 255.0) < 4e-5
    True
    """
    sides = [np.cumsum(np.maximum(sign * weights, 0.0), axis=1) for sign in (1.0, -1.0)]
    lines = [np.cumsum(side[:, -1]) for side in sides]
    most = largest * max(line[-1] for line in lines)
    error = 0.0
    if largest * np.abs(weights).sum() >= 2**24 * finest(weights):
        lost = np.abs(weights - weights.astype(np.float32)).sum()
        steps = np.maximum(*sides).sum() + np.maximum(*lines)[1:].sum()
        products = np.abs(weights).sum()  # which are rounded where there is no multiply-add
        error = float(largest * (lost + UNIT * (steps + products)) * ROOM)
    return scaled_error(error, most, scale)


def scaled_error(error: float, most: float, scale: float | None) -> float:
    """Return the error of sums, of at most `most`, that are multiplied by a number."""
    if scale is None:
        return error
    exact = error == 0.0 and math.frexp(scale)[0] == 0.5
    return 0.0 if exact else float(abs(scale) * (error + 2 * UNIT * most) * ROOM)


def finest(numbers: Values) -> float:
    """Return the largest power of two that all numbers are multiples of.

    Examples
    --------
    >>> finest(np.array([0.75, 6.0]))
    0.25
    """
    parts, exponents = np.frexp(numbers[numbers != 0])
    if not parts.size:
        return 1.0
    whole = np.ldexp(parts, 53).astype(np.int64)
    return float(np.ldexp((whole & -whole).astype(float), exponents - 53).min())


def doubtful(sums: Lanes, sure: Lanes) -> Any:
    """Return the mask of the sums that lie `sure` or farther from the nearest whole number."""
    return (sums - sums.nearest()).absolute().compare(">=", sure)


def doubtful_again(
    values: Sequence[Lanes], sure: Lanes, memory: Cells, repair: Callable[[Index, Cells], None]
) -> None:
    """Write ``repair(number, cell)`` for each of the values with a sum that is in doubt.

    The values are in `memory` then, the doubtful one at the cell, which may be changed.
    """
    w, lanes = sure.w, sure.count
    doubts = [doubtful(value, sure) for value in values]
    with w.builder.if_then(any_lane(w, functools.reduce(w.builder.or_, doubts)), likely=False):
        for number, value in enumerate(values):
            (memory + number * lanes).store(value)
        with w.loop(0, len(values)) as turn:
            cell = memory + turn * lanes
            with w.when(any_lane(w, doubtful(cell.load(lanes), sure))):
                repair(turn, cell)


class Again:
    """The function that computes a register of sums in float64 and rounds them.

    It adds as the pass with float64 sums does, `by_lines` if products are added line by line. It
    reads lines that hold the image's numbers, as the sums' kind, and at the step's field `exact`
    what sums are multiplied by and the weights.
    """

    def __init__(self, w: Writer, a: Any, kind: Kind, by_lines: bool) -> None:
        self.w, self.a, self.kind, self.lanes = w, a, kind, kind.lanes(w)
        self.by_lines = by_lines
        shape = ir.FunctionType(VOID, [ADDRESS, I64, ADDRESS, I64, I64, I64, ADDRESS])
        inner = Writer(w.module, f"{w.function.name}_again", shape, w.target)
        inner.function.linkage = "internal"
        inner.function.attributes.add("noinline")
        self.function = inner.function
        self._write(inner)

    def __call__(self, table: Pointer, row: Index, at: Index, answer: Cells) -> Lanes:
        """Write a call: for a row below the table's first line, and a place in the lines.

        `answer` is memory for a register of float32, which is returned too.
        """
        w, a = self.w, self.a
        lines = w.builder.gep(table.value, [row.value], source_etype=I64)
        sizes = (a.down_taps.value, a.across_taps.value, a.step.value)
        exact = w.pointer(a.exact).value
        w.builder.call(self.function, [lines, at.value, exact, *sizes, answer.value])
        return answer.load(self.lanes)

    def _write(self, w: Writer) -> None:
        table, offset, exact, down, across, step, answer = w.function.args
        at, weights = Index(w, offset), Cells(w, exact, F64)
        zero = Lanes.all(w, 0, F64, self.lanes)
        total, part = Held(zero), Held(zero)
        place = w.variable(w.index(1))
        with w.loop(0, Index(w, down)) as u:
            entry = w.builder.gep(table, [u.value], source_etype=I64)
            line = Cells.at(Index(w, w.builder.load(entry, typ=I64)), self.kind) + at
            with w.loop(0, Index(w, across)) as v:
                values = (line + v * Index(w, step)).load(self.lanes).to(F64)
                weight = (weights + place.get()).broadcast(self.lanes)
                part.set(values.multiply_add(weight, part.get()))
                place.set(place.get() + 1)
            if self.by_lines:
                total.set(total.get() + part.get())
                part.set(zero)
        total.set(total.get() + part.get())
        scaled = total.get() * weights.broadcast(self.lanes)
        Cells(w, answer, F32).store(scaled.nearest().to(F32))
        w.builder.ret_void()
