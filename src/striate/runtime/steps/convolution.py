"""Convolution and its transpose."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from striate import ops
from striate.network import Shape
from striate.network import operators as op
from striate.runtime.steps.step import Array, Binding, Step

__all__ = ["Convolution", "TransposedConvolution"]


def dense_shape(operator: op.Conv, x: Shape, weight: Shape) -> Shape:
    """Return the shape of the weight once a connection table is spelt out."""
    return (weight[0], x[1] // operator.groups, *weight[2:])


class Convolution(Step):
    """Conv."""

    def __init__(self, operator: op.Conv, to: Binding) -> None:
        super().__init__(operator, to)
        x, weight = to.shapes[:2]
        self.shape = dense_shape(operator, x, weight)
        window = operator.window.at(x[2:])
        self.plan = ops.convolution_plan(
            x, self.shape, window, operator.groups, to.dtype, exact=to.exact
        )

    def forward(self, *inputs: Array) -> Array:
        x, weight, *bias = inputs
        whole = self.operator.dense(weight, x.shape[1])
        return self.plan.forward(x, whole, bias[0] if bias else None)

    def backward(self, dy: Array, inputs: Sequence[Array], y: Array) -> Sequence[Array | None]:
        x, weight, *bias = inputs
        whole = self.operator.dense(weight, x.shape[1])
        dx = self.plan.input_gradient(dy, whole) if self.to.needs[0] else None
        dw = self.plan.weight_gradient(dy, x) if self.to.needs[1] else None
        if dw is not None and self.operator.table is not None:
            dw = dw[np.arange(len(dw))[:, None], np.array(self.operator.table)]
        return dx, dw, *(_bias_gradient(dy, b) for b in bias)


class TransposedConvolution(Step):
    """ConvTranspose."""

    def __init__(self, operator: op.ConvTranspose, to: Binding) -> None:
        super().__init__(operator, to)
        self.plan = ops.transposed_convolution_plan(
            to.shapes[0], to.shapes[1], operator.window, operator.groups, to.dtype, exact=to.exact
        )

    def forward(self, *inputs: Array) -> Array:
        x, weight, *bias = inputs
        return self.plan.forward(x, weight, bias[0] if bias else None)

    def backward(self, dy: Array, inputs: Sequence[Array], y: Array) -> Sequence[Array | None]:
        x, weight, *bias = inputs
        dx = self.plan.input_gradient(dy, weight) if self.to.needs[0] else None
        dw = self.plan.weight_gradient(dy, x) if self.to.needs[1] else None
        return dx, dw, *(_bias_gradient(dy, b) for b in bias)


def _bias_gradient(dy: Array, bias: Array) -> Array:
    """Sum over the examples and, unless every unit has a bias of its own, over the positions."""
    summed: Array = dy.sum(axis=0 if bias.ndim > 1 else (0, *range(2, dy.ndim)))
    return summed
