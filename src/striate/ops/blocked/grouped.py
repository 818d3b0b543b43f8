"""Convolution in groups of few channels: lanes are maps, each of which reads its own group.

A tile is a few pixels of a row of outputs, for one block of maps. A step gives every lane a
channel of its group (see `gathering`), pixel after pixel, and each pixel serves all taps of a row
of the kernel. No channel is ever multiplied for a map of another group. Padding lies around the
source, so there are no edges. The sum of an output has one order, whatever tile it is in: rows of
the kernel, steps, taps of the row; long sums are summed row by row first, which rounds less.
"""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from striate.errors import ShapeError
from striate.geometry import Axis, Window
from striate.ops.blocked.elementwise import of_channels
from striate.ops.blocked.gathering import Gathering, gatherer, plan_gathering
from striate.ops.blocked.layout import Blocked, Place, Value
from striate.ops.blocked.pooling import tile_width
from striate.ops.blocked.rows import (
    WINDOW,
    check_padding,
    row_of,
    stride_names,
    strides,
    window_words,
)
from striate.ops.blocked.task import Task, Word, bits
from striate.ops.blocked.walk import cut_task, row_template, volume, walk
from striate.ops.codegen import Index, Pointer, Target, Vector, Writer

__all__ = ["PackedGroups", "arranged", "grouped", "pack"]

WIDEST = 9
"""Taps of a row that are written out; wider kernels loop over theirs one by one."""

PARTIAL = 512
"""Products in a sum up to which it is summed in one go."""

MOST = 24
"""Pixels of a tile at most."""

Array = NDArray[Any]


class PackedGroups(NamedTuple):
    """Weights and bias as the kernel reads them, and which channel each lane reads when.

    Weights and bias are arrays, or where other tasks put them.

    Attributes
    ----------
    weight : for each block of maps: (rows of the kernel, steps, taps of a row, lanes)
    bias : (blocks, lanes)
    gathering : the steps
    channels, maps, groups : of the layer; channels and maps of one of its groups
    kernel : its sizes
    """

    weight: NDArray[np.float32] | Place
    bias: NDArray[np.float32] | Place
    gathering: Gathering
    channels: int
    maps: int
    groups: int
    kernel: tuple[int, ...]


def pack(target: Target, weight: Array, bias: Array | None, groups: int) -> PackedGroups:
    """Return (M, C / groups, *kernel) and (M,) in the order in which they are used.

    >>> pack(Target.named("sse"), np.ones((6, 2, 3, 3)), None, 3).bias.size
    8
    """
    maps, channels, *kernel = weight.shape
    start = np.zeros(maps) if bias is None else bias
    sizes = channels, maps // groups, groups, tuple(kernel)
    packed = arranged(target, weight.astype(np.float32), groups)
    steps = _steps_of(target, weight.shape, groups)
    return PackedGroups(packed, of_channels(start, target.lanes), steps, *sizes)


