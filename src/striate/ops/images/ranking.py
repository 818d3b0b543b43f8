"""Passes of medians: rows sorted down, then merged across, a chunk that the caches hold at a time.

Rows of the image are sorted column by column into lines, which are laid out with what lies beyond
the border; networks then turn lines into lines, and the last into rows of the result. See
`striate.ops.images.median_networks`.
"""

from __future__ import annotations

from typing import Any

from striate.ops.codegen import Index, Writer, template
from striate.ops.codegen.values import ADDRESS, I64, VOID, ir
from striate.ops.images.kinds import F32, F64, KINDS, S32, Cells, Held, Kind, Lanes, first, sweep
from striate.ops.images.median_networks import Program, Stage, program

__all__ = ["FLAG_WORDS", "ranking"]

BIT = ir.IntType(1)
FLAG_WORDS = 8  # ahead of the table of rows: whether a chunk holds NaN
SMALL = 40  # minima and maxima up to which two registers are done side by side
DOWN = ir.FunctionType(VOID, [ADDRESS, ADDRESS, ADDRESS, I64, I64, I64])
ACROSS = ir.FunctionType(VOID, [ADDRESS, ADDRESS, I64, I64, I64])


@template(
    "image",
    "image_stride",
    "result",
    "result_stride",
    "rows",
    "halo",
    "fill",
    "height",
    "width",
    "step",
    "left",
    "right",
    "chunk",
    "line",
    "by_columns",
    "wraps",
    "wary",
)
def ranking(
    w: Writer,
    a: Any,
    *,
    source: str,
    result: str,
    rows: int,
    columns: int,
    tall: int,
    slides: int,
    streams: bool,
) -> None:
    """Write the step: a block is `tall` rows of the result.

    Lines hold `line` numbers: a chunk with its halo. `wary` is 1 where the fill is NaN. `slides`
    is `step`, where shifts of registers are to be made out of registers, else 0.
    """
    kinds = KINDS[source], KINDS[result]
    _Walk(w, a, *kinds, program(rows, columns, tall), (rows, columns), slides, streams).write()


