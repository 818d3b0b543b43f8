"""What every step is: an operator bound to the shapes of its inputs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.network import Shape

__all__ = ["Array", "Binding", "Step"]

Array = NDArray[Any]


@dataclass(frozen=True)
class Binding:
    """What a step is bound to.

    `needs` tells which inputs want a gradient; `random` is given in training only, when dropout
    drops and batch normalisation uses the statistics of its batch; `exact` keeps to convolutions
    that only add up products.
    """

    shapes: tuple[Shape, ...]
    output: Shape
    dtype: np.dtype[Any]
    needs: tuple[bool, ...]
    random: np.random.Generator | None = None
    exact: bool = False


class Step(ABC):
    """A bound operator. Gradients are asked for right after the forward pass that they follow."""

    def __init__(self, operator: Any, to: Binding) -> None:
        self.operator, self.to = operator, to

    @abstractmethod
    def forward(self, *inputs: Array) -> Array:
        """Return the output for these inputs."""

    @abstractmethod
    def backward(self, dy: Array, inputs: Sequence[Array], y: Array) -> Sequence[Array | None]:
        """Return the gradient for each input, None where none is needed."""
