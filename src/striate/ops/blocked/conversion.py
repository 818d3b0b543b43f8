"""Between the order of NumPy and blocks of channels, by transposes in registers.

A row of pixels of one block is read as `lanes` channels of `lanes` pixels, transposed, and
written as pixels; or the other way round. Where nothing is padded, all the pixels of a block
are one row, cut into parts of `PART`.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from striate.ops.blocked.lanes import first_lanes, load_first, store_first, transposed
from striate.ops.blocked.layout import Place, Value
from striate.ops.blocked.task import Task, Word, bits
from striate.ops.blocked.walk import (
    cut_task,
    fill_pixels,
    row_template,
    three,
    volume,
    walk,
    within,
    zero,
)
from striate.ops.codegen import Index, Pointer, Target, Writer

__all__ = ["border", "enter", "leave", "pad_planes"]

STREAMED = 1 << 20
"""Elements of a value that does not stay in the second-level cache anyway."""

PART = 256
"""Pixels of a row where rows may be of any length."""

ZEROS = np.zeros(16, np.float32)
"""What is read as the channels that are not there."""

ROWS = (
    *("batch", "channels", "blocks", "slices", "rows", "pixels"),
    *("image", "plane", "slice", "row"),
    *("depth", "height", "width", "d_before", "h_before", "w_before", "w_after"),
)
"""Of a blocked value: its sizes, padded slices and rows, strides, sizes inside the padding."""


def enter(target: Target, place: Place, shape: tuple[int, ...], result: Value) -> Task:
    """Return what writes (N, C, *spatial) in NumPy's order as blocks, padding included.

    Lanes beyond C become zeros.
    """
    kernel = enter_channels if _one_pixel(result) else enter_rows
    return _task(kernel.kernel(target), place, shape, result, result.corner, padded=True)


def leave(target: Target, source: Value, place: Place) -> Task:
    """Return what writes blocks as (N, C, *spatial) in NumPy's order."""
    at = source.layout
    shape = (at.batch, at.channels, *at.spatial)
    if _one_pixel(source):
        kernel = leave_channels.kernel(target)
    else:
        whole = prod(at.spatial) % target.lanes == 0 and place.offset % target.lanes == 0
        rows = at.contiguous or at.spatial[-1] % target.lanes == 0
        kernel = leave_rows.kernel(target, past=whole and rows and prod(shape) >= STREAMED)
    return _task(kernel, place, shape, source, source.origin, padded=False)


def border(target: Target, value: Value, fill: float = 0.0) -> Task:
    """Return what fills the padding of all blocks of a value with zeros, or another number."""
    words, blocks = _rows(value, padded=True)
    del words["channels"], words["pixels"]
    pad = value.layout.plane // value.layout.lanes - prod(value.layout.spatial)
    work = 4 * value.layout.batch * value.layout.blocks * pad * value.layout.lanes
    return cut_task(
        border_rows.kernel(target), {"y": value.corner, "fill": bits(fill), **words}, blocks, work
    )


def _one_pixel(value: Value) -> bool:
    return value.layout.contiguous and prod(value.layout.spatial) == 1


def _task(
    kernel: Any, place: Place, shape: tuple[int, ...], value: Value, at: Place, *, padded: bool
) -> Task:
    words, blocks = _rows(value, padded=padded)
    work = 4 * (prod(shape) + value.layout.batch * value.layout.blocks * value.layout.plane)
    return cut_task(kernel, {"plain": place, "block": at, "zeros": ZEROS, **words}, blocks, work)


