"""How each operator of a graph runs: one table from operator to step, forward and backward.

A step is bound to the shapes of its inputs, so that running it parses and checks nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from striate import ops
from striate.errors import UnknownNameError
from striate.network import Operator
from striate.network import operators as op
from striate.runtime.steps.convolution import (
    Convolution,
    TransposedConvolution,
)
from striate.runtime.steps.elementwise import (
    Activation,
    Addition,
    BatchNormalization,
    Clip,
    Dropout,
    Multiplication,
    ScaledTanh,
    Softmax,
)
from striate.runtime.steps.pooling import AveragePooling, MaxPooling
from striate.runtime.steps.step import Array, Binding, Step
from striate.runtime.steps.structure import Concatenation, Identity, Linear, Pad

__all__ = ["Array", "Binding", "Step", "bind"]


def _activation(name: str) -> Callable[[Any, Binding], Step]:
    """Return what makes the step of an activation; its kernels are loaded when one is made."""

    def step(operator: Any, to: Binding) -> Step:
        return Activation(operator, to, getattr(ops, name), getattr(ops, f"{name}_gradient"))

    return step


STEPS: dict[type[Operator], Callable[[Any, Binding], Step]] = {
    op.Add: Addition,
    op.AveragePool: AveragePooling,
    op.BatchNormalization: BatchNormalization,
    op.Clip: Clip,
    op.Concat: Concatenation,
    op.Conv: Convolution,
    op.ConvTranspose: TransposedConvolution,
    op.Dropout: Dropout,
    op.Flatten: Identity,
    op.Gemm: Linear,
    op.GlobalAveragePool: AveragePooling,
    op.GlobalMaxPool: MaxPooling,
    op.Identity: Identity,
    op.MaxPool: MaxPooling,
    op.Mul: Multiplication,
    op.Pad: Pad,
    op.Relu: _activation("relu"),
    op.ScaledTanh: ScaledTanh,
    op.Sigmoid: _activation("sigmoid"),
    op.Softmax: Softmax,
    op.Tanh: _activation("tanh"),
}


def bind(operator: Operator, to: Binding) -> Step:
    """Return the step that runs this operator on these shapes."""
    if type(operator) not in STEPS:
        known = [known.onnx for known in STEPS]
        raise UnknownNameError.of("operator that can run", operator.onnx, known)
    return STEPS[type(operator)](operator, to)
