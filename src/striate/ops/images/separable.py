"""Passes down and across in one: sums over products of a column and a row of weights.

A few rows of the result are made at a time, and of them a chunk that the first cache holds: the
weighted sums of the image's rows, laid out with what lies beyond the border, then the weighted
sums of their shifts. So each pixel is read from memory once and written once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from striate.ops.codegen import Index, Writer, template
from striate.ops.codegen.values import ADDRESS, I64, VOID, ir
from striate.ops.images.endings import ENDINGS
from striate.ops.images.kinds import F64, KINDS, Cells, Held, Kind, Lanes, sweep

__all__ = ["WIDE", "separable"]

WIDE = 4  # registers across
DOWN = ir.FunctionType(VOID, [ADDRESS, ADDRESS, I64, I64, I64, ADDRESS, I64])


@template(
    "image",
    "image_stride",
    "result",
    "result_stride",
    "rows",
    "halo",
    "fill",
    "outside",
    "down",
    "down_taps",
    "across",
    "across_taps",
    "scale",
    "height",
    "width",
    "step",
    "left",
    "right",
    "chunk",
    "line",
    "by_columns",
    "wraps",
)
def separable(
    w: Writer,
    a: Any,
    *,
    source: str,
    sums: str,
    result: str,
    pairs: int,
    tall: int,
    down_taps: int,
    across_taps: int,
    ending: str,
    scaled: bool,
    streams: bool,
) -> None:
    """Write the step: a block is `tall` rows of the result.

    `pairs` kernels, each a column and a row, are summed side by side. With `down_taps` or
    `across_taps` of 0 there may be any number, at least `tall` of them down; otherwise they are
    unrolled. Lines hold `line` numbers: a chunk with its halo.
    """
    kinds = [KINDS[name] for name in (source, sums, result)]
    walk = _Walk(w, a, kinds, (pairs, tall, across_taps), ending, (scaled, streams))
    walk.down = _down_function(w, kinds[0], kinds[1], pairs, tall, down_taps)
    walk.write()


class _Walk:
    """The loops over blocks and chunks."""

    down: Any

    def __init__(
        self,
        w: Writer,
        a: Any,
        kinds: Sequence[Kind],
        shape: tuple[int, int, int],
        ending: str,
        flags: tuple[bool, bool],
    ) -> None:
        self.w, self.a = w, a
        scaled, self.streams = flags
        self.source, self.sums, self.result = kinds
        self.pairs, self.tall, self.across_taps = shape
        self.ending = ENDINGS[ending]
        self.lanes = self.sums.lanes(w)
        table = (a.down_taps + (2 * self.tall + 7)) // 8 * 16  # addresses, in lines of float32
        self.table = w.scratch
        self.lines = Cells(w, (w.scratch + table).value, self.sums)
        across = Cells.at(a.across, self.sums)
        taps = range(self.across_taps)
        self.weights = [
            [(across + (pair * len(taps) + tap)).broadcast(self.lanes) for tap in taps]
            for pair in range(self.pairs)
        ]
        kind = self.sums if self.sums == F64 else KINDS["float32"]
        self.scale = Cells.at(a.scale, kind).broadcast(self.lanes) if scaled else None

    def write(self) -> None:
        w, a = self.w, self.a
        chunks = (a.width + (a.chunk - 1)) // a.chunk
        groups = w.end - w.begin
        with w.loop(0, groups * chunks) as turn:
            along = w.builder.icmp_signed("!=", a.by_columns.value, I64(0))
            group = w.choose(along, turn % groups, turn // chunks)
            chunk = w.choose(along, turn // groups, turn % chunks)
            top = ((w.begin + group) * self.tall).least(a.height - self.tall)
            self._rows(top)
            start = chunk * a.chunk
            size = a.chunk.least(a.width - start)
            self._lines(start, size)
            with w.loop(0, self.tall) as row:
                self._across(row, start, size, top)

    def _rows(self, top: Index) -> None:
        """Write down where the rows begin that the windows see."""
        w, a = self.w, self.a
        map_of_rows = w.pointer(a.rows)
        last = a.height + (a.down_taps - 2)
        with w.loop(0, a.down_taps + (2 * self.tall - 1)) as place:
            row = w.word(map_of_rows, (top + place).least(last))
            address = w.choose(row < 0, a.fill, a.image + row * a.image_stride)
            w.builder.store(
                address.value,
                w.builder.gep(self.table.value, [place.value], source_etype=I64),
            )

    def _lines(self, start: Index, size: Index) -> None:
        """Fill the lines: the chunk with what lies left and right of it."""
        w, a = self.w, self.a
        before = start - a.left
        first = w.choose(before < 0, 0, before)
        last = (start + size + a.right).least(a.width)
        self._call_down(first - before, first, last - first)
        with w.when(before < 0):
            self._beyond((w.index(0), w.index(0), a.left), before, a.width - a.left)
        with w.when((start + size).equals(a.width)):
            self._beyond((a.width - before, a.left, a.right), before, w.index(0))

    def _call_down(self, place: Index, column: Index, count: Index) -> None:
        a = self.a
        target = self.lines + place
        values = (self.table.value, target.value, column.value, count.value, a.line.value)
        weights = self.w.pointer(a.down).value
        self.w.builder.call(self.down, [*values, weights, a.down_taps.value])

    def _beyond(self, part: tuple[Index, Index, Index], before: Index, far: Index) -> None:
        """Fill a part of the halo: from the line itself, or from the row's other end.

        `part` is its place in the line, its entry in the table and how many numbers it holds.
        """
        w, a = self.w, self.a
        place, entry, count = part
        with w.builder.if_else(a.wraps > 0) as (wrapped, repeated):
            with wrapped:
                self._call_down(place, far, count)
            with repeated, w.loop(0, count) as at:
                shown = w.word(w.pointer(a.halo), entry + at)
                inside = w.choose(shown < 0, 0, shown - before)
                for number in range(self.pairs * self.tall):
                    line = self.lines + a.line * number
                    outside = (Cells.at(a.outside, self.sums) + number // self.tall).scalar()
                    value = w.builder.select(shown < 0, outside, (line + inside).scalar())
                    (line + (place + at)).put(value)

    def _across(self, row: Index, start: Index, size: Index, top: Index) -> None:
        """Store one row's chunk of the result."""
        w, a = self.w, self.a
        lines = [self.lines + a.line * (row + self.tall * pair) for pair in range(self.pairs)]
        target = Cells.at(a.result + (top + row) * a.result_stride, self.result) + start

        def body(at: Index, registers: int, mask: Any) -> None:
            sums = [self._sums(line + at, pair, registers) for pair, line in enumerate(lines)]
            for place, one in enumerate(zip(*sums, strict=True)):
                value = self.ending(one, self.scale).rounded(self.result)
                cells = target + at + place * self.lanes
                if self.streams and mask is None:
                    cells.stream(value)
                else:
                    cells.store(value, mask)

        ahead = target.until_aligned(self.lanes) if self.streams else None
        sweep(w, size, self.lanes, WIDE, body, ahead)

    def _sums(self, line: Cells, pair: int, registers: int) -> list[Lanes]:
        """Return the weighted sums of a line's shifts."""
        w, a = self.w, self.a
        if self.across_taps:
            weights = self.weights[pair]
            return unrolled(
                [line + a.step * tap for tap in range(self.across_taps)],
                weights,
                registers,
                self.lanes,
            )
        weights = Cells.at(a.across, self.sums) + a.across_taps * pair

        def products(tap: Index | int) -> tuple[Lanes, list[Lanes]]:
            place = line + a.step * tap
            values = [(place + k * self.lanes).load(self.lanes) for k in range(registers)]
            return (weights + tap).broadcast(self.lanes), values

        weight, values = products(0)
        totals = [Held(value * weight) for value in values]
        with w.loop(1, a.across_taps) as tap:
            weight, values = products(tap)
            for total, value in zip(totals, values, strict=True):
                total.set(value.multiply_add(weight, total.get()))
        return [total.get() for total in totals]


