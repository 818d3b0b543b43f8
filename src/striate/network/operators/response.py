"""Normalisations without parameters: responses against their neighbours, norms of 1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from striate.errors import ParameterError, ShapeError
from striate.network.graph import Shape
from striate.network.operators.axes import axes_of, axis_of, many, settle
from striate.network.operators.functions import mean
from striate.network.operators.normalization import Normalization

__all__ = ["LRN", "LpNormalization", "MeanVarianceNormalization"]

Array = NDArray[Any]


@dataclass(frozen=True)
class LRN(Normalization):
    """x / (bias + alpha / size * sum of x^2 over `size` channels about its own) ^ beta.

    Of an even number, the odd channel lies after (Krizhevsky et al. 2012).
    """

    size: int
    alpha: float = 1e-4
    beta: float = 0.75
    bias: float = 1.0
    onnx: ClassVar[str] = "LRN"

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ParameterError(f"size must be at least 1 channel, not {self.size}")

    def infer(self, shapes: Sequence[Shape]) -> Shape:
        """Return the shape of x."""
        if len(shapes[0]) < 2:
            raise ShapeError(f"input {shapes[0]} must be (N, C, *spatial)")
        return shapes[0]

    def formula(self, x: Array, *parameters: Array) -> Any:
        """Return x / (bias + alpha / size * sum of x^2) ^ beta."""
        channels, before = x.shape[1], (self.size - 1) // 2
        sums = np.zeros_like(x)
        for offset in range(max(-before, 1 - channels), min(self.size - before, channels)):
            inside = np.arange(max(0, -offset), min(channels, channels - offset))
            sums[:, inside] += np.square(x[:, inside + offset])
        return x / (self.bias + self.alpha / self.size * sums) ** self.beta


@dataclass(frozen=True)
class LpNormalization(Normalization):
    """x divided by its p-norm along `axis`: the sum of abs(x), or the root of that of x^2.

    Where the norm is 0, the result is 0.
    """

    axis: int = -1
    p: int = 2
    onnx: ClassVar[str] = "LpNormalization"

    def __post_init__(self) -> None:
        if self.p not in (1, 2):
            raise ParameterError(f"p must be 1 or 2, not {self.p}")

    def infer(self, shapes: Sequence[Shape]) -> Shape:
        """Return the shape of x."""
        axis_of(self.axis, shapes[0])
        return shapes[0]

    def formula(self, x: Array, *parameters: Array) -> Any:
        """Return x / norm."""
        norm = np.linalg.norm(x, self.p, self.axis, keepdims=True)
        return x / np.where(norm == 0, 1, norm)


@dataclass(frozen=True)
class MeanVarianceNormalization(Normalization):
    """(x - mean) / (deviation + 1e-9) over these axes."""

    axes: tuple[int, ...] = (0, 2, 3)
    onnx: ClassVar[str] = "MeanVarianceNormalization"

    def __post_init__(self) -> None:
        settle(self, axes=many(self.axes))

    def infer(self, shapes: Sequence[Shape]) -> Shape:
        """Return the shape of x."""
        axes_of(self.axes, shapes[0])
        return shapes[0]

    def formula(self, x: Array, *parameters: Array) -> Any:
        """Return (x - mean) / (deviation + 1e-9)."""
        axes = axes_of(self.axes, x.shape)
        centred = x - mean(x, axes)
        return centred / (np.sqrt(mean(np.square(centred), axes)) + 1e-9)