def arranged(target: Target, weight: Array, groups: int) -> Array:
    """Return weights, of any type, in the order in which they are used.

    >>> arranged(Target.named("sse"), np.ones((6, 2, 3, 3)), 3).size
    144
    """
    maps, channels, *kernel = weight.shape
    gathering, taps, lanes = (
        _steps_of(target, weight.shape, groups),
        _taps(kernel[-1]),
        target.lanes,
    )
    blocks = -(-maps // lanes)
    filled = np.zeros((blocks * lanes, channels + 1, prod(kernel)), weight.dtype)
    filled[:maps, :channels] = weight.reshape(maps, channels, -1)  # the last stays zero: waiting
    parts = []
    for block in range(blocks):
        steps = gathering.channels[gathering.starts[block] : gathering.starts[block + 1]]
        own = filled[block * lanes : (block + 1) * lanes]
        used = own[np.arange(lanes), steps].transpose(2, 0, 1)  # tap, step, lane
        rows = used.reshape(-1, taps, *used.shape[1:])
        parts.append(rows.swapaxes(1, 2).ravel())
    return np.concatenate(parts)


def _steps_of(target: Target, shape: tuple[int, ...], groups: int) -> Gathering:
    maps, channels, *kernel = shape
    return plan_gathering(target, channels, maps // groups, groups, _taps(kernel[-1]))


def _taps(width: int) -> int:
    return width if width <= WIDEST else 1


def grouped(
    target: Target,
    source: Value,
    result: Value,
    packed: PackedGroups,
    window: Window,
    low: float,
    high: float,
    residual: Value | NDArray[np.float32] | None = None,
) -> Task:
    """Return what writes the convolution + bias (+ residual), moved into [low, high].

    The residual may be an array (blocks, *spatial, lanes) that all examples share.

    Raises
    ------
    GeometryError
        If the source has less padding than the window reads.
    ShapeError
        If the values are not those of such weights and such a window.
    """
    x, y, steps = source.layout, result.layout, packed.gathering
    window = window.at(x.spatial)
    _check_shapes(source, result, packed, window, residual)
    check_padding(x, y.spatial, window)
    axes = (Axis(1),) * (3 - window.rank) + window.axes
    out = volume(y)
    taps = _taps(axes[2].kernel)
    tile = tile_width(out.sizes[2], max(4, min(MOST, target.registers - taps - 5)))
    inset, described = window_words(x, y, axes, taps)
    words: dict[str, Word] = {
        "x": Place(source.buffer, x.origin - inset),
        "y": result.origin,
        "weight": packed.weight,
        "bias": packed.bias,
        "starts": steps.starts,
        "sources": steps.words,
        "places": steps.places,
        "batch": x.batch,
        "blocks": y.blocks,
        "all_taps": prod(window.kernel),
        "low": bits(low),
        "high": bits(high),
        **described,
    }
    kernel = plain_groups
    if residual is not None:
        kernel = residual_groups
        at, words["residual"] = _added(residual, y)
        words |= strides("residual", at)
    constants = {"taps": taps, "stride": axes[2].stride, "dilation": axes[2].dilation}
    constants |= {"tile": tile, "rest": (out.sizes[2] - 1) % tile + 1}
    deep = packed.channels * prod(packed.kernel) > PARTIAL
    constants |= {"sources": steps.sources, "masked": steps.masked, "deep": deep}
    blocks = x.batch * y.blocks * out.sizes[0] * out.sizes[1]
    each = x.batch * prod(y.spatial) * prod(window.kernel) * target.lanes
    work = each * len(steps.channels)
    return cut_task(kernel.kernel(target, **constants), words, blocks, work, tile=f"{tile}x1")


def _added(residual: Value | NDArray[np.float32], y: Blocked) -> tuple[Blocked, Word]:
    """Return the layout and the word of what is added."""
    if isinstance(residual, Value):
        return residual.layout, residual.origin
    none = (0,) * len(y.spatial)
    return y._replace(before=none, after=none, first_block=0, all_blocks=0), residual


def _check_shapes(
    source: Value,
    result: Value,
    packed: PackedGroups,
    window: Window,
    residual: Value | NDArray[np.float32] | None,
) -> None:
    x, y = source.layout, result.layout
    given = x.channels, y.channels, window.kernel
    channels, maps = packed.channels * packed.groups, packed.maps * packed.groups
    if given != (channels, maps, packed.kernel):
        raise ShapeError(
            f"packed weights are for {channels} channels, {maps} maps and kernel {packed.kernel}, "
            f"not {given[0]}, {given[1]} and {given[2]}"
        )
    wanted = (x.batch, y.channels, *window.output_shape(x.spatial))
    values = (("the result", result), ("the residual", residual))
    for name, value in values:
        if isinstance(value, Value):
            shape = (value.layout.batch, value.layout.channels, *value.layout.spatial)
            if shape != wanted:
                raise ShapeError(f"{name} must be {wanted}, not {shape}")


FIELDS = (
    *("x", "y", "weight", "bias", "starts", "sources", "places", "batch", "blocks", "all_taps"),
    *("low", "high", *WINDOW, *stride_names("x"), *stride_names("y")),
)


@row_template(*FIELDS)
def plain_groups(w: Writer, a: Any, **constants: int) -> None:
    """Write rows of outputs."""
    _rows(w, a, residual=False, **constants)


@row_template(*FIELDS, "residual", *stride_names("residual"))
def residual_groups(w: Writer, a: Any, **constants: int) -> None:
    """Write rows of outputs, to which rows of another value are added."""
    _rows(w, a, residual=True, **constants)


def _rows(w: Writer, a: Any, *, tile: int, rest: int, residual: bool, **constants: int) -> None:
    low, high = w.float_of(a.low), w.float_of(a.high)
    starts = w.pointer(a.starts)
    with walk(w, a, (a.batch, a.blocks, a.slices, a.rows)) as place:
        x = row_of(w, a, "x", [place[0], w.index(0), *place[2:]])
        y = row_of(w, a, "y", place)
        more = row_of(w, a, "residual", place) if residual else None
        block = place[1]
        steps = w.word(starts, block), w.word(starts, block + 1)
        bias = (w.pointer(a.bias) + block * w.lanes).load()

        def write(first: Index, pixels: int) -> None:
            at = x + first * (constants["stride"] * w.lanes)
            sums = _sums(w, a, at, steps, bias, pixels, **constants)
            for t, value in enumerate(sums):
                offset = (first + t) * w.lanes
                value = value + more.load(offset) if more else value
                y.store(value.clip(low, high), offset)

        whole = a.width - rest
        with w.loop(0, whole, tile) as first:
            write(first, tile)
        write(whole, rest)


def _sums(
    w: Writer,
    a: Any,
    x: Pointer,
    steps: tuple[Index, Index],
    bias: Vector,
    pixels: int,
    *,
    taps: int,
    stride: int,
    dilation: int,
    sources: int,
    masked: int,
    deep: int,
) -> list[Vector]:
    """Return the sums of some pixels of a row for one block of maps."""
    zero = w.constant(0.0)
    sums = [w.variable(zero if deep else bias) for _ in range(pixels)]
    totals = [w.variable(bias) for _ in range(pixels)] if deep else sums
    weight = w.variable(w.pointer(a.weight) + steps[0] * a.all_taps * w.lanes)
    tables = w.pointer(a.sources), w.pointer(a.places)
    uses: dict[int, list[tuple[int, int]]] = {}
    for t in range(pixels):
        for k in range(taps):
            uses.setdefault(t * stride + k * dilation, []).append((t, k))
    with w.loop(0, a.depth) as d, w.loop(0, a.height) as h, w.loop(0, a.row_parts) as part:
        row = x + (d * a.d_tap + h * a.h_tap + part * (dilation * w.lanes))
        with w.loop(*steps) as step:
            gather = gatherer(w, tables, step, a.x_plane, sources, bool(masked))
            weights = [weight.get().load(tap * w.lanes) for tap in range(taps)]
            weight.set(weight.get() + taps * w.lanes)
            for pixel in sorted(uses):
                element = gather(row + pixel * w.lanes)
                for t, k in uses[pixel]:
                    sums[t].set(element.multiply_add(weights[k], sums[t].get()))
        for total, partial in zip(totals, sums if deep else (), strict=bool(deep)):
            total.set(total.get() + partial.get())
            partial.set(zero)
    return [total.get() for total in totals]
