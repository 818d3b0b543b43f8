"""Functions of angles, of the circle and of the hyperbola."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from striate.network.operators.functions import Function

__all__ = [
    "Acos",
    "Acosh",
    "Asin",
    "Asinh",
    "Atan",
    "Atanh",
    "Cos",
    "Cosh",
    "Sin",
    "Sinh",
    "Tan",
]

Array = NDArray[Any]


@dataclass(frozen=True)
class Sin(Function):
    """sin(x), of an angle in radians."""

    onnx: ClassVar[str] = "Sin"

    def formula(self, x: Array) -> Any:
        """Return sin(x)."""
        return np.sin(x)


@dataclass(frozen=True)
class Cos(Function):
    """cos(x), of an angle in radians."""

    onnx: ClassVar[str] = "Cos"

    def formula(self, x: Array) -> Any:
        """Return cos(x)."""
        return np.cos(x)


@dataclass(frozen=True)
class Tan(Function):
    """tan(x), of an angle in radians."""

    onnx: ClassVar[str] = "Tan"

    def formula(self, x: Array) -> Any:
        """Return tan(x)."""
        return np.tan(x)


@dataclass(frozen=True)
class Asin(Function):
    """The angle, in radians, whose sine is x."""

    onnx: ClassVar[str] = "Asin"

    def formula(self, x: Array) -> Any:
        """Return arcsin(x)."""
        return np.arcsin(x)


@dataclass(frozen=True)
class Acos(Function):
    """The angle, in radians, whose cosine is x."""

    onnx: ClassVar[str] = "Acos"

    def formula(self, x: Array) -> Any:
        """Return arccos(x)."""
        return np.arccos(x)


@dataclass(frozen=True)
class Atan(Function):
    """The angle, in radians, whose tangent is x."""

    onnx: ClassVar[str] = "Atan"

    def formula(self, x: Array) -> Any:
        """Return arctan(x)."""
        return np.arctan(x)


@dataclass(frozen=True)
class Sinh(Function):
    """(e^x - e^-x) / 2."""

    onnx: ClassVar[str] = "Sinh"

    def formula(self, x: Array) -> Any:
        """Return sinh(x)."""
        return np.sinh(x)


@dataclass(frozen=True)
class Cosh(Function):
    """(e^x + e^-x) / 2."""

    onnx: ClassVar[str] = "Cosh"

    def formula(self, x: Array) -> Any:
        """Return cosh(x)."""
        return np.cosh(x)


@dataclass(frozen=True)
class Asinh(Function):
    """The number whose hyperbolic sine is x."""

    onnx: ClassVar[str] = "Asinh"

    def formula(self, x: Array) -> Any:
        """Return arcsinh(x)."""
        return np.arcsinh(x)


@dataclass(frozen=True)
class Acosh(Function):
    """The number of at least 0 whose hyperbolic cosine is x."""

    onnx: ClassVar[str] = "Acosh"

    def formula(self, x: Array) -> Any:
        """Return arccosh(x)."""
        return np.arccosh(x)


@dataclass(frozen=True)
class Atanh(Function):
    """The number whose hyperbolic tangent is x."""

    onnx: ClassVar[str] = "Atanh"

    def formula(self, x: Array) -> Any:
        """Return arctanh(x)."""
        return np.arctanh(x)
