"""What tells calls of a network apart: its inputs' shapes, and values that settings depend on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from striate.errors import ParameterError, UnknownNameError
from striate.network import Graph, InputShape, Shape, input_shapes, settings_inputs, settled
from striate.network.graph import needed_nodes
from striate.runtime.steps import Array, dtype_of

__all__ = ["Case", "Cases", "needed_for"]

Case = tuple[Shape | bytes, ...]
"""The shapes of all inputs, then the bytes of those whose values settings depend on."""


class Cases:
    """The inputs of a graph, by which its calls are told apart."""

    def __init__(self, graph: Graph, dtype: np.dtype[Any]) -> None:
        self._graph = graph
        self._names = tuple(value.name for value in graph.inputs)
        deciding = settings_inputs(graph)
        self._deciding = tuple(
            (place, value.name, dtype_of(value.kind, dtype))
            for place, value in enumerate(graph.inputs)
            if value.name in deciding
        )

    def of(self, inputs: Sequence[Array]) -> Case:
        """Return the case of a call."""
        if not self._deciding:
            return tuple([array.shape for array in inputs])
        values = [inputs[place].tobytes() for place, _, _ in self._deciding]
        return (*(array.shape for array in inputs), *values)

    def planned(self, input_shape: InputShape, values: Mapping[str, Any] | None) -> Case:
        """Return the case of these shapes, and of values where settings depend on them.

        Raises
        ------
        ShapeError, UnknownNameError
            If a shape fits no input.
        ParameterError
            If a value that settings depend on is missing.
        """
        given = dict(values or {})
        for name in given:
            if name not in self._names:
                raise UnknownNameError.of(f"input of {self._graph.name}", name, self._names)
        arrays = []
        for _, name, dtype in self._deciding:
            if name not in given:
                raise ParameterError(
                    f"{self._graph.name}: plan: settings are computed from the input {name!r}: "
                    f"plan_for(shape, values={{{name!r}: array}}) takes its value"
                )
            arrays.append(np.asarray(given[name], dtype))
        named = [
            (name, array.shape) for (_, name, _), array in zip(self._deciding, arrays, strict=True)
        ]
        shapes: dict[str, Sequence[int]] = dict(named)
        if isinstance(input_shape, Mapping):
            shapes.update(input_shape)
        elif input_shape is not None and self._names:
            shapes[self._names[0]] = input_shape
        sizes = input_shapes(self._graph, shapes)
        return (*(sizes[name] for name in self._names), *(array.tobytes() for array in arrays))

    def shapes(self, case: Case) -> dict[str, Shape]:
        """Return the shapes of the inputs by name."""
        sizes = case[: len(self._names)]
        return {n: s for n, s in zip(self._names, sizes, strict=True) if isinstance(s, tuple)}

    def settled(self, case: Case, graph: Graph | None = None) -> Graph:
        """Return the graph, or another of the same inputs, settled for a case."""
        shapes = self.shapes(case)
        values = {
            name: np.frombuffer(data, dtype).reshape(shapes[name])
            for (_, name, dtype), data in zip(self._deciding, case[len(shapes) :], strict=True)
            if isinstance(data, bytes)
        }
        return settled(graph or self._graph, shapes, values)

    def part(self, case: Case, examples: int) -> Case | None:
        """Return the case of that many examples in place of all; None if there are no batches."""
        if self._deciding or not case:
            return None
        shapes = [sizes for sizes in case if isinstance(sizes, tuple)]
        if not all(sizes and sizes[0] == shapes[0][0] for sizes in shapes):
            return None
        return tuple((examples, *sizes[1:]) for sizes in shapes)


def needed_for(graph: Graph, outputs: tuple[str, ...]) -> Graph:
    """Return the graph with other outputs, and only the nodes that those need."""
    if outputs == graph.outputs:
        return graph
    return replace(graph, nodes=needed_nodes(graph.nodes, outputs), outputs=outputs)
