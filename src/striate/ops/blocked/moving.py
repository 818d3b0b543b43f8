"""Moving elements in NumPy's order: transposes, slices, and whatever else strides describe.

Where both sides lie element by element along one axis, rows are copied. Where each has an axis of
its own of that kind, squares of a register's width are transposed. Otherwise elements move one by
one, as they do in short rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from striate.ops.blocked.lanes import first_lanes, load_first, store_first, transposed
from striate.ops.blocked.mapping import AXES, Operand, joined_axes, map_rows
from striate.ops.blocked.task import Task, Word
from striate.ops.blocked.walk import cut_task, row_template, walk
from striate.ops.codegen import Target, Writer

__all__ = ["movable", "move"]

PLACES = (
    *("x", "y", *(f"size{axis}" for axis in AXES)),
    *(f"{letter}{axis}" for letter in "xy" for axis in AXES),
)

SHORT = 16
"""Elements of a row up to which it is slower to begin a row than to move them one by one."""

TOGETHER = 8
"""Elements that are read before they are written."""

Axis = tuple[int, list[int]]


def movable(sizes: Sequence[int], source: Sequence[int], result: Sequence[int]) -> bool:
    """Tell whether `move` can do it: few enough axes are left after joining them."""
    return len(_axes(sizes, result, source)) <= len(AXES) + 1


def _axes(sizes: Sequence[int], result: Sequence[int], source: Sequence[int]) -> list[Axis]:
    """Return the sizes and both strides of the axes that are left after joining."""
    *axes, last = joined_axes(sizes, [tuple(result), tuple(source)], 1)
    return [*axes, last] if last[0] > 1 or not axes else axes


def _is_row(axis: Axis) -> bool:
    return axis[0] == 1 or (axis[1][0] == 1 and axis[1][1] in (0, 1))


def _squares(axes: list[Axis]) -> tuple[Axis, Axis] | None:
    """Return the axes along which the source and the result lie element by element."""
    along_y = next((axis for axis in axes if axis[1][0] == 1), None)
    along_x = next((axis for axis in axes if axis[1][1] == 1), None)
    apart = along_x is not None and along_y is not None and along_x is not along_y
    return (along_x, along_y) if apart and along_x and along_y else None


def move(target: Target, sizes: Sequence[int], source: Operand, result: Operand) -> Task:
    """Return what copies an array of these sizes; strides may be anything but 0 in the result."""
    axes = _axes(sizes, result.strides, source.strides)
    longest = max(axes)
    if _is_row(axes[-1]) and (axes[-1][0] > SHORT or longest[0] <= SHORT):
        return map_rows(target, 0, sizes, result, [source])
    squares = _squares(axes)
    if squares and min(size for size, _ in squares) > SHORT // 2:
        return _transposing(target, axes, squares, source, result)
    # Elements go one by one fastest along the longest axis.
    order = [*(axis for axis in axes if axis is not longest), longest]
    return _one_by_one(target, order, source, result)


def _outer(axes: Sequence[Axis], source: Operand, result: Operand) -> dict[str, Word]:
    """Return the words of outer axes."""
    whole = [(1, [0, 0])] * (len(AXES) - len(axes)) + list(axes)
    words: dict[str, Word] = {"x": source.place, "y": result.place}
    for axis, (size, (to_y, to_x)) in enumerate(whole):
        words |= {f"size{axis}": size, f"x{axis}": to_x, f"y{axis}": to_y}
    return words


def _transposing(
    target: Target,
    axes: list[Axis],
    squares: tuple[Axis, Axis],
    source: Operand,
    result: Operand,
) -> Task:
    along_x, along_y = squares
    outer = [axis for axis in axes if axis is not along_x and axis is not along_y]
    words = _outer(outer, source, result)
    lanes = target.lanes
    tiles = -(-along_x[0] // lanes), -(-along_y[0] // lanes)
    words |= {"columns": along_x[0], "lines": along_y[0]}
    words |= {"column_tiles": tiles[0], "line_tiles": tiles[1]}
    words |= {"x_line": along_y[1][1], "y_column": along_x[1][0]}
    rows = prod(size for size, _ in outer) * prod(tiles)
    return cut_task(transpose_tiles.kernel(target), words, rows, 6 * rows * lanes * lanes)


@row_template(*PLACES, *("columns", "lines", "column_tiles", "line_tiles", "x_line", "y_column"))
def transpose_tiles(w: Writer, a: Any) -> None:
    """Write tiles: lines of the result are columns of the source."""
    lanes = w.lanes
    sizes = [getattr(a, f"size{axis}") for axis in AXES]
    with walk(w, a, [*sizes, a.line_tiles, a.column_tiles]) as (*outer, line_tile, column_tile):
        line, column = line_tile * lanes, column_tile * lanes
        x = w.pointer(a.x) + column + line * a.x_line
        y = w.pointer(a.y) + line + column * a.y_column
        for axis in AXES:
            x = x + outer[axis] * getattr(a, f"x{axis}")
            y = y + outer[axis] * getattr(a, f"y{axis}")
        lines, columns = a.lines - line, a.columns - column
        whole = w.builder.and_(lines >= lanes, columns >= lanes)
        with w.when(whole):
            for c, row in enumerate(transposed([x.load(a.x_line * i) for i in range(lanes)])):
                y.store(row, a.y_column * c)
        with w.when_not(whole):
            mask, last = first_lanes(w, columns), lines - 1
            taken = [load_first(w, x + a.x_line * last.least(i), mask) for i in range(lanes)]
            written = first_lanes(w, lines)
            for c, row in enumerate(transposed(taken)):
                with w.when(columns > c):
                    store_first(w, y + a.y_column * c, row, written)


def _one_by_one(target: Target, axes: list[Axis], source: Operand, result: Operand) -> Task:
    *outer, (length, (to_y, to_x)) = axes
    words = _outer(outer, source, result) | {"length": length, "x_step": to_x, "y_step": to_y}
    rows = prod(size for size, _ in outer)
    return cut_task(move_elements.kernel(target), words, rows, 8 * rows * length)


@row_template(*PLACES, "length", "x_step", "y_step")
def move_elements(w: Writer, a: Any) -> None:
    """Write rows of elements that lie apart in either."""
    sizes = [getattr(a, f"size{axis}") for axis in AXES]
    with walk(w, a, sizes) as outer:
        x, y = w.pointer(a.x), w.pointer(a.y)
        for axis in AXES:
            x = x + outer[axis] * getattr(a, f"x{axis}")
            y = y + outer[axis] * getattr(a, f"y{axis}")
        whole = a.length // TOGETHER * TOGETHER
        with w.loop(0, whole, TOGETHER) as first:
            places = [first + i for i in range(TOGETHER)]
            elements = [x.scalar(place * a.x_step) for place in places]
            for place, element in zip(places, elements, strict=True):
                y.put_scalar(element, place * a.y_step)
        with w.loop(whole, a.length) as place:
            y.put_scalar(x.scalar(place * a.x_step), place * a.y_step)
