"""Softmax: along rows in NumPy's order, and over the channels of pixels in blocks.

Rows of 2, 4, 8 ... elements share a register, as many as fit into it.
"""

from __future__ import annotations

from math import inf, prod
from typing import Any

from striate.ops.blocked.exponential import exponential
from striate.ops.blocked.lanes import (
    choose_lanes,
    first_lanes,
    load_first,
    maximum,
    maximum_of_lanes,
    store_first,
    sum_lanes,
)
from striate.ops.blocked.layout import Place, Value
from striate.ops.blocked.rows import row_of, stride_names, strides
from striate.ops.blocked.task import Task, Word
from striate.ops.blocked.walk import cut_task, row_template, span, volume, walk
from striate.ops.codegen import Target, Vector, Writer

__all__ = ["softmax", "softmax_of_channels"]


def softmax(target: Target, source: Place, shape: tuple[int, int], result: Place) -> Task:
    """Return what writes exp(x) / sum of exp(x) along the rows of (N, C)."""
    size = shape[0] * shape[1]
    if shape[1] < target.lanes and target.lanes % shape[1] == 0:
        registers = -(-size // target.lanes)
        given: dict[str, Word] = {"x": source, "y": result, "size": size}
        kernel = softmax_few.kernel(target, channels=shape[1])
        return cut_task(kernel, given, registers, 20 * size)
    words: dict[str, Word] = {"x": source, "y": result, "channels": shape[1]}
    return cut_task(softmax_rows.kernel(target), words, shape[0], 20 * shape[0] * shape[1])


def softmax_of_channels(target: Target, source: Value, result: Value) -> Task:
    """Return what writes exp(x) / sum of exp(x) over the channels of each pixel of blocks."""
    x, v = source.layout, volume(source.layout)
    words: dict[str, Word] = {"x": source.origin, "y": result.origin, "batch": x.batch}
    words |= dict(zip(("slices", "rows", "width"), v.sizes, strict=True))
    words |= {"blocks": x.blocks, "spare": x.blocks * x.lanes - x.channels}
    words |= strides("x", x) | strides("y", result.layout)
    rows = x.batch * v.sizes[0] * v.sizes[1]
    work = 20 * x.batch * x.blocks * prod(x.spatial) * x.lanes
    return cut_task(softmax_pixels.kernel(target), words, rows, work)


@row_template("x", "y", "size")
def softmax_few(w: Writer, a: Any, channels: int) -> None:
    """Write registers of several rows."""

    def among_rows(vector: Vector, add: bool) -> Vector:
        distance = channels // 2
        while distance:
            other = vector.shuffle(vector, [lane ^ distance for lane in range(w.lanes)])
            vector = vector + other if add else vector.maximum(other)
            distance //= 2
        return vector

    def shares(x: Vector) -> Vector:
        powers = exponential(x - among_rows(x, False))
        return powers / among_rows(powers, True)

    x, y = w.pointer(a.x), w.pointer(a.y)
    begin, end = span(w, a)
    with w.loop(begin, end) as number:
        at = number * w.lanes
        whole = a.size - at >= w.lanes
        with w.when(whole):
            y.store(shares(x.load(at)), at)
        with w.when_not(whole):
            mask = first_lanes(w, a.size - at)
            store_first(w, y + at, shares(load_first(w, x + at, mask)), mask)


@row_template(
    *("x", "y", "batch", "slices", "rows", "width", "blocks", "spare"),
    *(*stride_names("x"), *stride_names("y")),
)
def softmax_pixels(w: Writer, a: Any) -> None:
    """Write rows of pixels; the lanes behind the last channel count as nothing."""
    last = a.blocks - 1
    mask = first_lanes(w, w.index(w.lanes) - a.spare)
    lowest, nothing = w.constant(-inf), w.constant(0.0)
    with walk(w, a, (a.batch, a.slices, a.rows)) as (n, d, h):
        place = (n, w.index(0), d, h)
        x_row, y_row = row_of(w, a, "x", place), row_of(w, a, "y", place)
        with w.loop(0, a.width) as pixel:
            x, y = x_row + pixel * w.lanes, y_row + pixel * w.lanes
            rest = x.load(last * a.x_plane)
            largest = w.variable(maximum(choose_lanes(mask, rest, lowest), lowest))
            with w.loop(0, last) as b:
                largest.set(maximum(x.load(b * a.x_plane), largest.get()))
            top = maximum_of_lanes(largest.get())
            rest = exponential(rest - top)
            total = w.variable(choose_lanes(mask, rest, nothing))
            with w.loop(0, last) as b:
                power = exponential(x.load(b * a.x_plane) - top)
                y.store(power, b * a.y_plane)
                total.set(total.get() + power)
            share = w.constant(1.0) / sum_lanes(total.get())
            with w.loop(0, last) as b:
                y.store(y.load(b * a.y_plane) * share, b * a.y_plane)
            y.store(rest * share, last * a.y_plane)


@row_template("x", "y", "channels")
def softmax_rows(w: Writer, a: Any) -> None:
    """Write rows: the exponentials of what is left of the largest element, over their sum.

    The largest leaves NaN out, but exp(NaN) does not: one of them makes the whole row NaN.
    """
    whole = a.channels // w.lanes * w.lanes
    mask = first_lanes(w, a.channels - whole)
    begin, end = span(w, a)
    with w.loop(begin, end) as n:
        x = w.pointer(a.x) + n * a.channels
        y = w.pointer(a.y) + n * a.channels
        rest = load_first(w, x + whole, mask, -inf)
        largest = w.variable(rest)
        with w.loop(0, whole, w.lanes) as i:
            largest.set(maximum(x.load(i), largest.get()))
        top = maximum_of_lanes(maximum(largest.get(), w.constant(-inf)))
        rest = exponential(rest - top)
        total = w.variable(choose_lanes(mask, rest, w.constant(0.0)))
        with w.loop(0, whole, w.lanes) as i:
            power = exponential(x.load(i) - top)
            y.store(power, i)
            total.set(total.get() + power)
        share = w.constant(1.0) / sum_lanes(total.get())
        with w.loop(0, whole, w.lanes) as i:
            y.store(y.load(i) * share, i)
        store_first(w, y + whole, rest * share, mask)
