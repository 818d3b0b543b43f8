"""Sums of a box's columns: which rows of the image and of sums make each line."""

from __future__ import annotations

from typing import Any

from striate.ops.codegen import Index, Writer
from striate.ops.images.box_down import (
    carry_function,
    put_word,
    running_function,
    singles_function,
    suffix_function,
    sums_function,
)
from striate.ops.images.box_stages import STAGE_WORDS
from striate.ops.images.kinds import Cells, Kind

__all__ = ["Columns"]


class Columns:
    """Lines of sums of columns, `tall` rows at a time, of one chunk of a row.

    Attributes
    ----------
    top : the first row of the result to do
    start, size, before : where the chunk begins, its numbers, and the number that lines begin at
    """

    top: Index
    start: Index
    size: Index
    before: Index

    def __init__(self, w: Writer, a: Any, source: Kind, sums: Kind, tall: int, down: int) -> None:
        self.w, self.a, self.sums, self.tall = w, a, sums, tall
        scratch = w.scratch.word
        self.table = w.scratch.value
        self.lines = Cells.at(scratch + a.lines_at, sums)
        self.kept = Cells.at(scratch + a.kept_at, sums)
        self.last = a.height + (a.down - 2)  # row of the padded image
        self.singles = singles_function(w, source, sums, down)
        self.staged = sums.floating and not down
        if self.staged:
            self.joined = sums_function(w, source, sums)
            self.suffix = suffix_function(w, source, sums)
            self.carry = carry_function(w, source, sums)
        elif not sums.floating:
            self.running = running_function(w, source, sums, tall)

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

    def begin(self) -> None:
        """Get ready for the first row: running sums need those of the window above it."""
        w, a = self.w, self.a
        if self.sums.floating:
            return
        with w.loop(0, a.down) as entry:
            put_word(w, self.table, entry, self._address(self._above(self.top + entry)))
        put_word(w, self.table, a.down, self._address(self.last.least(self.top + a.down)))
        target = self.lines + a.line * (self.tall - 1)
        self._parts(self._call_singles(a.down, target.word))

    def _above(self, row: Index) -> Index:
        """Return the row above; above the first it may be any that is always the same."""
        return self.w.choose(row > 0, row - 1, 0)

    def down(self, row: Index) -> None:
        """Fill the lines of `tall` rows of the result."""
        if self.staged:
            self._staged(row)
        elif self.sums.floating:
            self._single_stage(row)
        else:
            self._run(row)

    def _run(self, row: Index) -> None:
        """Add the rows that enter windows to running sums, less those that leave them."""
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
        """Add up the rows of a window one after the other."""
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
