"""Activations: what a unit makes of the sum that it computed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from striate.errors import ParameterError, ShapeError
from striate.network.defined import Defined
from striate.network.graph import Shape, broadcast_shapes
from striate.network.operators.axes import one, settle
from striate.network.operators.functions import Erf, Function

__all__ = [
    "Celu",
    "Clip",
    "Elu",
    "Gelu",
    "HardSigmoid",
    "HardSwish",
    "LeakyRelu",
    "Mish",
    "PRelu",
    "Relu",
    "ScaledTanh",
    "Selu",
    "Shrink",
    "Sigmoid",
    "Softplus",
    "Softsign",
    "Swish",
    "Tanh",
    "ThresholdedRelu",
]

Array = NDArray[Any]


def _sigmoid(x: Array) -> Any:
    return np.exp(-np.logaddexp(0, -x))


def _softplus(x: Array) -> Any:
    return np.logaddexp(0, x)


@dataclass(frozen=True)
class Relu(Function):
    """max(x, 0)."""

    onnx: ClassVar[str] = "Relu"

    def formula(self, x: Array) -> Any:
        """Return max(x, 0)."""
        return np.maximum(x, 0)


@dataclass(frozen=True)
class Clip(Defined):
    """min(max(x, low), high); Clip(0, 6) is ReLU6. ONNX's Clip with constant bounds."""

    low: float = -math.inf
    high: float = math.inf
    onnx: ClassVar[str] = "Clip"

    def __post_init__(self) -> None:
        settle(self, low=one("clip's low", self.low), high=one("clip's high", self.high))

    def value(self, *arrays: Array) -> Array:
        """Return min(max(x, low), high)."""
        (x,) = arrays
        if self.low != -math.inf:
            x = np.maximum(x, x.dtype.type(self.low))
        if self.high != math.inf:
            x = np.minimum(x, x.dtype.type(self.high))
        return np.asarray(x)


@dataclass(frozen=True)
class Tanh(Function):
    """tanh(x)."""

    onnx: ClassVar[str] = "Tanh"

    def formula(self, x: Array) -> Any:
        """Return tanh(x)."""
        return np.tanh(x)


@dataclass(frozen=True)
class ScaledTanh(Function):
    """alpha tanh(beta x); ONNX had it as an experimental operator in opset 1.

    The defaults are those of LeCun et al. 1998, appendix A: f(1) = 1 and f(-1) = -1.
    """

    alpha: float = 1.7159
    beta: float = 2 / 3
    onnx: ClassVar[str] = "ScaledTanh"

    def formula(self, x: Array) -> Any:
        """Return alpha tanh(beta x)."""
        return self.alpha * np.tanh(self.beta * x)


@dataclass(frozen=True)
class Sigmoid(Function):
    """1 / (1 + exp(-x))."""

    onnx: ClassVar[str] = "Sigmoid"

    def formula(self, x: Array) -> Any:
        """Return exp(-log(1 + exp(-x))), which does not overflow."""
        return _sigmoid(x)


@dataclass(frozen=True)
class Softplus(Function):
    """log(1 + exp(x))."""

    onnx: ClassVar[str] = "Softplus"

    def formula(self, x: Array) -> Any:
        """Return log(exp(0) + exp(x))."""
        return _softplus(x)


@dataclass(frozen=True)
class Softsign(Function):
    """x / (1 + abs(x))."""

    onnx: ClassVar[str] = "Softsign"

    def formula(self, x: Array) -> Any:
        """Return x / (1 + abs(x))."""
        return x / (1 + np.abs(x))


@dataclass(frozen=True)
class HardSigmoid(Function):
    """min(max(alpha x + beta, 0), 1)."""

    alpha: float = 0.2
    beta: float = 0.5
    onnx: ClassVar[str] = "HardSigmoid"

    def formula(self, x: Array) -> Any:
        """Return min(max(alpha x + beta, 0), 1)."""
        return np.clip(self.alpha * x + self.beta, 0, 1)


@dataclass(frozen=True)
class HardSwish(Function):
    """x min(max(x / 6 + 1 / 2, 0), 1)."""

    onnx: ClassVar[str] = "HardSwish"

    def formula(self, x: Array) -> Any:
        """Return x min(max(x / 6 + 1 / 2, 0), 1)."""
        return x * np.clip(x / 6 + 0.5, 0, 1)


