"""Pooling: the largest or the mean of a window, or of everything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from striate.geometry import Window
from striate.network.graph import Fields, Operator, Reach, Shape
from striate.network.operators.convolution import (
    check_volume,
    everything,
    gathered,
    read_by_window,
    through_window,
)

__all__ = ["AveragePool", "GlobalAveragePool", "GlobalMaxPool", "MaxPool"]


@dataclass(frozen=True)
class _Pool(Operator):
    window: Window

    def infer(self, shapes: Sequence[Shape]) -> Shape:
        """Return (N, C, *output spatial)."""
        check_volume(shapes[0], self.window.rank)
        return (*shapes[0][:2], *self.window.output_shape(shapes[0][2:]))

    def fields(self, fields: Sequence[Fields | None], shapes: Sequence[Shape]) -> Fields | None:
        """Return the input's fields seen through the window."""
        return through_window(fields[0], self.window, shapes[0])

    def reads(self, outputs: Reach, shapes: Sequence[Shape]) -> tuple[Reach, ...]:
        """Return the taps inside the input."""
        return (read_by_window(outputs, self.window, shapes[0]),)


@dataclass(frozen=True)
class MaxPool(_Pool):
    """The largest element of each window; padding never wins."""

    onnx: ClassVar[str] = "MaxPool"


@dataclass(frozen=True)
class AveragePool(_Pool):
    """The mean of each window; `count_include_pad` says whether padding's zeros count."""

    count_include_pad: bool = True
    onnx: ClassVar[str] = "AveragePool"


@dataclass(frozen=True)
class _GlobalPool(Operator):
    def infer(self, shapes: Sequence[Shape]) -> Shape:
        """Return (N, C, 1, ..., 1)."""
        return (*shapes[0][:2], *(1 for _ in shapes[0][2:]))

    def fields(self, fields: Sequence[Fields | None], shapes: Sequence[Shape]) -> Fields | None:
        """Return the hull of all the input's fields."""
        return gathered(fields[0], shapes[0])

    def reads(self, outputs: Reach, shapes: Sequence[Shape]) -> tuple[Reach, ...]:
        """Return everything."""
        return (everything(shapes[0]),)


@dataclass(frozen=True)
class GlobalMaxPool(_GlobalPool):
    """The largest element of each channel."""

    onnx: ClassVar[str] = "GlobalMaxPool"


@dataclass(frozen=True)
class GlobalAveragePool(_GlobalPool):
    """The mean of each channel."""

    onnx: ClassVar[str] = "GlobalAveragePool"
