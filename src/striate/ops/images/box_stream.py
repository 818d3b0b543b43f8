"""Sums along a box's rows, from left to right, with the sums that others need in registers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from striate.ops.codegen import Index, Writer
from striate.ops.codegen.values import I32, ir
from striate.ops.images.box_chain import Link
from striate.ops.images.cells import Cells, Held
from striate.ops.images.kinds import S32, Kind, Lanes

__all__ = ["Stage", "lag_of", "rings_of", "stages_along", "stream"]

WIDE = 4
MOST_HELD = 4  # registers of a stage's sums that are kept in registers

Put = Callable[[Index, Lanes, Any], None]


class Stage(NamedTuple):
    """A link between registers.

    Attributes
    ----------
    way : as that of the link
    shift : how many numbers on the other sums lie
    lag : how many registers the sums before lie behind the newest of the line
    ring : which register of memory the ring of sums begins at, where there is one
    kind, lanes : of the sums, and how many there are in a register of the line
    """

    way: str
    shift: int
    lag: int
    ring: int
    kind: Kind
    lanes: int

    @property
    def whole(self) -> int:
        """Whole registers of the shift."""
        return self.shift // self.lanes

    @property
    def rest(self) -> int:
        """Numbers of the shift past whole registers."""
        return self.shift % self.lanes

    @property
    def in_registers(self) -> int:
        """How many registers of the sums before are kept in registers."""
        return int(self.rest > 0) if self.rings else self.held

    @property
    def rings(self) -> int:
        """How many registers the ring in memory has that others are kept in, or 0."""
        return 1 << self.held.bit_length() if self.held > MOST_HELD else 0

    @property
    def held(self) -> int:
        """How many registers of the sums before are kept."""
        return self.whole + (self.rest > 0) if self.way == "double" else 0


def stages_along(
    links: Sequence[Link], step: int, lanes: int, kinds: Sequence[Kind], most: int
) -> list[Stage]:
    """Return the links as `Stage`, for numbers of a pixel and lanes of a register.

    Sums of up to `most` neighbours fit into the first kind.
    """
    stages: list[Stage] = []
    lag, ring, widest = 0, 0, 1
    for way, size in links:
        widest = max(widest, 2 * size if way == "double" else size + 1)
        kind = kinds[widest > most]
        stages.append(Stage(way, size * step, lag, ring, kind, lanes))
        ring += stages[-1].rings
        lag += stages[-1].held
    return stages


def rings_of(stages: Sequence[Stage]) -> int:
    """Return how many registers of memory the stages need."""
    return sum(stage.rings for stage in stages)


def lag_of(stages: Sequence[Stage]) -> int:
    """Return how many registers the line is read ahead of its sums."""
    return sum(stage.held for stage in stages)


class _Stream:
    """The registers between the line and its sums."""

    def __init__(self, line: Cells, rings: Cells, start: Index, stages: Sequence[Stage]) -> None:
        self.w, self.line, self.rings, self.start, self.stages = line.w, line, rings, start, stages
        self.lanes, self.lag = line.kind.lanes(line.w), lag_of(stages)

    def _number(self, at: Index, kind: Kind) -> Lanes:
        return (self.line + at).load(self.lanes).to(kind)

    def _delayed(self, stage: Stage, at: Index, value: Lanes) -> Lanes:
        """Store sums in the stage's ring, and return those that are due."""
        period = stage.rings * self.lanes
        place = at - self.start
        ring = Cells(self.w, (self.rings + stage.ring * self.lanes).value, stage.kind)
        since = place + (stage.rings - stage.held) * self.lanes
        due = (ring + since % period).load(self.lanes)
        (ring + place % period).store(value)
        return due

    def step(self, at: Index, before: list[list[Lanes]], turn: int) -> Lanes | None:
        """Return the sums `lag` registers back from a place of the line; there are none at first.

        `before` holds for each stage its latest sums, newest first, and is brought up to date;
        `turn` counts registers from the line's beginning, up to `lag`.
        """
        value = self._number(at, self.line.kind)
        for stage, kept in zip(self.stages, before, strict=True):
            if turn < stage.lag:
                return None
            value = value.to(stage.kind)
            if stage.way != "double":
                other = self._number(at + (stage.shift - stage.lag * self.lanes), stage.kind)
                value = value - other if stage.way == "subtract" else value + other
                continue
            other = followed(kept[0], value, stage.rest) if stage.rest and kept else value
            kept.insert(0, value)
            early = self._delayed(stage, at, value) if stage.rings else kept[-1]
            if len(kept) > stage.in_registers:
                kept.pop()
            if turn < stage.lag + stage.held:
                return None
            value = early + other
        return value


def stream(
    w: Writer,
    line: Cells,
    rings: Cells,
    stages: Sequence[Stage],
    size: Index,
    ahead: Index | None,
    put: Put,
) -> None:
    """Write ``put(at, sums, mask)`` for the sums of windows at a line's numbers 0 ... size - 1.

    A register is read once, and its sums wait in registers, or in `rings` where they wait long,
    for those that lie further on. After the first `ahead` numbers, fewer than a register's, or
    None, masks are None but for the last register.
    """
    lanes = line.kind.lanes(w)
    start = w.index(0) if ahead is None else w.choose(ahead > 0, ahead - lanes, 0)
    view = _Stream(line, rings, start, stages)
    before: list[list[Lanes]] = [[] for _ in stages]
    for turn in range(view.lag):
        view.step(start + turn * lanes, before, turn)
    held = [[Held(value) for value in kept] for kept in before]
    at = w.variable(start)

    def some(registers: int, mask: Any) -> None:
        here = at.get()
        now = [[one.get() for one in kept] for kept in held]
        for turn in range(registers):
            place = here + turn * lanes
            value = view.step(place + view.lag * lanes, now, view.lag)
            if value is not None:
                put(place, value, mask)
        for kept, values in zip(held, now, strict=True):
            for one, value in zip(kept, values, strict=True):
                one.set(value)
        at.set(here + registers * lanes)

    if ahead is not None:
        with w.when(ahead > 0):
            some(1, between(w, w.index(lanes) - ahead, size - start, lanes))
    for registers in (WIDE, 1):
        last = size - (registers * lanes - 1)
        with w.forever() as after:
            w.leave(after, at.get() >= last)
            some(registers, None)
    with w.when(at.get() < size):
        some(1, between(w, w.index(0), size - at.get(), lanes))


def between(w: Writer, low: Index, high: Index, lanes: int) -> Any:
    """Return the mask of the lanes from one up to another."""
    kind = ir.VectorType(I32, lanes)
    places = ir.Constant(kind, list(range(lanes)))
    one, other = (
        Lanes.spread(w, w.builder.trunc(place.value, I32), S32, lanes).value
        for place in (low, high)
    )
    inside = w.builder.icmp_signed("<=", one, places)
    return w.builder.and_(inside, w.builder.icmp_signed("<", places, other))


def followed(one: Lanes, other: Lanes, shift: int) -> Lanes:
    """Return what lies `shift` numbers on, where the other register follows this one.

    LLVM shifts registers of 32-bit integers faster than those of floats.
    """
    words, odd = divmod(shift * one.kind.size, 4)
    if odd or one.kind.size == 8:
        return one.followed(other, shift)
    kind = ir.VectorType(I32, one.count * one.kind.size // 4)
    first, second = (
        Lanes(one.w, one.w.builder.bitcast(lanes.value, kind), S32) for lanes in (one, other)
    )
    shifted = first.followed(second, words).value
    return Lanes(one.w, one.w.builder.bitcast(shifted, one.value.type), one.kind)
