"""How each operator of a graph runs: one table from operator to step, forward and backward.

A step is bound to the shapes of its inputs, so that running it parses and checks nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from striate import ops
from striate.errors import UnknownNameError
from striate.network import Defined, Operator
from striate.network import operators as op
from striate.runtime.steps.broadcasting import GRADIENTS, Differentiated
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
from striate.runtime.steps.evaluation import Emptiness, Evaluation
from striate.runtime.steps.moving import Moving, Reshaping
from striate.runtime.steps.pooling import AveragePooling, MaxPooling
from striate.runtime.steps.slopes import SLOPES, Sloping
from striate.runtime.steps.step import Array, Binding, Step, dtype_of
from striate.runtime.steps.structure import Concatenation, Identity, Linear, Pad

__all__ = ["Array", "Binding", "Step", "bind", "dtype_of"]


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
"""Steps of their own."""

DEFINED: dict[type[Operator], type[Evaluation]] = {
    **dict.fromkeys(SLOPES, Sloping),
    **dict.fromkeys(GRADIENTS, Differentiated),
    **dict.fromkeys((op.Cast, op.Flatten, op.Reshape, op.Squeeze, op.Unsqueeze), Reshaping),
    **dict.fromkeys(
        (
            *(op.DepthToSpace, op.Expand, op.Gather, op.GatherElements, op.Pad, op.Slice),
            *(op.SpaceToDepth, op.Split, op.Tile, op.Transpose, op.Trilu),
        ),
        Moving,
    ),
}
"""Steps that are done as defined, and have gradients."""


def bind(operator: Operator, to: Binding) -> Step:
    """Return the step that runs this operator on these shapes.

    Raises
    ------
    UnknownNameError
        If none can.
    """
    if to.outputs and not any(map(prod, to.outputs)):
        return Emptiness(operator, to)
    make = STEPS.get(type(operator))
    defined = isinstance(operator, Defined)
    if make is not None and (not defined or _suits(operator, to)):
        return make(operator, to)
    if defined:
        found = DEFINED.get(type(operator), Evaluation)
        one = len(to.outputs) < 2 or found is Moving  # other gradients are for the first output
        return found(operator, to) if one else Evaluation(operator, to)
    known = [known.onnx for known in STEPS]
    raise UnknownNameError.of("operator that can run", operator.onnx, known)


def _suits(operator: Operator, to: Binding) -> bool:
    """Tell whether a step of its own does a use of an operator that has a definition too."""
    if to.dtype not in (np.float32, np.float64) or len(to.outputs) > 1 or 0 in map(prod, to.shapes):
        return False
    rank = len(to.shapes[0])
    match operator:
        case op.AveragePool() | op.GlobalAveragePool() | op.GlobalMaxPool():
            return 2 < rank < 6
        case op.MaxPool(indices=indices):
            return 2 < rank < 6 and not indices
        case op.Pad(mode=mode):
            sides = (*operator.before, *operator.after)
            whole = len(operator.before) == rank - 2
            return mode == "constant" and whole and all(side >= 0 for side in sides)
        case op.Softmax(axis=axis, onwards=onwards):
            return not onwards or axis % rank == rank - 1
        case op.Dropout(mask=mask):
            return not mask
    return True
