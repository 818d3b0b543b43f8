"""Sums over rectangles: the pass that fills lines with sums of columns, then adds along them.

A block is a band of rows. Of it a chunk of columns is done from its first row to its last, since
the sums of one row are made from those before.
"""

from __future__ import annotations

from typing import Any, Literal

from striate.ops.codegen import Index, Writer, template
from striate.ops.images.box_across import WIDE, Load, across_staged, scan, scanned, window
from striate.ops.images.box_chain import Link
from striate.ops.images.box_columns import Columns
from striate.ops.images.box_endings import U32, U64, Ending, Quotient
from striate.ops.images.box_stream import Stage, stages_along, stream
from striate.ops.images.cells import Cells, sweep
from striate.ops.images.kinds import KINDS, Lanes

__all__ = ["Way", "box"]

Way = Literal["unrolled", "staged", "streamed", "scanned"]
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
    "groups",
    "grid",
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
    rest: int,
    groups: bool,
    unrolled: int,
    way: Way,
    step: int,
    chain: tuple[Link, ...],
    most: int,
    ending: Ending,
    streams: bool,
) -> None:
    """Write the step: a block is `band` rows of the result.

    Columns are added up as `sums`, rectangles as `totals`, `tall` rows at a time; of floats,
    windows share sums of `tall` rows if there are `groups` of them, and of `rest` more.
    `unrolled` are columns where they are added one by one, else 0; `step` is the numbers of a
    pixel where they are known, else 0; `chain` is how sums are made along a line, of which those
    of `most` neighbours fit into the first dtype.
    """
    walk = _Walk(w, a, (source, sums, totals, result), (tall, rest, groups), (unrolled, step), way)
    walk.chain = (chain, most)
    walk.quotient = Quotient(w, ending, a.divisor, walk.result, walk.lanes)
    walk.streams = streams
    walk.write()


class _Walk(Columns):
    """The loops over chunks and rows."""

    quotient: Quotient
    streams: bool
    chain: tuple[tuple[Link, ...], int]
    stages: list[Stage]

    def __init__(
        self,
        w: Writer,
        a: Any,
        kinds: tuple[str, str, str, str],
        shape: tuple[int, int, bool],
        across: tuple[int, int],
        way: Way,
    ) -> None:
        source, sums, self.all, self.result = (SUMS[name] for name in kinds)
        self.across, self.step = across
        super().__init__(w, a, source, sums, shape)
        self.way = way
        self.lanes = (self.sums if way == "streamed" else self.all).lanes(w)
        self.totals = Cells.at(w.scratch.word + a.totals_at, self.all)

    def write(self) -> None:
        """Write the loops."""
        w, a = self.w, self.a
        self.stages = stages_along(
            self.chain[0], self.step, self.lanes, (self.sums, self.all), self.chain[1]
        )
        self.top = w.begin * a.band
        bottom = (w.end * a.band).least(a.height)
        chunks = (a.width + (a.chunk - 1)) // a.chunk
        with w.loop(0, chunks) as chunk:
            self.start = chunk * a.chunk
            self.size = a.chunk.least(a.width - self.start)
            self.before = self.start - a.lead
            self.first = self.top - (self.top + a.grid) % self.tall
            self.begin()
            self._nothing_after()
            with w.loop(self.first, bottom, self.tall) as row:
                self.down(row)
                self._beyond()
                early = w.choose(row < self.top, self.top - row, 0)
                with w.loop(early, (bottom - row).least(self.tall)) as late:
                    self._across(late, row + late)

    def _beyond(self) -> None:
        """Fill what lies left and right of the image from the lines themselves."""
        w, a = self.w, self.a
        with w.when_not(a.wraps > 0):
            with w.when(self.start.equals(0)):
                self._copies(w.index(0), a.left, a.lead - a.left)
            with w.when((self.start + self.size).equals(a.width)):
                self._copies(a.left, a.right, a.width - self.before)

    def _nothing_after(self) -> None:
        """Let the numbers that are added and subtracted again after a line be 0."""
        w, a = self.w, self.a
        lanes = self.sums.lanes(w)
        zero = Lanes.all(w, 0, self.sums, lanes)
        count = self.step * sum(stage.way == "subtract" for stage in self.stages)
        for late in range(self.tall):
            after = self.lines + a.line * late + (a.lead + self.size + a.right)
            for place in range(0, count, lanes):
                (after + place).store(zero)

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
        target = Cells.at(a.result + row * a.result_stride, self.result) + self.start
        ahead = target.until_aligned(self.lanes) if self.streams else None
        if self.way == "streamed":

            def put(at: Index, total: Lanes, mask: Any) -> None:
                self._put(target + at, total.to(self.all), mask)

            stream(w, line, self.totals, self.stages, self.size, ahead, put)
            return
        load = self._loads(line)

        def body(at: Index, registers: int, mask: Any) -> None:
            for place, total in enumerate(load(at, registers)):
                self._put(target + at + place * self.lanes, total, mask)

        sweep(w, self.size, self.lanes, WIDE, body, ahead)

    def _put(self, cells: Cells, total: Lanes, mask: Any) -> None:
        """Write means of the result."""
        value = self.quotient.of(total)
        if self.streams and mask is None:
            cells.stream(value)
        else:
            cells.store(value, mask)

    def _loads(self, line: Cells) -> Load:
        """Make what totals are loaded from, and return what loads them."""
        w, a = self.w, self.a
        if self.way == "unrolled":
            return window(w, line, a.step, self.across, self.all)
        if self.way == "staged":
            counts = (a.across_count, self.size)
            return across_staged(w, line, self.totals, a.step, a.across_stages, counts)
        step = self.step or a.step
        extent = self.size + (a.across - 1) * a.step
        scan(w, line, self.totals, step, extent)
        return scanned(w, self.totals, a.across * a.step)
