"""A number for each channel that is trained: products and sums with it, and their gradients."""

from __future__ import annotations

from math import inf

from striate.ops.blocked.channel_sums import channel_map
from striate.ops.blocked.expression import Expression
from striate.ops.blocked.layout import Place, Value
from striate.ops.blocked.task import Task
from striate.ops.codegen import Target

__all__ = ["scale_shift", "scale_shift_gradient"]


def scale_shift(
    target: Target,
    source: Value,
    result: Value,
    scale: Place | None = None,
    shift: Place | None = None,
    low: float = -inf,
    high: float = inf,
) -> Task:
    """Return what writes scale x + shift, moved into [low, high]; the result may be the source.

    Both are plain arrays (C,); None leaves one out.
    """
    y: Expression = 0
    numbers = [place for place in (scale, shift) if place is not None]
    if scale is not None:
        y = ("mul", 0, 1) if shift is None else ("multiply_add", 0, 1, 2)
    elif shift is not None:
        y = ("add", 0, 1)
    if (low, high) != (-inf, inf):
        y = ("clip", y, float(low), float(high))
    (task,) = channel_map(target, y, [source], numbers, result)
    return task


def scale_shift_gradient(
    target: Target,
    dy: Value,
    source: Value,
    dx: Value,
    scale: Place,
    dscale: Place,
    dshift: Place,
    partial: str,
) -> list[Task]:
    """Return what writes the gradients of scale x + shift in one pass.

    Parameters
    ----------
    dy : the gradient of scale x + shift, before any bounds
    dx : gets scale dy; it may be dy
    scale : a plain array (C,)
    dscale, dshift : plain arrays (C,) that get the sums of dy x and of dy
    partial : a buffer of `partial_size(source, 2)` elements

    Notes
    -----
    Of a sum alone, the gradient of x is dy itself and that of the numbers `channel_sums(dy)`.
    """
    sums: list[tuple[Expression, Place]] = [(("mul", 0, 1), dscale), (0, dshift)]
    return channel_map(target, ("mul", 0, 2), [dy, source], [scale], dx, sums, partial)