def unrolled(
    places: Sequence[Cells], weights: Sequence[Lanes], registers: int, lanes: int
) -> list[Lanes]:
    """Return the weighted sums of what lies at some places."""
    totals: list[Lanes] = []
    for place, weight in zip(places, weights, strict=True):
        values = [(place + k * lanes).load(lanes) for k in range(registers)]
        if totals:
            totals = [v.multiply_add(weight, t) for v, t in zip(values, totals, strict=True)]
        else:
            totals = [value * weight for value in values]
    return totals


def _down_function(w: Writer, source: Kind, sums: Kind, pairs: int, tall: int, taps: int) -> Any:
    """Write ``down(table, lines, column, count, line, weights, taps)`` and return it.

    It fills `count` numbers of `tall` lines for each pair with weighted sums of the image's rows,
    from a column of theirs on.
    """
    inner = Writer(w.module, f"{w.function.name}_down", DOWN, w.target)
    inner.function.linkage = "internal"
    inner.function.attributes.add("noinline")
    table, target, column, count, line, weights, some = inner.function.args
    down = _Down(inner, source, sums, pairs, tall, taps)
    down.table, down.column = table, Index(inner, column)
    down.lines, down.line = Cells(inner, target, sums), Index(inner, line)
    down.weights, down.some = Cells(inner, weights, sums), Index(inner, some)
    wide = max(1, min(4, 16 // (pairs * tall)))
    body: Callable[[Index, int, Any], None] = down.unrolled if taps else down.looped
    if taps:
        down.load_weights()
    sweep(inner, Index(inner, count), down.lanes, wide, body)
    inner.builder.ret_void()
    return inner.function


class _Down:
    """The weighted sums of rows, `tall` rows of results at a time: each row is loaded once."""

    table: Any
    column: Index
    lines: Cells
    line: Index
    weights: Cells
    some: Index

    def __init__(
        self, w: Writer, source: Kind, sums: Kind, pairs: int, tall: int, taps: int
    ) -> None:
        self.w, self.source, self.sums = w, source, sums
        self.pairs, self.tall, self.taps = pairs, tall, taps
        self.lanes = sums.lanes(w)
        self.known: list[list[Lanes]] = []

    def load_weights(self) -> None:
        self.known = [
            [
                (self.weights + (pair * self.taps + t)).broadcast(self.lanes)
                for t in range(self.taps)
            ]
            for pair in range(self.pairs)
        ]

    def _cells(self, place: Index | int, at: Index) -> Cells:
        """Return where a row of the image goes on."""
        where = self.w.integer(place)
        entry = self.w.builder.gep(self.table, [where], source_etype=I64)
        address = Index(self.w, self.w.builder.load(entry, typ=I64))
        return Cells.at(address, self.source) + (self.column + at)

    def _row(self, place: Index | int, at: Index, registers: int, mask: Any) -> list[Lanes]:
        """Return some numbers of a row of the image, as the sums' kind."""
        cells = self._cells(place, at)
        return [
            (cells + k * self.lanes).load(self.lanes, mask).to(self.sums) for k in range(registers)
        ]

    def _prefetch(self, at: Index, registers: int) -> None:
        """Fetch what the next rows of results will be made of."""
        rows = self.some + (self.tall - 1)
        for row in range(self.tall):
            cells = self._cells(rows + row, at)
            for byte in range(0, registers * self.lanes * self.source.size, 64):
                self.w.prefetch((cells + byte // self.source.size).pointer)

    def _store(self, totals: Any, at: Index, mask: Any) -> None:
        for pair in range(self.pairs):
            for row in range(self.tall):
                line = self.lines + self.line * (pair * self.tall + row) + at
                for k, value in enumerate(totals[pair][row]):
                    (line + k * self.lanes).store(value, mask)

    def unrolled(self, at: Index, registers: int, mask: Any) -> None:
        """Write the sums of a known number of rows."""
        totals: list[list[list[Lanes]]] = [
            [[] for _ in range(self.tall)] for _ in range(self.pairs)
        ]
        for place in range(self.taps + self.tall - 1):
            values = self._row(place, at, registers, mask)
            for pair in range(self.pairs):
                for row in range(self.tall):
                    if 0 <= place - row < self.taps:
                        weight = self.known[pair][place - row]
                        totals[pair][row] = _plus(totals[pair][row], values, weight)
        self._store(totals, at, mask)
        if mask is None:
            self._prefetch(at, registers)

    def looped(self, at: Index, registers: int, mask: Any) -> None:
        """Write the sums of any number of rows, of at least `tall`."""
        w, tall = self.w, self.tall
        totals: list[list[list[Lanes]]] = [[[] for _ in range(tall)] for _ in range(self.pairs)]

        def add_row(place: Index | int, rows: Sequence[int]) -> None:
            values = self._row(place, at, registers, mask)
            for pair in range(self.pairs):
                for row in rows:
                    tap = place - row if isinstance(place, Index) else w.index(place - row)
                    cell = self.weights + (self.some * pair + tap)
                    weight = cell.broadcast(self.lanes)
                    totals[pair][row] = _plus(totals[pair][row], values, weight)

        for early in range(tall - 1):
            add_row(early, range(early + 1))
        add_row(tall - 1, range(tall))
        places = [[[Held(v) for v in row] for row in pair] for pair in totals]
        with w.loop(tall, self.some) as place:
            totals = self._now(places)
            add_row(place, range(tall))
            for pair, rows in zip(places, totals, strict=True):
                for row, values in zip(pair, rows, strict=True):
                    for variable, value in zip(row, values, strict=True):
                        variable.set(value)
        totals = self._now(places)
        for late in range(tall - 1):
            add_row(self.some + late, range(late + 1, tall))
        self._store(totals, at, mask)
        if mask is None:
            self._prefetch(at, registers)

    def _now(self, places: Any) -> list[list[list[Lanes]]]:
        return [[[held.get() for held in row] for row in pair] for pair in places]


def _plus(totals: list[Lanes], values: list[Lanes], weight: Lanes) -> list[Lanes]:
    if not totals:
        return [value * weight for value in values]
    return [v.multiply_add(weight, t) for v, t in zip(values, totals, strict=True)]
