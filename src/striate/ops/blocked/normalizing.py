"""Normalization by statistics of the value itself: of channels, of rows, and of neighbours.

Means are taken first and variances of what is left of them, in `CHAINS` sums at once.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import ParameterError
from striate.ops.blocked.elementwise import of_channels
from striate.ops.blocked.exponential import exponential_of_any
from striate.ops.blocked.lanes import (
    choose_lanes,
    first_lanes,
    load_first,
    store_first,
    sum_lanes,
)
from striate.ops.blocked.layout import Place, Value
from striate.ops.blocked.logarithm import POWERS, logarithm, power
from striate.ops.blocked.rows import row_of, stride_names, strides
from striate.ops.blocked.task import Task, Word, bits
from striate.ops.blocked.walk import cut_task, row_template, span, volume, walk
from striate.ops.codegen import Index, Target, Vector, Writer

__all__ = ["instance_norm", "layer_norm", "local_response"]

CHAINS = 4

Array = NDArray[Any]


def instance_norm(
    target: Target, source: Value, result: Value, scale: Array, bias: Array, epsilon: float
) -> Task:
    """Return what writes (x - mean) / sqrt(variance + epsilon) scale + bias of each channel."""
    x, v = source.layout, volume(source.layout)
    words: dict[str, Word] = {"x": source.origin, "y": result.origin, "batch": x.batch}
    words |= {"blocks": x.blocks} | dict(zip(("slices", "rows", "width"), v.sizes, strict=True))
    words |= {"scale": of_channels(scale, x.lanes), "bias": of_channels(bias, x.lanes)}
    words |= {"share": bits(1 / prod(x.spatial)), "epsilon": bits(epsilon)}
    words |= strides("x", x) | strides("y", result.layout)
    work = 12 * x.batch * x.blocks * prod(x.spatial) * x.lanes
    return cut_task(instance_norm_planes.kernel(target), words, x.batch * x.blocks, work)


@row_template(
    *("x", "y", "batch", "blocks", "slices", "rows", "width", "scale", "bias"),
    *("share", "epsilon", *stride_names("x"), *stride_names("y")),
)
def instance_norm_planes(w: Writer, a: Any) -> None:
    """Write all pixels of a block."""
    share, epsilon = w.float_of(a.share), w.float_of(a.epsilon)
    whole = a.width // CHAINS * CHAINS
    with walk(w, a, (a.batch, a.blocks)) as (n, b):

        def total(mean: Vector | None) -> Vector:
            sums = [w.variable(w.constant(0.0)) for _ in range(CHAINS)]

            def take(number: int, vector: Vector) -> None:
                now = sums[number].get()
                if mean is None:
                    sums[number].set(now + vector)
                else:
                    left = vector - mean
                    sums[number].set(left.multiply_add(left, now))

            with w.loop(0, a.slices) as d, w.loop(0, a.rows) as h:
                row = row_of(w, a, "x", (n, b, d, h))
                with w.loop(0, whole, CHAINS) as pixel:
                    for number in range(CHAINS):
                        take(number, row.load((pixel + number) * w.lanes))
                with w.loop(whole, a.width) as pixel:
                    take(0, row.load(pixel * w.lanes))
            first, second, third, fourth = (each.get() for each in sums)
            whole_sum: Vector = (first + second) + (third + fourth)
            return whole_sum

        mean = total(None) * share
        variance = total(mean) * share
        factor = w.pointer(a.scale).load(b * w.lanes)
        factor = factor / w.intrinsic("llvm.sqrt", variance + epsilon)
        term = w.pointer(a.bias).load(b * w.lanes)
        with w.loop(0, a.slices) as d, w.loop(0, a.rows) as h:
            row, out = (row_of(w, a, name, (n, b, d, h)) for name in "xy")
            with w.loop(0, a.width) as pixel:
                left = row.load(pixel * w.lanes) - mean
                out.store(left.multiply_add(factor, term), pixel * w.lanes)


def layer_norm(
    target: Target,
    source: Place,
    shape: tuple[int, int],
    result: Place,
    scale: Array,
    bias: Array | None,
    epsilon: float,
) -> Task:
    """Return what normalizes the rows of (N, C) in NumPy's order, then scales and shifts them."""
    rows, size = shape
    term = np.zeros(size, np.float32) if bias is None else bias
    numbers = [np.ascontiguousarray(each, np.float32).ravel() for each in (scale, term)]
    words: dict[str, Word] = {"x": source, "y": result, "size": size}
    words |= dict(zip(("scale", "bias"), numbers, strict=True))
    words |= {"share": bits(1 / size), "epsilon": bits(epsilon)}
    return cut_task(layer_norm_rows.kernel(target), words, rows, 12 * rows * size)


