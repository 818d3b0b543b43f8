"""Reductions: sums, means, extremes and norms over axes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from striate.network.defined import Defined
from striate.network.graph import Shape
from striate.network.operators.axes import axes_of, many, settle
from striate.network.operators.functions import extremes, mean, wide

__all__ = [
    "ReduceL1",
    "ReduceL2",
    "ReduceLogSum",
    "ReduceLogSumExp",
    "ReduceMax",
    "ReduceMean",
    "ReduceMin",
    "ReduceProd",
    "ReduceSum",
    "ReduceSumSquare",
]

Array = NDArray[Any]
Axes = tuple[int, ...]


@dataclass(frozen=True)
class _Reduce(Defined):
    """Makes one element of all along `axes`: None means all axes, () each element by itself.

    `keepdims` leaves axes of one element in their place.
    """

    axes: Axes | None = None
    keepdims: bool = True

    def __post_init__(self) -> None:
        settle(self, axes=many(self.axes))

    def infer(self, shapes: Sequence[Shape]) -> Shape:
        """Return the shape of x with these axes 1, or gone."""
        (x,) = shapes
        gone = axes_of(self.axes, x)
        if self.keepdims:
            return tuple(1 if axis in gone else size for axis, size in enumerate(x))
        return tuple(size for axis, size in enumerate(x) if axis not in gone)

    @abstractmethod
    def formula(self, x: Array, axes: Axes) -> Any:
        """Return the result along these axes, which stay as axes of one element."""

    @np.errstate(all="ignore")
    def value(self, *arrays: Array) -> Array:
        """Return the result, in the type of x."""
        (x,) = arrays
        reduced = np.asarray(self.formula(wide(x), axes_of(self.axes, x.shape)))
        return reduced.astype(x.dtype).reshape(self.infer([x.shape]))


@dataclass(frozen=True)
class ReduceSum(_Reduce):
    """The sum of x."""

    onnx: ClassVar[str] = "ReduceSum"

    def formula(self, x: Array, axes: Axes) -> Any:
        """Return the sum of x."""
        return np.sum(x, axis=axes, keepdims=True)


@dataclass(frozen=True)
class ReduceMean(_Reduce):
    """The mean of x; that of whole numbers is cut toward zero."""

    onnx: ClassVar[str] = "ReduceMean"

    def formula(self, x: Array, axes: Axes) -> Any:
        """Return the mean of x."""
        return mean(x, axes)


@dataclass(frozen=True)
class ReduceMax(_Reduce):
    """The largest x; of nothing, the least number of its type."""

    onnx: ClassVar[str] = "ReduceMax"

    def formula(self, x: Array, axes: Axes) -> Any:
        """Return the largest x."""
        return np.max(x, axis=axes, keepdims=True, initial=extremes(x.dtype)[0])


@dataclass(frozen=True)
class ReduceMin(_Reduce):
    """The smallest x; of nothing, the greatest number of its type."""

    onnx: ClassVar[str] = "ReduceMin"

    def formula(self, x: Array, axes: Axes) -> Any:
        """Return the smallest x."""
        return np.min(x, axis=axes, keepdims=True, initial=extremes(x.dtype)[1])


@dataclass(frozen=True)
class ReduceProd(_Reduce):
    """The product of x."""

    onnx: ClassVar[str] = "ReduceProd"

    def formula(self, x: Array, axes: Axes) -> Any:
        """Return the product of x."""
        return np.prod(x, axis=axes, keepdims=True)


@dataclass(frozen=True)
class ReduceL1(_Reduce):
    """The sum of abs(x)."""

    onnx: ClassVar[str] = "ReduceL1"

    def formula(self, x: Array, axes: Axes) -> Any:
        """Return the sum of abs(x)."""
        return np.sum(np.abs(x), axis=axes, keepdims=True)


@dataclass(frozen=True)
class ReduceL2(_Reduce):
    """The square root of the sum of x^2."""

    onnx: ClassVar[str] = "ReduceL2"

    def formula(self, x: Array, axes: Axes) -> Any:
        """Return the square root of the sum of x^2."""
        return np.sqrt(np.sum(np.square(x.astype(np.float64)), axis=axes, keepdims=True))


@dataclass(frozen=True)
class ReduceLogSum(_Reduce):
    """The logarithm of the sum of x."""

    onnx: ClassVar[str] = "ReduceLogSum"

    def formula(self, x: Array, axes: Axes) -> Any:
        """Return the logarithm of the sum of x."""
        return np.log(np.sum(x, axis=axes, keepdims=True))


@dataclass(frozen=True)
class ReduceLogSumExp(_Reduce):
    """The logarithm of the sum of exp(x)."""

    onnx: ClassVar[str] = "ReduceLogSumExp"

    def formula(self, x: Array, axes: Axes) -> Any:
        """Return max + log(sum(exp(x - max))), in which nothing overflows."""
        x = x.astype(np.float64)
        most = np.max(x, axis=axes, keepdims=True, initial=-np.inf)
        most = np.where(np.isfinite(most), most, 0)
        return most + np.log(np.sum(np.exp(x - most), axis=axes, keepdims=True))


@dataclass(frozen=True)
class ReduceSumSquare(_Reduce):
    """The sum of x^2."""

    onnx: ClassVar[str] = "ReduceSumSquare"

    def formula(self, x: Array, axes: Axes) -> Any:
        """Return the sum of x^2."""
        return np.sum(np.square(x), axis=axes, keepdims=True)
