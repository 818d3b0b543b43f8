"""Operators that are defined by NumPy, and operators whose settings the network computes."""

from __future__ import annotations

import sys
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from striate.errors import GraphError
from striate.network.graph import Operator, Shape

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Deferred", "Defined"]


@dataclass(frozen=True)
class Defined(Operator):
    """An operator with a plain definition: `value`, which reads like its formula."""

    @abstractmethod
    def value(self, *arrays: NDArray[Any]) -> NDArray[Any] | tuple[NDArray[Any], ...]:
        """Return the output, or all of several outputs, for arrays of any rank that fit."""


@dataclass(frozen=True)
class Deferred(Operator):
    """Stands for an operator whose settings are computed by the network itself.

    A Reshape to a shape that other nodes compute, say. The node's last inputs give the settings,
    by name and in this order; the inputs before them are those of the operator. `settled` puts the
    operator in its place as soon as the shapes of the network's inputs are known.

    Parameters
    ----------
    operator : type
        The operator's class.
    attributes : pairs of name and value
        Its other settings.
    settings : names
        What the last inputs give: an array of one axis as a tuple, one of none as a number.
    """

    operator: type[Operator]
    attributes: tuple[tuple[str, Any], ...]
    settings: tuple[str, ...]
    onnx: ClassVar[str] = "Deferred"
    arity: ClassVar[tuple[int, int]] = (1, sys.maxsize)

    def __post_init__(self) -> None:
        object.__setattr__(self, "onnx", self.operator.onnx)

    def infer(self, shapes: Sequence[Shape]) -> Shape:
        """Raise GraphError: nothing is known before it is settled."""
        raise GraphError(
            f"{', '.join(self.settings)} of {self.onnx} are computed by the network: "
            "settled(graph, input_shape) computes them for an input shape"
        )

    def kinds(self, kinds: Sequence[str]) -> tuple[str, ...]:
        """Return the kinds of the outputs, which no setting decides that is computed."""
        operator = object.__new__(self.operator)
        for name, value in self.attributes:
            object.__setattr__(operator, name, value)
        return operator.kinds(kinds[: len(kinds) - len(self.settings)])

    def settled(self, arrays: Sequence[NDArray[Any]]) -> Operator:
        """Return the operator for these settings."""
        given = zip(self.settings, map(_setting, arrays), strict=True)
        return self.operator(**dict(self.attributes), **dict(given))


def _setting(array: NDArray[Any]) -> Any:
    return array.item() if array.ndim == 0 else tuple(array.ravel().tolist())
