"""Plans that look at what they are given: kernels trust the size of every array."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import ShapeError
from striate.ops._checks import expect
from striate.ops._plans import Plan

__all__ = ["CheckedPlan"]

Array = NDArray[Any]
Shape = tuple[int, ...]


class CheckedPlan:
    """A plan of a convolution or transposed convolution, safe to call with anything.

    Raises
    ------
    ShapeError, DTypeError
        From every method, if an array is not of the shape and dtype that the plan was made for.
    """

    def __init__(
        self, plan: Plan, input_shape: Shape, weight_shape: Shape, dtype: np.dtype[Any]
    ) -> None:
        self._plan = plan
        self.input_shape, self.weight_shape = input_shape, weight_shape
        self.output_shape, self.dtype = plan.output_shape, dtype

    def forward(self, x: Array, weight: Array, bias: Array | None = None) -> Array:
        """Return the output."""
        expect("x", x, self.input_shape, self.dtype)
        expect("weight", weight, self.weight_shape, self.dtype)
        self._expect_bias(bias, self.output_shape)
        return self._plan.forward(x, weight, bias)

    def input_gradient(self, dy: Array, weight: Array, bias: Array | None = None) -> Array:
        """Return dx, plus `bias`."""
        expect("dy", dy, self.output_shape, self.dtype)
        expect("weight", weight, self.weight_shape, self.dtype)
        self._expect_bias(bias, self.input_shape)
        return self._plan.input_gradient(dy, weight, bias)

    def weight_gradient(self, dy: Array, x: Array) -> Array:
        """Return dweight."""
        expect("dy", dy, self.output_shape, self.dtype)
        expect("x", x, self.input_shape, self.dtype)
        return self._plan.weight_gradient(dy, x)

    def _expect_bias(self, bias: Array | None, result: Shape) -> None:
        if bias is None:
            return
        if bias.shape not in (result[1:2], result[1:]):
            raise ShapeError(
                f"bias must have shape {result[1:2]} or {result[1:]}, not {bias.shape}"
            )
        expect("bias", bias, bias.shape, self.dtype)
