"""An ONNX graph while it is written: its nodes, its arrays, and names that are still free."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from striate.errors import DTypeError, MissingExtraError
from striate.interop.onnx.writing.known import OpenShape
from striate.network import FLOAT, Deferred, Graph, Node, Shape
from striate.network.operators import Gemm

__all__ = ["OPSET", "Emission", "Given", "onnx_module", "undeferred"]

Array = NDArray[Any]

OPSET = 22  # of 2024: the first opset whose ceil mode is written down as PyTorch's


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


class Given(str):
    """The name of a value that gives a setting, where the network computes the setting itself."""

    __slots__ = ()


class Emission:
    """Nodes and initializers, in the order in which they are added.

    Parameters
    ----------
    graph : Graph
    weights : mapping of name to array
    shapes : mapping of name to shape
        Of the graph's values, as far as it fixes them.
    kinds : mapping of name to kind
    dtype : float32 or float64, optional
        What numbers of the working precision are written in; that of the weights unless told.
    """

    def __init__(
        self,
        graph: Graph,
        weights: Mapping[str, Array],
        shapes: Mapping[str, OpenShape],
        kinds: Mapping[str, str],
        dtype: DTypeLike | None = None,
    ) -> None:
        self.onnx: Any = onnx_module()
        self.graph, self.kinds = graph, kinds
        learnt = {p.name: weights[p.name] for p in graph.parameters if p.kind == FLOAT}
        own = _working_dtype(graph.name, learnt.values())
        self.dtype = own if dtype is None else np.dtype(dtype)
        self._weights = {
            **weights,
            **{n: a.astype(self.dtype, copy=False) for n, a in learnt.items()},
        }
        self.opset = OPSET
        self.nodes: list[Any] = []
        self.arrays: dict[str, Array] = {}
        self._constants = {constant.name: constant for constant in graph.constants}
        stored = {parameter.name: parameter.shape for parameter in graph.parameters}
        stored |= {constant.name: constant.shape for constant in graph.constants}
        self._shapes: dict[str, OpenShape] = {**shapes, **stored}
        self._transposed: dict[str, str] = {}
        self._taken = {value.name for value in graph.inputs} | set(stored)
        self._taken.update(name for node in graph.nodes for name in node.outputs)
        for name in graph.outputs:
            self._use(name)

    def node(
        self, kind: str, inputs: Iterable[str], outputs: str | Sequence[str], **attributes: object
    ) -> str:
        """Add a node and return its first output's name; inputs "" are left out."""
        inputs = list(inputs)
        while inputs and not inputs[-1]:
            inputs.pop()
        for name in inputs:
            self._use(name)
        outputs = [outputs] if isinstance(outputs, str) else list(outputs)
        self.nodes.append(
            self.onnx.helper.make_node(kind, inputs, outputs, outputs[0], **attributes)
        )
        return outputs[0]

    def entitle(self, node: Node) -> None:
        """Let the last written node, if it gives what `node` gives, bear its name."""
        if self.nodes and not set(node.outputs).isdisjoint(self.nodes[-1].output):
            self.nodes[-1].name = node.name

    def constant(self, name: str, value: ArrayLike, dtype: DTypeLike | None = None) -> str:
        """Add an array, of the network's dtype unless told, under a free name like this one."""
        name = self._name(name)
        self.arrays[name] = np.asarray(value, self.dtype if dtype is None else dtype)
        return name

    def transposed(self, name: str) -> str:
        """Return the name of a matrix the other way round, stored once.

        Where others than linear layers read it too, it is stored as it is, and turned by a node.
        """
        if name not in self._transposed:
            array, free = self._weights.get(name), f"{name}.transposed"
            others = any(
                not isinstance(node.operator, Gemm) or node.inputs.count(name) > 1
                for node in self.graph.nodes
                if name in node.inputs
            )
            if array is None or others or name in self.graph.outputs:
                found = self.node("Transpose", [name], self.value(free), perm=[1, 0])
            else:
                found = self.constant(free, array.T, array.dtype)
            self._transposed[name] = found
        return self._transposed[name]

    def setting(self, node: Node, field: str, value: Any, dtype: DTypeLike | None = None) -> str:
        """Return the name of a setting that ONNX takes as an input: "" for None."""
        if value is None or isinstance(value, Given):
            return value or ""
        return self.constant(f"{node.name}.{field}", value, dtype)

    def value(self, name: str) -> str:
        """Return a free name for a value in between."""
        return self._name(name)

    def array(self, name: str) -> Array | None:
        """Return a parameter or constant; None for what is computed."""
        if name in self._constants:
            constant = self._constants[name]
            return constant.array.astype(self.dtype_of(constant.kind), copy=False)
        return self._weights.get(name)

    def dtype_of(self, kind: str) -> np.dtype[Any]:
        """Return the dtype of values of this kind."""
        return self.dtype if kind == FLOAT else np.dtype(kind)

    def shape(self, name: str) -> OpenShape | None:
        """Return the shape of a value, None for open sizes; None if nothing is known."""
        return self._shapes.get(name)

    def spatial(self, name: str) -> Shape | None:
        """Return the spatial shape of a value, where the graph fixes it."""
        sizes = (self.shape(name) or (None,) * 3)[2:]
        known = tuple(size for size in sizes if size is not None)
        return known if len(known) == len(sizes) else None

    def _use(self, name: str) -> None:
        array = self.array(name) if name not in self.arrays else None
        if array is not None:
            self.arrays[name] = array

    def _name(self, wanted: str) -> str:
        name, number = wanted, 1
        while name in self._taken:
            number += 1
            name = f"{wanted}.{number}"
        self._taken.add(name)
        return name


def undeferred(node: Node) -> tuple[Node, Any]:
    """Return a node with the inputs that are data, and the settings of its operator by name.

    Settings that the network computes are names of values: `Given`.
    """
    deferred = node.operator
    if not isinstance(deferred, Deferred):
        return node, deferred
    count = len(deferred.settings)
    given = zip(deferred.settings, map(Given, node.inputs[-count:]), strict=True)
    defaults = {field.name: field.default for field in fields(deferred.operator)}
    settings = {**defaults, **dict(deferred.attributes), **dict(given)}
    data = replace(node, inputs=node.inputs[:-count])
    return data, SimpleNamespace(**settings, onnx=deferred.onnx)


def _working_dtype(network: str, arrays: Iterable[Array]) -> np.dtype[Any]:
    kinds = {array.dtype for array in arrays} or {np.dtype(np.float32)}
    if len(kinds) > 1 or not kinds <= {np.dtype(np.float32), np.dtype(np.float64)}:
        found = ", ".join(sorted(map(str, kinds)))
        raise DTypeError(f"{network}: weights must be all float32 or all float64, not {found}")
    return kinds.pop()
