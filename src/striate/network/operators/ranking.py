"""Which elements are largest, and running sums."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from striate.errors import ParameterError, ShapeError
from striate.network.defined import Defined
from striate.network.graph import Shape
from striate.network.operators.axes import axis_of, one, settle
from striate.network.operators.functions import wide

__all__ = ["ArgMax", "ArgMin", "CumSum", "TopK"]

Array = NDArray[Any]


@dataclass(frozen=True)
class _Arg(Defined):
    """Where along `axis` an extreme is; of equal ones the first, or the `last`."""

    axis: int = 0
    keepdims: bool = True
    last: bool = False

    def infer(self, shapes: Sequence[Shape]) -> Shape:
        """Return the shape of x with the axis 1, or gone."""
        (x,) = shapes
        axis = axis_of(self.axis, x)
        if x[axis] == 0:
            raise ShapeError(f"axis {axis} of {x} has no elements: none of them is an extreme")
        return x[:axis] + (1,) * self.keepdims + x[axis + 1 :]

    def kinds(self, kinds: Sequence[str]) -> tuple[str, ...]:
        """Return int64."""
        return ("int64",)

    @abstractmethod
    def first(self, x: Array, axis: int) -> Array:
        """Return the index of the first extreme."""

    def value(self, *arrays: Array) -> Array:
        """Return the indices, as int64."""
        (x,) = arrays
        axis = axis_of(self.axis, x.shape)
        found = self.first(x, axis)
        if self.last:
            found = x.shape[axis] - 1 - self.first(np.flip(x, axis), axis)
        return np.asarray(found, np.int64).reshape(self.infer([x.shape]))


@dataclass(frozen=True)
class ArgMax(_Arg):
    """The index of the largest element along `axis`: of equal ones the first, or the `last`."""

    onnx: ClassVar[str] = "ArgMax"

    def first(self, x: Array, axis: int) -> Array:
        """Return the index of the first maximum."""
        return np.asarray(np.argmax(x, axis))


@dataclass(frozen=True)
class ArgMin(_Arg):
    """The index of the smallest element along `axis`: of equal ones the first, or the `last`."""

    onnx: ClassVar[str] = "ArgMin"

    def first(self, x: Array, axis: int) -> Array:
        """Return the index of the first minimum."""
        return np.asarray(np.argmin(x, axis))


@dataclass(frozen=True)
class TopK(Defined):
    """The `count` largest (or smallest) elements along `axis`, and their indices as int64.

    They come in order, of equal ones the first index first, even if not asked to be `sorted`.
    """

    count: int
    axis: int = -1
    largest: bool = True
    sorted: bool = True
    onnx: ClassVar[str] = "TopK"

    def __post_init__(self) -> None:
        settle(self, count=one("count", self.count))
        if self.count < 0:
            raise ParameterError(f"count must be at least 0, not {self.count}")

    def infer(self, shapes: Sequence[Shape]) -> Shape:
        """Return the shape of x with `count` elements along the axis."""
        (x,) = shapes
        axis = axis_of(self.axis, x)
        if self.count > x[axis]:
            raise ShapeError(f"axis {axis} of {x} does not have {self.count} elements to rank")
        return (*x[:axis], self.count, *x[axis + 1 :])

    def infer_all(self, shapes: Sequence[Shape]) -> tuple[Shape, ...]:
        """Return the shape of the elements, and of their indices."""
        return (self.infer(shapes),) * 2

    def kinds(self, kinds: Sequence[str]) -> tuple[str, ...]:
        """Return the kind of x, and int64."""
        return (kinds[0], "int64")

    def value(self, *arrays: Array) -> tuple[Array, ...]:
        """Return the elements and their indices."""
        (x,) = arrays
        axis = axis_of(self.axis, x.shape)
        if self.largest:  # the stable order of the flipped values, read backwards
            order = np.argsort(np.flip(x, axis), axis, kind="stable")
            order = x.shape[axis] - 1 - np.flip(order, axis)
        else:
            order = np.argsort(x, axis, kind="stable")
        first = np.take(order, np.arange(self.count), axis).astype(np.int64)
        return np.take_along_axis(x, first, axis), first


@dataclass(frozen=True)
class CumSum(Defined):
    """The sum of all elements along `axis` up to each: y[i] = x[0] + ... + x[i].

    `exclusive` leaves x[i] itself out; `reverse` sums from the end.
    """

    axis: int
    exclusive: bool = False
    reverse: bool = False
    onnx: ClassVar[str] = "CumSum"

    def __post_init__(self) -> None:
        settle(self, axis=one("axis", self.axis))

    def infer(self, shapes: Sequence[Shape]) -> Shape:
        """Return the shape of x."""
        axis_of(self.axis, shapes[0])
        return shapes[0]

    def value(self, *arrays: Array) -> Array:
        """Return the running sums."""
        (x,) = arrays
        terms = wide(np.flip(x, self.axis) if self.reverse else x)
        sums = np.cumsum(terms, self.axis)
        if self.exclusive:
            sums = sums - terms
        return (np.flip(sums, self.axis) if self.reverse else sums).astype(x.dtype)
