"""Sums over rectangles: the pass that fills lines with sums of columns, then adds along them.

A block is a band of rows. Of it a chunk of columns is done from its first row to its last, since
the sums of one row are made from those before.
"""

from __future__ import annotations

from typing import Any, Literal

from striate.ops.codegen import Index, Writer, template
from striate.ops.images.box_across import WIDE, Load, across_staged, scan, scanned, window
from striate.ops.images.box_down import (
    carry_function,
    put_word,
    running_function,
    singles_function,
    suffix_function,
    sums_function,
)
from striate.ops.images.box_endings import U32, U64, Ending, Quotient
from striate.ops.images.box_stages import STAGE_WORDS
from striate.ops.images.kinds import KINDS, Cells, sweep

__all__ = ["Way", "box"]

Way = Literal["unrolled", "staged", "scanned"]
SUMS = {**KINDS, "uint32": U32, "uint64": U64}


@template(
    "image",
    "image_stride",
    "result",
    "result_stride",
    "rows",
    "halo",
    "fill",
    "outside",
    "divisor",
    "height",
    "width",
    "step",
    "down",
    "down_stages",
    "down_count",
    "warm",
    "grid",
    "block_at",
    "across",
    "across_stages",
    "across_count",
    "lead",
    "left",
    "right",
    "chunk",
    "line",
    "band",
    "wraps",
    "lines_at",
    "kept_at",
    "totals_at",
)
def box(
    w: Writer,
    a: Any,
    *,
    source: str,
    sums: str,
    totals: str,
    result: str,
    tall: int,
    unrolled: tuple[int, int],
    way: Way,
    step: int,
    ending: Ending,
    streams: bool,
) -> None:
    """Write the step: a block is `band` rows of the result.

    Columns are added up as `sums`, rectangles as `totals`. Running sums of integers are made
    `tall` rows at a time, staged ones of floats one at a time. `unrolled` are rows and columns
    where they are known here, else 0; `step` is that of a scan where it is known, else 0.
    """
    walk = _Walk(w, a, (source, sums, totals, result), (tall, *unrolled, step), way)
    walk.quotient = Quotient(w, ending, a.divisor, walk.result, walk.lanes)
    walk.streams = streams
    walk.write()


