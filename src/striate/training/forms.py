"""The form in which a network is trained: some of it frozen, open to any batch, without softmax.

All forms have the parameters of the network itself, so what is learnt is put back by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from math import prod

from striate.errors import ParameterError, StriateError, UnknownNameError, explained
from striate.network import FLOAT, Graph, Node, Shape, infer_shapes, settled
from striate.network import operators as op

__all__ = ["form_of", "frozen", "frozen_names", "opened", "scores_of", "shapes_for"]

MOVING = {"Flatten", "Identity", "Reshape", "Squeeze"}
"""Operators behind a softmax that may be there without another meaning."""


def frozen_names(graph: Graph, patterns: Iterable[str]) -> set[str]:
    """Return the parameters that names and patterns stand for.

    Raises
    ------
    UnknownNameError
        If one of them stands for none that could be trained.
    ParameterError
        If nothing is left to learn.

    Examples
    --------
    >>> import striate as st
    >>> sorted(frozen_names(st.load("mlp").graph, ["fc1.*", "fc3.bias"]))
    ['fc1.bias', 'fc1.weight', 'fc3.bias']
    """
    names = [p.name for p in graph.parameters if p.trainable and p.kind == FLOAT]
    if not names:
        raise ParameterError(f"{graph.name} has no trainable parameters: there is nothing to learn")
    chosen: set[str] = set()
    for pattern in patterns:
        found = {name for name in names if name == pattern or fnmatchcase(name, pattern)}
        if not found:
            with explained("freeze"):
                raise UnknownNameError.of(f"trainable parameter of {graph.name}", pattern, names)
        chosen |= found
    if chosen and len(chosen) == len(names):
        raise ParameterError(
            f"freeze: all {len(names)} trainable parameters of {graph.name} are frozen: "
            "leave some to learn"
        )
    return chosen


def frozen(graph: Graph, names: set[str]) -> Graph:
    """Return the graph with these parameters not trainable."""
    if not names:
        return graph
    return replace(
        graph,
        parameters=tuple(
            replace(p, trainable=False) if p.name in names else p for p in graph.parameters
        ),
    )


def form_of(graph: Graph, loss: str | None, image_shape: Shape) -> Graph:
    """Return the graph whose outputs a loss judges, for batches of any size of such images."""
    return opened(scores_of(graph, loss, image_shape), image_shape)


def scores_of(graph: Graph, loss: str | None, image_shape: Shape) -> Graph:
    """Return the graph without the softmax at its end, if the loss has one itself.

    Examples
    --------
    >>> from striate.network import Builder
    >>> b = Builder("tiny", (None, 4))
    >>> graph = b.graph(b.add(op.Softmax(), b.linear(b.input, "fc", features=2), name="softmax"))
    >>> [node.name for node in scores_of(graph, "cross-entropy", (4,)).nodes]
    ['fc']
    """
    if loss != "cross-entropy" or len(graph.outputs) != 1:
        return graph
    makers = {name: node for node in graph.nodes for name in node.outputs}
    last = makers.get(graph.outputs[0])
    while last is not None and last.operator.onnx in MOVING:
        last = makers.get(last.inputs[0])
    if last is None or not isinstance(last.operator, op.Softmax):
        return graph
    (x,), (y,) = last.inputs, last.outputs
    shape = shapes_for(graph, image_shape)[y]
    axis = last.operator.axis % len(shape)
    shared = prod(shape[axis:]) if last.operator.onwards else shape[axis]
    readers = sum(node.inputs.count(y) for node in graph.nodes) + graph.outputs.count(y)
    if readers > 1 or axis == 0 or shared != prod(shape[1:]):
        return graph  # it is not the last word, or has more to say than one class for each example

    def without(names: Sequence[str]) -> tuple[str, ...]:
        return tuple(x if name == y else name for name in names)

    nodes = (replace(n, inputs=without(n.inputs)) for n in graph.nodes if n is not last)
    return replace(graph, nodes=tuple(nodes), outputs=without(graph.outputs))


def opened(graph: Graph, image_shape: Shape) -> Graph:
    """Return the graph for batches of any size, whatever size it was written for.

    Raises
    ------
    ParameterError
        If it computes something else, or nothing, for another batch.

    Examples
    --------
    >>> from striate.network import Builder
    >>> b = Builder("one", (1, 2, 2))
    >>> graph = b.graph(b.add(op.Reshape((1, 4)), b.input, name="flat"))
    >>> opened(graph, (2, 2)).nodes[0].operator.shape
    (-1, 4)
    """
    first = graph.inputs[0]
    batch = first.shape[0]
    if batch is None or len(graph.inputs) != 1:
        return graph
    shapes = shapes_for(graph, image_shape)
    inputs = (replace(first, shape=(None, *first.shape[1:])),)
    nodes = tuple(_opened(node, batch, shapes) for node in graph.nodes)
    result = replace(graph, inputs=inputs, nodes=nodes)
    try:
        more = shapes_for(result, image_shape, batch + 1)
        reason = next(
            (
                f"its output is {more[name]} for {batch + 1} of them"
                for name in graph.outputs
                if more[name] != (batch + 1, *shapes[name][1:])
            ),
            None,
        )
    except StriateError as error:
        reason = str(error)
    if reason is not None:
        raise ParameterError(
            f"{graph.name} takes batches of {batch} and fits no others ({reason}): "
            "export it with an open batch (dynamic_axes)"
        )
    return result


def _opened(node: Node, batch: int, shapes: dict[str, Shape]) -> Node:
    """Return a node, a Reshape of a batch with the batch left open."""
    reshape = node.operator
    if not isinstance(reshape, op.Reshape) or reshape.shape[:1] != (batch,):
        return node
    if shapes[node.inputs[0]][:1] != (batch,):
        return node
    rest = reshape.shape[1:]
    copied = -1 in rest  # the size of the batch, where another one is what is left
    return replace(node, operator=replace(reshape, shape=(0 if copied else -1, *rest)))


def shapes_for(graph: Graph, image_shape: Shape, batch: int | None = None) -> dict[str, Shape]:
    """Return the shapes of all values, for a batch or that which the graph has, 1 if it is open."""
    first = graph.inputs[0].shape[:1]
    shape = (batch or (first and first[0]) or 1, *image_shape)
    return infer_shapes(settled(graph, shape), shape)
