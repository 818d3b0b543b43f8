"""Sums, means, norms, largest and smallest elements along axes in NumPy's order.

An array (before, size, after) loses its middle axis: where nothing comes after, each row is summed
in one register, whose lanes are summed then; elsewhere lanes are elements that stay apart.
"""

from __future__ import annotations

from math import inf
from typing import Any

from striate.ops.blocked.lanes import choose_lanes, first_lanes, load_first, store_first, sum_lanes
from striate.ops.blocked.layout import Place
from striate.ops.blocked.task import Task, Word, bits
from striate.ops.blocked.walk import cut_task, row_template, span, walk
from striate.ops.codegen import Target, Vector, Writer

__all__ = ["KINDS", "reduce_axis", "reduce_rows"]

START = {"max": -inf, "min": inf}
"""What nothing has, where that is not 0."""

KINDS = ("sum", "mean", "max", "min", "squares", "norm")
"""What can be taken; the norm is the root of the squares."""

TOGETHER = 4
"""Registers of elements that stay apart."""


def reduce_rows(
    target: Target, source: Place, shape: tuple[int, int], result: Place, kind: str
) -> Task:
    """Return what writes one of `KINDS` of each row of (N, C); NaN makes it NaN."""
    rows, size = shape
    words: dict[str, Word] = {"x": source, "y": result, "size": size}
    words |= {"share": bits(1 / size if kind == "mean" else 1.0)}
    return cut_task(row_sums.kernel(target, kind=kind), words, rows, 4 * rows * size)


def reduce_axis(
    target: Target, source: Place, shape: tuple[int, int, int], result: Place, kind: str
) -> Task:
    """Return what writes one of `KINDS` along the middle axis; NaN makes it NaN."""
    before, size, after = shape
    if after == 1:
        return reduce_rows(target, source, (before, size), result, kind)
    tiles = -(-after // (TOGETHER * target.lanes))
    words: dict[str, Word] = {"x": source, "y": result, "size": size, "after": after}
    words |= {"before": before, "tiles": tiles}
    words |= {"share": bits(1 / size if kind == "mean" else 1.0)}
    work = 4 * before * size * after
    return cut_task(axis_sums.kernel(target, kind=kind), words, before * tiles, work)


def _joined(one: Vector, other: Vector, kind: str) -> Vector:
    if kind == "max":
        return one.maximum(other)
    return one.writer.intrinsic("llvm.minimum", one, other) if kind == "min" else one + other


def _taken(x: Vector, kind: str) -> Vector:
    return x * x if kind in ("squares", "norm") else x


def _ended(total: Vector, share: Vector, kind: str) -> Vector:
    if kind == "norm":
        return total.writer.intrinsic("llvm.sqrt", total)
    return total * share if kind == "mean" else total


@row_template("x", "y", "size", "share")
def row_sums(w: Writer, a: Any, kind: str) -> None:
    """Write rows: registers first, then their lanes."""
    whole = a.size // w.lanes * w.lanes
    start = START.get(kind, 0.0)
    mask, nothing = first_lanes(w, a.size - whole), w.constant(start)
    begin, end = span(w, a)
    with w.loop(begin, end) as n:
        x = w.pointer(a.x) + n * a.size
        rest = _taken(load_first(w, x + whole, mask), kind)
        total = w.variable(choose_lanes(mask, rest, nothing))
        with w.loop(0, whole, w.lanes) as i:
            total.set(_joined(total.get(), _taken(x.load(i), kind), kind))
        found = total.get()
        if kind in START:
            distance = w.lanes // 2
            while distance:
                places = [lane ^ distance for lane in range(w.lanes)]
                found = _joined(found, found.shuffle(found, places), kind)
                distance //= 2
        else:
            found = sum_lanes(found)
        y = w.pointer(a.y) + n
        y.put_scalar(_ended(found, w.float_of(a.share), kind).lane(0))


@row_template("x", "y", "before", "size", "after", "tiles", "share")
def axis_sums(w: Writer, a: Any, kind: str) -> None:
    """Write some registers of elements that stay apart."""
    share, start = w.float_of(a.share), w.constant(START.get(kind, 0.0))
    with walk(w, a, (a.before, a.tiles)) as (n, tile):
        first = tile * (TOGETHER * w.lanes)
        x = w.pointer(a.x) + (n * a.size * a.after + first)
        y = w.pointer(a.y) + (n * a.after + first)
        masks = [first_lanes(w, a.after - first - i * w.lanes) for i in range(TOGETHER)]
        totals = [w.variable(start) for _ in masks]
        with w.loop(0, a.size) as place:
            row = x + place * a.after
            for i, (mask, total) in enumerate(zip(masks, totals, strict=True)):
                taken = _taken(load_first(w, row + i * w.lanes, mask), kind)
                total.set(_joined(total.get(), taken, kind))
        for i, (mask, total) in enumerate(zip(masks, totals, strict=True)):
            store_first(w, y + i * w.lanes, _ended(total.get(), share, kind), mask)
