"""Derivatives of functions of one element."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from striate.network import Operator
from striate.network import operators as op
from striate.runtime.steps.evaluation import Evaluation
from striate.runtime.steps.step import Array

__all__ = ["SLOPES", "Sloping"]


class Sloping(Evaluation):
    """A function of one element: what arrives, times the function's derivative there."""

    differentiable: ClassVar[bool] = True

    def backward(self, dy: Array, inputs: Sequence[Array], y: Array) -> Sequence[Array | None]:
        wide = (array.astype(np.float64) for array in (inputs[0], y))
        with np.errstate(all="ignore"):
            slope = SLOPES[type(self.operator)](self.operator, *wide)
        return ((dy * slope).astype(dy.dtype),)


def _sigmoid(x: Array) -> Array:
    found: Array = np.exp(-np.logaddexp(0, -x))
    return found


def _swish(o: Any, x: Array, y: Array) -> Array:
    s = _sigmoid(o.alpha * x)
    slope: Array = s + o.alpha * x * s * (1 - s)
    return slope


def _mish(o: Any, x: Array, y: Array) -> Array:
    t = np.tanh(np.logaddexp(0, x))
    found: Array = t + x * (1 - t * t) * _sigmoid(x)
    return found


def _gelu(o: Any, x: Array, y: Array) -> Array:
    if o.approximate == "tanh":
        c = math.sqrt(2 / math.pi)
        t = np.tanh(c * (x + 0.044715 * x**3))
        slope: Array = (1 + t) / 2 + x / 2 * (1 - t * t) * c * (1 + 3 * 0.044715 * x * x)
        return slope
    share = (1 + op.Erf().value(x / math.sqrt(2))) / 2
    return share + x * np.exp(-x * x / 2) / math.sqrt(2 * math.pi)


SLOPES: dict[type[Operator], Callable[[Any, Array, Array], Array]] = {
    op.Abs: lambda o, x, y: np.sign(x),
    op.Celu: lambda o, x, y: np.where(x > 0, 1, np.exp(x / o.alpha)),
    op.Cos: lambda o, x, y: -np.sin(x),
    op.Elu: lambda o, x, y: np.where(x > 0, 1, y + o.alpha),
    op.Erf: lambda o, x, y: 2 / math.sqrt(math.pi) * np.exp(-x * x),
    op.Exp: lambda o, x, y: y,
    op.Gelu: _gelu,
    op.HardSigmoid: lambda o, x, y: np.where((y > 0) & (y < 1), o.alpha, 0),
    op.HardSwish: lambda o, x, y: np.where(x <= -3, 0, np.where(x >= 3, 1, x / 3 + 0.5)),
    op.LeakyRelu: lambda o, x, y: np.where(x > 0, 1, o.alpha),
    op.Log: lambda o, x, y: 1 / x,
    op.Mish: _mish,
    op.Neg: lambda o, x, y: np.full_like(x, -1),
    op.Reciprocal: lambda o, x, y: -y * y,
    op.Selu: lambda o, x, y: np.where(x > 0, o.gamma, y + o.gamma * o.alpha),
    op.Sin: lambda o, x, y: np.cos(x),
    op.Softplus: lambda o, x, y: _sigmoid(x),
    op.Softsign: lambda o, x, y: 1 / np.square(1 + np.abs(x)),
    op.Sqrt: lambda o, x, y: 0.5 / y,
    op.Swish: _swish,
}
"""The derivative of each function at x, where its value is y."""
