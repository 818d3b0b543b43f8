"""Pooling, over windows or over everything."""

from __future__ import annotations

from collections.abc import Sequence

from striate import ops
from striate.geometry import Window
from striate.network import Operator
from striate.network import operators as op
from striate.runtime.steps.step import Array, Binding, Step

__all__ = ["AveragePooling", "MaxPooling"]


class MaxPooling(Step):
    """MaxPool and, over a window as large as the input, GlobalMaxPool."""

    def __init__(self, operator: op.MaxPool | op.GlobalMaxPool, to: Binding) -> None:
        super().__init__(operator, to)
        self.plan = ops.max_pool_plan(to.shapes[0], _pool_window(operator, to), to.dtype)

    def forward(self, *inputs: Array) -> Array:
        return self.plan.forward(inputs[0])

    def backward(self, dy: Array, inputs: Sequence[Array], y: Array) -> Sequence[Array | None]:
        return (self.plan.input_gradient(dy, inputs[0], y),)


class AveragePooling(Step):
    """AveragePool and, over a window as large as the input, GlobalAveragePool."""

    def __init__(self, operator: op.AveragePool | op.GlobalAveragePool, to: Binding) -> None:
        super().__init__(operator, to)
        padding_counts = getattr(operator, "count_include_pad", True)
        window = _pool_window(operator, to)
        self.plan = ops.average_pool_plan(to.shapes[0], window, to.dtype, padding_counts)

    def forward(self, *inputs: Array) -> Array:
        return self.plan.forward(inputs[0])

    def backward(self, dy: Array, inputs: Sequence[Array], y: Array) -> Sequence[Array | None]:
        return (self.plan.input_gradient(dy),)


def _pool_window(operator: Operator, to: Binding) -> Window:
    spatial = to.shapes[0][2:]
    window: Window | None = getattr(operator, "window", None)
    return window.at(spatial) if window else Window.parse(spatial, rank=len(spatial))
