"""Weighted sums down: of an image's rows, column by column, a few rows of results at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from striate.ops.codegen import Index, Writer
from striate.ops.codegen.values import ADDRESS, I64, VOID, ir
from striate.ops.images.cells import Cells, Held, sweep
from striate.ops.images.kinds import Kind, Lanes

__all__ = ["down_function"]

DOWN = ir.FunctionType(VOID, [ADDRESS, ADDRESS, I64, I64, I64, ADDRESS, I64])


def down_function(
    w: Writer, source: Kind, sums: Kind, pairs: int, tall: int, taps: int, name: str = "down"
) -> Any:
    """Write ``down(table, lines, column, count, line, weights, taps)`` and return it.

    It fills `count` numbers of `tall` lines for each pair with weighted sums of the image's rows,
    from a column of theirs on.
    """
    inner = Writer(w.module, f"{w.function.name}_{name}", DOWN, w.target)
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
    sweep(inner, Index(inner, count), down.lanes, wide, body, down.ahead())
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

    def ahead(self) -> Index | None:
        """Return how many numbers lie ahead of where the image's memory is aligned."""
        same = self.source == self.sums
        return self._cells(0, self.w.index(0)).until_aligned(self.lanes) if same else None

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
