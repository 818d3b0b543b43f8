"""Products of matrices that are both computed, in NumPy's order: many pairs of them at once.

A block of work is some columns of one product. Their part of the right matrix is copied to the
thread's memory first, where its rows lie one after another, padded with zeros to whole registers;
then tiles of rows are done with all sums in registers. Long sums are taken in segments.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from striate.errors import ShapeError
from striate.ops.blocked.expression import Expression, Form, form_of, written
from striate.ops.blocked.lanes import first_lanes, load_first, store_first, transposed
from striate.ops.blocked.task import Task, Word, bits
from striate.ops.blocked.walk import cut_task, row_template, walk
from striate.ops.codegen import Index, Pointer, Target, Template, Vector, Writer

__all__ = ["AXES", "products"]

AXES = range(2)
"""Axes of pairs, those that lie one after another joined."""

VECTORS = 3  # registers of columns in a tile
SUMS = {16: 12, 32: 24}  # registers of sums, by the number of registers
SEGMENT = 512  # products of a sum that are taken together
PARTS = 4  # blocks from which no rows are done apart from others


def products(
    target: Target,
    left: Word,
    right: Word,
    result: Word,
    shape: tuple[int, int, int],
    pairs: Sequence[tuple[int, int, int]] = (),
    *,
    turned: bool = False,
    left_turned: bool = False,
    bias: Word | None = None,
    expression: Expression = 0,
) -> Task:
    """Return what writes an expression of the elements of left right.

    Parameters
    ----------
    left : (..., rows, inner) in NumPy's order, or (..., inner, rows) if it is `left_turned`
    right : (..., inner, columns), or (..., columns, inner) if it is `turned`
    result : (..., rows, columns) in NumPy's order, one pair after another
    shape : rows, inner, columns
    pairs : for each axis of pairs its size, and the elements from one left matrix to the next and
        from one right matrix to the next
    bias : (columns,), added to each row
    expression : of operand 0, what becomes of an element

    Raises
    ------
    ShapeError
        If there are more axes of pairs than the kernel counts.
    """
    if len(pairs) > len(AXES):
        raise ShapeError(f"pairs along {len(pairs)} axes: at most {len(AXES)} can be counted")
    rows, inner, columns = shape
    vectors = min(VECTORS, -(-columns // target.lanes))
    tile = min(rows, SUMS[target.registers] // vectors)
    panels = -(-columns // (vectors * target.lanes))
    whole = [(1, 0, 0)] * (len(AXES) - len(pairs)) + list(pairs)
    count = 1
    for size, *_ in whole:
        count *= size
    tiles = -(-rows // tile)
    parts = min(tiles, max(1, PARTS // (count * panels)))
    form, numbers = form_of(expression)
    words: dict[str, Word] = {"x": left, "w": right, "y": result}
    words |= {"rows": rows, "inner": inner, "columns": columns}
    words |= {"panels": panels, "parts": parts, "tiles": tiles, "tiles_each": -(-tiles // parts)}
    for axis, (size, to_x, to_w) in enumerate(whole):
        words |= {f"size{axis}": size, f"x{axis}": to_x, f"w{axis}": to_w}
    words |= {f"n{place}": bits(number) for place, number in enumerate(numbers)}
    words["bias"] = 0 if bias is None else bias
    how = {"turned": turned, "left_turned": left_turned, "biased": bias is not None}
    kernel = _template(len(numbers)).kernel(target, tile=tile, vectors=vectors, form=form, **how)
    work = count * rows * inner * columns
    scratch = min(inner + target.lanes, SEGMENT) * vectors * target.lanes
    return cut_task(kernel, words, count * panels * parts, work, scratch, f"{tile}x{vectors}")


@functools.cache
def _template(numbers: int) -> Template:
    """Return the template of products with so many numbers in what becomes of them."""
    fields = ["x", "w", "y", "rows", "inner", "columns", "panels", "parts", "tiles", "tiles_each"]
    fields += [f"{name}{axis}" for axis in AXES for name in ("size", "x", "w")]
    fields += ["bias", *(f"n{place}" for place in range(numbers))]

    def body(w: Writer, a: Any, *, form: Form, **how: Any) -> None:
        given = [w.float_of(getattr(a, f"n{place}")) for place in range(numbers)]
        _Products(w, a, form, given, **how).write()

    body.__name__ = f"products_{numbers}"
    return row_template(*fields)(body)


class _Products:
    """Writes the kernel."""

    def __init__(
        self,
        w: Writer,
        a: Any,
        form: Form,
        numbers: list[Vector],
        *,
        tile: int,
        vectors: int,
        turned: bool,
        left_turned: bool,
        biased: bool,
    ) -> None:
        self.w, self.a, self.tile, self.vectors = w, a, tile, vectors
        self.turned, self.left_turned, self.biased = turned, left_turned, biased
        self.form, self.numbers = form, numbers
        self.width = vectors * w.lanes

    def write(self) -> None:
        """Write panels of columns, for some tiles of rows each."""
        w, a = self.w, self.a
        sizes = [*(getattr(a, f"size{axis}") for axis in AXES), a.panels, a.parts]
        with walk(w, a, sizes) as (first, second, panel, part):
            column = panel * self.width
            x = w.pointer(a.x) + (first * a.x0 + second * a.x1)
            right = w.pointer(a.w) + (first * a.w0 + second * a.w1)
            right = right + (column * a.inner if self.turned else column)
            y = w.pointer(a.y) + ((first * a.size1 + second) * (a.rows * a.columns) + column)
            left = a.columns - column
            masks = [first_lanes(w, left - v * w.lanes) for v in range(self.vectors)]
            begin = part * a.tiles_each
            end = (begin + a.tiles_each).least(a.tiles)
            segments = (a.inner + (SEGMENT - 1)) // SEGMENT
            with w.loop(0, segments) as segment:
                start = segment * SEGMENT
                depth = (a.inner - start).least(SEGMENT)
                if self.turned:
                    self._copy_turned(right + start, depth, left)
                else:
                    self._copy(right + start * a.columns, depth, masks)
                last = segment.equals(segments - 1)
                with w.loop(begin, end) as number:
                    row = number * self.tile
                    from_x = start * a.rows + row if self.left_turned else row * a.inner + start
                    ends = x + from_x, y + row * a.columns
                    biases = self._biases(column, masks)
                    self._tile(*ends, (a.rows - row, depth), masks, (segment > 0, last, biases))

    def _biases(self, column: Index, masks: list[Any]) -> list[Vector]:
        """Return what is added to columns at last, if anything."""
        if not self.biased:
            return []
        w, at = self.w, self.w.pointer(self.a.bias) + column
        return [load_first(w, at + v * w.lanes, mask) for v, mask in enumerate(masks)]

    def _copy(self, right: Pointer, depth: Index, masks: list[Any]) -> None:
        """Copy columns of the right matrix to scratch."""
        w = self.w
        with w.loop(0, depth) as k:
            for v, mask in enumerate(masks):
                taken = load_first(w, right + (k * self.a.columns + v * w.lanes), mask)
                w.scratch.store(taken, k * self.width + v * w.lanes)

    def _copy_turned(self, right: Pointer, depth: Index, count: Index) -> None:
        """Transpose rows of the right matrix into columns; rows behind the last repeat it."""
        w = self.w
        last = count - 1
        for v in range(self.vectors):
            rows = [
                right + last.least(v * w.lanes + lane) * self.a.inner for lane in range(w.lanes)
            ]
            with w.loop(0, depth, w.lanes) as k:
                mask = first_lanes(w, depth - k)
                for i, column in enumerate(transposed([load_first(w, r + k, mask) for r in rows])):
                    with w.when(depth - k > i):
                        w.scratch.store(column, (k + i) * self.width + v * w.lanes)

    def _tile(
        self,
        x: Pointer,
        y: Pointer,
        size: tuple[Index, Index],
        masks: list[Any],
        stage: tuple[Any, Any, list[Vector]],
    ) -> None:
        """Add a segment to the sums of a tile: rows that are there, and products of each sum.

        `stage` tells whether there was a segment before, whether this is the last, and what is
        added then.
        """
        w, (count, depth) = self.w, size
        nothing = w.constant(0.0)
        to_row, step = (1, self.a.rows) if self.left_turned else (self.a.inner, 1)
        rows = [x + (count - 1).least(r) * to_row for r in range(self.tile)]
        sums = [[w.variable(nothing) for _ in masks] for _ in range(self.tile)]
        with w.loop(0, depth) as k:
            row = w.scratch + k * self.width
            columns = [row.load(v * w.lanes) for v in range(self.vectors)]
            for r in range(self.tile):
                element = rows[r].broadcast(k * step)
                for total, column in zip(sums[r], columns, strict=True):
                    total.set(element.multiply_add(column, total.get()))
        for r in range(self.tile):
            with w.when(count > r):
                self._finish(y + self.a.columns * r, sums[r], masks, stage)

    def _finish(
        self, y: Pointer, sums: list[Any], masks: list[Any], stage: tuple[Any, Any, list[Vector]]
    ) -> None:
        """Write a row of sums, on top of those of other segments."""
        w = self.w
        for v, (total, mask) in enumerate(zip(sums, masks, strict=True)):
            at = y + v * w.lanes
            with w.when(stage[0]):
                total.set(total.get() + load_first(w, at, mask))
            with w.when(stage[1]):
                whole = total.get() + stage[2][v] if self.biased else total.get()
                total.set(written(self.form, [whole], self.numbers))
            store_first(w, at, total.get(), mask)
