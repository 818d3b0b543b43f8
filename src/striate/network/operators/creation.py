"""Operators that read nothing: values made from their settings alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, isfinite
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from striate.errors import ParameterError
from striate.network.defined import Defined
from striate.network.graph import FLOAT, Shape
from striate.network.operators.axes import many, one, settle
from striate.network.operators.functions import dtype_of

__all__ = ["ConstantOfShape", "Range"]

Array = NDArray[Any]


@dataclass(frozen=True)
class ConstantOfShape(Defined):
    """`fill` everywhere, in this shape and of this kind."""

    shape: tuple[int, ...]
    fill: float | int | bool = 0.0
    kind: str = FLOAT
    onnx: ClassVar[str] = "ConstantOfShape"
    arity: ClassVar[tuple[int, int]] = (0, 0)

    def __post_init__(self) -> None:
        settle(self, shape=many(self.shape), fill=one("fill", self.fill))
        if any(size < 0 for size in self.shape):
            raise ParameterError(f"shape {self.shape} must be of sizes of at least 0")

    def infer(self, shapes: Sequence[Shape]) -> Shape:
        """Return the shape."""
        return self.shape

    def kinds(self, kinds: Sequence[str]) -> tuple[str, ...]:
        """Return the kind."""
        return (self.kind,)

    def value(self, *arrays: Array) -> Array:
        """Return `fill` everywhere."""
        return np.full(self.shape, self.fill, dtype_of(self.kind))


@dataclass(frozen=True)
class Range(Defined):
    """start, start + delta, start + 2 delta, ..., all before limit."""

    start: float | int
    limit: float | int
    delta: float | int = 1
    kind: str = FLOAT
    onnx: ClassVar[str] = "Range"
    arity: ClassVar[tuple[int, int]] = (0, 0)

    def __post_init__(self) -> None:
        for name in ("start", "limit", "delta"):
            settle(self, **{name: one(name, getattr(self, name))})
        if self.delta == 0:
            raise ParameterError(
                f"delta of a range from {self.start} to {self.limit} must not be 0"
            )

    def infer(self, shapes: Sequence[Shape]) -> Shape:
        """Return ceil((limit - start) / delta), or 0."""
        steps = (self.limit - self.start) / self.delta
        if not isfinite(steps):
            raise ParameterError(
                f"a range from {self.start} to {self.limit} by {self.delta} has no end"
            )
        return (max(0, ceil(steps)),)

    def kinds(self, kinds: Sequence[str]) -> tuple[str, ...]:
        """Return the kind."""
        return (self.kind,)

    def value(self, *arrays: Array) -> Array:
        """Return start + i delta for each i."""
        (count,) = self.infer([])
        return (self.start + np.arange(count) * self.delta).astype(dtype_of(self.kind))
