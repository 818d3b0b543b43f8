"""Sums along a box's rows, of lines of sums of its columns."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from striate.ops.codegen import Index, Writer
from striate.ops.codegen.values import I32, ir
from striate.ops.images.box_down import add_all, plus
from striate.ops.images.box_stages import STAGE_WORDS
from striate.ops.images.cells import Cells, Held
from striate.ops.images.kinds import Kind, Lanes

__all__ = ["WIDE", "across_staged", "scan", "scanned", "stage_places"]

WIDE = 4

Load = Callable[[Index, int], list[Lanes]]


def registers_at(cells: Cells, lanes: int, registers: int) -> list[Lanes]:
    """Return the numbers at an address."""
    return [(cells + k * lanes).load(lanes) for k in range(registers)]


def window(w: Writer, line: Cells, step: Index, taps: int, kind: Kind) -> Load:
    """Return what loads sums, of some kind, of a known number of neighbours."""
    lanes = kind.lanes(w)

    def shifted(at: Index, registers: int) -> list[Lanes]:
        return [value.to(kind) for value in registers_at(line + at, lanes, registers)]

    def load(at: Index, registers: int) -> list[Lanes]:
        totals = shifted(at, registers)
        for tap in range(1, taps):
            totals = plus(totals, shifted(at + step * tap, registers))
        return totals

    return load


def stage_places(
    w: Writer, line: Cells, totals: Cells, step: Index, words: Sequence[Index]
) -> Load:
    """Return what loads a stage's sums, one with parts, of a line and of the sums before."""
    lanes = line.kind.lanes(w)
    part, sums, single = words[:3]
    apart = part * step

    def load(at: Index, registers: int) -> list[Lanes]:
        here = registers_at(totals + at, lanes, registers)
        here = plus(here, registers_at(totals + (at + apart), lanes, registers))
        here = add_all(
            w, here, 2, sums, lambda j: registers_at(totals + (at + apart * j), lanes, registers)
        )
        after = line + (at + apart * sums)
        return add_all(
            w, here, 0, single, lambda e: registers_at(after + step * e, lanes, registers)
        )

    return load


def across_staged(
    w: Writer, line: Cells, totals: Cells, step: Index, stages: Index, counts: Sequence[Index]
) -> Load:
    """Write all stages but the last, and return what loads the sums of that one.

    `counts` are the number of stages, more than one, and the places of the result.
    """
    lanes = line.kind.lanes(w)
    table = w.pointer(stages)
    number, size = counts
    extent = w.word(table, (number - 1) * STAGE_WORDS + 3)
    first = w.word(table, 2)

    def shifted(at: Index, registers: int) -> list[Lanes]:
        here = registers_at(line + at, lanes, registers)
        return add_all(
            w, here, 1, first, lambda e: registers_at(line + (at + step * e), lanes, registers)
        )

    def fill(load: Load, count: Index) -> None:
        with w.loop(0, count, WIDE * lanes) as at:
            for k, value in enumerate(load(at, WIDE)):
                (totals + (at + k * lanes)).store(value)

    fill(shifted, size + (extent - first) * step)
    with w.loop(1, number - 1) as stage:
        words = [w.word(table, stage * STAGE_WORDS + place) for place in range(4)]
        fill(stage_places(w, line, totals, step, words), size + (extent - words[3]) * step)
    words = [w.word(table, (number - 1) * STAGE_WORDS + place) for place in range(3)]
    return stage_places(w, line, totals, step, words)


def scan(w: Writer, line: Cells, sums: Cells, step: int | Index, count: Index) -> None:
    """Write running sums of every `step`-th number of a line; the first `step` sums are 0.

    They are integers, and may pass their range: their differences are still right. A step known
    here is shorter than a register.
    """
    kind = sums.kind
    lanes = kind.lanes(w)
    zero = Lanes.all(w, 0, kind, lanes)
    if isinstance(step, Index):
        with w.loop(0, step, lanes) as at:
            (sums + at).store(zero)
        with w.loop(0, count, lanes) as at:
            value = (line + at).load(lanes).to(kind) + (sums + at).load(lanes)
            (sums + (at + step)).store(value)
        return
    sums.store(zero)
    together = step // math.gcd(step, lanes)  # registers after which channels recur
    held = [Held(zero) for _ in range(together)]
    ends = [
        [lanes - step + (number * lanes + place) % step for place in range(lanes)]
        for number in range(together)
    ]
    with w.loop(0, count, lanes * together) as at:
        values: list[Lanes] = []
        for number in range(together):
            value = within((line + (at + number * lanes)).load(lanes).to(kind), step)
            if values:
                value = value + shuffled(values[-1], values[-1], ends[0])
            values.append(value)
        for number, carried in enumerate(held):  # which does not wait for the sums
            before = carried.get()
            carried.set(before + shuffled(values[-1], values[-1], ends[number]))
            (sums + (at + (step + number * lanes))).store(values[number] + before)


def within(value: Lanes, step: int) -> Lanes:
    """Return the running sums of every `step`-th lane."""
    lanes = value.count
    zero = Lanes.all(value.w, 0, value.kind, lanes)
    while step < lanes:
        places = [lanes + place - step if place >= step else 0 for place in range(lanes)]
        value = value + shuffled(zero, value, places)
        step *= 2
    return value


def shuffled(one: Lanes, other: Lanes, places: Sequence[int]) -> Lanes:
    """Return lanes of two registers, counted through both."""
    w = one.w
    chosen = ir.Constant(ir.VectorType(I32, len(places)), [I32(place) for place in places])
    return Lanes(w, w.builder.shuffle_vector(one.value, other.value, chosen), one.kind)


def scanned(w: Writer, sums: Cells, apart: Index) -> Load:
    """Return what loads differences of running sums."""
    lanes = sums.kind.lanes(w)

    def load(at: Index, registers: int) -> list[Lanes]:
        early = registers_at(sums + at, lanes, registers)
        late = registers_at(sums + (at + apart), lanes, registers)
        return [b - a for a, b in zip(early, late, strict=True)]

    return load