def _rows(value: Value, *, padded: bool) -> tuple[dict[str, int], int]:
    """Return the words of a value's rows, with or without those of padding, and their number."""
    layout = value.layout
    v = volume(layout)
    slices, rows = (v.padded if padded else v.sizes)[:2]
    words = {
        "batch": layout.batch,
        "channels": layout.channels,
        "blocks": layout.blocks,
        "slices": slices,
        "rows": rows,
        "pixels": prod(layout.spatial),
        "image": layout.image,
        "plane": layout.plane,
        "slice": v.strides[0],
        "row": v.strides[1],
        **dict(zip(("depth", "height", "width"), v.sizes, strict=True)),
        **dict(zip(("d_before", "h_before", "w_before"), v.before, strict=True)),
        "w_after": v.padded[2] - v.before[2] - v.sizes[2],
    }
    if layout.contiguous:
        rows = -(-prod(layout.spatial) // PART)
        words |= {"slices": 1, "rows": rows, "row": PART * layout.lanes}
        words |= {"depth": 1, "height": rows, "width": PART}
    return words, layout.batch * layout.blocks * words["slices"] * words["rows"]


@row_template("plain", "block", "zeros", *ROWS)
def enter_rows(w: Writer, a: Any) -> None:
    """Write rows of a block with their padding."""
    lanes = w.lanes
    with walk(w, a, (a.batch, a.blocks, a.slices, a.rows)) as (n, b, d, h):
        y = w.pointer(a.block) + (n * a.image + b * a.plane + d * a.slice + h * a.row)
        depth, height = d - a.d_before, h - a.h_before
        inside = (within(w, depth, a.depth) * within(w, height, a.height)).equals(1)
        with w.when_not(inside):
            zero(w, y, a.w_before + a.width + a.w_after)
        with w.when(inside):
            zero(w, y, a.w_before)
            first = (depth * a.height + height) * a.width
            width = a.width.least(a.pixels - first)
            channel = n * a.channels + b * lanes
            x = w.pointer(a.plain) + (channel * a.pixels + first)
            count = a.channels - b * lanes
            at = y + a.w_before * lanes
            _enter_row(w, a, x, at, width, count)
            zero(w, at + width * lanes, a.w_after)


def _enter_row(w: Writer, a: Any, x: Pointer, y: Pointer, width: Index, count: Index) -> None:
    """Transpose one row; tiles that would not fit begin earlier, or are of a few pixels."""
    lanes, zeros = w.lanes, w.pointer(a.zeros)

    def channel(c: int, pixel: Index | int) -> Pointer:
        there = (x + (a.pixels * c + pixel)).value
        return Pointer(w, w.builder.select(count > c, there, zeros.value))

    with w.when(width >= lanes), w.loop(0, width, lanes) as begin:
        pixel = begin.least(width - lanes)
        columns = transposed([channel(c, pixel).load() for c in range(lanes)])
        for p in range(lanes):
            y.store(columns[p], (pixel + p) * lanes)
    with w.when(width < lanes):
        mask = first_lanes(w, width)
        columns = transposed([load_first(w, channel(c, 0), mask) for c in range(lanes)])
        for p in range(lanes - 1):
            with w.when(width > p):
                y.store(columns[p], p * lanes)


@row_template("plain", "block", "zeros", *ROWS)
def leave_rows(w: Writer, a: Any, past: bool) -> None:
    """Write rows of channels in NumPy's order; past the caches, where they fill registers."""
    lanes = w.lanes
    with walk(w, a, (a.batch, a.blocks, a.slices, a.rows)) as (n, b, d, h):
        x = w.pointer(a.block) + (n * a.image + b * a.plane + d * a.slice + h * a.row)
        first = (d * a.height + h) * a.width
        width = a.width.least(a.pixels - first)
        channel = n * a.channels + b * lanes
        y = w.pointer(a.plain) + (channel * a.pixels + first)
        if past:
            _stream_row(w, x, y, width, a.pixels, a.channels - b * lanes)
        else:
            _leave_row(w, x, y, width, a.pixels, a.channels - b * lanes)
    if past:
        w.settle_streams()


def _leave_row(w: Writer, x: Pointer, y: Pointer, width: Index, plane: Index, count: Index) -> None:
    lanes = w.lanes
    with w.when(width >= lanes), w.loop(0, width, lanes) as begin:
        pixel = begin.least(width - lanes)
        rows = transposed([x.load((pixel + p) * lanes) for p in range(lanes)])
        for c in range(lanes):
            with w.when(count > c):
                y.store(rows[c], plane * c + pixel)
    with w.when(width < lanes):
        mask, last = first_lanes(w, width), width - 1
        rows = transposed([x.load(last.least(p) * lanes) for p in range(lanes)])
        for c in range(lanes):
            with w.when(count > c):
                store_first(w, y + plane * c, rows[c], mask)


def _stream_row(
    w: Writer, x: Pointer, y: Pointer, width: Index, plane: Index, count: Index
) -> None:
    """Write a row of whole registers, each of which begins where one does in memory."""
    lanes = w.lanes
    with w.loop(0, width, lanes) as pixel:
        rows = transposed([x.load((pixel + p) * lanes) for p in range(lanes)])
        for c in range(lanes):
            with w.when(count > c):
                y.stream(rows[c], plane * c + pixel)


@row_template("plain", "block", "zeros", *ROWS)
def enter_channels(w: Writer, a: Any) -> None:
    """Copy the channels of single pixels, which lie one after another in both orders."""
    with walk(w, a, (a.batch, a.blocks)) as (n, b):
        mask = first_lanes(w, a.channels - b * w.lanes)
        x = w.pointer(a.plain) + (n * a.channels + b * w.lanes)
        w.pointer(a.block).store(load_first(w, x, mask), n * a.image + b * a.plane)


@row_template("plain", "block", "zeros", *ROWS)
def leave_channels(w: Writer, a: Any) -> None:
    """Copy the channels of single pixels, which lie one after another in both orders."""
    with walk(w, a, (a.batch, a.blocks)) as (n, b):
        x = w.pointer(a.block).load(n * a.image + b * a.plane)
        y = w.pointer(a.plain) + (n * a.channels + b * w.lanes)
        store_first(w, y, x, first_lanes(w, a.channels - b * w.lanes))


@row_template("y", "fill", *(name for name in ROWS if name not in ("channels", "pixels")))
def border_rows(w: Writer, a: Any) -> None:
    """Fill the padding of rows with a number."""
    number = w.float_of(a.fill)
    with walk(w, a, (a.batch, a.blocks, a.slices, a.rows)) as (n, b, d, h):
        y = w.pointer(a.y) + (n * a.image + b * a.plane + d * a.slice + h * a.row)
        depth = within(w, d - a.d_before, a.depth)
        inside = (depth * within(w, h - a.h_before, a.height)).equals(1)
        before = w.choose(inside, a.w_before, a.w_before + a.width + a.w_after)
        fill_pixels(w, y, before, number)
        with w.when(inside):
            fill_pixels(w, y + (a.w_before + a.width) * w.lanes, a.w_after, number)


def pad_planes(
    target: Target,
    place: Place,
    shape: tuple[int, ...],
    before: tuple[int, ...],
    after: tuple[int, ...],
    place_out: Place,
) -> Task:
    """Return what copies (N, C, *spatial) in NumPy's order with zeros around each plane."""
    sizes, ahead, behind = three(shape[2:], 1), three(before, 0), three(after, 0)
    padded = [b + s + e for b, s, e in zip(ahead, sizes, behind, strict=True)]
    planes = shape[0] * shape[1]
    words: dict[str, Word] = {
        "x": place,
        "y": place_out,
        "planes": planes,
        "slices": padded[0],
        "rows": padded[1],
        **dict(zip(("depth", "height", "width"), sizes, strict=True)),
        **dict(zip(("d_before", "h_before", "w_before"), ahead, strict=True)),
        "w_after": behind[2],
    }
    blocks = planes * padded[0] * padded[1]
    work = 4 * (prod(shape) + planes * prod(padded))
    return cut_task(padded_rows.kernel(target), words, blocks, work)


@row_template(
    *("x", "y", "planes", "slices", "rows"),
    *("depth", "height", "width", "d_before", "h_before", "w_before", "w_after"),
)
def padded_rows(w: Writer, a: Any) -> None:
    """Copy rows of planes, or fill them with zeros."""
    wide = a.w_before + a.width + a.w_after
    nothing = w.constant(0.0)
    with walk(w, a, (a.planes, a.slices, a.rows)) as (plane, d, h):
        y = w.pointer(a.y) + ((plane * a.slices + d) * a.rows + h) * wide
        depth, height = d - a.d_before, h - a.h_before
        inside = (within(w, depth, a.depth) * within(w, height, a.height)).equals(1)
        before = w.choose(inside, a.w_before, wide)
        with w.loop(0, before, w.lanes) as i:
            store_first(w, y + i, nothing, first_lanes(w, before - i))
        with w.when(inside):
            x = w.pointer(a.x) + ((plane * a.depth + depth) * a.height + height) * a.width
            _copy(w, x, y + a.w_before, a.width)
            after = y + (a.w_before + a.width)
            with w.loop(0, a.w_after, w.lanes) as i:
                store_first(w, after + i, nothing, first_lanes(w, a.w_after - i))


def _copy(w: Writer, x: Pointer, y: Pointer, count: Index) -> None:
    whole = count // w.lanes * w.lanes
    with w.loop(0, whole, w.lanes) as i:
        y.store(x.load(i), i)
    mask = first_lanes(w, count - whole)
    store_first(w, y + whole, load_first(w, x + whole, mask), mask)
