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


def _activation(
    function: Callable[[Array], Array], gradient: Callable[[Array, Array], Array]
) -> Callable[[Any, Binding], Step]:
    return lambda operator, to: Activation(operator, to, function, gradient)


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
    op.Relu: _activation(ops.relu, ops.relu_gradient),
    op.ScaledTanh: ScaledTanh,
    op.Sigmoid: _activation(ops.sigmoid, ops.sigmoid_gradient),
    op.Softmax: Softmax,
    op.Tanh: _activation(ops.tanh, ops.tanh_gradient),
}


def bind(operator: Operator, to: Binding) -> Step:
    """Return the step that runs this operator on these shapes."""
    if type(operator) not in STEPS:
        known = [known.onnx for known in STEPS]
        raise UnknownNameError.of("operator that can run", operator.onnx, known)
    return STEPS[type(operator)](operator, to)
