"""Sums over rectangles: the pass that fills lines with sums of columns, then adds along them.

A block is a band of rows. Of it a chunk of columns is done from its first row to its last, since
the sums of one row are made from those before.
"""

from __future__ import annotations

from typing import Any, Literal

from striate.ops.codegen import Index, Writer, template
from striate.ops.images.box_across import WIDE, Load, across_staged, scan, scanned, window
from striate.ops.images.box_columns import Columns
from striate.ops.images.box_endings import U32, U64, Ending, Quotient
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


class _Walk(Columns):
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
        source, sums, self.all, self.result = (SUMS[name] for name in kinds)
        tall, down, self.across, self.step = shape
        super().__init__(w, a, source, sums, tall, down)
        self.way = way
        self.lanes = self.all.lanes(w)
        self.totals = Cells.at(w.scratch.word + a.totals_at, self.all)

    def write(self) -> None:
        w, a = self.w, self.a
        self.top = w.begin * a.band
        bottom = (w.end * a.band).least(a.height)
        chunks = (a.width + (a.chunk - 1)) // a.chunk
        with w.loop(0, chunks) as chunk:
            self.start = chunk * a.chunk
            self.size = a.chunk.least(a.width - self.start)
            self.before = self.start - a.lead
            self.begin()
            with w.loop(self.top - a.warm, bottom, self.tall) as row:
                self.down(row)
                with w.when(row >= self.top):
                    self._beyond()
                    with w.loop(0, (bottom - row).least(self.tall)) as late:
                        self._across(late, row + late)

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
            return window(w, line, a.step, self.across, self.all)
        if self.way == "staged":
            counts = (a.across_count, self.size)
            return across_staged(w, line, self.totals, a.step, a.across_stages, counts)
        step = self.step or a.step
        extent = self.size + (a.across - 1) * a.step
        scan(w, line, self.totals, step, extent)
        return scanned(w, self.totals, a.across * a.step)
