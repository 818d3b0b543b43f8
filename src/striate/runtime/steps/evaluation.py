"""Steps of operators that are done as they are defined, on arrays of any kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from striate.errors import GraphError, TrainingError
from striate.runtime.steps.step import Array, Step

__all__ = ["Emptiness", "Evaluation"]


class Evaluation(Step):
    """An operator's definition, `value`; its results are in C order and of the kinds wanted."""

    differentiable: ClassVar[bool] = False

    def run(self, *inputs: Array) -> tuple[Array, ...]:
        """Return all outputs."""
        found = self.operator.value(*inputs)
        results = found if isinstance(found, tuple) else (found,)
        wanted = zip(results, self.to.outputs, self.to.dtypes, strict=False)
        return tuple(self._fit(*result) for result in wanted)

    def _fit(self, result: Array, shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> Array:
        array = np.asarray(result, dtype, order="C")
        if array.shape != shape:
            raise GraphError(
                f"{self.operator.onnx}: its value has the shape {array.shape}, not {shape} as was "
                "inferred: the definition of the operator does not fit itself"
            )
        return array

    def forward(self, *inputs: Array) -> Array:
        return self.run(*inputs)[0]

    def backward(self, dy: Array, inputs: Sequence[Array], y: Array) -> Sequence[Array | None]:
        raise TrainingError(f"{self.operator.onnx} has no gradient here")


class Emptiness(Step):
    """What has only empty outputs, of any operator."""

    def run(self, *inputs: Array) -> tuple[Array, ...]:
        """Return empty outputs."""
        pairs = zip(self.to.outputs, self.to.dtypes, strict=True)
        return tuple(np.empty(shape, dtype) for shape, dtype in pairs)

    def forward(self, *inputs: Array) -> Array:
        return self.run(*inputs)[0]

    def backward(self, dy: Array, inputs: Sequence[Array], y: Array) -> Sequence[Array | None]:
        return [np.zeros(shape, self.to.dtype) for shape in self.to.shapes]
