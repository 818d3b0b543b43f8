"""Functions of one element: what each element becomes depends on nothing else."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from striate.network.defined import Defined
from striate.network.graph import FLOAT

__all__ = [
    "Abs",
    "Ceil",
    "Erf",
    "Exp",
    "Floor",
    "Function",
    "Log",
    "Neg",
    "Reciprocal",
    "Round",
    "Sign",
    "Sqrt",
    "dtype_of",
    "extremes",
    "mean",
    "wide",
]

Array = NDArray[Any]


def wide(x: Array) -> Array:
    """Return floating point numbers in double precision, all else as it is."""
    return x.astype(np.float64) if np.issubdtype(x.dtype, np.floating) else x


def mean(x: Array, axes: tuple[int, ...]) -> Any:
    """Return the mean along these axes, which stay as axes of one element; NaN of nothing."""
    return np.sum(x, axis=axes, keepdims=True) / np.float64(prod(x.shape[axis] for axis in axes))


def extremes(dtype: np.dtype[Any]) -> tuple[Any, Any]:
    """Return the least and the greatest number of a type."""
    if dtype == np.bool_:
        return False, True
    if np.issubdtype(dtype, np.integer):
        return np.iinfo(dtype).min, np.iinfo(dtype).max
    return -np.inf, np.inf


def dtype_of(kind: str, near: np.dtype[Any] | None = None) -> np.dtype[Any]:
    """Return the dtype of a kind; "float" is that of what is `near` if it may be, or float32."""
    if kind != FLOAT:
        return np.dtype(kind)
    return near if near in (np.float32, np.float64) else np.dtype(np.float32)


@dataclass(frozen=True)
class Function(Defined):
    """A function of one element, computed in double precision and rounded once."""

    @abstractmethod
    def formula(self, x: Array) -> Any:
        """Return the function of each element."""

    @np.errstate(all="ignore")
    def value(self, *arrays: Array) -> Array:
        """Return the function of each element, in the type of x."""
        (x,) = arrays
        return np.asarray(self.formula(wide(x))).astype(x.dtype)


@dataclass(frozen=True)
class Abs(Function):
    """abs(x)."""

    onnx: ClassVar[str] = "Abs"

    def formula(self, x: Array) -> Any:
        """Return abs(x)."""
        return np.abs(x)


@dataclass(frozen=True)
class Neg(Function):
    """-x."""

    onnx: ClassVar[str] = "Neg"

    def formula(self, x: Array) -> Any:
        """Return -x."""
        return -x


@dataclass(frozen=True)
class Exp(Function):
    """e to the power of x."""

    onnx: ClassVar[str] = "Exp"

    def formula(self, x: Array) -> Any:
        """Return exp(x)."""
        return np.exp(x)


@dataclass(frozen=True)
class Log(Function):
    """The natural logarithm of x."""

    onnx: ClassVar[str] = "Log"

    def formula(self, x: Array) -> Any:
        """Return log(x)."""
        return np.log(x)


@dataclass(frozen=True)
class Sqrt(Function):
    """The square root of x."""

    onnx: ClassVar[str] = "Sqrt"

    def formula(self, x: Array) -> Any:
        """Return sqrt(x)."""
        return np.sqrt(x)


@dataclass(frozen=True)
class Reciprocal(Function):
    """1 / x."""

    onnx: ClassVar[str] = "Reciprocal"

    def formula(self, x: Array) -> Any:
        """Return 1 / x."""
        return 1 / x


@dataclass(frozen=True)
class Floor(Function):
    """The largest integer that is not above x."""

    onnx: ClassVar[str] = "Floor"

    def formula(self, x: Array) -> Any:
        """Return floor(x)."""
        return np.floor(x)


@dataclass(frozen=True)
class Ceil(Function):
    """The smallest integer that is not below x."""

    onnx: ClassVar[str] = "Ceil"

    def formula(self, x: Array) -> Any:
        """Return ceil(x)."""
        return np.ceil(x)


@dataclass(frozen=True)
class Round(Function):
    """The nearest integer; of two equally near ones the even one."""

    onnx: ClassVar[str] = "Round"

    def formula(self, x: Array) -> Any:
        """Return rint(x)."""
        return np.rint(x)


@dataclass(frozen=True)
class Sign(Function):
    """-1, 0 or 1 as x is below, at or above 0."""

    onnx: ClassVar[str] = "Sign"

    def formula(self, x: Array) -> Any:
        """Return sign(x)."""
        return np.sign(x)


@dataclass(frozen=True)
class Erf(Function):
    """2 / sqrt(pi) times the integral of exp(-t^2) for t from 0 to x."""

    onnx: ClassVar[str] = "Erf"

    def formula(self, x: Array) -> Any:
        """Return erf(x)."""
        return _erf(x)


def _erf(x: Array) -> Any:
    return np.vectorize(math.erf, otypes=[np.float64])(x)
