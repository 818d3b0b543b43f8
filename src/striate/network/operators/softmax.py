"""Softmax and its relatives: scores along an axis become shares of a whole."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from striate.network.defined import Defined
from striate.network.graph import Shape
from striate.network.operators.axes import axis_of
from striate.network.operators.functions import wide

__all__ = ["Hardmax", "LogSoftmax", "Softmax"]

Array = NDArray[Any]


@dataclass(frozen=True)
class _Shares(Defined):
    """Works along one axis or, `onwards`, over all axes from it on (ONNX before opset 13)."""

    axis: int = -1
    onwards: bool = False

    def infer(self, shapes: Sequence[Shape]) -> Shape:
        """Return the shape of x."""
        axis_of(self.axis, shapes[0], ends=self.onwards)
        return shapes[0]

    @abstractmethod
    def formula(self, x: Array) -> Any:
        """Return the shares along the last axis."""

    @np.errstate(all="ignore")
    def value(self, *arrays: Array) -> Array:
        """Return the shares."""
        (x,) = arrays
        axis = axis_of(self.axis, x.shape, ends=self.onwards)
        if x.size == 0:
            return x
        if self.onwards:
            rows = x.reshape(prod(x.shape[:axis]), prod(x.shape[axis:]))
            return np.asarray(self.formula(wide(rows))).astype(x.dtype).reshape(x.shape)
        moved = np.moveaxis(wide(x), axis, -1)
        return np.moveaxis(np.asarray(self.formula(moved)), -1, axis).astype(x.dtype)


@dataclass(frozen=True)
class Softmax(_Shares):
    """exp(x) divided by its sum along `axis`: 1, the channels or features, unless told."""

    axis: int = 1
    onnx: ClassVar[str] = "Softmax"

    def formula(self, x: Array) -> Any:
        """Return exp(x - max) / sum(exp(x - max)), in which nothing overflows."""
        powers = np.exp(x - x.max(axis=-1, keepdims=True))
        return powers / powers.sum(axis=-1, keepdims=True)


@dataclass(frozen=True)
class LogSoftmax(_Shares):
    """The logarithm of Softmax: x - log(sum(exp(x)))."""

    onnx: ClassVar[str] = "LogSoftmax"

    def formula(self, x: Array) -> Any:
        """Return (x - max) - log(sum(exp(x - max))), in which nothing overflows."""
        less = x - x.max(axis=-1, keepdims=True)
        return less - np.log(np.exp(less).sum(axis=-1, keepdims=True))


@dataclass(frozen=True)
class Hardmax(_Shares):
    """1 for the first of the largest elements along `axis`, 0 for all others."""

    onnx: ClassVar[str] = "Hardmax"

    def formula(self, x: Array) -> Any:
        """Return 1 or 0."""
        places = np.arange(x.shape[-1])
        return (places == x.argmax(axis=-1)[..., None]).astype(x.dtype)
