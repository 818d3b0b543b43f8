"""Passes of medians: lines merged into lines, and the last of them into rows of the result."""

from __future__ import annotations

from typing import Any

from striate.ops.codegen import Index, Writer
from striate.ops.codegen.values import ADDRESS, I64, VOID, ir
from striate.ops.images.cells import Cells, Held, first, sweep
from striate.ops.images.kinds import F32, F64, S32, Kind, Lanes
from striate.ops.images.median_programs import Stage
from striate.ops.images.ranking_down import SMALL, infected, inner_writer
from striate.ops.images.ranking_walk import Walk

__all__ = ["TOGETHER", "follow_tables", "merge", "store_medians"]

BYTE = ir.IntType(8)
TOGETHER = 4  # registers that a table is followed with
ACROSS = ir.FunctionType(VOID, [ADDRESS, ADDRESS, I64, I64, I64])


def merge(walk: Walk, size: Index) -> None:
    """Merge lines by functions of their own."""
    w, a = walk.w, walk.a
    for stage in walk.program.across:
        function = _across_function(w, stage, walk.source)
        source, target = (walk.lines + a.line * n for n in (stage.source, stage.target))
        count = size + a.step * (walk.columns - stage.columns)
        w.builder.call(function, [one.value for one in (source, target, count, a.line, a.step)])


def follow_tables(walk: Walk, size: Index) -> None:
    """Merge lines as tables say."""
    w, a, lanes = walk.w, walk.a, TOGETHER * walk.lanes
    table, entries = w.pointer(a.stages), Cells.at(a.entries, S32)
    with w.loop(0, a.stage_count) as stage:
        begin, end, columns = (w.word(table, stage * 3 + n) for n in range(3))
        with w.loop(0, size + a.step * (w.index(walk.columns) - columns), lanes) as at:
            base = (walk.lines + at).value
            with w.loop(begin, end) as entry:
                places = [
                    Cells(
                        w,
                        w.builder.gep(
                            base,
                            [w.builder.sext((entries + (entry * 4 + n)).scalar(), I64)],
                            source_etype=BYTE,
                        ),
                        walk.source,
                    )
                    for n in range(4)
                ]
                one, other = (place.load(lanes) for place in places[:2])
                low, high = one.least(other), one.most(other)
                places[2].store(low)
                places[3].store(high)


def store_medians(walk: Walk, row: Index, start: Index, size: Index, top: Index) -> None:
    """Store the medians of one window of the program, or of all."""
    w, a, stage = walk.w, walk.a, walk.program.last
    lines = walk.lines + a.line * (row * walk.program.apart + stage.source)
    rows = [
        Cells.at(a.result + (top + row + number) * a.result_stride, walk.result) + start
        for number in range(len(stage.outputs))
    ]
    streams = walk.streams and len(rows) == 1

    def put(values: list[Lanes], here: Index, mask: Any) -> None:
        for number, value in enumerate(values):
            if walk.careful:
                doubts = walk.doubts + (a.line * (row + number) + here)
                value = _doubted(walk, value, doubts)
            cells = rows[number] + here
            if streams and mask is None:
                cells.stream(_as(value, walk.result))
            else:
                cells.store(_as(value, walk.result), mask)

    def body(at: Index, registers: int, mask: Any) -> None:
        for k in range(registers):
            here = at + k * walk.lanes
            put(_network(w, stage, lines, a.line, a.step, here, walk.lanes), here, mask)

    ahead = rows[0].until_aligned(walk.lanes) if streams else None
    if walk.slides:
        _slide(walk, lines, size, put, body, ahead or w.index(0))
        return
    wide = 2 if stage.network.cost(stage.outputs) <= SMALL else 1
    sweep(w, size, walk.lanes, wide, body, ahead)


def _slide(walk: Walk, lines: Cells, size: Index, put: Any, body: Any, ahead: Index) -> None:
    """Go along lines with what was loaded last at hand, and make shifts out of registers."""
    w, stage, lanes = walk.w, walk.program.last, walk.lanes
    at = w.variable(w.index(0))
    with w.when(ahead > 0):
        body(at.get(), 1, first(w, ahead.least(size), lanes))
        at.set(ahead)
    places = [lines + walk.a.line * number for number in range(walk.program.apart)]
    held = [Held((place + at.get()).load(lanes)) for place in places]
    for registers in (2, 1):
        with w.forever() as after:
            w.leave(after, at.get() > size - registers * lanes)
            for k in range(registers):
                here = at.get() + k * lanes
                later = [(place + (here + lanes)).load(lanes) for place in places]
                now = [one.get() for one in held]

                def load(
                    number: int,
                    shift: int,
                    now: list[Lanes] = now,
                    later: list[Lanes] = later,
                ) -> Lanes:
                    return now[number].followed(later[number], shift * walk.slides)

                values = stage.network.values(stage.outputs, load, Lanes.least, Lanes.most)
                put(values, here, None)
                for one, value in zip(held, later, strict=True):
                    one.set(value)
            at.set(at.get() + registers * lanes)
    with w.when(at.get() < size):
        body(at.get(), 1, first(w, size - at.get(), lanes))


def _doubted(walk: Walk, value: Lanes, doubts: Cells) -> Lanes:
    """Return NaN where a column of the window holds it."""
    w = walk.w
    result = Held(value)
    doubtful = w.builder.if_then(w.word(walk.flag, 0) > 0, likely=False)
    with doubtful, w.loop(0, walk.columns) as column:
        held = (doubts + column * walk.a.step).load(walk.lanes)
        result.set(infected(result.get(), held))
    return result.get()


def _across_function(w: Writer, stage: Stage, kind: Kind) -> Any:
    """Write ``across(source, target, count, line, step)``: lines into lines; return it."""
    name = f"across_{stage.columns}_{len(stage.outputs)}"
    known = w.module.globals.get(f"{w.function.name}_{name}")
    if known is not None:
        return known
    inner = inner_writer(w, name, ACROSS)
    source, target, count, line, step = inner.function.args
    lines, goal = Cells(inner, source, kind), Cells(inner, target, kind)
    lanes = kind.lanes(w)
    stride, pixel = Index(inner, line), Index(inner, step)
    with inner.loop(0, Index(inner, count), lanes) as at:
        for number, value in enumerate(_network(inner, stage, lines, stride, pixel, at, lanes)):
            (goal + (stride * number + at)).store(value)
    inner.builder.ret_void()
    return inner.function


def _network(
    w: Writer, stage: Stage, lines: Cells, line: Index, step: Index, at: Index, lanes: int
) -> list[Lanes]:
    """Write a network whose leaves are lines, shifted by pixels."""

    def load(number: int, shift: int) -> Lanes:
        return (lines + (line * number + step * shift + at)).load(lanes)

    return stage.network.values(stage.outputs, load, Lanes.least, Lanes.most)


def _as(value: Lanes, kind: Kind) -> Lanes:
    """Return the result; float32 shows not all of int32, float64 does."""
    return (value.to(F64) if value.kind == F32 and kind == S32 else value).rounded(kind)
