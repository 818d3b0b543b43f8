"""Smooth activations, and those that are cut from lines to look like them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from striate.errors import ParameterError
from striate.network.operators.functions import Erf, Function

__all__ = [
    "Gelu",
    "HardSigmoid",
    "HardSwish",
    "Mish",
    "ScaledTanh",
    "Sigmoid",
    "Softplus",
    "Softsign",
    "Swish",
    "Tanh",
]

Array = NDArray[Any]


def _sigmoid(x: Array) -> Any:
    return np.exp(-np.logaddexp(0, -x))


def _softplus(x: Array) -> Any:
    return np.logaddexp(0, x)


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