@dataclass(frozen=True)
class Mish(Function):
    """x tanh(softplus(x))."""

    onnx: ClassVar[str] = "Mish"

    def formula(self, x: Array) -> Any:
        """Return x tanh(softplus(x))."""
        return x * np.tanh(_softplus(x))


@dataclass(frozen=True)
class Swish(Function):
    """x sigmoid(alpha x); with alpha 1, SiLU."""

    alpha: float = 1.0
    onnx: ClassVar[str] = "Swish"

    def formula(self, x: Array) -> Any:
        """Return x sigmoid(alpha x)."""
        return x * _sigmoid(self.alpha * x)


@dataclass(frozen=True)
class LeakyRelu(Function):
    """x where x is at least 0, alpha x elsewhere."""

    alpha: float = 0.01
    onnx: ClassVar[str] = "LeakyRelu"

    def formula(self, x: Array) -> Any:
        """Return x or alpha x."""
        return np.where(x < 0, self.alpha * x, x)


@dataclass(frozen=True)
class PRelu(Defined):
    """x where x is at least 0, slope x elsewhere; the slope broadcasts to the shape of x."""

    onnx: ClassVar[str] = "PRelu"
    arity: ClassVar[tuple[int, int]] = (2, 2)

    def infer(self, shapes: Sequence[Shape]) -> Shape:
        """Return the shape of x."""
        x, slope = shapes
        if broadcast_shapes(shapes) != x:
            raise ShapeError(f"slope {slope} must broadcast to the shape of x, {x}")
        return x

    def value(self, *arrays: Array) -> Array:
        """Return x or slope x."""
        x, slope = arrays
        return np.where(x < 0, slope * x, x).astype(x.dtype)


@dataclass(frozen=True)
class Elu(Function):
    """x where x is at least 0, alpha (exp(x) - 1) elsewhere."""

    alpha: float = 1.0
    onnx: ClassVar[str] = "Elu"

    def formula(self, x: Array) -> Any:
        """Return x or alpha (exp(x) - 1)."""
        return np.where(x < 0, self.alpha * np.expm1(x), x)


@dataclass(frozen=True)
class Selu(Function):
    """gamma x where x is above 0, gamma alpha (exp(x) - 1) elsewhere (Klambauer et al. 2017)."""

    alpha: float = 1.67326319217681884765625
    gamma: float = 1.05070102214813232421875
    onnx: ClassVar[str] = "Selu"

    def formula(self, x: Array) -> Any:
        """Return gamma x or gamma alpha (exp(x) - 1)."""
        return self.gamma * np.where(x < 0, self.alpha * np.expm1(x), x)


@dataclass(frozen=True)
class Celu(Function):
    """max(x, 0) + min(alpha (exp(x / alpha) - 1), 0)."""

    alpha: float = 1.0
    onnx: ClassVar[str] = "Celu"

    def formula(self, x: Array) -> Any:
        """Return max(x, 0) + min(alpha (exp(x / alpha) - 1), 0)."""
        return np.maximum(x, 0) + np.minimum(self.alpha * np.expm1(x / self.alpha), 0)


@dataclass(frozen=True)
class Gelu(Function):
    """x (1 + erf(x / sqrt 2)) / 2, or nearly so by tanh (Hendrycks and Gimpel 2016)."""

    approximate: Literal["none", "tanh"] = "none"
    onnx: ClassVar[str] = "Gelu"

    def __post_init__(self) -> None:
        if self.approximate not in ("none", "tanh"):
            raise ParameterError(f'approximate must be "none" or "tanh", not {self.approximate!r}')

    def formula(self, x: Array) -> Any:
        """Return x (1 + erf(x / sqrt 2)) / 2."""
        if self.approximate == "tanh":
            return x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
        return x / 2 * (1 + Erf().formula(x / math.sqrt(2)))


@dataclass(frozen=True)
class ThresholdedRelu(Function):
    """x where x is above alpha, 0 elsewhere."""

    alpha: float = 1.0
    onnx: ClassVar[str] = "ThresholdedRelu"

    def formula(self, x: Array) -> Any:
        """Return x or 0."""
        return np.where(x > self.alpha, x, 0)


@dataclass(frozen=True)
class Shrink(Function):
    """x + bias below -lambd, x - bias above lambd, 0 between."""

    lambd: float = 0.5
    bias: float = 0.0
    onnx: ClassVar[str] = "Shrink"

    def formula(self, x: Array) -> Any:
        """Return x + bias, x - bias or 0."""
        return np.where(x < -self.lambd, x + self.bias, np.where(x > self.lambd, x - self.bias, 0))
