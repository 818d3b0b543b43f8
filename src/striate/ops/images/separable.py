"""Passes down and across in one: sums over products of a column and a row of weights.

A few rows of the result are made at a time, and of them a chunk that the first cache holds: the
weighted sums of the image's rows, laid out with what lies beyond the border, then the weighted
sums of their shifts. So each pixel is read from memory once and written once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from striate.ops.codegen import Index, Writer, template
from striate.ops.codegen.values import I64
from striate.ops.images.careful import doubtful_again
from striate.ops.images.careful_products import AgainProducts
from striate.ops.images.cells import Cells, Held, sweep
from striate.ops.images.down import down_function
from striate.ops.images.endings import ENDINGS
from striate.ops.images.kinds import F32, F64, KINDS, Kind, Lanes

__all__ = ["WIDE", "Walk", "separable"]

WIDE = 4  # registers across


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
    "exact",
    "sure",
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
    places: tuple[int, ...],
    ending: str,
    careful: bool,
    scaled: bool,
    streams: bool,
) -> None:
    """Write the step: a block is `tall` rows of the result.

    `pairs` kernels, each a column and a row, are summed side by side. With `down_taps` or
    `across_taps` of 0 there may be any number, at least `tall` of them down; otherwise they are
    unrolled. `places` are those of the taps across, in numbers from the one that is made, if it is
    to be known: then registers are loaded once and shifted, not loaded again across lines of the
    cache. Lines hold `line` numbers: a chunk with its halo. With `careful`, sums too close to
    the middle between two whole numbers are computed again.
    """
    kinds = [KINDS[name] for name in (source, sums, result)]
    walk = Walk(w, a, kinds, (pairs, tall, across_taps), ending, (scaled, streams))
    walk.places = places
    walk.down = down_function(w, kinds[0], kinds[1], pairs, tall, down_taps)
    if careful:
        walk.again = AgainProducts(w, separable.fields, kinds[0], walk.lanes, pairs)
    walk.write()


class Walk:
    """The loops over blocks and chunks."""

    down: Any
    again: AgainProducts | None = None
    places: tuple[int, ...] = ()

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
        self.first_line = self.lines = Cells(w, (w.scratch + table).value, self.sums)
        across = Cells.at(a.across, self.sums)
        taps = range(self.across_taps)
        self.weights = [
            [(across + (pair * len(taps) + tap)).broadcast(self.lanes) for tap in taps]
            for pair in range(self.pairs)
        ]
        kind = self.sums if self.sums == F64 else KINDS["float32"]
        self.scale = Cells.at(a.scale, kind).broadcast(self.lanes) if scaled else None

    def write(self) -> None:
        """Write all."""
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
            self._align(start - a.left)
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

    def _align(self, before: Index) -> None:
        """Begin lines where a register's numbers are one in the image, where it has such."""
        if self.source == self.sums:
            size, lanes = self.sums.size, self.lanes
            seen = (self.w.word(self.table, 0) // size + before) % lanes
            own = self.first_line.word // size % lanes
            self.lines = self.first_line + (seen + lanes - own) % lanes

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
            values = self.ending(list(zip(*sums, strict=True)), self.scale)
            for place, value in enumerate(values):
                cells = target + at + place * self.lanes
                if self.streams and mask is None:
                    cells.stream(value.rounded(self.result))
                else:
                    cells.store(value.rounded(self.result), mask)
            if self.again is not None:
                self._check(values, row, start + at, target + at, mask)

        ahead = target.until_aligned(self.lanes) if self.streams else None
        sweep(w, size, self.lanes, WIDE, body, ahead)

    def _check(
        self, values: Sequence[Lanes], row: Index, column: Index, target: Cells, mask: Any
    ) -> None:
        """Compute again what is too close to the middle between two whole numbers."""
        w, a, lanes, again = self.w, self.a, self.lanes, self.again
        memory = Cells(w, (self.lines + a.line * (self.pairs * self.tall)).value, F32)
        sure = Cells.at(a.sure, F32).broadcast(lanes)
        table = w.builder.gep(self.table.value, [row.value], source_etype=I64)

        def repair(turn: Index, cell: Cells) -> None:
            if again is not None:
                again(table, column + turn * lanes, cell, memory + WIDE * lanes)
            (target + turn * lanes).store(cell.load(lanes).rounded(self.result), mask)

        doubtful_again(values, sure, memory, repair)

    def _sums(self, line: Cells, pair: int, registers: int) -> list[Lanes]:
        """Return the weighted sums of a line's shifts."""
        w, a = self.w, self.a
        if self.places:
            return unrolled(self._shifted(line + a.left, registers), self.weights[pair])
        if self.across_taps:
            lines = [line + a.step * tap for tap in range(self.across_taps)]
            return unrolled((self._loaded(one, registers) for one in lines), self.weights[pair])
        weights = Cells.at(a.across, self.sums) + a.across_taps * pair

        def products(tap: Index | int) -> tuple[Lanes, list[Lanes]]:
            place = line + a.step * tap
            values = self._loaded(place, registers)
            return (weights + tap).broadcast(self.lanes), values

        weight, values = products(0)
        totals = [Held(value * weight) for value in values]
        with w.loop(1, a.across_taps) as tap:
            weight, values = products(tap)
            for total, value in zip(totals, values, strict=True):
                total.set(value.multiply_add(weight, total.get()))
        return [total.get() for total in totals]

    def _loaded(self, place: Cells, registers: int) -> list[Lanes]:
        """Return some registers that lie one after the other."""
        return [(place + k * self.lanes).load(self.lanes) for k in range(registers)]

    def _shifted(self, middle: Cells, registers: int) -> Iterator[list[Lanes]]:
        """Return what lies at each tap's place: shifts of registers that are loaded once."""
        lanes = self.lanes
        low, high = min(self.places) // lanes, -(-max(self.places) // lanes)
        loaded = self._loaded(middle + low * lanes, registers + high - low)
        for place in self.places:
            skipped, shift = divmod(place - low * lanes, lanes)
            yield [
                one.followed(loaded[skipped + k + bool(shift)], shift)
                for k, one in enumerate(loaded[skipped : skipped + registers])
            ]


def unrolled(values_of_taps: Iterable[list[Lanes]], weights: Sequence[Lanes]) -> list[Lanes]:
    """Return the weighted sums of the numbers that taps find."""
    totals: list[Lanes] = []
    for values, weight in zip(values_of_taps, weights, strict=True):
        if totals:
            totals = [v.multiply_add(weight, t) for v, t in zip(values, totals, strict=True)]
        else:
            totals = [value * weight for value in values]
    return totals
