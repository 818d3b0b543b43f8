"""Convolution from planes to planes: values stay in NumPy's order, and lanes are pixels.

For a layer whose input comes from the caller and whose result goes back, where turning both into
blocks of channels and back would take longer than it saves. The microkernel is the one of
`tile` with its roles exchanged: registers of pixels are loaded from the planes, at any tap, and
weights are spread over all lanes. Along the last axis the stride is 1 or 2; for 2, the even
lanes of two registers are taken.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from itertools import accumulate, chain

import numpy as np
from numpy.typing import NDArray

from striate.ops.blocked.layout import Blocked, Value
from striate.ops.blocked.tile import CONTEXT, LINE, TILE
from striate.ops.blocked.tiling import OVERHEAD, Cut
from striate.ops.codegen import Pointer, Target, Vector, Writer, library

__all__ = ["PlaneTiling", "choose_plane_tiling", "plane_value"]

MOST_REGISTERS = 4  # of pixels in a tile
LANE = 1.5  # cycles that writing a single lane takes


def plane_value(shape: tuple[int, ...], buffer: str) -> Value:
    """Return a value in NumPy's order as if in blocks of one channel."""
    batch, channels, *spatial = shape
    none = (0,) * len(spatial)
    return Value(Blocked(batch, channels, tuple(spatial), none, none, 1, 0, channels), buffer)


@dataclass(frozen=True)
class PlaneTiling(Cut):
    """The cut of one layer; see `Cut`. A tile has `vectors` maps and `rows` pixels."""

    registers: int = 1
    stride: int = 1
    out: int = 1
    past: bool = False

    @property
    def pixels_first(self) -> bool:
        """All maps of some pixels are done before the next pixels."""
        return True

    @property
    def starts(self) -> tuple[int, ...]:
        """The first map of each group of maps."""
        return (0, *accumulate(self.vectors))[:-1]

    def tiles(self, target: Target, step: int, out: int, planar: bool, short: bool) -> list[int]:
        """Return the addresses of the microkernels, for each size of a group of maps."""
        made = target, self.registers, step, out, self.past
        return [plane_tile(size, *made) for size in self.sizes]

    def cycles(self, width: int, taps: int) -> float:
        """Return about how long a row of `width` outputs takes."""
        tiles, depth = -(-width // self.rows), self.depth(taps)
        apart = LANE * self.rows if self.out > 1 else 0.0  # results go lane by lane
        steps = [_step(size, self.registers, self.stride) for size in self.vectors]
        ends = [OVERHEAD + apart * size for size in self.vectors]
        return tiles * sum(depth * step + end for step, end in zip(steps, ends, strict=True))

    def pack(self, weight: NDArray[np.float32], planar: bool = True) -> NDArray[np.float32]:
        """Return weights (maps, channels, taps) as group of maps, channel, tap, map."""
        ends = zip(self.starts, self.vectors, strict=True)
        parts = [weight[start : start + size].transpose(1, 2, 0).ravel() for start, size in ends]
        return np.concatenate(parts)


def choose_plane_tiling(
    target: Target,
    width: int,
    maps: int,
    channels: int,
    taps: int,
    stride: int = 1,
    groups: int = 1,
    out: int = 1,
) -> PlaneTiling | None:
    """Return the fastest cut for rows of `width` outputs; None where they fill no register.

    `maps` and `channels` are those of one group.
    """
    best: tuple[float, PlaneTiling] | None = None
    for registers in range(1, min(MOST_REGISTERS, width // target.lanes) + 1):
        most = (target.registers - 1 - registers) // registers
        for count in {-(-maps // most), -(-maps // max(1, most - 1))}:
            each = -(-maps // count)
            sizes = (each,) * (maps // each) + ((maps % each,) if maps % each else ())
            rows = registers * target.lanes
            cut = maps, channels, groups, 1, registers, stride, out
            tiling = PlaneTiling(rows, sizes * groups, *cut)
            cost = tiling.cycles(width, taps)
            if best is None or cost < best[0]:
                best = cost, tiling
    return None if best is None else best[1]


def _step(maps: int, registers: int, stride: int) -> float:
    """Return the cycles of one step of the sum; loads of pixels may lie across two lines."""
    return max(maps * registers / 2, (maps + 2 * registers * stride) / 2, 4.0) + 0.5


@functools.cache
def plane_tile(maps: int, target: Target, registers: int, stride: int, out: int, past: bool) -> int:
    """Return the address of a microkernel for `maps` maps and some registers of pixels.

    Pixels of x lie `stride` elements apart, those of y `out`. Results may go `past` the caches.
    """
    sizes = f"maps={maps}, registers={registers}, stride={stride}, out={out}, past={past}"
    name = f"plane_tile({sizes})"

    def write(module: object, symbol: str) -> None:
        writer = Writer(module, symbol, TILE, target)
        write_plane_tile(writer, maps, registers, stride, out, past)
        writer.builder.ret_void()

    return library(target).address(name, write)


def write_plane_tile(
    w: Writer, maps: int, registers: int, stride: int, out: int, past: bool
) -> None:
    """Write the microkernel; what it is given is what `tile` is given.

    Whoever calls it settles what was streamed.
    """
    x, weight, bias, _, y, table = (w.argument(place) for place in range(6))
    context = {name: w.word(table, place) for place, name in enumerate(CONTEXT)}
    zero, places = w.constant(0.0), [v * w.lanes for v in range(registers)]
    sums = [[w.variable(zero) for _ in places] for _ in range(maps)]
    totals = [[w.variable(bias.broadcast(m)) for _ in places] for m in range(maps)]
    weights, taps = w.variable(weight), w.pointer(context["taps"])
    for m in range(0 if past else maps):
        for place in places:
            w.prefetch(y + (context["y_plane"] * m + place * out), to_write=True)
    count, run = context["tap_count"], context["run"]
    with w.loop(0, (count + (run - 1)) // run) as part:
        first = part * run
        with w.loop(first, (first + run).least(count)) as t:
            at, row = x + w.word(taps, t), weights.get()
            pixels = [_pixels(at + place * stride, stride, w.lanes) for place in places]
            weights.set(row + maps)
            span = registers * w.lanes * stride
            for line in range(0, span, LINE):  # the next tile's
                w.prefetch(at + (span + line))
            for m in range(maps):
                factor = row.broadcast(m)
                for v, pixel in enumerate(pixels):
                    sums[m][v].set(pixel.multiply_add(factor, sums[m][v].get()))
        for whole, partial in zip(chain(*totals), chain(*sums), strict=True):
            whole.set(whole.get() + partial.get())
            partial.set(zero)
    low, high = w.float_of(context["low"]), w.float_of(context["high"])
    for m in range(maps):
        for v, place in enumerate(places):
            total: Vector = totals[m][v].get()
            at = y + (context["y_plane"] * m + place * out)
            if past:
                at.stream(total.clip(low, high))
            else:
                _put(at, total.clip(low, high), out)


def _pixels(at: Pointer, stride: int, lanes: int) -> Vector:
    """Return a register of pixels `stride` elements apart; of 2, it reads one element beyond."""
    if stride == 1:
        return at.load()
    return at.load().shuffle(at.load(lanes), range(0, 2 * lanes, 2))


def _put(y: Pointer, pixels: Vector, out: int) -> None:
    """Write a register of pixels `out` elements apart."""
    if out == 1:
        y.store(pixels)
        return
    for lane in range(pixels.writer.lanes):
        y.put_scalar(pixels.lane(lane), lane * out)
