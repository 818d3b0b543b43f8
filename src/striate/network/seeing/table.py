"""The table of operators: how each reads its inputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from striate.network.graph import Constant, Node, Shape
from striate.network.seeing.resizing import resize
from striate.network.seeing.steps import Reading, Step, Use, broadcast
from striate.network.seeing.structure import STRUCTURE
from striate.network.seeing.windows import WINDOWS

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["BY_ELEMENT", "READINGS", "reading", "use_of"]

ELEMENTWISE = (
    "Abs",
    "Acos",
    "Acosh",
    "Add",
    "And",
    "Asin",
    "Asinh",
    "Atan",
    "Atanh",
    "Cast",
    "Ceil",
    "Celu",
    "Clip",
    "Cos",
    "Cosh",
    "Div",
    "Dropout",
    "Elu",
    "Equal",
    "Erf",
    "Exp",
    "Floor",
    "Gelu",
    "Greater",
    "GreaterOrEqual",
    "HardSigmoid",
    "HardSwish",
    "Identity",
    "IsInf",
    "IsNaN",
    "LeakyRelu",
    "Less",
    "LessOrEqual",
    "Log",
    "Max",
    "Mean",
    "Min",
    "Mish",
    "Mod",
    "Mul",
    "Neg",
    "Not",
    "Or",
    "PRelu",
    "Pow",
    "Reciprocal",
    "Relu",
    "Round",
    "ScaledTanh",
    "Selu",
    "Shrink",
    "Sigmoid",
    "Sign",
    "Sin",
    "Sinh",
    "Softplus",
    "Softsign",
    "Sqrt",
    "Sub",
    "Sum",
    "Swish",
    "Tan",
    "Tanh",
    "ThresholdedRelu",
    "Where",
    "Xor",
)

BY_ELEMENT = frozenset((*ELEMENTWISE, "BatchNormalization"))
"""Operators that work on single elements."""

READINGS: dict[str, Reading] = {
    **dict.fromkeys(ELEMENTWISE, broadcast),
    **STRUCTURE,
    **WINDOWS,
    "Resize": resize,
}
"""How an operator reads its inputs, by its ONNX name."""


def reading(use: Use) -> tuple[Step, ...] | None:
    """Return the steps from an input to an output; None where no element of it is read."""
    return READINGS[use.operator.onnx](use)


def use_of(
    node: Node,
    shapes: Mapping[str, Shape],
    constants: Mapping[str, Constant],
    place: int,
    made: int,
) -> Use:
    """Return what an application of an operator does with one input for one output."""
    arrays: dict[int, NDArray[Any]] = {
        i: constants[name].array for i, name in enumerate(node.inputs) if name in constants
    }
    inputs = [shapes[name] for name in node.inputs]
    return Use(node.operator, inputs, place, shapes[node.outputs[made]], made, arrays)
