"""Gradients of activations from what they returned, alone or with the sums of each channel.

Gates are expressions of operands 0 (dy) and 1 (y), for `map_blocks`, `map_rows` and `gate_and_sum`;
dx may be written over dy.

>>> relu()
('gate', 0, 1, 0.0, inf)
"""

from __future__ import annotations

from math import inf, prod
from typing import Any

from striate.ops.blocked.channel_sums import TwoSum, channel_map
from striate.ops.blocked.expression import Expression
from striate.ops.blocked.layout import Place, Value
from striate.ops.blocked.mapping import map_blocks
from striate.ops.blocked.rows import row_of, stride_names, strides
from striate.ops.blocked.task import Task, Word
from striate.ops.blocked.walk import cut_task, row_template, volume, walk, zero
from striate.ops.codegen import Target, Writer

__all__ = ["clip", "gate", "gate_and_sum", "leaky", "relu", "sigmoid", "tanh", "unit_sums"]

TILE = 32
"""Pixels of a row whose sums over images are taken together: memory is read as it lies."""


def clip(low: float, high: float) -> Expression:
    """Return dy where low < y < high, 0 elsewhere; NaN in y lets dy pass."""
    return ("gate", 0, 1, float(low), float(high))


def relu() -> Expression:
    """Return dy where y > 0, 0 elsewhere; NaN in y lets dy pass."""
    return clip(0.0, inf)


def leaky(slope: float) -> Expression:
    """Return dy where y > 0, slope dy elsewhere; the slope is not negative."""
    return ("gate_leaky", 0, 1, float(slope))


def tanh(alpha: float = 1.0, beta: float = 1.0) -> Expression:
    """Return dy beta (alpha - y^2 / alpha), the gradient of y = alpha tanh(beta x)."""
    return ("gate_tanh", 0, 1, float(alpha * beta), float(beta / alpha))


def sigmoid() -> Expression:
    """Return dy y (1 - y)."""
    return ("gate_sigmoid", 0, 1)


def gate(target: Target, expression: Expression, dy: Value, y: Value, dx: Value) -> Task:
    """Return what writes the gradient of an activation; dx may be dy."""
    return map_blocks(target, expression, [dy, y], dx)


def gate_and_sum(
    target: Target,
    expression: Expression,
    dy: Value,
    y: Value,
    dx: Value,
    sums: Place,
    partial: str,
) -> list[Task]:
    """Return what writes the gradient of an activation, and its sum over images and pixels.

    Parameters
    ----------
    expression : one of the gates of this module
    dx : may be dy
    sums : a plain array (C,): the gradient of a bias before the activation
    partial : a buffer of `partial_size(dy)` elements
    """
    return channel_map(target, expression, [dy, y], (), dx, [(expression, sums)], partial)


def unit_sums(target: Target, source: Value, result: Place) -> Task:
    """Return what writes the sum of each unit over images to a plain array (C, *spatial)."""
    x, v = source.layout, volume(source.layout)
    words: dict[str, Word] = {"x": source.origin, "y": result, "batch": x.batch}
    words |= {"blocks": x.blocks, "channels": x.channels}
    words |= dict(zip(("slices", "rows", "width"), v.sizes, strict=True)) | strides("x", x)
    rows = x.blocks * v.sizes[0] * v.sizes[1] * -(-v.sizes[2] // TILE)
    work = 8 * x.batch * x.blocks * prod(x.spatial) * x.lanes
    return cut_task(sum_units.kernel(target), words, rows, work, scratch=2 * TILE * x.lanes)


@row_template(
    "x", "y", "batch", "blocks", "channels", "slices", "rows", "width", *stride_names("x")
)
def sum_units(w: Writer, a: Any) -> None:
    """Write the sums of some pixels of a block, each lane to its channel's place."""
    nothing, parts = w.index(0), (a.width + (TILE - 1)) // TILE
    sums, rests = w.scratch, w.scratch + TILE * w.lanes
    with walk(w, a, (a.blocks, a.slices, a.rows, parts)) as (b, d, h, part):
        first = part * TILE
        row = row_of(w, a, "x", (nothing, b, d, h)) + first * w.lanes
        plane = a.slices * a.rows * a.width
        y = w.pointer(a.y) + (b * w.lanes * plane + (d * a.rows + h) * a.width + first)
        lanes = (a.channels - b * w.lanes).least(w.lanes)
        width = (a.width - first).least(TILE)
        zero(w, sums, width)
        zero(w, rests, width)
        whole = a.batch // 4 * 4
        for start, end, images in ((0, whole, 4), (whole, a.batch, 1)):
            with w.loop(start, end, images) as n, w.loop(0, width) as pixel:
                at = pixel * w.lanes
                total = TwoSum(w, sums.load(at), rests.load(at))
                found = [row.load((n + i) * a.x_image + at) for i in range(images)]
                pairs = [one + other for one, other in zip(found[::2], found[1::2], strict=False)]
                total.add(pairs[0] + pairs[1] if pairs else found[0])
                sums.store(total.sum.get(), at)
                rests.store(total.rest.get(), at)
        with w.loop(0, width) as pixel:
            at = pixel * w.lanes
            sums.store(sums.load(at) + rests.load(at), at)
            with w.loop(0, lanes) as lane:
                y.put_scalar(sums.scalar(at + lane), lane * plane + pixel)