class _Walk:
    """The loops over blocks and chunks."""

    def __init__(
        self,
        w: Writer,
        a: Any,
        source: Kind,
        result: Kind,
        program: Program,
        sides: tuple[int, int],
        slides: int,
        streams: bool,
    ) -> None:
        self.w, self.a, self.source, self.result = w, a, source, result
        self.rows, self.columns = sides
        self.program, self.tall, self.slides, self.streams = program, program.tall, slides, streams
        self.reads = self.rows + self.tall - 1
        self.lanes = source.lanes(w)
        self.careful = source.floating and result.floating
        words = (FLAG_WORDS + self.reads + self.tall + 7) // 8 * 8
        self.flag = w.scratch
        self.table = w.scratch + 2 * FLAG_WORDS
        self.lines = Cells(w, (w.scratch + 2 * words).value, source)
        self.doubts = self.lines + a.line * self.program.lines
        self.down = self._down_function()
        self.steps = [_across_function(w, stage, source) for stage in self.program.across]

    def write(self) -> None:
        """Write all."""
        w, a = self.w, self.a
        chunks = (a.width + (a.chunk - 1)) // a.chunk
        groups = w.end - w.begin
        along = w.builder.icmp_signed("!=", a.by_columns.value, I64(0))
        with w.loop(0, groups * chunks) as turn:
            group = w.choose(along, turn % groups, turn // chunks)
            chunk = w.choose(along, turn // groups, turn % chunks)
            top = ((w.begin + group) * self.tall).least(a.height - self.tall)
            self._find_rows(top)
            start = chunk * a.chunk
            size = a.chunk.least(a.width - start)
            self._fill(start, size, self._sort_down, self.lines, self.down_lines)
            if self.careful:
                with w.when(w.word(self.flag, 0) > 0):
                    self._fill(start, size, self._doubt_down, self.doubts, self.tall)
            self._merge(size)
            if self.program.apart:
                with w.loop(0, self.tall) as row:
                    self._last(row, start, size, top)
            else:
                self._last(w.index(0), start, size, top)

    @property
    def down_lines(self) -> int:
        """How many lines columns are sorted into."""
        return len(self.program.down.outputs)

    def _find_rows(self, top: Index) -> None:
        """Write down where the rows begin that the windows see, and those to fetch."""
        w, a = self.w, self.a
        w.builder.store(a.wary.value, self.flag.value)
        last = a.height + (self.rows - 2)
        with w.loop(0, self.reads + self.tall) as place:
            row = w.word(w.pointer(a.rows), (top + place).least(last))
            address = w.choose(row < 0, a.fill, a.image + row * a.image_stride)
            entry = w.builder.gep(self.table.value, [place.value], source_etype=I64)
            w.builder.store(address.value, entry)

    # down --------------------------------------------------------------------------------

    def _fill(self, start: Index, size: Index, down: Any, lines: Cells, count: int) -> None:
        """Fill lines by ``down(place, column, numbers)``: the chunk, and what lies beside it."""
        w, a = self.w, self.a
        before = start - a.left
        first = w.choose(before < 0, 0, before)
        last = (start + size + a.right).least(a.width)
        down(first - before, first, last - first)
        with w.when(before < 0):
            self._beyond(w.index(0), a.left, before, a.width - a.left, down, lines, count)
        with w.when((start + size).equals(a.width)):
            self._beyond(a.left, a.right, before, w.index(0), down, lines, count)

    def _beyond(
        self,
        entry: Index,
        numbers: Index,
        before: Index,
        far: Index,
        down: Any,
        lines: Cells,
        count: int,
    ) -> None:
        """Fill the halo: from the line itself, or from the row's other end."""
        w, a = self.w, self.a
        place = w.choose(entry.equals(0), 0, a.width - before)
        with w.builder.if_else(a.wraps > 0) as (wrapped, repeated):
            with wrapped:
                down(place, far, numbers)
            with repeated, w.loop(0, numbers) as at:
                shown = w.word(w.pointer(a.halo), entry + at)
                inside = w.choose(shown < 0, 0, shown - before)
                outside = Held(Lanes(w, Lanes.all(w, 0, self.source, 1).value, self.source))
                with w.when(shown < 0):
                    outside.set(Cells.at(a.fill, self.source).load(1))
                with w.loop(0, count) as number:
                    line = lines + a.line * number
                    value = (line + inside).load(1)
                    chosen = w.builder.select(shown < 0, outside.get().value, value.value)
                    (line + (place + at)).store(Lanes(w, chosen, self.source))

    def _sort_down(self, place: Index, column: Index, count: Index) -> None:
        target = self.lines + place
        values = (target.value, column.value, count.value, self.a.line.value)
        self.w.builder.call(self.down, [self.flag.value, self.table.value, *values])

    def _down_function(self) -> Any:
        """Write ``down(flag, table, lines, column, count, line)``: sort columns of rows."""
        inner = _inner(self.w, "down", DOWN)
        flag, table, target, column, count, line = inner.function.args
        stage = self.program.down
        nothing = ir.Constant(ir.VectorType(BIT, self.lanes), None)
        doubt = Held(Lanes(inner, nothing, S32))

        def cells(row: int, at: Index) -> Cells:
            entry = inner.builder.gep(table, [I64(row)], source_etype=I64)
            address = Index(inner, inner.builder.load(entry, typ=I64))
            return Cells.at(address, self.source) + (Index(inner, column) + at)

        def body(at: Index, registers: int, mask: Any) -> None:
            for k in range(registers):
                seen: list[Lanes] = []

                def load(row: int, _: int, k: int = k, seen: list[Lanes] = seen) -> Lanes:
                    seen.append((cells(row, at) + k * self.lanes).load(self.lanes, mask))
                    # Adding 0 makes -0 a 0: which of the two a median is shall not depend on
                    # the order of comparisons.
                    return seen[-1] + 0.0 if self.source.floating else seen[-1]

                values = stage.network.values(stage.outputs, load, Lanes.least, Lanes.most)
                if self.careful:
                    doubt.set(_with_doubt(doubt.get(), seen))
                for number, value in enumerate(values):
                    place = Index(inner, line) * number + at + k * self.lanes
                    (Cells(inner, target, self.source) + place).store(value, mask)
            if mask is None:
                for row in range(self.reads, self.reads + self.tall):
                    for byte in range(0, registers * self.lanes * self.source.size, 64):
                        inner.prefetch((cells(row, at) + byte // self.source.size).pointer)

        wide = 2 if stage.network.cost(stage.outputs) <= SMALL else 1
        ahead = Cells(inner, target, self.source).until_aligned(self.lanes)
        sweep(inner, Index(inner, count), self.lanes, wide, body, ahead)
        if self.careful:
            with inner.builder.if_then(_any(doubt.get())):
                inner.builder.store(I64(1), flag)
        inner.builder.ret_void()
        return inner.function

    def _doubt_down(self, place: Index, column: Index, count: Index) -> None:
        """Fill lines with NaN where a window's column holds one, and with 0 elsewhere."""
        w = self.w
        with w.loop(0, self.tall) as window:
            target = self.doubts + (self.a.line * window + place)

            def body(at: Index, registers: int, mask: Any, window: Any = window) -> None:
                zeros = Lanes.all(w, 0, self.source, self.lanes)
                total = Held(zeros)
                with w.loop(window, window + self.rows) as row:
                    cells = Cells.at(w.word(self.table, row), self.source) + (column + at)
                    value = cells.load(self.lanes, mask)
                    total.set(_infected(total.get(), value))
                (target + at).store(total.get(), mask)

            sweep(w, count, self.lanes, 1, body)

    # across ------------------------------------------------------------------------------

    def _merge(self, size: Index) -> None:
        w, a = self.w, self.a
        for stage, function in zip(self.program.across, self.steps, strict=True):
            source, target = (self.lines + a.line * n for n in (stage.source, stage.target))
            count = size + a.step * (self.columns - stage.columns)
            values = [one.value for one in (source, target, count, a.line, a.step)]
            w.builder.call(function, values)

    def _last(self, row: Index, start: Index, size: Index, top: Index) -> None:
        """Store the medians of one window of the program, or of all."""
        w, a, stage = self.w, self.a, self.program.last
        lines = self.lines + a.line * row * self.program.apart
        rows = [
            Cells.at(a.result + (top + row + number) * a.result_stride, self.result) + start
            for number in range(len(stage.outputs))
        ]
        streams = self.streams and len(rows) == 1

        def put(values: list[Lanes], here: Index, mask: Any) -> None:
            for number, value in enumerate(values):
                if self.careful:
                    doubts = self.doubts + (a.line * (row + number) + here)
                    value = self._doubted(value, doubts)
                cells = rows[number] + here
                if streams and mask is None:
                    cells.stream(_as(value, self.result))
                else:
                    cells.store(_as(value, self.result), mask)

        def body(at: Index, registers: int, mask: Any) -> None:
            for k in range(registers):
                here = at + k * self.lanes
                put(_network(w, stage, lines, a.line, a.step, here, self.lanes), here, mask)

        ahead = rows[0].until_aligned(self.lanes) if streams else None
        if self.slides:
            self._slide(lines, size, put, body, ahead or w.index(0))
            return
        wide = 2 if stage.network.cost(stage.outputs) <= SMALL else 1
        sweep(w, size, self.lanes, wide, body, ahead)

    def _slide(self, lines: Cells, size: Index, put: Any, body: Any, ahead: Index) -> None:
        """Go along lines with what was loaded last at hand, and make shifts out of registers."""
        w, stage, lanes = self.w, self.program.last, self.lanes
        at = w.variable(w.index(0))
        with w.when(ahead > 0):
            body(at.get(), 1, first(w, ahead.least(size), lanes))
            at.set(ahead)
        places = [lines + self.a.line * number for number in range(self.program.apart)]
        held = [Held((place + at.get()).load(lanes)) for place in places]
        for registers in (2, 1):
            with w.forever() as after:
                w.leave(after, at.get() > size - registers * lanes)
                for k in range(registers):
                    here = at.get() + k * lanes
                    ahead_of = [(place + (here + lanes)).load(lanes) for place in places]
                    now = [one.get() for one in held]

                    def load(
                        number: int, shift: int, now: Any = now, later: Any = ahead_of
                    ) -> Lanes:
                        return now[number].followed(later[number], shift * self.slides)

                    values = stage.network.values(stage.outputs, load, Lanes.least, Lanes.most)
                    put(values, here, None)
                    for one, value in zip(held, ahead_of, strict=True):
                        one.set(value)
                at.set(at.get() + registers * lanes)
        with w.when(at.get() < size):
            body(at.get(), 1, first(w, size - at.get(), lanes))

    def _doubted(self, value: Lanes, doubts: Cells) -> Lanes:
        """Return NaN where a column of the window holds it."""
        w = self.w
        result = Held(value)
        with w.builder.if_then(w.word(self.flag, 0) > 0, likely=False):
            with w.loop(0, self.columns) as column:
                held = (doubts + column * self.a.step).load(self.lanes)
                result.set(_infected(result.get(), held))
        return result.get()


def _inner(w: Writer, name: str, kind: Any) -> Writer:
    """Return a writer of a function that the step calls."""
    inner = Writer(w.module, f"{w.function.name}_{name}", kind, w.target)
    inner.function.linkage = "internal"
    inner.function.attributes.add("noinline")
    return inner


def _across_function(w: Writer, stage: Stage, kind: Kind) -> Any:
    """Write ``across(source, target, count, line, step)``: lines into lines; return it."""
    name = f"across_{stage.columns}_{len(stage.outputs)}"
    known = w.module.globals.get(f"{w.function.name}_{name}")
    if known is not None:
        return known
    inner = _inner(w, name, ACROSS)
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


def _with_doubt(doubt: Lanes, seen: list[Lanes]) -> Lanes:
    """Return lanes that are not 0 where one of some values, or an earlier one, was NaN."""
    w, builder = doubt.w, doubt.w.builder
    for first, second in zip(seen[::2], [*seen[1::2], seen[-1]], strict=False):
        odd = builder.fcmp_unordered("uno", first.value, second.value)
        doubt = Lanes(w, builder.or_(doubt.value, odd), S32)
    return doubt


def _any(lanes: Lanes) -> Any:
    """Return whether a lane is not 0."""
    builder = lanes.w.builder
    bits = ir.IntType(lanes.count)
    return builder.icmp_unsigned("!=", builder.bitcast(lanes.value, bits), bits(0))


def _infected(value: Lanes, other: Lanes) -> Lanes:
    """Return NaN where the other is NaN, and the value elsewhere."""
    builder = value.w.builder
    odd = builder.fcmp_unordered("uno", other.value, other.value)
    nan = Lanes.all(value.w, float("nan"), value.kind, value.count)
    return Lanes(value.w, builder.select(odd, nan.value, value.value), value.kind)


def _as(value: Lanes, kind: Kind) -> Lanes:
    """Return the result; float32 shows not all of int32, float64 does."""
    return (value.to(F64) if value.kind == F32 and kind == S32 else value).rounded(kind)
