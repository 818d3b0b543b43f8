"""The factor by which gradients are clipped to a norm, and arithmetic in float64."""

from __future__ import annotations

from typing import Any

import numpy as np

from striate.ops.blocked.lanes import first_lanes, load_first, sum_lanes
from striate.ops.blocked.layout import Place
from striate.ops.blocked.task import Task, Word
from striate.ops.blocked.walk import cut_task, row_template, span
from striate.ops.codegen import Index, Target, Writer, template
from striate.ops.codegen.values import FLOAT, I64, ir

__all__ = ["DOUBLE", "clip_norm", "double_bits", "norm_parts", "root"]

DOUBLE = ir.DoubleType()

PART = 4096
"""Gradients whose squares are summed in float32; parts are summed in float64."""


def double_bits(value: float) -> int:
    """Return the bits of a number in float64."""
    return int(np.float64(value).view(np.int64))


def root(w: Writer, value: Any) -> Any:
    """Return the square root of a float64."""
    function = w.module.globals.get("llvm.sqrt.f64")
    if function is None:
        function = ir.Function(w.module, ir.FunctionType(DOUBLE, [DOUBLE]), "llvm.sqrt.f64")
    return w.builder.call(function, [value])


def norm_parts(count: int) -> int:
    """Return the float32 elements that `clip_norm` needs between its tasks.

    >>> norm_parts(10_000)
    6
    """
    return 2 * -(-count // PART)


def clip_norm(
    target: Target, gradients: Place, count: int, most: float, factor: Place, partial: Place
) -> list[Task]:
    """Return what writes min(1, most / (norm + 1e-6)), and after it the norm itself.

    Parameters
    ----------
    gradients : (count,)
    factor : two float32
    partial : `norm_parts(count)` elements from an even place on
    """
    parts = -(-count // PART)
    words: dict[str, Word] = {"x": gradients, "y": partial, "count": count}
    own = cut_task(sum_squares.kernel(target), words, parts, 4 * count)
    words = {"x": partial, "y": factor, "parts": parts, "most": double_bits(most)}
    return [own, Task(clip_factor.kernel(target), words, 1, parts)]


@row_template("x", "y", "count")
def sum_squares(w: Writer, a: Any) -> None:
    """Write the sums of squares of parts, in float64."""
    chains = 4
    begin, end = span(w, a)
    with w.loop(begin, end) as part:
        first, last = part * PART, (part * PART + PART).least(a.count)
        x = w.pointer(a.x)
        several = last - (last - first) % (chains * w.lanes)
        whole = last - (last - first) % w.lanes
        rest = load_first(w, x + whole, first_lanes(w, last - whole))
        sums = [w.variable(rest * rest if i == 0 else w.constant(0.0)) for i in range(chains)]
        with w.loop(first, several, chains * w.lanes) as i:
            for number, total in enumerate(sums):
                each = x.load(i + number * w.lanes)
                total.set(each.multiply_add(each, total.get()))
        with w.loop(several, whole, w.lanes) as i:
            each = x.load(i)
            sums[0].set(each.multiply_add(each, sums[0].get()))
        one, two, three, four = (total.get() for total in sums)
        found = sum_lanes((one + two) + (three + four)).lane(0)
        w.builder.store(w.builder.fpext(found, DOUBLE), (w.pointer(a.y) + part * 2).value)


@template("x", "y", "parts", "most")
def clip_factor(w: Writer, a: Any) -> None:
    """Write the factor and the norm."""
    builder, zero = w.builder, ir.Constant(DOUBLE, 0.0)
    total = w.variable(Index(w, builder.bitcast(zero, I64)))
    with w.loop(0, a.parts) as part:
        more = builder.load((w.pointer(a.x) + part * 2).value, typ=DOUBLE)
        both = builder.fadd(builder.bitcast(total.get().value, DOUBLE), more)
        total.set(Index(w, builder.bitcast(both, I64)))
    norm = root(w, builder.bitcast(total.get().value, DOUBLE))
    most = builder.bitcast(a.most.value, DOUBLE)
    factor = builder.fdiv(most, builder.fadd(norm, ir.Constant(DOUBLE, 1e-6)))
    one = ir.Constant(DOUBLE, 1.0)
    factor = builder.select(builder.fcmp_ordered(">", factor, one), one, factor)
    for place, number in enumerate((factor, norm)):
        w.pointer(a.y).put_scalar(builder.fptrunc(number, FLOAT), place)
