"""Settle a graph for the shapes of its inputs: what it computes from shapes becomes settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING, Any

from striate.errors import GraphError, StriateError, explained
from striate.network.defined import Deferred, Defined
from striate.network.graph import FLOAT, Graph, Node, Operator, Shape, needed_nodes
from striate.network.inference import InputShape, hint, input_shapes, known_shapes
from striate.network.operators.shaping import Shape as ShapeOf
from striate.network.operators.shaping import Size

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["settings_inputs", "settled"]

LARGEST = 1 << 16
"""Elements of a value that settings are computed from: settings themselves are few numbers."""

OF_SHAPES = (ShapeOf, Size)
"""Operators whose value follows from the shape of what they read."""


def settled(
    graph: Graph,
    input_shape: InputShape = None,
    values: Mapping[str, NDArray[Any]] | None = None,
) -> Graph:
    """Return the graph for these input shapes, in which all operators know their settings.

    Nodes that only compute settings, or that no output needs, are left out. A graph in which
    nothing is deferred is returned as it is.

    Parameters
    ----------
    input_shape : sequence of int, mapping of name to that, optional
        As for `infer_shapes`.
    values : mapping of name to array, optional
        Of the inputs that settings are computed from: see `settings_inputs`.

    Raises
    ------
    ShapeError, GeometryError
        Naming the first node that does not fit.
    GraphError
        If a setting is computed from data, or from an input whose value is not given.

    Examples
    --------
    >>> from striate.network.graph import Input
    >>> from striate.network.operators import Relu, Reshape, Shape
    >>> shape = Node("shape", Shape(), ("x",), ("shape",))
    >>> relu = Node("relu", Relu(), ("y",), ("relu",))
    >>> like = Node("like", Deferred(Reshape, (), ("shape",)), ("relu", "shape"), ("like",))
    >>> inputs = Input("x", (None, 4)), Input("y", (None, 2, 2))
    >>> graph = Graph("example", inputs, (), (shape, relu, like), ("like",))
    >>> settled(graph, {"x": (3, 4), "y": (3, 2, 2)}).nodes[-1].operator
    Reshape(shape=(3, 4), allow_zero=False)
    """
    if not any(isinstance(node.operator, Deferred) for node in graph.nodes):
        return graph
    return _Settling(graph, input_shapes(graph, input_shape), values or {}).graph(input_shape)


def settings_inputs(graph: Graph) -> tuple[str, ...]:
    """Return the inputs of a graph whose values, not only shapes, its settings depend on.

    Examples
    --------
    >>> from striate.network import Input
    >>> from striate.network.operators import Reshape
    >>> like = Node("like", Deferred(Reshape, (), ("shape",)), ("x", "sizes"), ("like",))
    >>> inputs = Input("x", (None, 4)), Input("sizes", (2,), "int64")
    >>> settings_inputs(Graph("example", inputs, (), (like,), ("like",)))
    ('sizes',)
    """
    wanted = _wanted(graph)
    return tuple(value.name for value in graph.inputs if value.name in wanted)


def _wanted(graph: Graph) -> set[str]:
    """Return the values that settings are computed from."""
    wanted: set[str] = set()
    for node in reversed(graph.nodes):
        if isinstance(node.operator, Deferred):
            wanted.update(node.inputs[-len(node.operator.settings) :])
        if wanted.isdisjoint(node.outputs) or isinstance(node.operator, OF_SHAPES):
            continue
        wanted.update(node.inputs)
    return wanted


class _Settling:
    """The values and shapes known so far, node after node."""

    def __init__(
        self, graph: Graph, shapes: dict[str, Shape], values: Mapping[str, NDArray[Any]]
    ) -> None:
        self._graph, self._wanted = graph, _wanted(graph)
        self._shapes = known_shapes(graph) | shapes
        self._known = {name: array for name, array in values.items() if name in self._wanted}
        for constant in graph.constants:
            if constant.name in self._wanted:
                self._known[constant.name] = _single(constant.array, constant.kind)

    def graph(self, input_shape: InputShape) -> Graph:
        """Return the settled graph."""
        nodes = []
        for node in self._graph.nodes:
            try:
                with explained(f"{self._graph.name}: {node.name} ({node.operator.onnx})"):
                    nodes.append(self._node(node))
            except StriateError as error:
                raise type(error)(f"{error}{hint(self._graph, input_shape)}") from None
        return _needed(self._graph, nodes)

    def _node(self, node: Node) -> Node:
        if isinstance(node.operator, Deferred):
            node = self._settled(node, node.operator)
        shapes = [self._shapes[name] for name in node.inputs]
        self._shapes.update(zip(node.outputs, node.operator.infer_all(shapes), strict=False))
        if not self._wanted.isdisjoint(node.outputs):
            self._evaluate(node.operator, node)
        return node

    def _settled(self, node: Node, deferred: Deferred) -> Node:
        count = len(deferred.settings)
        data, given = node.inputs[:-count], node.inputs[-count:]
        for setting, name in zip(deferred.settings, given, strict=True):
            if name not in self._known:
                raise GraphError(
                    f"its {setting} is {name!r}, which is computed from data: only what follows "
                    "from shapes and constants can be a setting"
                )
        operator = deferred.settled([self._known[name] for name in given])
        return replace(node, operator=operator, inputs=data)

    def _evaluate(self, operator: Operator, node: Node) -> None:
        """Note the value of a node, if all that it reads is known."""
        import numpy as np

        if isinstance(operator, OF_SHAPES):
            self._known[node.outputs[0]] = operator.of(self._shapes[node.inputs[0]])
        elif isinstance(operator, Defined) and all(name in self._known for name in node.inputs):
            self._check_size(node)
            found = operator.value(*(self._known[name] for name in node.inputs))
            found = found if isinstance(found, tuple) else (found,)
            self._known.update(zip(node.outputs, map(np.asarray, found), strict=False))

    def _check_size(self, node: Node) -> None:
        for name in node.outputs:
            if (size := prod(self._shapes[name])) > LARGEST:
                raise GraphError(
                    f"its output, of {size:,} elements, decides on settings: at most {LARGEST:,} "
                    "are computed for that"
                )


def _single(array: NDArray[Any], kind: str) -> NDArray[Any]:
    """Return a constant as shapes are computed: floating numbers in single precision."""
    return array.astype("float32") if kind == FLOAT else array


def _needed(graph: Graph, nodes: Sequence[Node]) -> Graph:
    """Return the graph of those nodes that its outputs need, with what they read."""
    kept = needed_nodes(nodes, graph.outputs)
    needed = {*graph.outputs, *(name for node in kept for name in node.inputs)}
    parameters = tuple(p for p in graph.parameters if p.name in needed)
    constants = tuple(constant for constant in graph.constants if constant.name in needed)
    return replace(graph, nodes=kept, parameters=parameters, constants=constants)
