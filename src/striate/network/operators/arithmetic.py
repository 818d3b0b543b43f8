"""Arithmetic on values that broadcast, and the matrix product."""

from __future__ import annotations

import sys
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from math import prod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from striate.errors import ShapeError
from striate.geometry import matrix_macs
from striate.network.defined import Defined
from striate.network.graph import Shape, broadcast_shapes
from striate.network.operators.functions import wide

__all__ = ["Add", "Div", "MatMul", "Max", "Mean", "Min", "Mod", "Mul", "Pow", "Sub", "Sum"]

Array = NDArray[Any]


@dataclass(frozen=True)
class _Binary(Defined):
    """A function of two values that broadcast, of one type."""

    arity: ClassVar[tuple[int, int]] = (2, 2)

    @abstractmethod
    def formula(self, x: Array, y: Array) -> Any:
        """Return the function of each pair of elements."""

    @np.errstate(all="ignore")
    def value(self, *arrays: Array) -> Array:
        """Return the function of each pair of elements, in the type of the first."""
        x, y = arrays
        return np.asarray(self.formula(x, y)).astype(x.dtype, copy=False)


@dataclass(frozen=True)
class Add(_Binary):
    """The sum of two values, broadcast."""

    onnx: ClassVar[str] = "Add"

    def formula(self, x: Array, y: Array) -> Any:
        """Return x + y."""
        return x + y


@dataclass(frozen=True)
class Sub(_Binary):
    """The difference of two values, broadcast."""

    onnx: ClassVar[str] = "Sub"

    def formula(self, x: Array, y: Array) -> Any:
        """Return x - y."""
        return x - y


@dataclass(frozen=True)
class Mul(_Binary):
    """The product of two values, broadcast."""

    onnx: ClassVar[str] = "Mul"

    def formula(self, x: Array, y: Array) -> Any:
        """Return x y."""
        return x * y


@dataclass(frozen=True)
class Div(_Binary):
    """The quotient of two values, broadcast; that of whole numbers is cut toward zero."""

    onnx: ClassVar[str] = "Div"

    def formula(self, x: Array, y: Array) -> Any:
        """Return x / y."""
        if np.issubdtype(x.dtype, np.integer):
            return (x - np.fmod(x, y)) // y
        return x / y


@dataclass(frozen=True)
class Pow(_Binary):
    """x to the power of y, broadcast, in the type of x."""

    onnx: ClassVar[str] = "Pow"

    def formula(self, x: Array, y: Array) -> Any:
        """Return x ^ y."""
        whole = np.issubdtype(x.dtype, np.integer) and np.issubdtype(y.dtype, np.integer)
        if whole and not np.any(y < 0):
            return np.power(x, y)
        return np.power(x.astype(np.float64), y.astype(np.float64))


@dataclass(frozen=True)
class Mod(_Binary):
    """What is left of x / y: with the sign of y, or, with `fmod`, that of x (C's fmod)."""

    fmod: bool = False
    onnx: ClassVar[str] = "Mod"

    def formula(self, x: Array, y: Array) -> Any:
        """Return x - y floor(x / y), or x - y trunc(x / y)."""
        return np.fmod(x, y) if self.fmod else np.mod(x, y)


@dataclass(frozen=True)
class _Variadic(Defined):
    """A function of any number of values that broadcast, of one type."""

    arity: ClassVar[tuple[int, int]] = (1, sys.maxsize)


@dataclass(frozen=True)
class Sum(_Variadic):
    """The sum of all values, broadcast."""

    onnx: ClassVar[str] = "Sum"

    def value(self, *arrays: Array) -> Array:
        """Return x + y + ..."""
        return np.asarray(reduce(np.add, map(wide, arrays))).astype(arrays[0].dtype)


@dataclass(frozen=True)
class Mean(_Variadic):
    """The mean of all values, broadcast."""

    onnx: ClassVar[str] = "Mean"

    def value(self, *arrays: Array) -> Array:
        """Return (x + y + ...) divided by their number."""
        return np.asarray(reduce(np.add, map(wide, arrays)) / len(arrays)).astype(arrays[0].dtype)


@dataclass(frozen=True)
class Max(_Variadic):
    """The largest of all values, broadcast; NaN wins."""

    onnx: ClassVar[str] = "Max"

    def value(self, *arrays: Array) -> Array:
        """Return max(x, y, ...)."""
        return np.asarray(reduce(np.maximum, arrays))


@dataclass(frozen=True)
class Min(_Variadic):
    """The smallest of all values, broadcast; NaN wins."""

    onnx: ClassVar[str] = "Min"

    def value(self, *arrays: Array) -> Array:
        """Return min(x, y, ...)."""
        return np.asarray(reduce(np.minimum, arrays))


@dataclass(frozen=True)
class MatMul(Defined):
    """The matrix product of (..., n, k) and (..., k, m), broadcast over all axes before.

    A value of one axis is a row on the left and a column on the right, and that axis goes.
    """

    onnx: ClassVar[str] = "MatMul"
    arity: ClassVar[tuple[int, int]] = (2, 2)

    def infer(self, shapes: Sequence[Shape]) -> Shape:
        """Return (..., n, m)."""
        x, y = shapes
        if not x or not y:
            raise ShapeError(
                f"{x} and {y} must have at least one axis to be multiplied as matrices"
            )
        left = x if len(x) > 1 else (1, *x)
        right = y if len(y) > 1 else (*y, 1)
        if left[-1] != right[-2]:
            raise ShapeError(
                f"{x} times {y}: the {left[-1]} columns of the first must be as many as the "
                f"{right[-2]} rows of the second"
            )
        rows, columns = left[-2:-1] * (len(x) > 1), right[-1:] * (len(y) > 1)
        return broadcast_shapes([left[:-2], right[:-2]]) + rows + columns

    def macs(self, shapes: Sequence[Shape], output: Shape) -> int:
        """Return batch * rows * inner * columns."""
        return matrix_macs(prod(output), shapes[0][-1], 1)

    def value(self, *arrays: Array) -> Array:
        """Return the sum of x[..., i, j] y[..., j, k] over j."""
        x, y = arrays
        return np.asarray(np.matmul(wide(x), wide(y))).astype(x.dtype)