@row_template("x", "y", "size", "scale", "bias", "share", "epsilon")
def layer_norm_rows(w: Writer, a: Any) -> None:
    """Write rows."""
    share, epsilon = w.float_of(a.share), w.float_of(a.epsilon)
    whole = a.size // w.lanes * w.lanes
    mask, nothing = first_lanes(w, a.size - whole), w.constant(0.0)
    scale, bias = w.pointer(a.scale), w.pointer(a.bias)
    begin, end = span(w, a)
    with w.loop(begin, end) as n:
        x, y = w.pointer(a.x) + n * a.size, w.pointer(a.y) + n * a.size
        rest = load_first(w, x + whole, mask)
        total = w.variable(rest)
        with w.loop(0, whole, w.lanes) as i:
            total.set(total.get() + x.load(i))
        mean = sum_lanes(total.get()) * share
        left = choose_lanes(mask, rest - mean, nothing)
        squares = w.variable(left * left)
        with w.loop(0, whole, w.lanes) as i:
            off = x.load(i) - mean
            squares.set(off.multiply_add(off, squares.get()))
        deviation = w.intrinsic("llvm.sqrt", sum_lanes(squares.get()) * share + epsilon)
        factor = w.constant(1.0) / deviation
        with w.loop(0, whole, w.lanes) as i:
            off = (x.load(i) - mean) * factor
            y.store(off.multiply_add(scale.load(i), bias.load(i)), i)
        ends = [load_first(w, each + whole, mask) for each in (scale, bias)]
        store_first(w, y + whole, (left * factor).multiply_add(*ends), mask)


def local_response(
    target: Target, source: Value, result: Value, size: int, alpha: float, beta: float, bias: float
) -> Task:
    """Return what writes x / (bias + alpha / size sum of squares)^beta.

    The sum is over `size` channels around each (Krizhevsky et al. 2012, section 3.3).

    Raises
    ------
    ParameterError
        If the channels around one reach farther than the next block.
    """
    before, after = (size - 1) // 2, size // 2
    if after > target.lanes:
        raise ParameterError(
            f"sums of {size} channels reach beyond the next {target.lanes}: at most "
            f"{2 * target.lanes + 1} can be taken"
        )
    x, v = source.layout, volume(source.layout)
    words: dict[str, Word] = {"x": source.origin, "y": result.origin, "batch": x.batch}
    words |= {"blocks": x.blocks, "spare": x.blocks * x.lanes - x.channels}
    words |= dict(zip(("slices", "rows", "width"), v.sizes, strict=True))
    words |= {"alpha": bits(alpha / size), "bias": bits(bias), "beta": bits(beta)}
    words |= strides("x", x) | strides("y", result.layout)
    easy = beta if beta in POWERS else None
    kernel = local_response_rows.kernel(target, before=before, after=after, exponent=easy)
    rows = x.batch * x.blocks * v.sizes[0] * v.sizes[1]
    work = 20 * x.batch * x.blocks * prod(x.spatial) * x.lanes
    return cut_task(kernel, words, rows, work)


@row_template(
    *("x", "y", "batch", "blocks", "spare", "slices", "rows", "width"),
    *("alpha", "bias", "beta", *stride_names("x"), *stride_names("y")),
)
def local_response_rows(w: Writer, a: Any, before: int, after: int, exponent: float | None) -> None:
    """Write rows of pixels of a block, with the squares of the blocks beside it."""
    lanes, last = w.lanes, a.blocks - 1
    alpha, bias, beta = w.float_of(a.alpha), w.float_of(a.bias), w.float_of(a.beta)
    nothing = w.constant(0.0)
    with walk(w, a, (a.batch, a.blocks, a.slices, a.rows)) as place:
        x, y = row_of(w, a, "x", place), row_of(w, a, "y", place)
        b = place[1]

        def there(block: Index) -> Any:
            """Return the mask of a block's channels: none before the first and after the last."""
            spare = w.choose(block.equals(last), a.spare, 0)
            count = w.choose(block < 0, 0, w.index(lanes) - spare)
            return first_lanes(w, w.choose(block > last, 0, count))

        masks = [there(b - 1), there(b), there(b + 1)]
        steps = [w.choose(b > 0, w.index(0) - a.x_plane, 0), w.index(0)]
        steps.append(w.choose(b < last, a.x_plane, 0))
        with w.loop(0, a.width) as pixel:
            at = x + pixel * lanes
            near = [at.load(step) for step in steps]
            squares = [
                choose_lanes(mask, each * each, nothing)
                for mask, each in zip(masks, near, strict=True)
            ]
            total = squares[1]
            for shift in range(1, before + 1):
                places = [lanes + lane - shift for lane in range(lanes)]
                total = total + squares[0].shuffle(squares[1], places)
            for shift in range(1, after + 1):
                places = [lane + shift for lane in range(lanes)]
                total = total + squares[1].shuffle(squares[2], places)
            base = total.multiply_add(alpha, bias)
            if exponent is None:
                divisor = exponential_of_any(beta * logarithm(base))
            else:
                divisor = power(base, exponent)
            y.store(near[1] / divisor, pixel * lanes)
