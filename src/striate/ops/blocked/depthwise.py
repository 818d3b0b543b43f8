"""Depthwise convolution: each channel has its own kernel, and each lane its own channel.

A tile is a few pixels of a row of outputs. It goes through the kernel row by row: the row's
weights stay in registers, and each pixel that is read serves all taps of all outputs it is for.
Padding lies around the source, so there are no edges. The sum of an output has one order, that
of the kernel, whatever tile it is in.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from striate.errors import ShapeError
from striate.geometry import Axis, Window
from striate.ops.blocked.elementwise import of_channels
from striate.ops.blocked.layout import Place, Value
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
from striate.ops.codegen.values import Variable

__all__ = ["WIDEST", "PackedDepthwise", "arranged", "depthwise", "pack", "plain_rows"]

WIDEST = 9
"""Taps of a row that are written out; wider kernels loop over theirs one by one."""

Array = NDArray[Any]


class PackedDepthwise(NamedTuple):
    """Weights and bias as the kernel reads them: arrays, or where other tasks put them.

    Attributes
    ----------
    weight : (blocks, taps, lanes)
    bias : (blocks, lanes)
    """

    weight: NDArray[np.float32] | Place
    bias: NDArray[np.float32] | Place


def arranged(target: Target, weight: Array) -> Array:
    """Return (C, 1, *kernel) as (blocks, taps, lanes), zeros in the spare lanes; of any type.

    >>> arranged(Target.named("sse"), np.arange(1, 7).reshape(3, 1, 2))[0]
    array([[1, 3, 5, 0],
           [2, 4, 6, 0]])
    """
    channels, taps = len(weight), prod(weight.shape[1:])
    blocks = -(-channels // target.lanes)
    filled = np.zeros((blocks * target.lanes, taps), weight.dtype)
    filled[:channels] = weight.reshape(channels, taps)
    return np.ascontiguousarray(filled.reshape(blocks, target.lanes, taps).swapaxes(1, 2))


def pack(target: Target, weight: Array, bias: Array | None) -> PackedDepthwise:
    """Return (C, 1, *kernel) and (C,) in blocks of channels; zeros in the spare lanes.

    >>> pack(Target.named("sse"), np.ones((6, 1, 3, 3)), None).bias.shape
    (8,)
    """
    start = np.zeros(len(weight)) if bias is None else bias
    packed = arranged(target, weight.astype(np.float32))
    return PackedDepthwise(packed, of_channels(start, target.lanes))


def depthwise(
    target: Target,
    source: Value,
    result: Value,
    packed: PackedDepthwise,
    window: Window,
    low: float,
    high: float,
    residual: Value | None = None,
) -> Task:
    """Return what writes the convolution + bias (+ residual), moved into [low, high].

    Raises
    ------
    GeometryError
        If the source has less padding than the window reads.
    ShapeError
        If the weights are not those of such a window and value.
    """
    x, y = source.layout, result.layout
    window = window.at(x.spatial)
    _check_shapes(source, result, packed, window, residual)
    check_padding(x, y.spatial, window)
    axes = (Axis(1),) * (3 - window.rank) + window.axes
    out = volume(y)
    taps = axes[2].kernel if axes[2].kernel <= WIDEST else 1
    tile = tile_width(out.sizes[2], target.registers // 2)
    inset, described = window_words(x, y, axes, taps)
    words: dict[str, Word] = {
        "x": Place(source.buffer, x.origin - inset),
        "y": result.origin,
        "weight": packed.weight,
        "bias": packed.bias,
        "all_taps": prod(window.kernel),
        "batch": x.batch,
        "blocks": x.blocks,
        "low": bits(low),
        "high": bits(high),
        **described,
    }
    kernel = plain_rows
    if residual is not None:
        kernel = residual_rows
        words |= {"residual": residual.origin, **strides("residual", residual.layout)}
    constants = {"taps": taps, "stride": axes[2].stride, "dilation": axes[2].dilation, "out": 1}
    constants |= {"tile": tile, "rest": (out.sizes[2] - 1) % tile + 1}
    blocks = x.batch * x.blocks * out.sizes[0] * out.sizes[1]
    work = blocks * out.sizes[2] * target.lanes * prod(window.kernel)
    return cut_task(kernel.kernel(target, **constants), words, blocks, work, tile=f"{tile}x1")


def _check_shapes(
    source: Value, result: Value, packed: PackedDepthwise, window: Window, residual: Value | None
) -> None:
    x = source.layout
    wanted = (x.batch, x.channels, *window.output_shape(x.spatial))
    weight = (x.blocks, prod(window.kernel), x.lanes)
    if not isinstance(packed.weight, Place) and packed.weight.shape != weight:
        raise ShapeError(f"packed weights must be {weight}, not {packed.weight.shape}")
    for name, value in (("the result", result), ("the residual", residual or result)):
        shape = (value.layout.batch, value.layout.channels, *value.layout.spatial)
        if shape != wanted:
            raise ShapeError(f"{name} must be {wanted}, not {shape}")


FIELDS = (
    *("x", "y", "weight", "bias", "all_taps", "batch", "blocks", "low", "high"),
    *(*WINDOW, *stride_names("x"), *stride_names("y")),
)


@row_template(*FIELDS)
def plain_rows(w: Writer, a: Any, **constants: int) -> None:
    """Write rows of outputs."""
    _rows(w, a, residual=False, **constants)


@row_template(*FIELDS, "residual", *stride_names("residual"))
def residual_rows(w: Writer, a: Any, **constants: int) -> None:
    """Write rows of outputs, to which rows of another value are added."""
    _rows(w, a, residual=True, **constants)


def _rows(
    w: Writer,
    a: Any,
    *,
    taps: int,
    stride: int,
    dilation: int,
    out: int,
    tile: int,
    rest: int,
    residual: bool,
) -> None:
    low, high = w.float_of(a.low), w.float_of(a.high)
    with walk(w, a, (a.batch, a.blocks, a.slices, a.rows)) as place:
        x, y = row_of(w, a, "x", place), row_of(w, a, "y", place)
        more = row_of(w, a, "residual", place) if residual else None
        weight = w.pointer(a.weight) + place[1] * a.all_taps * w.lanes
        bias = (w.pointer(a.bias) + place[1] * w.lanes).load()

        def write(first: Index, pixels: int) -> None:
            at = x + first * (stride * w.lanes)
            sums = [w.variable(bias) for _ in range(pixels)]
            with _tap_row(w, a, at, weight, taps, dilation) as (tap_row, weights):
                _add_products(w, sums, tap_row, weights, stride, dilation)
            for t, total in enumerate(sums):
                offset, value = (first + t) * (out * w.lanes), total.get()
                value = value + more.load(offset) if more else value
                y.store(value.clip(low, high), offset)

        whole = a.width - rest
        with w.loop(0, whole, tile) as first:
            write(first, tile)
        write(whole, rest)


@contextmanager
def _tap_row(
    w: Writer, a: Any, x: Pointer, weight: Pointer, taps: int, dilation: int
) -> Iterator[tuple[Pointer, list[Vector]]]:
    """Repeat for rows of the kernel: where its pixels begin, and its weights."""
    now = w.variable(weight)
    with w.loop(0, a.depth) as d, w.loop(0, a.height) as h, w.loop(0, a.row_parts) as k:
        weights = [now.get().load(tap * w.lanes) for tap in range(taps)]
        yield x + (d * a.d_tap + h * a.h_tap + k * (dilation * w.lanes)), weights
        now.set(now.get() + taps * w.lanes)


def _add_products(
    w: Writer,
    sums: list[Variable],
    x: Pointer,
    weights: list[Vector],
    stride: int,
    dilation: int,
) -> None:
    """Add the products of one row of taps, a pixel of the source after the other."""
    uses: dict[int, list[tuple[int, int]]] = {}
    for t in range(len(sums)):
        for k in range(len(weights)):
            uses.setdefault(t * stride + k * dilation, []).append((t, k))
    for pixel in sorted(uses):
        element = x.load(pixel * w.lanes)
        for t, k in uses[pixel]:
            sums[t].set(element.multiply_add(weights[k], sums[t].get()))
