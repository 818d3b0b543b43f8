"""Between blocks of channels and arrays whose channels come last (N, *spatial, C).

A pixel's channels lie one after another in both, so that registers are copied. Strides are those
of the array, in elements: it may be a part of a larger one.
"""

from __future__ import annotations

from math import prod
from typing import Any

from striate.ops.blocked.lanes import first_lanes, load_first, store_first
from striate.ops.blocked.layout import Place, Value
from striate.ops.blocked.task import Task, Word
from striate.ops.blocked.walk import cut_task, row_template, volume, walk, within, zero
from striate.ops.codegen import Target, Writer

__all__ = ["enter_last", "leave_last"]

ROWS = (
    *("plain", "block", "batch", "channels", "blocks", "slices", "rows"),
    *("image", "plane", "slice", "row", "example"),
    *("depth", "height", "width", "d_before", "h_before", "w_before", "w_after"),
)


def enter_last(target: Target, place: Place, result: Value, example: int | None = None) -> Task:
    """Return what writes (N, *spatial, C) as blocks, padding included; `example` is a stride."""
    return _task(enter_last_rows.kernel(target), place, result, example, padded=True)


def leave_last(target: Target, source: Value, place: Place, example: int | None = None) -> Task:
    """Return what writes blocks as (N, *spatial, C); `example` is a stride."""
    return _task(leave_last_rows.kernel(target), place, source, example, padded=False)


def _task(kernel: Any, place: Place, value: Value, example: int | None, *, padded: bool) -> Task:
    at, v = value.layout, volume(value.layout)
    slices, rows = (v.padded if padded else v.sizes)[:2]
    size = at.channels * prod(at.spatial)
    words: dict[str, Word] = {
        "plain": place,
        "block": value.corner if padded else value.origin,
        "batch": at.batch,
        "channels": at.channels,
        "blocks": at.blocks,
        "slices": slices,
        "rows": rows,
        "image": at.image,
        "plane": at.plane,
        "slice": v.strides[0],
        "row": v.strides[1],
        "example": size if example is None else example,
        **dict(zip(("depth", "height", "width"), v.sizes, strict=True)),
        **dict(zip(("d_before", "h_before", "w_before"), v.before, strict=True)),
        "w_after": v.padded[2] - v.before[2] - v.sizes[2],
    }
    count = at.batch * at.blocks * slices * rows
    return cut_task(kernel, words, count, 4 * at.batch * (size + at.blocks * at.plane))


@row_template(*ROWS)
def enter_last_rows(w: Writer, a: Any) -> None:
    """Write rows of a block with their padding."""
    lanes = w.lanes
    with walk(w, a, (a.batch, a.slices, a.rows, a.blocks)) as (n, d, h, b):
        y = w.pointer(a.block) + (n * a.image + b * a.plane + d * a.slice + h * a.row)
        depth, height = d - a.d_before, h - a.h_before
        inside = (within(w, depth, a.depth) * within(w, height, a.height)).equals(1)
        with w.when_not(inside):
            zero(w, y, a.w_before + a.width + a.w_after)
        with w.when(inside):
            zero(w, y, a.w_before)
            first = (depth * a.height + height) * a.width
            x = w.pointer(a.plain) + (n * a.example + first * a.channels + b * lanes)
            mask = first_lanes(w, a.channels - b * lanes)
            at = y + a.w_before * lanes
            with w.loop(0, a.width) as pixel:
                at.store(load_first(w, x + pixel * a.channels, mask), pixel * lanes)
            zero(w, at + a.width * lanes, a.w_after)


@row_template(*ROWS)
def leave_last_rows(w: Writer, a: Any) -> None:
    """Write rows of pixels, the channels of one block."""
    lanes = w.lanes
    with walk(w, a, (a.batch, a.slices, a.rows, a.blocks)) as (n, d, h, b):
        x = w.pointer(a.block) + (n * a.image + b * a.plane + d * a.slice + h * a.row)
        first = (d * a.height + h) * a.width
        y = w.pointer(a.plain) + (n * a.example + first * a.channels + b * lanes)
        mask = first_lanes(w, a.channels - b * lanes)
        with w.loop(0, a.width) as pixel:
            store_first(w, y + pixel * a.channels, x.load(pixel * lanes), mask)
