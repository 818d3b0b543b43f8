"""Passes of medians: columns of rows, sorted, and where they hold NaN."""

from __future__ import annotations

from typing import Any

from striate.ops.codegen import Index, Pointer, Writer
from striate.ops.codegen.values import ADDRESS, I64, VOID, ir
from striate.ops.images.cells import Cells, Held, sweep
from striate.ops.images.endings import any_lane
from striate.ops.images.kinds import Lanes
from striate.ops.images.ranking_walk import Down, Walk

__all__ = ["doubter", "infected", "inner_writer", "sorter"]

BIT = ir.IntType(1)
SMALL = 40  # minima and maxima up to which two registers are done side by side
DOWN = ir.FunctionType(VOID, [ADDRESS, ADDRESS, ADDRESS, I64, I64, I64])


def sorter(walk: Walk) -> Down:
    """Return what writes a call that sorts columns into lines."""
    function = _down_function(walk)

    def sort(place: Index, column: Index, count: Index) -> None:
        target = walk.lines + place
        values = (target.value, column.value, count.value, walk.a.line.value)
        walk.w.builder.call(function, [walk.flag.value, walk.table.value, *values])

    return sort


def doubter(walk: Walk) -> Down:
    """Return what fills lines with NaN where a window's column holds one, and with 0 elsewhere."""
    w = walk.w

    def doubt(place: Index, column: Index, count: Index) -> None:
        with w.loop(0, walk.tall) as window:
            target = walk.doubts + (walk.a.line * window + place)

            def body(at: Index, registers: int, mask: Any, window: Any = window) -> None:
                zeros = Lanes.all(w, 0, walk.source, walk.lanes)
                total = Held(zeros)
                with w.loop(window, window + walk.rows) as row:
                    cells = Cells.at(w.word(walk.table, row), walk.source) + (column + at)
                    value = cells.load(walk.lanes, mask)
                    total.set(infected(total.get(), value))
                (target + at).store(total.get(), mask)

            sweep(w, count, walk.lanes, 1, body)

    return doubt


def _down_function(walk: Walk) -> Any:
    """Write ``down(flag, table, lines, column, count, line)``: sort columns of rows."""
    inner = inner_writer(walk.w, "down", DOWN)
    flag, table, target, column, count, line = inner.function.args
    stage = walk.program.down
    nothing = ir.Constant(ir.VectorType(BIT, walk.lanes), None)
    doubt = Held(Lanes(inner, nothing, walk.source))
    words = range(walk.reads + walk.tall)
    starts = [inner.word(Pointer(inner, table), row) for row in words]

    def cells(row: int, at: Index) -> Cells:
        return Cells.at(starts[row], walk.source) + (Index(inner, column) + at)

    def body(at: Index, registers: int, mask: Any) -> None:
        for k in range(registers):
            seen: list[Lanes] = []

            def load(row: int, _: int, k: int = k, seen: list[Lanes] = seen) -> Lanes:
                seen.append((cells(row, at) + k * walk.lanes).load(walk.lanes, mask))
                # Adding 0 makes -0 a 0: which of the two a median is shall not depend on
                # the order of comparisons.
                return seen[-1] + 0.0 if walk.source.floating else seen[-1]

            values = stage.network.values(stage.outputs, load, Lanes.least, Lanes.most)
            if walk.careful:
                doubt.set(_with_doubt(doubt.get(), seen))
            for number, value in enumerate(values):
                place = Index(inner, line) * number + at + k * walk.lanes
                (Cells(inner, target, walk.source) + place).store(value, mask)
        if mask is None:
            for row in range(walk.reads, walk.reads + walk.tall):
                for byte in range(0, registers * walk.lanes * walk.source.size, 64):
                    inner.prefetch((cells(row, at) + byte // walk.source.size).pointer)

    wide = 2 if stage.network.cost(stage.outputs) <= SMALL else 1
    ahead = Cells(inner, target, walk.source).until_aligned(walk.lanes)
    sweep(inner, Index(inner, count), walk.lanes, wide, body, ahead)
    if walk.careful:
        with inner.builder.if_then(any_lane(inner, doubt.get().value)):
            inner.builder.store(I64(1), flag)
    inner.builder.ret_void()
    return inner.function


def inner_writer(w: Writer, name: str, kind: Any) -> Writer:
    """Return a writer of a function that the step calls."""
    inner = Writer(w.module, f"{w.function.name}_{name}", kind, w.target)
    inner.function.linkage = "internal"
    inner.function.attributes.add("noinline")
    return inner


def _with_doubt(doubt: Lanes, seen: list[Lanes]) -> Lanes:
    """Return the mask of where one of some values is NaN, or where an earlier mask held."""
    builder, mask = doubt.w.builder, doubt.value
    for one, other in zip(seen[::2], [*seen[1::2], seen[-1]], strict=False):
        mask = builder.or_(mask, builder.fcmp_unordered("uno", one.value, other.value))
    return Lanes(doubt.w, mask, doubt.kind)


def infected(value: Lanes, other: Lanes) -> Lanes:
    """Return NaN where the other is NaN, and the value elsewhere."""
    builder = value.w.builder
    odd = builder.fcmp_unordered("uno", other.value, other.value)
    nan = Lanes.all(value.w, float("nan"), value.kind, value.count)
    return Lanes(value.w, builder.select(odd, nan.value, value.value), value.kind)
