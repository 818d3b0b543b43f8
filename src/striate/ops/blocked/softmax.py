"""Softmax over the channels of single pixels, in NumPy's order."""

from __future__ import annotations

from math import inf
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
from striate.ops.blocked.layout import Place
from striate.ops.blocked.task import Task, Word
from striate.ops.blocked.walk import cut_task, row_template, span
from striate.ops.codegen import Target, Writer

__all__ = ["softmax"]


def softmax(target: Target, source: Place, shape: tuple[int, int], result: Place) -> Task:
    """Return what writes exp(x) / sum of exp(x) along the rows of (N, C)."""
    words: dict[str, Word] = {"x": source, "y": result, "channels": shape[1]}
    return cut_task(softmax_rows.kernel(target), words, shape[0], 20 * shape[0] * shape[1])


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
