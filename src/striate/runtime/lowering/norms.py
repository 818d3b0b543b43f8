"""Batch norm as a factor and a term for each channel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from striate.network import operators as op
from striate.runtime.lowering.fusion import Fused
from striate.runtime.lowering.workspace import Workspace

__all__ = ["factors"]

Array = NDArray[np.float32]


def factors(space: Workspace, step: Fused) -> tuple[Array, Array]:
    """Return what a BatchNormalization multiplies each channel by, and what it adds."""
    operator = step.node.operator
    assert isinstance(operator, op.BatchNormalization)
    names = step.node.inputs[1:]
    scale, bias, mean, variance = (space.weights[name].astype(np.float64) for name in names)
    factor = scale / np.sqrt(variance + operator.epsilon)
    return factor.astype(np.float32), (bias - mean * factor).astype(np.float32)
