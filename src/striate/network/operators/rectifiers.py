"""Rectifiers: activations that pass what is above 0 and hold back what is below."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from striate.errors import ShapeError
from striate.network.defined import Defined
from striate.network.graph import Shape, broadcast_shapes
from striate.network.operators.axes import one, settle
from striate.network.operators.functions import Function

__all__ = [
    "Celu",
    "Clip",
    "Elu",
    "LeakyRelu",
    "PRelu",
    "Relu",
    "Selu",
    "Shrink",
    "ThresholdedRelu",
]

Array = NDArray[Any]


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