class _Walk:
    """The loops over chunks and rows."""

    quotient: Quotient
    streams: bool

    def __init__(
        self,
        w: Writer,
        a: Any,
        kinds: tuple[str, str, str, str],
        shape: tuple[int, int, int, int],
        way: Way,
    ) -> None:
        self.w, self.a, self.way = w, a, way
        self.source, self.sums, self.all, self.result = (SUMS[name] for name in kinds)
        self.tall, down, self.across, self.step = shape
        self.lanes = self.all.lanes(w)
        scratch = w.scratch.word
        self.table = w.scratch.value
        self.lines = Cells.at(scratch + a.lines_at, self.sums)
        self.kept = Cells.at(scratch + a.kept_at, self.sums)
        self.totals = Cells.at(scratch + a.totals_at, self.all)
        self.last = a.height + (a.down - 2)  # row of the padded image
        self.singles = singles_function(w, self.source, self.sums, down)
        if self.sums.floating:
            self.joined = None if down else sums_function(w, self.source, self.sums)
            if not down:
                self.suffix = suffix_function(w, self.source, self.sums)
                self.carry = carry_function(w, self.source, self.sums)
        else:
            self.running = running_function(w, self.source, self.sums, self.tall)

    def write(self) -> None:
        w, a = self.w, self.a
        self.top = w.begin * a.band
        bottom = (w.end * a.band).least(a.height)
        chunks = (a.width + (a.chunk - 1)) // a.chunk
        with w.loop(0, chunks) as chunk:
            self.start = chunk * a.chunk
            self.size = a.chunk.least(a.width - self.start)
            self.before = self.start - a.lead
            if not self.sums.floating:
                self._begin()
            with w.loop(self.top - a.warm, bottom, self.tall) as row:
                self._down(row)
                with w.when(row >= self.top):
                    self._beyond()
                    with w.loop(0, (bottom - row).least(self.tall)) as late:
                        self._across(late, row + late)

    # down --------------------------------------------------------------------------------

    def _address(self, row: Index) -> Index:
        """Return where a row of the padded image begins."""
        w, a = self.w, self.a
        shown = w.word(w.pointer(a.rows), row)
        return w.choose(shown < 0, a.fill, a.image + shown * a.image_stride)

    def _parts(self, fill: Any) -> None:
        """Write ``fill(place, column, count)`` for the parts of a row that a line shows."""
        w, a = self.w, self.a
        first = w.choose(self.before < 0, 0, self.before)
        last = (self.start + self.size + a.right).least(a.width)
        fill(first - self.before, first, last - first)
        with w.when(a.wraps > 0):
            with w.when(self.start.equals(0)):
                fill(a.lead - a.left, a.width - a.left, a.left)
            with w.when((self.start + self.size).equals(a.width)):
                fill(a.width - self.before, w.index(0), a.right)

    def _begin(self) -> None:
        """Fill the last line with the sums of the window above the first."""
        w, a = self.w, self.a
        with w.loop(0, a.down) as entry:
            put_word(w, self.table, entry, self._address(self._above(self.top + entry)))
        put_word(w, self.table, a.down, self._address(self.last.least(self.top + a.down)))
        target = self.lines + a.line * (self.tall - 1)

        self._parts(self._call_singles(a.down, target.word))

    def _above(self, row: Index) -> Index:
        """Return the row above; above the first it may be any that is always the same."""
        return self.w.choose(row > 0, row - 1, 0)

    def _down(self, row: Index) -> None:
        if self.sums.floating:
            self._staged(row)
        else:
            self._run(row)

    def _run(self, row: Index) -> None:
        w, a = self.w, self.a
        for late in range(self.tall):
            left = self._above(row + late).least(self.last)
            come = (row + (a.down + (late - 1))).least(self.last)
            put_word(w, self.table, 2 * late, self._address(left))
            put_word(w, self.table, 2 * late + 1, self._address(come))
            ahead = (row + (a.down + (late + self.tall - 1))).least(self.last)
            put_word(w, self.table, 2 * self.tall + late, self._address(ahead))

        self._parts(self._call(self.running, self.lines.word, a.line))

    def _staged(self, row: Index) -> None:
        """Make those stages' sums of a row that the rows from the top on need.

        A stage makes the newest sums that the image's rows so far allow.
        """
        w, a = self.w, self.a
        if self.joined is None:
            self._single_stage(row)
            return
        stages = w.pointer(a.down_stages)
        with w.loop(0, a.down_count) as number:
            part, sums, single, size, kept, ahead = (
                w.word(stages, number * STAGE_WORDS + place) for place in range(STAGE_WORDS)
            )
            made = row + a.down - size
            late = made - self.top
            with w.when(late >= 0):
                slot = late % w.choose(kept > 0, kept, 1)
                line = self.kept + (ahead + slot) * a.line
                final = kept.equals(0)
                target = w.choose(final, self.lines.word, line.word)
                with w.builder.if_else(sums.equals(0)) as (first, later):
                    with first:
                        self._blocks(made, late, single, target)
                    with later:
                        self._sums_from(number, late, part, sums)
                        self._rows_from(sums, made + part * sums, single)
                        self._parts(self._call(self.joined, sums, single, target))

    def _blocks(self, made: Index, late: Index, size: Index, target: Index) -> None:
        """Make the sums of the first stage's window at a row (van Herk, 1992).

        The image is cut into blocks as tall as the window, which holds the end of one and the
        beginning of the next: sums of ends are made at once, sums of beginnings row by row.
        """
        w, a = self.w, self.a
        phase = (made + a.grid) % size
        block = self.kept + a.block_at * a.line
        clear = block + a.line * size
        with w.when(w.builder.or_(phase.equals(0), late.equals(0))):
            with w.loop(phase, size) as place:
                entry = (size - place - 1) * 2
                put_word(w, self.table, entry, self._address(made - phase + place))
                ends = w.choose(place.equals(0), target, (block + a.line * place).word)
                put_word(w, self.table, entry + 1, ends)
            self._parts(self._call(self.suffix, size - phase, clear.word))
            with w.when(phase > 1):
                self._rows_from(w.index(0), made - phase + size, phase)
                self._parts(self._call_singles(phase - 1, clear.word))
        with w.when(phase > 0):
            come = made + size
            put_word(w, self.table, 0, self._address(come - 1))
            put_word(w, self.table, 1, clear.word)
            put_word(w, self.table, 2, (block + a.line * phase).word)
            put_word(w, self.table, 3, self._address(come.least(self.last)))
            self._parts(self._call(self.carry, target))

    def _call(self, function: Any, *first: Index) -> Any:
        def fill(place: Index, column: Index, count: Index) -> None:
            values = (*first, place, column, count)
            self.w.builder.call(function, [self.table, *(value.value for value in values)])

        return fill

    def _single_stage(self, row: Index) -> None:
        w, a = self.w, self.a
        self._rows_from(w.index(0), row, a.down)
        put_word(w, self.table, a.down, self._address((row + a.down).least(self.last)))
        self._parts(self._call_singles(a.down, self.lines.word))

    def _rows_from(self, entry: Index, row: Index, count: Index) -> None:
        """Write addresses of rows of the padded image into the table."""
        with self.w.loop(0, count) as late:
            put_word(self.w, self.table, entry + late, self._address(row + late))

    def _sums_from(self, stage: Index, late: Index, part: Index, sums: Index) -> None:
        """Write addresses of the sums before into the table, `part` rows apart."""
        w = self.w
        stages = w.pointer(self.a.down_stages)
        kept, ahead = (w.word(stages, (stage - 1) * STAGE_WORDS + place) for place in (4, 5))
        slot = w.variable(late % kept)
        with w.loop(0, sums) as entry:
            line = self.kept + (ahead + slot.get()) * self.a.line
            put_word(w, self.table, entry, line.word)
            after = slot.get() + part
            slot.set(w.choose(after >= kept, after - kept, after))

    def _call_singles(self, rows: Index, target: Index) -> Any:
        def fill(place: Index, column: Index, count: Index) -> None:
            there = target + place * self.sums.size
            values = (rows, there, column, count)
            self.w.builder.call(self.singles, [self.table, *(value.value for value in values)])

        return fill

    # across ------------------------------------------------------------------------------

    def _beyond(self) -> None:
        """Fill what lies left and right of the image from the lines themselves."""
        w, a = self.w, self.a
        with w.when_not(a.wraps > 0):
            with w.when(self.start.equals(0)):
                self._copies(w.index(0), a.left, a.lead - a.left)
            with w.when((self.start + self.size).equals(a.width)):
                self._copies(a.left, a.right, a.width - self.before)

    def _copies(self, entry: Index, count: Index, place: Index) -> None:
        w, a = self.w, self.a
        outside = Cells.at(a.outside, self.sums).scalar()
        with w.loop(0, count) as at:
            shown = w.word(w.pointer(a.halo), entry + at)
            inside = w.choose(shown < 0, 0, shown - self.before)
            for late in range(self.tall):
                line = self.lines + a.line * late
                value = w.builder.select(shown < 0, outside, (line + inside).scalar())
                (line + (place + at)).put(value)

    def _across(self, late: Index, row: Index) -> None:
        """Store one row's chunk of the result."""
        w, a = self.w, self.a
        line = self.lines + a.line * late + (a.lead - a.left)
        load = self._loads(line)
        target = Cells.at(a.result + row * a.result_stride, self.result) + self.start

        def body(at: Index, registers: int, mask: Any) -> None:
            for place, total in enumerate(load(at, registers)):
                cells, value = target + at + place * self.lanes, self.quotient.of(total)
                if self.streams and mask is None:
                    cells.stream(value)
                else:
                    cells.store(value, mask)

        ahead = target.until_aligned(self.lanes) if self.streams else None
        sweep(w, self.size, self.lanes, WIDE, body, ahead)

    def _loads(self, line: Cells) -> Load:
        """Make what totals are loaded from, and return what loads them."""
        w, a = self.w, self.a
        if self.way == "unrolled":
            return window(w, line, a.step, self.across)
        if self.way == "staged":
            counts = (a.across_count, self.size)
            return across_staged(w, line, self.totals, a.step, a.across_stages, counts)
        step = self.step or a.step
        extent = self.size + (a.across - 1) * a.step
        scan(w, line, self.totals, step, extent)
        return scanned(w, self.totals, a.across * a.step)
