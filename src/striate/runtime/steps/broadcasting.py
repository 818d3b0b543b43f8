"""Gradients of operators of several values that broadcast, of sums along axes, and of products."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any, ClassVar

import numpy as np

from striate.network import Operator, Shape
from striate.network import operators as op
from striate.network.operators.axes import axes_of
from striate.runtime.steps.evaluation import Evaluation
from striate.runtime.steps.normalizing import NORMALIZING
from striate.runtime.steps.step import Array

__all__ = ["GRADIENTS", "Differentiated", "unbroadcast"]


def unbroadcast(gradient: Array, shape: Shape) -> Array:
    """Sum a gradient over the axes along which its value was repeated."""
    extra = gradient.ndim - len(shape)
    repeated = [axis + extra for axis, size in enumerate(shape) if size == 1]
    summed: Array = gradient.sum(axis=(*range(extra), *repeated), keepdims=True)
    return summed.reshape(shape)


class Differentiated(Evaluation):
    """An operator with a gradient in `GRADIENTS`, which broadcasts as the output does."""

    differentiable: ClassVar[bool] = True

    def backward(self, dy: Array, inputs: Sequence[Array], y: Array) -> Sequence[Array | None]:
        with np.errstate(all="ignore"):
            found = GRADIENTS[type(self.operator)](self.operator, dy, inputs, y)
        return [
            unbroadcast(g, x.shape).astype(x.dtype) if needed else None
            for g, x, needed in zip(found, inputs, self.to.needs, strict=True)
        ]


def _pow(o: Any, dy: Array, inputs: Sequence[Array], y: Array) -> Sequence[Array]:
    x, power = (array.astype(np.float64) for array in inputs)
    logs = np.where(x > 0, np.log(np.where(x > 0, x, 1)), 0)
    return dy * power * x ** (power - 1), dy * y * logs


def _extreme(o: Any, dy: Array, inputs: Sequence[Array], y: Array) -> Sequence[Array]:
    """Equal ones share."""
    winners = [np.broadcast_to(x == y, y.shape) for x in inputs]
    count = np.sum(winners, axis=0)
    return [dy * winner / np.maximum(count, 1) for winner in winners]


def _where(o: Any, dy: Array, inputs: Sequence[Array], y: Array) -> Sequence[Array]:
    chosen = inputs[0]
    return dy, np.where(chosen, dy, 0), np.where(chosen, 0, dy)


def _prelu(o: Any, dy: Array, inputs: Sequence[Array], y: Array) -> Sequence[Array]:
    x, slope = inputs
    return dy * np.where(x > 0, 1, slope), dy * np.where(x > 0, 0, x)


def _spread(o: Any, dy: Array, inputs: Sequence[Array]) -> Array:
    """Return the gradient of a sum along axes: the same for all that were summed."""
    (x,) = inputs
    axes = axes_of(o.axes, x.shape)
    kept = tuple(1 if axis in axes else size for axis, size in enumerate(x.shape))
    return np.broadcast_to(dy.reshape(kept), x.shape)


def _mean(o: Any, dy: Array, inputs: Sequence[Array], y: Array) -> Sequence[Array]:
    shape = inputs[0].shape
    count = prod(shape[axis] for axis in axes_of(o.axes, shape))
    return (_spread(o, dy, inputs) / count,)


def _product(o: Any, dy: Array, inputs: Sequence[Array], y: Array) -> Sequence[Array]:
    a, b = inputs
    if a.ndim == 1:
        a, dy = a[None], dy[..., None, :] if b.ndim > 1 else dy[None]
    if b.ndim == 1:
        b, dy = b[:, None], dy[..., None]
    da, db = dy @ b.swapaxes(-1, -2), a.swapaxes(-1, -2) @ dy
    return [
        unbroadcast(g, wide.shape).reshape(x.shape)
        for g, wide, x in zip((da, db), (a, b), inputs, strict=True)
    ]


GRADIENTS: dict[type[Operator], Callable[[Any, Array, Sequence[Array], Array], Sequence[Array]]] = {
    op.Div: lambda o, dy, ins, y: (dy / ins[1], -dy * y / ins[1]),
    op.MatMul: _product,
    op.Max: _extreme,
    op.Mean: lambda o, dy, ins, y: [dy / len(ins)] * len(ins),
    op.Min: _extreme,
    op.Pow: _pow,
    op.PRelu: _prelu,
    op.ReduceMean: _mean,
    op.ReduceSum: lambda o, dy, ins, y: (_spread(o, dy, ins),),
    op.Sub: lambda o, dy, ins, y: (dy, -dy),
    op.Sum: lambda o, dy, ins, y: [dy] * len(ins),
    op.Where: _where,
    **NORMALIZING,
}
"""The gradients for all inputs, in the shape of the output where they broadcast."""
