"""Normalization of groups of channels, which need not fill blocks (Wu and He 2018).

Each channel's mean is taken, then the squares of what is left of it. From both come the mean and
the variance of a group, whatever blocks its channels lie in:

``variance = mean of (channel's squares / pixels + (channel's mean - mean)^2)``
"""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple

from numpy.typing import NDArray

from striate.ops.blocked.elementwise import of_channels, per_channel
from striate.ops.blocked.expression import Expression
from striate.ops.blocked.layout import Place, Value
from striate.ops.blocked.mapping import Operand, map_blocks
from striate.ops.blocked.normalizing import CHAINS
from striate.ops.blocked.rows import row_of, stride_names, strides
from striate.ops.blocked.task import Task, Word, bits
from striate.ops.blocked.walk import cut_task, row_template, span, volume, walk
from striate.ops.codegen import Pointer, Target, Vector, Writer

__all__ = ["Statistics", "group_norm", "normalized"]

Array = NDArray[Any]


class Statistics(NamedTuple):
    """Two buffers of a number for each channel of each example, in blocks."""

    means: str
    factors: str


def normalized(inner: Expression = 0) -> Expression:
    """Return (x - mean) factor + bias of operands 0 to 3."""
    return ("multiply_add", ("sub", inner, 1), 2, 3)


def group_norm(
    target: Target,
    source: Value,
    result: Value,
    groups: int,
    scale: Array,
    bias: Array,
    epsilon: float,
    between: Statistics,
    expression: Expression | None = None,
) -> list[Task]:
    """Return what writes (x - mean) / sqrt(variance + epsilon) scale + bias, by groups.

    `expression` is of operands 0 to 3 (x, mean, factor, bias) and contains `normalized()`.
    """
    x, lanes = source.layout, target.lanes
    blocks, pixels = x.batch * x.blocks, prod(x.spatial)
    means, factors = Place(between.means), Place(between.factors)
    words: dict[str, Word] = {"x": source.origin, "means": means, "squares": factors}
    words |= {"batch": x.batch, "blocks": x.blocks, "share": bits(1 / pixels)}
    words |= dict(zip(("slices", "rows", "width"), volume(x).sizes, strict=True))
    words |= strides("x", x)
    work = 8 * blocks * pixels * lanes
    own = cut_task(channel_statistics.kernel(target), words, blocks, work)
    words = {"means": means, "factors": factors, "scale": of_channels(scale, lanes)}
    words |= {"each": x.channels // groups, "groups": groups, "row": x.blocks * lanes}
    words |= {"share": bits(groups / x.channels), "epsilon": bits(epsilon)}
    work = 16 * x.batch * x.channels
    joined = cut_task(group_statistics.kernel(target), words, x.batch * groups, work)
    along = x.blocks * lanes, lanes, 0, 0, 0
    numbers = Operand(means, along), Operand(factors, along), per_channel(bias, lanes)
    whole = normalized() if expression is None else expression
    return [own, joined, map_blocks(target, whole, [source, *numbers], result)]


@row_template(
    *("x", "means", "squares", "batch", "blocks", "slices", "rows", "width"),
    *("share", *stride_names("x")),
)
def channel_statistics(w: Writer, a: Any) -> None:
    """Write the mean of each channel, and the mean square of what is left of it."""
    share = w.float_of(a.share)
    whole = a.width // CHAINS * CHAINS
    with walk(w, a, (a.batch, a.blocks)) as (n, b):

        def total(mean: Vector | None) -> Vector:
            sums = [w.variable(w.constant(0.0)) for _ in range(CHAINS)]

            def take(number: int, vector: Vector) -> None:
                left = vector if mean is None else vector - mean
                now = sums[number].get()
                sums[number].set(now + left if mean is None else left.multiply_add(left, now))

            with w.loop(0, a.slices) as d, w.loop(0, a.rows) as h:
                row = row_of(w, a, "x", (n, b, d, h))
                with w.loop(0, whole, CHAINS) as pixel:
                    for number in range(CHAINS):
                        take(number, row.load((pixel + number) * w.lanes))
                with w.loop(whole, a.width) as pixel:
                    take(0, row.load(pixel * w.lanes))
            first, second, third, fourth = (each.get() for each in sums)
            both: Vector = (first + second) + (third + fourth)
            return both * share

        mean = total(None)
        at = (n * a.blocks + b) * w.lanes
        w.pointer(a.means).store(mean, at)
        w.pointer(a.squares).store(total(mean), at)


@row_template("means", "factors", "scale", "each", "groups", "row", "share", "epsilon")
def group_statistics(w: Writer, a: Any) -> None:
    """Write the mean of its group for each channel, and what it is multiplied by."""
    share, epsilon, nothing = w.float_of(a.share), w.float_of(a.epsilon), w.constant(0.0)
    begin, end = span(w, a)
    with w.loop(begin, end) as number:
        example = number // a.groups
        first = (number - example * a.groups) * a.each
        at = example * a.row + first
        means, factors = w.pointer(a.means) + at, w.pointer(a.factors) + at
        total, squares = w.variable(nothing), w.variable(nothing)
        with w.loop(0, a.each) as c:
            total.set(total.get() + means.broadcast(c))
        mean = total.get() * share
        with w.loop(0, a.each) as c:
            off = means.broadcast(c) - mean
            squares.set(squares.get() + off.multiply_add(off, factors.broadcast(c)))
        variance = squares.get() * share
        factor = w.constant(1.0) / w.intrinsic("llvm.sqrt", variance + epsilon)
        scale = w.pointer(a.scale) + first
        with w.loop(0, a.each) as c:
            _put(means + c, mean)
            _put(factors + c, factor * scale.broadcast(c))


def _put(place: Pointer, vector: Vector) -> None:
    place.put_scalar(vector.lane(0))
