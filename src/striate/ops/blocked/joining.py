"""Copying values among the channels of others, as joining them does.

A first channel that is no multiple of the lanes moves every channel to another lane: each
register of the result is put together from two of the source. Lanes of the first and last
block that belong to other channels keep what they hold.
"""

from __future__ import annotations

from typing import Any

from striate.errors import ShapeError
from striate.ops.blocked.elementwise import copy
from striate.ops.blocked.lanes import choose_lanes, first_lanes
from striate.ops.blocked.layout import Value
from striate.ops.blocked.mapping import PART, joined
from striate.ops.blocked.task import Task, Word
from striate.ops.blocked.walk import cut_task, row_template, volume, walk
from striate.ops.codegen import Target, Writer

__all__ = ["copy_to_channels"]


def copy_to_channels(target: Target, source: Value, result: Value, first: int) -> Task:
    """Return what copies a value to the channels of the result from `first` on."""
    x, y = source.layout, result.layout
    if (x.batch, x.spatial) != (y.batch, y.spatial) or first + x.channels > y.channels:
        raise ShapeError(
            f"{x.channels} channels of {x.batch} images {x.spatial} do not fit after {first} of "
            f"{y.channels} channels of {y.batch} images {y.spatial}"
        )
    block, shift = divmod(first, target.lanes)
    own = y._replace(channels=x.channels + shift, first_block=y.first_block + block)
    place = Value(own, result.buffer)
    if not shift and (x.channels % target.lanes == 0 or first + x.channels == y.channels):
        return copy(target, source, place)
    v, written = volume(x), volume(own)
    rows = joined(v.sizes, [written.strides, v.strides], target.lanes)
    (y0, y1), (x0, x1) = (strides[2:4] for strides in rows.strides)
    parts = -(-rows.length // PART)
    slices, lines = rows.outer[2:]
    words: dict[str, Word] = {
        "y": place.origin,
        "x": source.origin,
        "batch": x.batch,
        "blocks": own.blocks,
        "slices": slices,
        "rows": lines,
        "parts": parts,
        "length": rows.length,
        "y_image": own.image,
        "y_plane": own.plane,
        "y_slice": y0,
        "y_row": y1,
        "x_image": x.image,
        "x_plane": x.plane,
        "x_slice": x0,
        "x_row": x1,
        "channels": x.channels,
        "last": x.blocks - 1,
    }
    blocks = x.batch * own.blocks * slices * lines * parts
    work = 12 * blocks * min(rows.length, PART) * target.lanes
    return cut_task(moved_channels.kernel(target, shift=shift), words, blocks, work)


@row_template(
    *("y", "x", "batch", "blocks", "slices", "rows", "parts", "length"),
    *("y_image", "y_plane", "y_slice", "y_row", "x_image", "x_plane", "x_slice", "x_row"),
    *("channels", "last"),
)
def moved_channels(w: Writer, a: Any, shift: int) -> None:
    """Write the blocks that a source reaches `shift` lanes into the first."""
    lanes = w.lanes
    sizes = (a.batch, a.blocks, a.slices, a.rows, a.parts)
    with walk(w, a, sizes) as (n, b, d, h, part):
        begin = part * PART
        count = (a.length - begin).least(PART)
        y = n * a.y_image + b * a.y_plane + d * a.y_slice + h * a.y_row + begin * lanes
        x = n * a.x_image + d * a.x_slice + h * a.x_row + begin * lanes
        y_row, x_row = w.pointer(a.y) + y, w.pointer(a.x) + x
        earlier = w.choose(b > 0, b - 1, 0)
        before = x_row + earlier * a.x_plane
        here = x_row + b.least(a.last) * a.x_plane
        not_yet = first_lanes(w, w.choose(b > 0, 0, shift))
        reached = first_lanes(w, a.channels + shift - b * lanes)
        ours = w.builder.and_(reached, w.builder.not_(not_yet))
        with w.loop(0, count) as pixel:
            at = pixel * lanes
            moved = before.load(at).shuffle(
                here.load(at), [lanes - shift + lane for lane in range(lanes)]
            )
            y_row.store(choose_lanes(ours, moved, y_row.load(at)), at)
