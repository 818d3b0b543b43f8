"""Sums, means and largest elements of rows in NumPy's order."""

from __future__ import annotations

from math import inf
from typing import Any

from striate.ops.blocked.lanes import choose_lanes, first_lanes, load_first, sum_lanes
from striate.ops.blocked.layout import Place
from striate.ops.blocked.task import Task, Word, bits
from striate.ops.blocked.walk import cut_task, row_template, span
from striate.ops.codegen import Target, Vector, Writer
from striate.ops.codegen.values import I32

__all__ = ["reduce_rows"]

START = {"sum": 0.0, "mean": 0.0, "max": -inf}
"""What a row of nothing has."""


def reduce_rows(
    target: Target, source: Place, shape: tuple[int, int], result: Place, kind: str
) -> Task:
    """Return what writes the "sum", "mean" or "max" of each row of (N, C); NaN makes it NaN."""
    rows, size = shape
    words: dict[str, Word] = {"x": source, "y": result, "size": size}
    words |= {"share": bits(1 / size if kind == "mean" else 1.0)}
    return cut_task(row_sums.kernel(target, kind=kind), words, rows, 4 * rows * size)


@row_template("x", "y", "size", "share")
def row_sums(w: Writer, a: Any, kind: str) -> None:
    """Write rows: registers first, then their lanes."""

    def joined(one: Vector, other: Vector) -> Vector:
        return one.maximum(other) if kind == "max" else one + other

    whole = a.size // w.lanes * w.lanes
    mask, nothing = first_lanes(w, a.size - whole), w.constant(START[kind])
    begin, end = span(w, a)
    with w.loop(begin, end) as n:
        x = w.pointer(a.x) + n * a.size
        rest = load_first(w, x + whole, mask, START[kind])
        total = w.variable(choose_lanes(mask, rest, nothing))
        with w.loop(0, whole, w.lanes) as i:
            total.set(joined(total.get(), x.load(i)))
        found = total.get()
        if kind == "max":
            distance = w.lanes // 2
            while distance:
                places = [lane ^ distance for lane in range(w.lanes)]
                found = found.maximum(found.shuffle(found, places))
                distance //= 2
        else:
            found = sum_lanes(found) * w.float_of(a.share)
        y = w.pointer(a.y) + n
        y.put_scalar(w.builder.extract_element(found.value, I32(0)))
