"""Sums over any matrix of weights, blocked so that each register that is loaded serves many.

A tile of the result is a band of rows and a chunk of columns. It is made from top to bottom, some
rows and registers of the result at a time, which stay in the processor until they are done: a
register of the image belongs to the windows of several rows, so it is loaded once for all of
them. What the windows see lies in a ring of lines, converted once; where it needs no conversion
and lies within the image, it is read from there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from striate.ops.codegen import Index, Writer, template
from striate.ops.codegen.values import I64
from striate.ops.images.careful import Again, doubtful_again
from striate.ops.images.cells import Cells, sweep
from striate.ops.images.dense_sums import Block, Looped, Unrolled, Windows
from striate.ops.images.kinds import F32, F64, KINDS, Kind, Lanes

__all__ = ["MARGIN", "dense"]

PIECE = 64  # bytes that one prefetch brings
MARGIN = 64  # numbers of a row that registers may read beyond those that windows see


@template(
    "image",
    "image_stride",
    "result",
    "result_stride",
    "rows",
    "halo",
    "fill",
    "starts",
    "chunks",
    "weights",
    "down_taps",
    "across_taps",
    "exact",
    "sure",
    "scale",
    "height",
    "width",
    "step",
    "left",
    "right",
    "line",
    "band",
)
def dense(
    w: Writer,
    a: Any,
    *,
    source: str,
    sums: str,
    result: str,
    block: tuple[int, int],
    taps: tuple[int, int],
    skipped: tuple[bool, ...],
    careful: bool,
    scaled: bool,
    streams: bool,
) -> None:
    """Write the step: a block is a tile, `band` rows of one chunk of columns.

    `block` is how many rows and registers of results are made at a time; `band` is a multiple of
    those rows. With `taps` of (0, 0) the matrix may have any size, at least as many rows as a
    block; otherwise loops over it are unrolled, and those weights are left out that `skipped`
    names. With `careful`, sums too close to the middle between two whole numbers are computed
    again.
    """
    kinds = [KINDS[name] for name in (source, sums, result)]
    walk = _Tiles(w, a, kinds, block, (taps[0] > 0, careful, scaled, streams))
    windows = Windows(w, a, walk.line, kinds[1], block[0])
    walk.sums = Unrolled(windows, taps, skipped) if taps[0] else Looped(windows)
    walk.write()


class _Tiles:
    """The loops over tiles, and over the blocks of a tile."""

    sums: Unrolled | Looped

    def __init__(
        self,
        w: Writer,
        a: Any,
        kinds: Sequence[Kind],
        block: tuple[int, int],
        flags: tuple[bool, bool, bool, bool],
    ) -> None:
        self.w, self.a = w, a
        self.source, self.kind, self.result = kinds
        self.tall, self.wide = block
        unrolled, self.careful, scaled, self.streams = flags
        self.lanes = self.kind.lanes(w)
        self.ring = a.down_taps + (self.tall - 1)
        # Scratch: addresses of the lines of a block, sums that are doubted, the ring of lines.
        self.table = w.scratch
        places = a.down_taps + 2 * self.tall
        self.doubted = Cells(w, (w.scratch + (places + 15) // 16 * 32).value, F32)
        doubted = self.tall * self.wide * self.lanes if self.careful else 0
        self.lines = Cells(w, (self.doubted + doubted).value, self.kind)
        factor = F64 if self.kind == F64 else F32
        self.scale = Cells.at(a.scale, factor).broadcast(self.lanes) if scaled else None
        if self.careful:
            self.sure = Cells.at(a.sure, F32).broadcast(self.lanes)
            self.again = Again(w, a, self.kind, by_lines=not unrolled)

    def write(self) -> None:
        w, a = self.w, self.a
        with w.loop(w.begin, w.end) as tile:
            chunk = tile % a.chunks
            start = w.word(w.pointer(a.starts), chunk)
            stop = w.word(w.pointer(a.starts), chunk + 1)
            top = tile // a.chunks * a.band
            rows = a.band.least(a.height - top)
            inside = w.builder.and_(start >= a.left, stop + (a.right + MARGIN) <= a.width)
            done = w.variable(w.index(0))
            with w.loop(0, rows, self.tall) as row:
                first = (top + row).least(a.height - self.tall)
                self._coming(first, start)
                if self.source == self.kind:
                    with w.builder.if_else(inside) as (seen, copied):
                        with seen:
                            self._point(first, start)
                        with copied:
                            self._convert(first, done.get(), start, stop)
                else:
                    self._convert(first, done.get(), start, stop)
                done.set(first + self.ring)
                self._blocks(first, start, stop)

    # what the windows see ------------------------------------------------------------------

    def _row(self, place: Index) -> Cells:
        """Return where the image's row begins that a row of the padded image shows."""
        w, a = self.w, self.a
        row = w.word(w.pointer(a.rows), place.least(a.height + a.down_taps - 2))
        return Cells.at(w.choose(row < 0, a.fill, a.image + row * a.image_stride), self.source)

    def _enter(self, place: Index, cells: Cells) -> None:
        entry = self.w.builder.gep(self.table.value, [place.value], source_etype=I64)
        self.w.builder.store(cells.word.value, entry)

    def _entry(self, place: Index | int) -> Index:
        where = [self.w.integer(place)]
        entry = self.w.builder.gep(self.table.value, where, source_etype=I64)
        return Index(self.w, self.w.builder.load(entry, typ=I64))

    def line(self, place: Index | int, at: Index) -> Cells:
        """Return where a line of the block goes on."""
        return Cells.at(self._entry(place), self.kind) + at

    def _coming(self, first: Index, start: Index) -> None:
        """Let the table name the rows that the next block will see."""
        with self.w.loop(0, self.tall) as row:
            self._enter(self.ring + row, self._row(first + self.ring + row) + start)

    def _fetch(self, at: Index, registers: int) -> None:
        """Fetch what the next block will see."""
        size = registers * self.lanes * self.source.size
        for row in range(self.tall):
            cells = Cells.at(self._entry(self.ring + row), self.source) + at
            for byte in range(0, size, PIECE):
                self.w.prefetch((cells + byte // self.source.size).pointer, level=1)

    def _point(self, first: Index, start: Index) -> None:
        """Let the table name the image's rows themselves."""
        with self.w.loop(0, self.ring) as place:
            self._enter(place, self._row(first + place) + (start - self.a.left))

    def _convert(self, first: Index, done: Index, start: Index, stop: Index) -> None:
        """Fill the ring's lines from the row `done` on, and let the table name them."""
        w = self.w
        with w.loop(0, self.ring) as place:
            shown = first + place
            line = self.lines + shown % self.ring * self.a.line
            self._enter(place, line)
            with w.when(shown >= done):
                self._fill(line, self._row(shown), start, stop)

    def _fill(self, line: Cells, row: Cells, start: Index, stop: Index) -> None:
        """Write one row into a line, with what lies left and right of the chunk."""
        w, a = self.w, self.a
        before = start - a.left
        here = w.choose(before < 0, 0, before)
        after = (stop + a.right).least(a.width)
        target, origin = line + (here - before), row + here

        def body(at: Index, registers: int, mask: Any) -> None:
            for k in range(registers):
                place = at + k * self.lanes
                values = (origin + place).load(self.lanes, mask).to(self.kind)
                (target + place).store(values, mask)

        sweep(w, after - here, self.lanes, 4, body)
        with w.when(before < 0):
            self._beyond(line, row, w.index(0), a.left)
        with w.when(stop.equals(a.width)):
            self._beyond(line + (a.width - before), row, a.left, a.right)

    def _beyond(self, target: Cells, row: Cells, entry: Index, count: Index) -> None:
        """Write what lies left or right of a row of the image."""
        w, a = self.w, self.a
        with w.loop(0, count) as at:
            shown = w.word(w.pointer(a.halo), entry + at)
            outside = shown < 0
            value = Cells.at(w.choose(outside, a.fill, row.word), self.source)
            value = value + w.choose(outside, 0, shown)
            (target + at).store(value.load(1).to(self.kind))

    # results -------------------------------------------------------------------------------

    def _blocks(self, first: Index, start: Index, stop: Index) -> None:
        """Make `tall` rows of the tile."""
        w, a = self.w, self.a
        target = Cells.at(a.result + first * a.result_stride, self.result) + start
        size = self.lanes * self.result.size
        ahead = target.until_aligned(self.lanes) if self.streams else None
        aligned = (a.result_stride % size).equals(0)

        def body(at: Index, registers: int, mask: Any) -> None:
            values = [[self._scaled(total) for total in row] for row in self.sums.of(at, registers)]
            if mask is None:
                self._fetch(at, registers)
            if self.streams and mask is None:
                with w.builder.if_else(aligned) as (past, plainly):
                    with past:
                        self._store(target + at, values, None, True)
                    with plainly:
                        self._store(target + at, values, None, False)
            else:
                self._store(target + at, values, mask, False)
            if self.careful:
                self._check(target + at, at, values, mask)

        sweep(w, stop - start, self.lanes, self.wide, body, ahead)

    def _scaled(self, total: Lanes) -> Lanes:
        return total if self.scale is None else total.to(self.scale.kind) * self.scale

    def _store(self, target: Cells, values: Block, mask: Any, past: bool) -> None:
        for row, registers in enumerate(values):
            for k, value in enumerate(registers):
                cells = self._below(target, row) + k * self.lanes
                if past:
                    cells.stream(value.rounded(self.result))
                else:
                    cells.store(value.rounded(self.result), mask)

    def _below(self, target: Cells, row: Index | int) -> Cells:
        return Cells.at(target.word + self.a.result_stride * row, self.result)

    def _check(self, target: Cells, at: Index, values: Block, mask: Any) -> None:
        """Compute again what is too close to the middle between two whole numbers."""
        lanes, registers = self.lanes, len(values[0])

        def repair(turn: Index, cell: Cells) -> None:
            row, register = turn // registers, turn % registers
            again = self.again(self.table, row, at + register * lanes, cell)
            cells = self._below(target, row) + register * lanes
            cells.store(again.rounded(self.result), mask)

        flat = [value for row in values for value in row]
        doubtful_again(flat, self.sure, self.doubted, repair)
