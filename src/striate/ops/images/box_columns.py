"""Sums of a box's columns: which rows of the image and of sums make each line."""

from __future__ import annotations

from typing import Any

from striate.ops.codegen import Index, Writer
from striate.ops.images.box_down import (
    put_word,
    running_function,
    singles_function,
    together_function,
)
from striate.ops.images.cells import Cells
from striate.ops.images.kinds import Kind

__all__ = ["Columns"]


class Columns:
    """Lines of sums of columns, `tall` rows at a time, of one chunk of a row.

    Attributes
    ----------
    top, first : the first row of the result to do, and that which sums together begin at
    start, size, before : where the chunk begins, its numbers, and the number that lines begin at
    """

    top: Index
    first: Index
    start: Index
    size: Index
    before: Index

    def __init__(
        self, w: Writer, a: Any, source: Kind, sums: Kind, shape: tuple[int, int, bool]
    ) -> None:
        self.w, self.a, self.sums = w, a, sums
        self.tall, self.rest, self.groups = shape
        scratch = w.scratch.word
        self.table = w.scratch.value
        self.lines = Cells.at(scratch + a.lines_at, sums)
        self.kept = Cells.at(scratch + a.kept_at, sums)
        self.last = a.height + (a.down - 2)  # row of the padded image
        self.singles = singles_function(w, source, sums)
        if sums.floating:
            self.together = together_function(w, source, sums, *shape)
        else:
            self.running = running_function(w, source, sums, self.tall)

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
        """Get ready for the first rows: for sums of those above them."""
        w, a = self.w, self.a
        if self.sums.floating:
            self._begin_together()
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
        if self.sums.floating:
            self._together(row)
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

    def _begin_together(self) -> None:
        """Make the sums of rows that enter before the first."""
        w, a, tall = self.w, self.a, self.tall
        enters = self.first + (tall - 1)
        if self.rest:
            self._sum(enters, self.rest, self._short(w.index(0)))
        with w.loop(0, a.groups) as number:
            begins = enters + (number * tall + self.rest)
            self._sum(begins, tall, self._group(number))
            if self.rest:
                self._sum(begins + (tall - self.rest), self.rest, self._short(number + 1))

    def _sum(self, row: Index, count: int, target: Index) -> None:
        """Add up some rows."""
        self._rows_from(self.w.index(0), row, self.w.index(count + 1))
        self._parts(self._call_singles(self.w.index(count), target))

    def _together(self, row: Index) -> None:
        """Add to sums that all the rows' windows hold what each holds besides."""
        w, a, tall = self.w, self.a, self.tall
        self._rows_from(w.index(0), row, w.index(tall - 1))
        self._rows_from(w.index(tall - 1), row + (a.down - 1), w.index(2 * tall))
        number, after = (row - self.first) // tall, 3 * tall - 1
        if self.rest:
            put_word(w, self.table, after + 1, self._short(number + a.groups + 1))
            put_word(w, self.table, after + 2, self._short(number))
        if self.groups:
            put_word(w, self.table, after, self._group(number + a.groups))
            with w.loop(0, a.groups) as one:
                put_word(w, self.table, one + (after + 3), self._group(number + one))
        self._parts(self._call(self.together, a.groups, self.lines.word, a.line))

    def _group(self, number: Index) -> Index:
        """Return where the sums of some group of rows are kept."""
        return self._kept_at(number % (self.a.groups + 1))

    def _short(self, number: Index) -> Index:
        """Return where the sums of the last rows of some group are kept."""
        groups = self.a.groups
        return self._kept_at(number % (groups + 2) + (groups + 1))

    def _kept_at(self, slot: Index) -> Index:
        place: Index = (self.kept + slot * self.a.line).word
        return place

    def _call(self, function: Any, *first: Index) -> Any:
        def fill(place: Index, column: Index, count: Index) -> None:
            values = (*first, place, column, count)
            self.w.builder.call(function, [self.table, *(value.value for value in values)])

        return fill

    def _rows_from(self, entry: Index, row: Index, count: Index) -> None:
        """Write addresses of rows of the padded image, or of those next to it, into the table."""
        w = self.w
        with w.loop(0, count) as late:
            shown = (row + late).least(self.last)
            put_word(w, self.table, entry + late, self._address(w.choose(shown < 0, 0, shown)))

    def _call_singles(self, rows: Index, target: Index) -> Any:
        def fill(place: Index, column: Index, count: Index) -> None:
            there = target + place * self.sums.size
            values = (rows, there, column, count)
            self.w.builder.call(self.singles, [self.table, *(value.value for value in values)])

        return fill
