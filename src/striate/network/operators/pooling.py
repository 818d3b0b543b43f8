"""Pooling: the largest, the mean or the norm of a window, or of everything."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from math import prod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from striate.errors import ParameterError, ShapeError
from striate.geometry import Window
from striate.network.defined import Defined
from striate.network.graph import Shape
from striate.network.operators.convolution import (
    check_volume,
)
from striate.network.operators.functions import extremes, mean, wide

__all__ = [
    "AveragePool",
    "GlobalAveragePool",
    "GlobalLpPool",
    "GlobalMaxPool",
    "LpPool",
    "MaxPool",
]

Array = NDArray[Any]


@dataclass(frozen=True)
class _Pool(Defined):
    window: Window

    def infer(self, shapes: Sequence[Shape]) -> Shape:
        """Return (N, C, *output spatial)."""
        check_volume(shapes[0], self.window.rank)
        return (*shapes[0][:2], *self.window.output_shape(shapes[0][2:]))


def seen(x: Array, window: Window, border: Any) -> Array:
    """Return what each window reads, (N, C, *output spatial, taps); `border` lies outside x."""
    axes = window.at(x.shape[2:]).axes
    rank = len(axes)
    for axis, (sliding, size) in enumerate(zip(axes, x.shape[2:], strict=True)):
        places = np.array([sliding.taps(o) for o in range(sliding.output_size(size))])
        outside = ((places < 0) | (places >= size)).reshape(
            *places.shape, *(1,) * (rank - 1 - axis)
        )
        x = np.take(x, places.clip(0, size - 1), axis=2 + 2 * axis)
        x = np.where(outside, border, x)
    outputs, kernel = range(2, x.ndim, 2), range(3, x.ndim, 2)
    x = x.transpose(0, 1, *outputs, *kernel)
    return x.reshape(*x.shape[: 2 + rank], prod(window.kernel))


@dataclass(frozen=True)
class MaxPool(_Pool):
    """The largest element of each window; padding never wins.

    With `indices`, a second output tells where in x it is, counted over all of x, row by row or,
    within a channel, in the order of its axes (`column_major`); of equal ones the first.
    """

    indices: bool = False
    column_major: bool = False
    onnx: ClassVar[str] = "MaxPool"

    def infer_all(self, shapes: Sequence[Shape]) -> tuple[Shape, ...]:
        """Return (N, C, *output spatial), once more for indices."""
        return (self.infer(shapes),) * (1 + self.indices)

    def kinds(self, kinds: Sequence[str]) -> tuple[str, ...]:
        """Return the kind of x, and int64 for indices."""
        return (kinds[0], "int64")[: 1 + self.indices]

    def value(self, *arrays: Array) -> Array | tuple[Array, ...]:
        """Return the largest of each window, and where it is."""
        (x,) = arrays
        read = seen(x, self.window, x.dtype.type(extremes(x.dtype)[0]))
        largest: Array = read.max(axis=-1, keepdims=True)
        if not self.indices:
            return largest[..., 0]
        where = seen(self._places(x.shape), self.window, -1)
        winners = (read == largest) | (read != read)  # NaN, which is not equal to itself, wins
        first = np.where(where < 0, -1, winners).argmax(axis=-1)[..., None]  # padding never does
        return largest[..., 0], np.take_along_axis(where, first, -1)[..., 0]

    def _places(self, shape: Shape) -> Array:
        """Return where each element of x lies."""
        if not self.column_major:
            return np.arange(prod(shape)).reshape(shape)
        turned = np.arange(prod(shape)).reshape(*shape[:2], *shape[:1:-1])
        return turned.transpose(0, 1, *range(len(shape) - 1, 1, -1))


@dataclass(frozen=True)
class AveragePool(_Pool):
    """The mean of each window; `count_include_pad` says whether padding's zeros count.

    What lies beyond the padding, under windows that only partly fit, never counts.
    """

    count_include_pad: bool = True
    onnx: ClassVar[str] = "AveragePool"

    def value(self, *arrays: Array) -> Array:
        """Return the sum of each window divided by how many elements it counts."""
        (x,) = arrays
        sums = seen(wide(x), self.window, 0).sum(axis=-1)
        counts = reduce(np.multiply.outer, self._counts(x.shape))
        return np.asarray(sums / counts).astype(x.dtype)

    def _counts(self, shape: Shape) -> list[Array]:
        """Return, along each axis, how many taps of each output count."""
        counts = []
        for axis, size in zip(self.window.at(shape[2:]).axes, shape[2:], strict=True):
            before, after = (axis.before, axis.after) if self.count_include_pad else (0, 0)
            inside = range(-before, size + after)
            taps = [axis.taps(o) for o in range(axis.output_size(size))]
            counts.append(np.array([sum(tap in inside for tap in read) for read in taps]))
        return counts


@dataclass(frozen=True)
class LpPool(_Pool):
    """The p-norm of each window: the p-th root of the sum of abs(x)^p."""

    p: int = 2
    onnx: ClassVar[str] = "LpPool"

    def __post_init__(self) -> None:
        check_power(self.p)

    def value(self, *arrays: Array) -> Array:
        """Return the norms."""
        (x,) = arrays
        powers = np.abs(seen(wide(x), self.window, 0)) ** self.p
        return np.asarray(powers.sum(axis=-1) ** (1 / self.p)).astype(x.dtype)


@dataclass(frozen=True)
class _GlobalPool(Defined):
    def infer(self, shapes: Sequence[Shape]) -> Shape:
        """Return (N, C, 1, ..., 1)."""
        if len(shapes[0]) < 2:
            raise ShapeError(f"input {shapes[0]} must be (N, C, *spatial)")
        return (*shapes[0][:2], *(1 for _ in shapes[0][2:]))

    @abstractmethod
    def formula(self, x: Array, axes: tuple[int, ...]) -> Any:
        """Return the result over these axes, which stay as axes of one element."""

    @np.errstate(all="ignore")
    def value(self, *arrays: Array) -> Array:
        """Return the result over all spatial axes."""
        (x,) = arrays
        return np.asarray(self.formula(wide(x), tuple(range(2, x.ndim)))).astype(x.dtype)


@dataclass(frozen=True)
class GlobalMaxPool(_GlobalPool):
    """The largest element of each channel."""

    onnx: ClassVar[str] = "GlobalMaxPool"

    def formula(self, x: Array, axes: tuple[int, ...]) -> Any:
        """Return the largest element."""
        return np.asarray(np.max(x, axis=axes, keepdims=True, initial=extremes(x.dtype)[0]))


@dataclass(frozen=True)
class GlobalAveragePool(_GlobalPool):
    """The mean of each channel."""

    onnx: ClassVar[str] = "GlobalAveragePool"

    def formula(self, x: Array, axes: tuple[int, ...]) -> Any:
        """Return the mean."""
        return np.asarray(mean(x, axes))


@dataclass(frozen=True)
class GlobalLpPool(_GlobalPool):
    """The p-norm of each channel: the p-th root of the sum of abs(x)^p."""

    p: int = 2
    onnx: ClassVar[str] = "GlobalLpPool"

    def __post_init__(self) -> None:
        check_power(self.p)

    def formula(self, x: Array, axes: tuple[int, ...]) -> Any:
        """Return the norm."""
        return np.asarray((np.abs(x) ** self.p).sum(axis=axes, keepdims=True) ** (1 / self.p))


def check_power(p: int) -> None:
    """Raise ParameterError unless p is at least 1."""
    if p < 1:
        raise ParameterError(f"p must be at least 1, not {p}")
