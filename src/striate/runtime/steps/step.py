"""What every step is: an operator bound to the shapes of its inputs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from striate.errors import DTypeError, ShapeError, StriateError, one_line
from striate.geometry.text import size_text
from striate.network import FLOAT, Node, Shape

__all__ = ["Array", "Binding", "Step", "dtype_of"]

Array = NDArray[Any]


def dtype_of(kind: str, working: np.dtype[Any]) -> np.dtype[Any]:
    """Return the dtype of values of a kind, where "float" is the working precision."""
    return working if kind == FLOAT else np.dtype(kind)


@dataclass(frozen=True)
class Binding:
    """What a step is bound to.

    `needs` tells which inputs want a gradient; `random` is given in training only, when dropout
    drops and batch normalisation uses the statistics of its batch; `exact` keeps to convolutions
    that only add up products. `dtype` is what it computes in; `dtypes` and `outputs` are what
    it makes, `output` the shape of the first.
    """

    shapes: tuple[Shape, ...]
    output: Shape
    dtype: np.dtype[Any]
    needs: tuple[bool, ...]
    random: np.random.Generator | None = None
    exact: bool = False
    outputs: tuple[Shape, ...] = ()
    dtypes: tuple[np.dtype[Any], ...] = ()

    @classmethod
    def of(
        cls,
        node: Node,
        shapes: Mapping[str, Shape],
        kinds: Mapping[str, str],
        working: np.dtype[Any],
        *,
        needs: tuple[bool, ...] | None = None,
        random: np.random.Generator | None = None,
        exact: bool = False,
    ) -> Binding:
        """Return the binding of a node, in this working precision."""
        inputs = tuple(shapes[name] for name in node.inputs)
        outputs = tuple(shapes[name] for name in node.outputs)
        made = tuple(dtype_of(kinds[name], working) for name in node.outputs)
        computing = dtype_of(kinds[node.inputs[0]], working) if node.inputs else made[0]
        needs = needs or (False,) * len(inputs)
        return cls(inputs, outputs[0], computing, needs, random, exact, outputs, made)


class Step(ABC):
    """A bound operator. Gradients are asked for right after the forward pass that they follow.

    `differentiable` tells whether there are any.
    """

    differentiable: ClassVar[bool] = True

    def __init__(self, operator: Any, to: Binding) -> None:
        self.operator, self.to = operator, to

    def run_at(self, place: str, inputs: Sequence[Array]) -> tuple[Array, ...]:
        """Return all outputs for these inputs; errors begin with the place.

        Infinities and NaN come about without a warning, as in machine code.

        Raises
        ------
        StriateError
            If values do not fit, such as an index that is too large, or results into memory.
        """
        try:
            with np.errstate(all="ignore"):
                return self.run(*inputs)
        except StriateError as error:
            raise type(error)(f"{place}: {error}") from error
        except TypeError as error:
            kinds = ", ".join(str(array.dtype) for array in inputs)
            raise DTypeError(
                f"{place}: cannot be computed for {kinds} ({one_line(error)}): cast them first"
            ) from None
        except MemoryError:
            raise ShapeError(
                f"{place}: no memory is left for its output, {size_text(self.to.output)}: run it "
                "on a smaller input"
            ) from None

    def run(self, *inputs: Array) -> tuple[Array, ...]:
        """Return all outputs for these inputs."""
        return (np.asarray(self.forward(*inputs)),)  # NumPy makes numbers of arrays without axes

    @abstractmethod
    def forward(self, *inputs: Array) -> Array:
        """Return the first output for these inputs."""

    @abstractmethod
    def backward(self, dy: Array, inputs: Sequence[Array], y: Array) -> Sequence[Array | None]:
        """Return the gradient for each input, None where none is needed."""

    def backward_all(
        self, dys: Sequence[Array | None], inputs: Sequence[Array], outputs: Sequence[Array]
    ) -> Sequence[Array | None]:
        """Return the gradient for each input, given those for the outputs; None is zero."""
        dy = dys[0]
        if dy is None:
            return [None] * len(inputs)
        return self.backward(dy, inputs, outputs[0])
