"""Operators that work on each element by itself: activations, dropout, sums and products."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from striate.errors import ParameterError, ShapeError
from striate.network.graph import Operator, Shape

__all__ = [
    "Add",
    "BatchNormalization",
    "Clip",
    "Dropout",
    "Identity",
    "Mul",
    "Relu",
    "ScaledTanh",
    "Sigmoid",
    "Softmax",
    "Tanh",
]


@dataclass(frozen=True)
class Relu(Operator):
    """max(x, 0)."""

    onnx: ClassVar[str] = "Relu"


@dataclass(frozen=True)
class Clip(Operator):
    """min(max(x, low), high); Clip(0, 6) is ReLU6. ONNX's Clip with constant bounds.

    Raises
    ------
    ParameterError
        If `low` is not below `high`.
    """

    low: float
    high: float
    onnx: ClassVar[str] = "Clip"

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise ParameterError(f"clip's low {self.low} must be below its high {self.high}")


@dataclass(frozen=True)
class Tanh(Operator):
    """tanh(x)."""

    onnx: ClassVar[str] = "Tanh"


@dataclass(frozen=True)
class ScaledTanh(Operator):
    """alpha tanh(beta x); ONNX had it as an experimental operator in opset 1.

    The defaults are those of LeCun et al. 1998, appendix A: f(1) = 1 and f(-1) = -1.
    """

    alpha: float = 1.7159
    beta: float = 2 / 3
    onnx: ClassVar[str] = "ScaledTanh"


@dataclass(frozen=True)
class Sigmoid(Operator):
    """1 / (1 + exp(-x))."""

    onnx: ClassVar[str] = "Sigmoid"


@dataclass(frozen=True)
class Softmax(Operator):
    """exp(x) divided by its sum along `axis`: 1, the channels or features."""

    axis: int = 1
    onnx: ClassVar[str] = "Softmax"

    def infer(self, shapes: Sequence[Shape]) -> Shape:
        """Return the shape of x."""
        if self.axis not in (1, 1 - len(shapes[0])):
            raise ShapeError(f"axis {self.axis} of {shapes[0]}: softmax runs over channels, axis 1")
        return shapes[0]


@dataclass(frozen=True)
class Dropout(Operator):
    """Zero each element with probability `rate` in training, scale the rest by 1 / (1 - rate)."""

    rate: float = 0.5
    onnx: ClassVar[str] = "Dropout"


@dataclass(frozen=True)
class Identity(Operator):
    """x itself."""

    onnx: ClassVar[str] = "Identity"


@dataclass(frozen=True)
class Add(Operator):
    """The sum of two values, broadcast."""

    onnx: ClassVar[str] = "Add"
    arity: ClassVar[tuple[int, int]] = (2, 2)


@dataclass(frozen=True)
class Mul(Operator):
    """The product of two values, broadcast."""

    onnx: ClassVar[str] = "Mul"
    arity: ClassVar[tuple[int, int]] = (2, 2)


@dataclass(frozen=True)
class BatchNormalization(Operator):
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
        x, *statistics = shapes
        if any(shape != (x[1],) for shape in statistics):
            raise ShapeError(f"scale, bias, mean and variance must be ({x[1]},) for an input {x}")
        return x
