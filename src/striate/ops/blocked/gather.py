"""Gathering: numbers put into another order at run time, such as weights that just changed.

What orders numbers is a function of arrays, like `Tiling.pack`. Applied to the numbers' places
instead, it gives the index by which a task does the same at run time.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import ShapeError
from striate.ops.blocked.gathering import call_own
from striate.ops.blocked.lanes import choose_lanes, first_lanes, store_first
from striate.ops.blocked.layout import Place
from striate.ops.blocked.task import Task, Word
from striate.ops.blocked.walk import cut_task, row_template, span
from striate.ops.codegen import Pointer, Target, Vector, Writer
from striate.ops.codegen.values import FLOAT, I32, ir

__all__ = ["gather", "places_of", "turned"]

COST = 8  # of an element, in multiply-adds


def places_of(shape: tuple[int, ...]) -> NDArray[np.int32]:
    """Return an array whose elements are their own places, counted from 1.

    >>> places_of((2, 3))
    array([[1, 2, 3],
           [4, 5, 6]], dtype=int32)
    """
    return np.arange(1, prod(shape) + 1, dtype=np.int32).reshape(shape)


def turned(weight: NDArray[Any], groups: int = 1) -> NDArray[Any]:
    """Return the weights of the convolution that gives the gradient of the data.

    Parameters
    ----------
    weight : (M, C / groups, *kernel), or the places of such weights
    groups : of channels and maps

    Returns
    -------
    (C, M / groups, *kernel), with the taps in reverse order

    Examples
    --------
    >>> turned(places_of((1, 2, 3)))
    array([[[3, 2, 1]],
    <BLANKLINE>
           [[6, 5, 4]]], dtype=int32)
    """
    maps, channels, *kernel = weight.shape
    apart = weight.reshape(groups, maps // groups, channels, *kernel).swapaxes(1, 2)
    flipped = np.flip(apart, tuple(range(3, apart.ndim)))
    return flipped.reshape(groups * channels, maps // groups, *kernel)


def gather(target: Target, source: Place, index: NDArray[np.int32], result: Place) -> Task:
    """Return what writes ``source[index[i] - 1]``, or 0 where the index is 0.

    Parameters
    ----------
    target : processor
    source : the numbers, at least as many as the largest index
    index : (n,) int32, not negative
    result : n numbers

    Raises
    ------
    ShapeError
        If the index is no vector of int32.

    Examples
    --------
    >>> from striate.ops.blocked.program import run_tasks
    >>> x, y = np.float32([5, 6, 7]), np.empty(4, np.float32)
    >>> index = np.int32([3, 0, 1, 1])
    >>> run_tasks([gather(Target.host(), Place("x"), index, Place("y"))], {"x": x, "y": y})
    >>> y
    array([7., 0., 5., 5.], dtype=float32)
    """
    if index.ndim != 1 or index.dtype != np.int32:
        raise ShapeError(
            f"the index must be a vector of int32, not {index.dtype} of shape {index.shape}: "
            "ravel it"
        )
    whole, rest = divmod(len(index), target.lanes)
    rows = whole + (rest > 0)
    padded = np.zeros(rows * target.lanes, np.int32)
    padded[: len(index)] = index
    words: dict[str, Word] = {"x": source, "index": padded, "y": result}
    words |= {"count": len(index), "whole": whole}
    return cut_task(gather_rows.kernel(target), words, rows, COST * len(index))


@row_template("x", "index", "y", "count", "whole")
def gather_rows(w: Writer, a: Any) -> None:
    """Write registers of elements; the last may be no whole one."""
    begin, end = span(w, a)
    x, index, y = w.pointer(a.x), w.pointer(a.index), w.pointer(a.y)
    with w.loop(begin, end.least(a.whole)) as row:
        y.store(_gathered(w, x, index + row * w.lanes), row * w.lanes)
    with w.loop(w.choose(begin < a.whole, a.whole, begin), end) as row:
        mask = first_lanes(w, a.count - row * w.lanes)
        store_first(w, y + row * w.lanes, _gathered(w, x, index + row * w.lanes), mask)


def _gathered(w: Writer, x: Pointer, index: Pointer) -> Vector:
    """Return a register of elements from the places that an index names, counted from 1."""
    integers = ir.VectorType(I32, w.lanes)
    places = w.builder.bitcast(index.load().value, integers)
    nothing = w.constant(0.0)
    some = w.builder.icmp_signed(">", places, ir.Constant(integers, [0] * w.lanes))
    base = x + (-1)
    if w.target.level == "avx512":
        name = "llvm.x86.avx512.mask.gather.dps.512"
        return call_own(w, name, nothing.value, base.value, places, some, I32(4))
    if w.target.level == "avx2":
        signs = w.builder.bitcast(w.builder.sext(some, integers), w.vector)
        name = "llvm.x86.avx2.gather.d.ps.256"
        return call_own(w, name, nothing.value, base.value, places, signs, ir.IntType(8)(4))
    vector = nothing.value
    for lane in range(w.lanes):
        place = w.builder.zext(w.builder.extract_element(places, I32(lane)), ir.IntType(64))
        there = w.builder.icmp_signed(">", place, ir.IntType(64)(0))
        first = w.builder.select(there, place, ir.IntType(64)(1))
        element = w.builder.gep(base.value, [first], source_etype=FLOAT)
        vector = w.builder.insert_element(vector, w.builder.load(element, typ=FLOAT), I32(lane))
    return choose_lanes(some, Vector(w, vector), nothing)
