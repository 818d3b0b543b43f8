"""Steps that only move elements, repeat them or leave some out: reshapes, slices, tiles, ..."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np

from striate.network import operators as op
from striate.runtime.steps.evaluation import Evaluation
from striate.runtime.steps.step import Array

__all__ = ["Moving", "Reshaping"]


class Moving(Evaluation):
    """An operator that moves the elements of its first input.

    Where they go is told by moving their numbers, counted from 1: the gradient goes the same way
    back. 0 stands for what comes from nowhere, such as padding.
    """

    differentiable: ClassVar[bool] = True

    def backward_all(
        self, dys: Sequence[Array | None], inputs: Sequence[Array], outputs: Sequence[Array]
    ) -> Sequence[Array | None]:
        """Return the gradient for the first input: the sum over all places it went to."""
        x, *settings = inputs
        operator = self.operator
        if isinstance(operator, op.Pad):
            operator = replace(operator, fill=0)
        found = operator.value(np.arange(1, x.size + 1).reshape(x.shape), *settings)
        places = found if isinstance(found, tuple) else (found,)
        summed = np.zeros(x.size + 1)
        for place, dy in zip(places, dys, strict=False):
            if dy is not None:
                summed += np.bincount(place.ravel(), dy.ravel(), x.size + 1)
        dx = summed[1:].reshape(x.shape).astype(x.dtype)
        return [dx, *(None for _ in settings)]

    def backward(self, dy: Array, inputs: Sequence[Array], y: Array) -> Sequence[Array | None]:
        return self.backward_all([dy], inputs, [y])


class Reshaping(Evaluation):
    """An operator that leaves all elements where they are, in another shape or precision."""

    differentiable: ClassVar[bool] = True

    def backward(self, dy: Array, inputs: Sequence[Array], y: Array) -> Sequence[Array | None]:
        return (dy.reshape(inputs[0].shape).astype(inputs[0].dtype),)
