"""Normalisations: mean 0 and variance 1, or a norm of 1, over some of the axes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from striate.errors import ShapeError
from striate.network.defined import Defined
from striate.network.graph import Shape, broadcast_shapes
from striate.network.operators.axes import axis_of
from striate.network.operators.functions import mean, wide

__all__ = [
    "BatchNormalization",
    "GroupNormalization",
    "InstanceNormalization",
    "LayerNormalization",
    "RMSNormalization",
]

Array = NDArray[Any]


def by_channel(values: Array, rank: int) -> Array:
    """Return values (C,) as (C, 1, ..., 1), which broadcasts over (N, C, *spatial)."""
    return values.reshape(-1, *(1,) * (rank - 2))


def normalized(x: Array, axes: tuple[int, ...], epsilon: float) -> Any:
    """Return (x - mean) / sqrt(variance + epsilon), mean and variance along these axes."""
    centred = x - mean(x, axes)
    return centred / np.sqrt(mean(np.square(centred), axes) + epsilon)


@dataclass(frozen=True)
class Normalization(Defined):
    """Computes in double precision and returns the type of x."""

    @abstractmethod
    def formula(self, x: Array, *parameters: Array) -> Any:
        """Return x normalised."""

    @np.errstate(all="ignore")
    def value(self, *arrays: Array) -> Array | tuple[Array, ...]:
        """Return x normalised, in its type."""
        return np.asarray(self.formula(*map(wide, arrays))).astype(arrays[0].dtype)


def check_channels(shapes: Sequence[Shape]) -> Shape:
    """Return the shape of x, or raise ShapeError unless the others are (C,)."""
    x, *parameters = shapes
    if len(x) < 2:
        raise ShapeError(f"input {x} must be (N, C, *spatial)")
    if any(shape != (x[1],) for shape in parameters):
        names = "scale, bias, mean and variance" if len(parameters) > 2 else "scale and bias"
        raise ShapeError(f"{names} must be ({x[1]},) for an input {x}")
    return x


@dataclass(frozen=True)
class BatchNormalization(Normalization):
    """(x - mean) / sqrt(variance + epsilon) * scale + bias, a channel at a time.

    Inputs are x (N, C, *spatial), scale, bias, mean and variance, each (C,).
    In training the batch's own statistics are used, and the running ones become
    ``momentum * running + (1 - momentum) * batch``, as ONNX has it
    (PyTorch's momentum is 1 minus this).
    """

    epsilon: float = 1e-5
    momentum: float = 0.9
    onnx: ClassVar[str] = "BatchNormalization"
    arity: ClassVar[tuple[int, int]] = (5, 5)

    def infer(self, shapes: Sequence[Shape]) -> Shape:
        """Return the shape of x."""
        return check_channels(shapes)

    def formula(self, x: Array, *parameters: Array) -> Any:
        """Return (x - mean) / sqrt(variance + epsilon) * scale + bias."""
        scale, bias, centre, variance = (by_channel(p, x.ndim) for p in parameters)
        return (x - centre) / np.sqrt(variance + self.epsilon) * scale + bias


@dataclass(frozen=True)
class InstanceNormalization(Normalization):
    """Each channel of each example with mean 0 and variance 1, times scale, plus bias.

    Inputs are x (N, C, *spatial), scale (C,) and bias (C,).
    """

    epsilon: float = 1e-5
    onnx: ClassVar[str] = "InstanceNormalization"
    arity: ClassVar[tuple[int, int]] = (3, 3)

    def infer(self, shapes: Sequence[Shape]) -> Shape:
        """Return the shape of x."""
        return check_channels(shapes)

    def formula(self, x: Array, *parameters: Array) -> Any:
        """Return (x - mean) / sqrt(variance + epsilon) * scale + bias."""
        scale, bias = (by_channel(p, x.ndim) for p in parameters)
        return normalized(x, tuple(range(2, x.ndim)), self.epsilon) * scale + bias


@dataclass(frozen=True)
class GroupNormalization(Normalization):
    """Each group of channels of an example with mean 0 and variance 1, times scale, plus bias.

    Inputs are x (N, C, *spatial), scale (C,) and bias (C,) (Wu and He 2018).
    """

    groups: int
    epsilon: float = 1e-5
    onnx: ClassVar[str] = "GroupNormalization"
    arity: ClassVar[tuple[int, int]] = (3, 3)

    def infer(self, shapes: Sequence[Shape]) -> Shape:
        """Return the shape of x."""
        x = check_channels(shapes)
        if self.groups < 1 or x[1] % self.groups:
            raise ShapeError(f"{x[1]} channels of {x} do not divide into {self.groups} groups")
        return x

    def formula(self, x: Array, *parameters: Array) -> Any:
        """Return (x - mean) / sqrt(variance + epsilon) * scale + bias."""
        scale, bias = (by_channel(p, x.ndim) for p in parameters)
        grouped = x.reshape(len(x), self.groups, prod(x.shape[1:]) // self.groups)
        return normalized(grouped, (2,), self.epsilon).reshape(x.shape) * scale + bias


@dataclass(frozen=True)
class _Layer(Normalization):
    """Works over all axes from `axis` on; parameters broadcast to x."""

    axis: int = -1
    epsilon: float = 1e-5

    def infer(self, shapes: Sequence[Shape]) -> Shape:
        """Return the shape of x."""
        x, *parameters = shapes
        axis_of(self.axis, x)
        for shape in parameters:
            if broadcast_shapes([x, shape]) != x:
                raise ShapeError(f"scale or bias {shape} must broadcast to the shape of x, {x}")
        return x

    def axes(self, shape: Shape) -> tuple[int, ...]:
        """Return the axes that are normalised over."""
        return tuple(range(axis_of(self.axis, shape), len(shape)))


@dataclass(frozen=True)
class LayerNormalization(_Layer):
    """x with mean 0 and variance 1 over the axes from `axis` on, times scale, plus bias.

    Inputs are x, scale and, optionally, bias. With `statistics`, two more outputs are the mean and
    1 / sqrt(variance + epsilon), with axes of one element.
    """

    statistics: bool = False
    onnx: ClassVar[str] = "LayerNormalization"
    arity: ClassVar[tuple[int, int]] = (2, 3)

    def infer_all(self, shapes: Sequence[Shape]) -> tuple[Shape, ...]:
        """Return the shape of x and of the statistics."""
        x = self.infer(shapes)
        first = axis_of(self.axis, x)
        statistic = x[:first] + (1,) * (len(x) - first)
        return (x, statistic, statistic) if self.statistics else (x,)

    def kinds(self, kinds: Sequence[str]) -> tuple[str, ...]:
        """Return the kind of x."""
        return (kinds[0],) * (3 if self.statistics else 1)

    def formula(self, x: Array, *parameters: Array) -> Any:
        """Return (x - mean) / sqrt(variance + epsilon) * scale + bias."""
        scale, *bias = parameters
        return normalized(x, self.axes(x.shape), self.epsilon) * scale + sum(bias)

    @np.errstate(all="ignore")
    def value(self, *arrays: Array) -> Array | tuple[Array, ...]:
        """Return x normalised and, with `statistics`, its mean and inverse deviation."""
        y = np.asarray(super().value(*arrays))
        if not self.statistics:
            return y
        x, axes = wide(arrays[0]), self.axes(arrays[0].shape)
        centre = mean(x, axes)
        inverse = 1 / np.sqrt(mean(np.square(x - centre), axes) + self.epsilon)
        return y, centre.astype(y.dtype), inverse.astype(y.dtype)


@dataclass(frozen=True)
class RMSNormalization(_Layer):
    """x / sqrt(mean of x^2 + epsilon) over the axes from `axis` on, times scale."""

    onnx: ClassVar[str] = "RMSNormalization"
    arity: ClassVar[tuple[int, int]] = (2, 2)

    def formula(self, x: Array, *parameters: Array) -> Any:
        """Return x / sqrt(mean of x^2 + epsilon) * scale."""
        (scale,) = parameters
        squares = mean(np.square(x), self.axes(x.shape))
        return x / np.sqrt(squares + self.epsilon) * scale
