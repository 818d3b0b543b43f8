"""Passes of medians: the loops over rows and chunks, and what lies beyond the border."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from striate.ops.codegen import Index, Writer
from striate.ops.codegen.values import I64
from striate.ops.images.cells import Cells, Held
from striate.ops.images.kinds import Kind, Lanes
from striate.ops.images.median_programs import Program

__all__ = ["FLAG_WORDS", "Walk"]

FLAG_WORDS = 8  # ahead of the table of rows: whether a chunk holds NaN

Down = Callable[[Index, Index, Index], None]
"""``down(place, column, count)`` fills lines from a place on with a column of rows and the next."""


class Walk:
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

    def write(
        self,
        sort: Down,
        doubt: Down,
        merge: Callable[[Walk, Index], None],
        last: Callable[[Walk, Index, Index, Index, Index], None],
    ) -> None:
        """Write all.

        Parameters
        ----------
        sort : fills the first lines
        doubt : fills the lines that say where NaN is
        merge : ``merge(walk, size)`` turns lines into lines
        last : ``last(walk, window, start, size, top)`` stores medians
        """
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
            self._fill(start, size, sort, self.lines, self.down_lines)
            if self.careful:
                with w.when(w.word(self.flag, 0) > 0):
                    self._fill(start, size, doubt, self.doubts, self.tall)
            merge(self, size)
            if self.program.apart:
                with w.loop(0, self.tall) as row:
                    last(self, row, start, size, top)
            else:
                last(self, w.index(0), start, size, top)

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

    def _fill(self, start: Index, size: Index, down: Down, lines: Cells, count: int) -> None:
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
        down: Down,
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
