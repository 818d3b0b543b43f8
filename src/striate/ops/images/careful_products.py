"""Sums over products of a column and a row of weights, rounded as those of float64 are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.ops.codegen import Index, Writer
from striate.ops.codegen.kernel import Arguments
from striate.ops.codegen.values import ADDRESS, I64, VOID, ir
from striate.ops.images.careful import ROOM, UNIT, finest, scaled_error
from striate.ops.images.cells import Cells, Held
from striate.ops.images.down import down_function
from striate.ops.images.kinds import F32, F64, Kind, Lanes

__all__ = ["AgainProducts", "error_of_products", "exact_words"]

Values = NDArray[np.float64]
Pairs = Sequence[tuple[Values, Values]]


def error_of_products(pairs: Pairs, largest: float, scale: float | None = None) -> float:
    """Return by how much sums of float32 may be off, down and then across; 0 if they are exact.

    As `error_of_sums`: sums down are such sums, and what they are off by is multiplied by the
    row; the steps across add to it.

    Parameters
    ----------
    pairs : columns and rows of weights
    largest : whole numbers from 0 to this are what weights are multiplied by
    scale : what the sums are multiplied by in the end, if by anything

    Examples
    --------
    >>> error_of_products([(np.array([1.0, 2.0, 1.0]), np.array([0.25, 0.25]))], 255.0)
    0.0
    >>> error_of_products([(np.array([0.3, 0.4, 0.3]), np.array([0.5, 0.5]))], 255.0) < 1e-4
    True
    """
    most = largest * sum(np.abs(column).sum() * np.abs(row).sum() for column, row in pairs)
    unit = min(finest(column) * finest(row) for column, row in pairs)
    error = 0.0
    if most >= 2**24 * unit:
        error = sum(_error_of_pair(*pair) for pair in pairs) * largest * ROOM
        error += (len(pairs) - 1) * UNIT * most
    return scaled_error(float(error), most, scale)


def _error_of_pair(column: Values, row: Values) -> float:
    """Return the error of a pair, for pixels of at most 1."""
    ups, downs = (np.maximum(sign * column, 0.0) for sign in (1.0, -1.0))
    steps = np.maximum(np.cumsum(ups), np.cumsum(downs)).sum() + np.abs(column).sum()
    down = _lost(column) + UNIT * steps
    high, low = ups.sum() + down, downs.sum() + down
    positive, negative = (np.maximum(sign * row, 0.0) for sign in (1.0, -1.0))
    above = np.cumsum(high * positive + low * negative)
    below = np.cumsum(low * positive + high * negative)
    size, most = np.abs(row).sum(), max(high, low)
    steps = np.maximum(above, below).sum() + most * size
    return float(size * down + most * _lost(row) + UNIT * steps)


def _lost(weights: Values) -> float:
    """Return by how much weights differ from what float32 shows of them."""
    return float(np.abs(weights - weights.astype(np.float32)).sum())


def exact_words(pairs: Pairs, fill: float, scale: float | None) -> Values:
    """Return what `AgainProducts` reads at the step's field `exact`.

    The scale, and for each pair what a column of the fill gives, the column and the row.
    """
    words = [1.0 if scale is None else scale]
    for column, row in pairs:
        words += [fill * column.sum(), *column, *row]
    return np.array(words)


class AgainProducts:
    """The function that computes a register of sums in float64 and rounds them.

    It adds as the pass with float64 sums does. It reads the image anew, so what it needs of that
    is in the step's fields, as for the pass.
    """

    def __init__(
        self, w: Writer, fields: tuple[str, ...], source: Kind, lanes: int, pairs: int
    ) -> None:
        self.w, self.lanes, self.pairs = w, lanes, pairs
        self.down = down_function(w, source, F64, 1, 1, 0, "exact_down")
        shape = ir.FunctionType(VOID, [ADDRESS, ADDRESS, I64, ADDRESS, ADDRESS])
        inner = Writer(w.module, f"{w.function.name}_again", shape, w.target)
        inner.function.linkage = "internal"
        inner.function.attributes.add("noinline")
        self.function = inner.function
        self._write(inner, Arguments(inner, fields))

    def __call__(self, table: Any, column: Index, answer: Cells, memory: Cells) -> None:
        """Write a call: for the rows that a table names, and the result's column.

        `answer` is memory for a register of float32, and `memory` is for a line of float64.
        """
        words = self.w.argument(0).value
        values = [words, table, column.value, answer.value, memory.value]
        self.w.builder.call(self.function, values)

    def _write(self, w: Writer, a: Any) -> None:
        _, table, place, answer, memory = w.function.args
        column, line = Index(w, place), Cells(w, memory, F64)
        words = Cells.at(a.exact, F64)
        scale, words = words.broadcast(self.lanes), words + 1
        zero = Lanes.all(w, 0, F64, self.lanes)
        total = Held(zero)
        for _ in range(self.pairs):
            row, part = words + (a.down_taps + 1), Held(zero)
            self._fill(w, a, table, column, line, words)
            with w.loop(0, a.across_taps) as tap:
                values = (line + tap * a.step).load(self.lanes)
                weight = (row + tap).broadcast(self.lanes)
                part.set(values.multiply_add(weight, part.get()))
            total.set(total.get() + part.get())
            words = row + a.across_taps
        Cells(w, answer, F32).store((total.get() * scale).nearest().to(F32))
        w.builder.ret_void()

    def _fill(
        self, w: Writer, a: Any, table: Any, column: Index, line: Cells, words: Cells
    ) -> None:
        """Fill a line with the sums down that a register of results is made of."""
        before = column - a.left
        first = w.choose(before < 0, 0, before)
        last = (column + a.right + self.lanes).least(a.width + a.right)

        def call(place: Index, shown: Index, count: Index) -> None:
            target, weights = (line + place).value, (words + 1).value
            sizes = (shown.value, count.value, I64(0))
            w.builder.call(self.down, [table, target, *sizes, weights, a.down_taps.value])

        def look_up(entry: Index, place: Index) -> None:
            shown = w.word(w.pointer(a.halo), entry)
            with w.builder.if_else(shown < 0) as (outside, inside):
                with outside:
                    (line + place).put(words.scalar())
                with inside:
                    call(place, shown, w.index(1))

        call(first - before, first, last.least(a.width) - first)
        with w.loop(before, 0) as at:
            look_up(at + a.left, at - before)
        with w.loop(a.width, last) as at:
            look_up(at - a.width + a.left, at - before)
