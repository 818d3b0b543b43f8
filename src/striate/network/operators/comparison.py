"""Operators that ask or choose: comparisons, logic, Where."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from striate.network.defined import Defined

__all__ = [
    "And",
    "Equal",
    "Greater",
    "GreaterOrEqual",
    "IsInf",
    "IsNaN",
    "Less",
    "LessOrEqual",
    "Not",
    "Or",
    "Where",
    "Xor",
]

Array = NDArray[Any]


@dataclass(frozen=True)
class _Question(Defined):
    """Answers with true or false for each element, or each pair of elements."""

    arity: ClassVar[tuple[int, int]] = (2, 2)

    def kinds(self, kinds: Sequence[str]) -> tuple[str, ...]:
        """Return bool."""
        return ("bool",)

    @abstractmethod
    def answer(self, *arrays: Array) -> Any:
        """Return the answers."""

    def value(self, *arrays: Array) -> Array:
        """Return the answers."""
        return np.asarray(self.answer(*arrays), bool)


@dataclass(frozen=True)
class Equal(_Question):
    """Whether x == y, broadcast."""

    onnx: ClassVar[str] = "Equal"

    def answer(self, *arrays: Array) -> Any:
        """Return x == y."""
        return np.equal(*arrays)


@dataclass(frozen=True)
class Less(_Question):
    """Whether x < y, broadcast."""

    onnx: ClassVar[str] = "Less"

    def answer(self, *arrays: Array) -> Any:
        """Return x < y."""
        return np.less(*arrays)


@dataclass(frozen=True)
class LessOrEqual(_Question):
    """Whether x <= y, broadcast."""

    onnx: ClassVar[str] = "LessOrEqual"

    def answer(self, *arrays: Array) -> Any:
        """Return x <= y."""
        return np.less_equal(*arrays)


@dataclass(frozen=True)
class Greater(_Question):
    """Whether x > y, broadcast."""

    onnx: ClassVar[str] = "Greater"

    def answer(self, *arrays: Array) -> Any:
        """Return x > y."""
        return np.greater(*arrays)


@dataclass(frozen=True)
class GreaterOrEqual(_Question):
    """Whether x >= y, broadcast."""

    onnx: ClassVar[str] = "GreaterOrEqual"

    def answer(self, *arrays: Array) -> Any:
        """Return x >= y."""
        return np.greater_equal(*arrays)


@dataclass(frozen=True)
class And(_Question):
    """Whether x and y, broadcast."""

    onnx: ClassVar[str] = "And"

    def answer(self, *arrays: Array) -> Any:
        """Return x and y."""
        return np.logical_and(*arrays)


@dataclass(frozen=True)
class Or(_Question):
    """Whether x or y, broadcast."""

    onnx: ClassVar[str] = "Or"

    def answer(self, *arrays: Array) -> Any:
        """Return x or y."""
        return np.logical_or(*arrays)


@dataclass(frozen=True)
class Xor(_Question):
    """Whether x or y, but not both, broadcast."""

    onnx: ClassVar[str] = "Xor"

    def answer(self, *arrays: Array) -> Any:
        """Return x or y, but not both."""
        return np.logical_xor(*arrays)


@dataclass(frozen=True)
class Not(_Question):
    """Not x."""

    onnx: ClassVar[str] = "Not"
    arity: ClassVar[tuple[int, int]] = (1, 1)

    def answer(self, *arrays: Array) -> Any:
        """Return not x."""
        return np.logical_not(*arrays)


@dataclass(frozen=True)
class IsNaN(_Question):
    """Whether x is not a number."""

    onnx: ClassVar[str] = "IsNaN"
    arity: ClassVar[tuple[int, int]] = (1, 1)

    def answer(self, *arrays: Array) -> Any:
        """Return whether x is not a number."""
        return np.isnan(*arrays)


@dataclass(frozen=True)
class IsInf(_Question):
    """Whether x is infinite: minus infinity counts if `negative`, infinity if `positive`."""

    negative: bool = True
    positive: bool = True
    onnx: ClassVar[str] = "IsInf"
    arity: ClassVar[tuple[int, int]] = (1, 1)

    def answer(self, *arrays: Array) -> Any:
        """Return whether x is infinite."""
        (x,) = arrays
        return (np.isneginf(x) & self.negative) | (np.isposinf(x) & self.positive)


@dataclass(frozen=True)
class Where(Defined):
    """x where the condition holds, y elsewhere; the three, in this order, broadcast."""

    onnx: ClassVar[str] = "Where"
    arity: ClassVar[tuple[int, int]] = (3, 3)

    def kinds(self, kinds: Sequence[str]) -> tuple[str, ...]:
        """Return the kind of x."""
        return (kinds[1],)

    def value(self, *arrays: Array) -> Array:
        """Return x or y."""
        return np.where(*arrays)
