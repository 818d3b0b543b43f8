"""Steps that move elements, and the matrix product."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from striate import ops
from striate.network import operators as op
from striate.runtime.steps.step import Array, Binding, Step

__all__ = ["Concatenation", "Identity", "Linear", "Pad"]


class Linear(Step):
    """Gemm: all axes but the last are rows."""

    def forward(self, *inputs: Array) -> Array:
        x, weight, *bias = inputs
        product = ops.matrix_product(_rows(x), weight, bias[0] if bias else None)
        return product.reshape(self.to.output)

    def backward(self, dy: Array, inputs: Sequence[Array], y: Array) -> Sequence[Array | None]:
        x, weight, *bias = inputs
        dx = dy @ weight if self.to.needs[0] else None
        rows = _rows(dy)
        return dx, rows.T @ _rows(x), *(rows.sum(axis=0) for _ in bias)


def _rows(x: Array) -> Array:
    return x.reshape(prod(x.shape[:-1]), x.shape[-1])


class Identity(Step):
    """Identity and Flatten: the same elements, perhaps in another shape."""

    def forward(self, *inputs: Array) -> Array:
        return inputs[0].reshape(self.to.output)

    def backward(self, dy: Array, inputs: Sequence[Array], y: Array) -> Sequence[Array | None]:
        return (dy.reshape(self.to.shapes[0]),)


class Pad(Step):
    """Pad."""

    def __init__(self, operator: op.Pad, to: Binding) -> None:
        super().__init__(operator, to)
        pairs = zip(operator.before, to.shapes[0][2:], strict=True)
        inside = (slice(before, before + size) for before, size in pairs)
        self.inside: tuple[slice, ...] = (slice(None), slice(None), *inside)

    def forward(self, *inputs: Array) -> Array:
        y = np.full(self.to.output, self.operator.fill, self.to.dtype)
        y[self.inside] = inputs[0]
        return y

    def backward(self, dy: Array, inputs: Sequence[Array], y: Array) -> Sequence[Array | None]:
        return (np.ascontiguousarray(dy[self.inside]),)


class Concatenation(Step):
    """Concat."""

    def __init__(self, operator: op.Concat, to: Binding) -> None:
        super().__init__(operator, to)
        self.ends = np.cumsum([shape[operator.axis] for shape in to.shapes])[:-1]

    def forward(self, *inputs: Array) -> Array:
        return np.concatenate(inputs, axis=self.operator.axis)

    def backward(self, dy: Array, inputs: Sequence[Array], y: Array) -> Sequence[Array | None]:
        parts = np.split(dy, self.ends, axis=self.operator.axis)
        return [np.ascontiguousarray(part) for part in parts]
