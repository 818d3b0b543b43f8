"""Depthwise convolution from planes to planes: values stay in NumPy's order, lanes are pixels.

For a layer whose input comes from the caller and whose result goes back, where turning both into
blocks of channels and back would take longer than the layer. A tile is a register of pixels of
some rows of outputs. Each row of the input that these read is loaded once for each tap, and
serves all rows of outputs. Planes are read as they are: rows beyond an image are read from zeros,
and of registers that reach beyond a row only the lanes inside. The sum of an output has the order
of the kernel, whatever tile it is in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from striate.geometry import Axis, Window
from striate.ops.blocked.lanes import first_lanes, load_first, store_first
from striate.ops.blocked.layout import Place
from striate.ops.blocked.pooling import tile_width
from striate.ops.blocked.task import Task, Word, bits
from striate.ops.blocked.walk import cut_task, row_template, walk, within
from striate.ops.codegen import Index, Pointer, Target, Vector, Writer
from striate.ops.codegen.values import I32, ir

__all__ = ["PackedPlanes", "depthwise_planes", "pack", "suits_planes"]

HELD = 12
"""Weights up to which all are held in registers, for which longer tiles then leave no room."""

MOST_TAPS = {"avx512": 25}
"""Larger kernels take longer than in blocks: each product loads its weight. Elsewhere, `HELD`."""

MASKED = 4
"""Registers in a row from which its ends may take long, as where instructions have no masks."""


class PackedPlanes(NamedTuple):
    """Weights (channels, taps) and bias (channels,) as the kernel reads them."""

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]


def pack(weight: NDArray[Any], bias: NDArray[Any] | None) -> PackedPlanes:
    """Return (C, 1, *kernel) and (C,) in the order in which they are used.

    >>> pack(np.ones((6, 1, 3, 3)), None).weight.shape
    (6, 9)
    """
    start = np.zeros(len(weight)) if bias is None else bias
    rows = np.array(weight, np.float32, order="C").reshape(len(weight), -1)
    return PackedPlanes(rows, np.array(start, np.float32))


def suits_planes(target: Target, outputs: tuple[int, ...], window: Window) -> bool:
    """Tell whether `depthwise_planes` can do a layer, and is faster than by way of blocks.

    >>> suits_planes(Target.named("sse"), (16, 16), Window.parse(3, 2, rank=2))
    True
    """
    height, width = _two(window)
    few = height.kernel * width.kernel <= MOST_TAPS.get(target.level, HELD)
    wide = target.level == "avx512" or outputs[-1] >= MASKED * target.lanes
    return len(outputs) <= 2 and width.stride <= 2 and few and wide


def _two(window: Window) -> tuple[Axis, Axis]:
    height, width = (Axis(1),) * (2 - window.rank) + window.axes[-2:]
    return height, width


def depthwise_planes(
    target: Target,
    source: Place,
    shape: tuple[int, ...],
    result: Place,
    packed: PackedPlanes,
    window: Window,
    low: float,
    high: float,
) -> Task:
    """Return what writes the convolution + bias of (N, C, *spatial), moved into [low, high].

    Both values are in NumPy's order; nothing outside of them is read or written.
    """
    window = window.at(shape[2:])
    batch, channels, *spatial = shape
    h, w = _two(window)
    height, width = (1, *spatial)[-2:]
    rows, columns = (1, *window.output_shape(tuple(spatial)))[-2:]
    lanes, seen = target.lanes, (columns - 1) * w.stride + w.dilation * (w.kernel - 1) + 1
    single = seen <= lanes
    tile_rows = _tile_rows(target, rows, h, w, single)
    starts = [max(0, min(at, columns - lanes)) for at in range(0, columns, lanes)]
    reach = w.stride * lanes + w.dilation * (w.kernel - 1)
    inner = [at for at in starts if 0 <= at * w.stride - w.before <= width - reach]
    edges = [at for at in starts if at not in inner]
    words: dict[str, Word] = {
        "x": source,
        "y": result,
        "weight": packed.weight,
        "bias": packed.bias,
        "zeros": np.zeros(width + 2 * lanes, np.float32),
        "starts": np.array(edges + inner, np.int64),
        "edges": len(edges),
        "tiles": len(starts),
        "batch": batch,
        "channels": channels,
        "groups": -(-rows // tile_rows),
        "height": height,
        "width": width,
        "rows": rows,
        "columns": columns,
        "h_before": h.before,
        "w_before": w.before,
        "low": bits(low),
        "high": bits(high),
    }
    pairs = {"taps": (h.kernel, w.kernel), "strides": (h.stride, w.stride)}
    pairs |= {"dilations": (h.dilation, w.dilation)}
    shapes = {"tile_rows": tile_rows, "narrow": columns < lanes, "single": single}
    kernel = plane_rows.kernel(target, **pairs, **shapes)
    blocks = batch * channels * -(-rows // tile_rows)
    work = batch * channels * rows * len(starts) * lanes * h.kernel * w.kernel
    return cut_task(kernel, words, blocks, work, tile=f"{lanes}x{tile_rows}")


def _tile_rows(target: Target, rows: int, h: Axis, w: Axis, single: bool) -> int:
    """Return the rows of a tile, as many as its sums and what they share have registers for."""
    if single or h.kernel * w.kernel > HELD:
        return tile_width(rows, 7 if h.stride == 1 else 4)
    return tile_width(rows, 5 if h.stride == 1 and target.registers > 16 else 2)


@row_template(
    *("x", "y", "weight", "bias", "zeros", "starts", "edges", "tiles", "batch", "channels"),
    *("groups", "height", "width", "rows", "columns", "h_before", "w_before", "low", "high"),
)
def plane_rows(
    w: Writer,
    a: Any,
    *,
    taps: tuple[int, int],
    strides: tuple[int, int],
    dilations: tuple[int, int],
    tile_rows: int,
    narrow: bool,
    single: bool,
) -> None:
    """Write some rows of a plane of outputs.

    A row of these may fill no register (narrow), and may be of pixels of a single one.
    """
    low, high = w.float_of(a.low), w.float_of(a.high)
    starts, zeros = w.pointer(a.starts), w.pointer(a.zeros)
    with walk(w, a, (a.batch, a.channels, a.groups)) as (n, c, group):
        plane = n * a.channels + c
        first = (group * tile_rows).least(a.rows - tile_rows)
        x = w.pointer(a.x) + plane * a.height * a.width
        y = w.pointer(a.y) + (plane * a.rows + first) * a.columns
        weights = _weights(w, w.pointer(a.weight) + c * (taps[0] * taps[1]), taps)
        bias = (w.pointer(a.bias) + c).broadcast()
        uses = _uses(tile_rows, taps[0], strides[0], dilations[0])
        lines = {}
        for line in uses:
            place = first * strides[0] + line - a.h_before
            inside = within(w, place, a.height).equals(1)
            there = (x + place * a.width).value
            lines[line] = Pointer(w, w.builder.select(inside, there, zeros.value))

        def write(number: Index, edge: bool) -> None:
            column = w.word(starts, number)
            begin = column * strides[1] - a.w_before
            load = _masked(w, begin, a.width) if edge else _whole
            sums = [w.variable(bias) for _ in range(tile_rows)]
            for line, outputs in uses.items():
                pixels = _pixels(lines[line] + begin, strides[1], load, single)
                for k in range(taps[1]):
                    element = pixels(k * dilations[1])
                    for r, i in outputs:
                        sums[r].set(element.multiply_add(weights(i, k), sums[r].get()))
            for r, total in enumerate(sums):
                value, at = total.get().clip(low, high), y + (a.columns * r + column)
                if narrow:
                    store_first(w, at, value, first_lanes(w, a.columns))
                else:
                    at.store(value)

        with w.loop(0, a.edges) as number:
            write(number, edge=True)
        with w.loop(a.edges, a.tiles) as number:
            write(number, edge=False)


def _uses(rows: int, taps: int, stride: int, dilation: int) -> dict[int, list[tuple[int, int]]]:
    """Return the rows of the input that a tile reads: for which of its rows, at which tap."""
    uses: dict[int, list[tuple[int, int]]] = {}
    for i in range(taps):
        for r in range(rows):
            uses.setdefault(r * stride + i * dilation, []).append((r, i))
    return {line: uses[line] for line in sorted(uses)}


def _weights(w: Writer, weight: Pointer, taps: tuple[int, int]) -> Callable[[int, int], Vector]:
    """Return what gives the weight of a tap in all lanes."""
    if taps[0] * taps[1] > HELD:
        return lambda i, k: weight.broadcast(i * taps[1] + k)
    held = [weight.broadcast(tap) for tap in range(taps[0] * taps[1])]
    return lambda i, k: held[i * taps[1] + k]


Load = Callable[[Pointer, int], Vector]


def _whole(line: Pointer, offset: int) -> Vector:
    return line.load(offset)


def _masked(w: Writer, begin: Index, width: Index) -> Load:
    """Return what loads only the lanes inside a row; the others are zeros."""
    kind = ir.VectorType(I32, w.lanes)
    lanes = ir.Constant(kind, list(range(w.lanes)))
    masks: dict[int, Any] = {}

    def spread(number: Index) -> Any:
        one = w.builder.bitcast(w.builder.trunc(number.value, I32), ir.FloatType())
        return w.builder.bitcast(w.spread(one).value, kind)

    def load(line: Pointer, offset: int) -> Vector:
        if offset not in masks:
            places = w.builder.add(spread(begin + offset), lanes)
            masks[offset] = w.builder.icmp_unsigned("<", places, spread(width))
        return load_first(w, line + offset, masks[offset])

    return load


def _pixels(line: Pointer, stride: int, load: Load, single: bool) -> Callable[[int], Vector]:
    """Return what gives a register of pixels `stride` apart, from a place of a row on."""
    lanes = line.writer.lanes
    if single:
        every = load(line, 0)
        turns = [
            [(lane * stride + place) % lanes for lane in range(lanes)] for place in range(lanes)
        ]
        return lambda place: every.shuffle(every, turns[place])
    if stride == 1:
        return lambda place: load(line, place)
    pairs: dict[int, tuple[Vector, Vector]] = {}

    def every_other(place: int) -> Vector:
        odd = place % 2
        at = place - odd
        if at not in pairs:
            pairs[at] = load(line, at), load(line, at + lanes)
        one, other = pairs[at]
        return one.shuffle(other, range(odd, 2 * lanes, 2))

    return every_other
