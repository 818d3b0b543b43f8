"""Sums over the windows of a block: unrolled for small matrices, looped for others.

Each sum adds its products in the matrix's order, however it is written.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from striate.ops.codegen import Index, Writer
from striate.ops.images.cells import Cells, Held
from striate.ops.images.kinds import Kind, Lanes

__all__ = ["Block", "Looped", "Unrolled", "Windows"]

Block = list[list[Lanes]]
"""Rows of registers."""


class Windows(NamedTuple):
    """What the windows of a block see.

    Attributes
    ----------
    w, a : the writer, and the step's arguments
    line : gives the address of one of the block's lines, and so many numbers on
    kind : what sums are
    tall : rows of results
    """

    w: Writer
    a: Any
    line: Callable[[Index | int, Index], Cells]
    kind: Kind
    tall: int

    @property
    def lanes(self) -> int:
        """Numbers of a register."""
        return self.kind.lanes(self.w)


class Unrolled:
    """Sums over a matrix of known size."""

    def __init__(self, of: Windows, taps: tuple[int, int], skipped: tuple[bool, ...]) -> None:
        self.windows, self.taps, self.skipped = of, taps, skipped
        weights = Cells.at(of.a.weights, of.kind)
        # All weights that one row of the image is multiplied by lie together.
        self.weights = {
            (u, v): (weights + (u * taps[1] + v) * of.tall).broadcast(of.lanes)
            for u in range(taps[0])
            for v in range(taps[1])
        }

    def of(self, at: Index, registers: int) -> Block:
        """Return the sums of a block."""
        windows, (down, across) = self.windows, self.taps
        totals: list[list[Lanes]] = [[] for _ in range(windows.tall)]
        for place in range(down + windows.tall - 1):
            line = windows.line(place, at)
            for v in range(across):
                rows = [
                    row
                    for row in range(windows.tall)
                    if 0 <= place - row < down and not self.skipped[(place - row) * across + v]
                ]
                if rows:
                    values = _loaded(line + windows.a.step * v, registers, windows.lanes)
                for row in rows:
                    totals[row] = _plus(totals[row], values, self.weights[place - row, v])
        return totals


class Looped:
    """Sums over a matrix of any size."""

    def __init__(self, of: Windows) -> None:
        self.windows = of

    def of(self, at: Index, registers: int) -> Block:
        """Return the sums of a block."""
        windows = self.windows
        w, tall, down = windows.w, windows.tall, windows.a.down_taps
        zero = Lanes.all(w, 0, windows.kind, windows.lanes)
        held = [[Held(zero) for _ in range(registers)] for _ in range(tall)]
        for early in range(1, tall):
            self._add(held[:early], 0, w.index(early - 1), at)
        with w.loop(tall - 1, down) as place:
            self._add(held, 0, place, at)
        for late in range(1, tall):
            self._add(held[late:], late, down + (late - 1), at)
        return [[one.get() for one in row] for row in held]

    def _add(self, held: list[list[Held]], first: int, place: Index, at: Index) -> None:
        """Add what one line gives to some rows, from the `first` of the block on."""
        windows, registers = self.windows, len(held[0])
        a, lanes = windows.a, windows.lanes
        line = windows.line(place, at)
        weights = Cells.at(a.weights, windows.kind) + place * a.across_taps * windows.tall
        zero = Lanes.all(windows.w, 0, windows.kind, lanes)
        parts = [[Held(zero) for _ in places] for places in held]
        with windows.w.loop(0, a.across_taps) as v:
            values = _loaded(line + v * a.step, registers, lanes)
            for row, places in enumerate(parts, first):
                weight = (weights + (v * windows.tall + row)).broadcast(lanes)
                for one, value in zip(places, values, strict=True):
                    one.set(value.multiply_add(weight, one.get()))
        for totals, places in zip(held, parts, strict=True):
            for total, part in zip(totals, places, strict=True):
                total.set(total.get() + part.get())


def _loaded(cells: Cells, registers: int, lanes: int) -> list[Lanes]:
    return [(cells + k * lanes).load(lanes) for k in range(registers)]


def _plus(totals: list[Lanes], values: list[Lanes], weight: Lanes) -> list[Lanes]:
    if not totals:
        return [value * weight for value in values]
    return [v.multiply_add(weight, t) for v, t in zip(values, totals, strict=True)]
