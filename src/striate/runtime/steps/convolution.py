"""Convolution and its transpose."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from striate import ops
from striate.network import operators as op
from striate.runtime.steps.step import Array, Binding, Step

__all__ = ["Convolution", "TransposedConvolution"]


class Convolution(Step):
    """Conv; a connection table becomes a dense weight with zeros where nothing is connected."""

    def __init__(self, operator: op.Conv, to: Binding) -> None:
        super().__init__(operator, to)
        x, weight = to.shapes[:2]
        self.dense_shape = (weight[0], x[1] // operator.groups, *weight[2:])
        window = operator.window.at(x[2:])
        self.plan = ops.convolution_plan(x, self.dense_shape, window, operator.groups, to.dtype)
        if operator.table is not None:
            self.rows = np.arange(weight[0])[:, None]
            self.columns = np.array(operator.table)

    def _dense(self, weight: Array) -> Array:
        if self.operator.table is None:
            return weight
        dense = np.zeros(self.dense_shape, weight.dtype)
        dense[self.rows, self.columns] = weight
        return dense

    def forward(self, *inputs: Array) -> Array:
        x, weight, *bias = inputs
        return self.plan.forward(x, self._dense(weight), bias[0] if bias else None)

    def backward(self, dy: Array, inputs: Sequence[Array], y: Array) -> Sequence[Array | None]:
        x, weight, *bias = inputs
        dx = self.plan.input_gradient(dy, self._dense(weight)) if self.to.needs[0] else None
        dw = self.plan.weight_gradient(dy, x) if self.to.needs[1] else None
        if dw is not None and self.operator.table is not None:
            dw = dw[self.rows, self.columns]
        return dx, dw, *(_bias_gradient(dy, b) for b in bias)


class TransposedConvolution(Step):
    """ConvTranspose."""

    def __init__(self, operator: op.ConvTranspose, to: Binding) -> None:
        super().__init__(operator, to)
        self.plan = ops.transposed_convolution_plan(
            to.shapes[0], to.shapes[1], operator.window, operator.groups, to.dtype
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
