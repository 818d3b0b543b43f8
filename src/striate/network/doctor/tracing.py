"""Inference that goes as far as it can: what is known before the first layer that does not fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from striate.errors import StriateError
from striate.geometry import TransposedWindow, Window
from striate.network.defined import Deferred
from striate.network.graph import Graph, Node, Shape
from striate.network.inference import InputShape, infer_shapes, input_shapes, spilling
from striate.network.settling import settled

__all__ = ["Trace", "trace", "window_of"]


@dataclass(frozen=True)
class Trace:
    """The shapes of a graph's values up to the first node that fails, and why it does.

    `graph` is the settled graph, or where it fails the one that was given. `failed` is None if all
    fits, and also if it is the input itself that does not fit; `problem` tells the two apart.
    """

    graph: Graph
    shapes: Mapping[str, Shape]
    failed: Node | None = None
    problem: str = ""

    @property
    def progress(self) -> int:
        """How many nodes fit."""
        if not self.problem:
            return len(self.graph.nodes) + 1
        return -1 if self.failed is None else self.graph.nodes.index(self.failed)


def window_of(node: Node) -> Window | TransposedWindow | None:
    """Return the window that a node slides, if it has one of its own."""
    window = vars(node.operator).get("window")
    return window if isinstance(window, Window | TransposedWindow) else None


def trace(graph: Graph, input_shape: InputShape = None) -> Trace:
    """Return the shapes of as many values as can be inferred.

    >>> from striate.network.zoo import load
    >>> trace(load("lenet-5").graph, (1, 1, 30, 32)).failed.name
    'C5'
    """
    try:
        shapes = input_shapes(graph, input_shape)
    except StriateError as error:
        return Trace(graph, {}, None, str(error).removeprefix(f"{graph.name}: "))
    if any(isinstance(node.operator, Deferred) for node in graph.nodes):
        try:
            graph = settled(graph, input_shape)
        except StriateError:
            return _settled_partly(graph, input_shape)
    shapes |= {parameter.name: parameter.shape for parameter in graph.parameters}
    shapes |= {constant.name: constant.shape for constant in graph.constants}
    for node in graph.nodes:
        try:
            found = node.operator.infer_all([shapes[name] for name in node.inputs])
        except StriateError as error:
            return Trace(graph, shapes, node, str(error))
        shapes.update(zip(node.outputs, found, strict=False))
    spilt = spilling(graph, shapes)
    return Trace(graph, shapes) if spilt is None else Trace(graph, shapes, *spilt)


def _settled_partly(graph: Graph, input_shape: InputShape) -> Trace:
    """Return the trace of a graph that cannot be settled as a whole, found by halving."""
    good, bad, problem = 0, len(graph.nodes) + 1, ""
    shapes = _shapes(graph, good, input_shape)
    while bad - good > 1:
        middle = (good + bad) // 2
        try:
            shapes = _shapes(graph, middle, input_shape)
            good = middle
        except StriateError as error:
            bad, problem = middle, str(error)
    failed = graph.nodes[good]
    problem = problem.removeprefix(f"{graph.name}: {failed.name} ({failed.operator.onnx}): ")
    return Trace(graph, shapes, failed, problem.partition(f"; {graph.name} is made for")[0])


def _shapes(graph: Graph, count: int, input_shape: InputShape) -> dict[str, Shape]:
    """Return the shapes of the first nodes' values, or raise what does not fit among them."""
    nodes = graph.nodes[:count]
    outputs = tuple(name for node in nodes for name in node.outputs)
    part = replace(graph, nodes=nodes, outputs=outputs or tuple(v.name for v in graph.inputs))
    return infer_shapes(settled(part, input_shape), input_shape)
