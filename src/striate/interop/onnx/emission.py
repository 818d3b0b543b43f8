"""An ONNX graph while it is written: its nodes, its arrays, and names that are still free."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from striate.errors import DTypeError, MissingExtraError
from striate.network import Graph, Shape

__all__ = ["Emission", "onnx_module"]

Array = NDArray[Any]


def onnx_module() -> ModuleType:
    """Return the onnx package.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    try:
        import onnx
    except ImportError:
        raise MissingExtraError.of("onnx", "onnx", "ONNX") from None
    return onnx


class Emission:
    """Nodes and initializers, in the order in which they are added.

    Parameters
    ----------
    graph : Graph
        Its names are taken.
    weights : mapping of name to array
        Arrays of one floating dtype; only those that a node asks for are written.
    shapes : mapping of name to shape, or None
        The shape of every value (the batch apart) where the graph fixes it.
    """

    def __init__(
        self, graph: Graph, weights: Mapping[str, Array], shapes: Mapping[str, Shape] | None
    ) -> None:
        self.onnx: Any = onnx_module()
        self.graph, self.weights, self.shapes = graph, weights, shapes
        self.dtype = _common_dtype(graph.name, weights.values())
        self.nodes: list[Any] = []
        self.arrays: dict[str, Array] = {}
        self._taken = {value.name for value in graph.inputs} | set(weights)
        self._taken.update(name for node in graph.nodes for name in node.outputs)

    def node(self, kind: str, inputs: Iterable[str], output: str, **attributes: object) -> str:
        """Add a node of one output and return the output's name."""
        inputs = list(inputs)
        for name in inputs:
            if name in self.weights:
                self.arrays.setdefault(name, self.weights[name])
        self.nodes.append(self.onnx.helper.make_node(kind, inputs, [output], output, **attributes))
        return output

    def constant(self, name: str, value: ArrayLike, dtype: DTypeLike | None = None) -> str:
        """Add an array, of the network's dtype unless told, under a free name like this one."""
        name = self._name(name)
        self.arrays[name] = np.asarray(value, self.dtype if dtype is None else dtype)
        return name

    def value(self, name: str) -> str:
        """Return a free name for a value in between."""
        return self._name(name)

    def spatial(self, name: str) -> Shape | None:
        """Return the spatial shape of a value, where the graph fixes it."""
        return None if self.shapes is None else self.shapes[name][2:]

    def _name(self, wanted: str) -> str:
        name, number = wanted, 1
        while name in self._taken:
            number += 1
            name = f"{wanted}.{number}"
        self._taken.add(name)
        return name


def _common_dtype(network: str, arrays: Iterable[Array]) -> np.dtype[Any]:
    kinds = {array.dtype for array in arrays} or {np.dtype(np.float32)}
    if len(kinds) > 1 or not kinds <= {np.dtype(np.float32), np.dtype(np.float64)}:
        found = ", ".join(sorted(map(str, kinds)))
        raise DTypeError(f"{network}: weights must be all float32 or all float64, not {found}")
    return kinds.pop()
