"""The layers of a network in training: its nodes, some with the bounds behind them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf

from striate.network import FLOAT, Graph, Node
from striate.network import operators as op
from striate.runtime.lowering.fusion import readers_of

__all__ = ["Layer", "layers_of"]

BOUNDED = (op.Conv, op.BatchNormalization, op.Gemm, op.Add)
"""Operators whose layers can move their results into bounds."""


@dataclass(frozen=True, slots=True)
class Layer:
    """A node, and the ReLU or Clip behind it if nobody else reads what it makes.

    Attributes
    ----------
    node : Node
    output : str
        The value that it makes at last.
    low, high : float
        The bounds that its result is moved into.
    learns : tuple of bool
        For each input of the node, whether a gradient for it is wanted.
    parameters : tuple of bool
        For each input of the node, whether it is a parameter.
    last : tuple of bool
        For each input of the node, whether nothing reads it but this node: it may be written over,
        where who made it does not need it either.
    """

    node: Node
    output: str
    low: float
    high: float
    learns: tuple[bool, ...]
    parameters: tuple[bool, ...]
    last: tuple[bool, ...]

    @property
    def bounded(self) -> bool:
        """Whether it has bounds."""
        return (self.low, self.high) != (-inf, inf)


def layers_of(graph: Graph) -> list[Layer]:
    """Return the layers of a graph in order.

    Examples
    --------
    >>> import striate as st
    >>> [layer.node.name for layer in layers_of(st.load("mlp").graph)]
    ['fc1.flatten', 'fc1', 'tanh1', 'fc2', 'tanh2', 'fc3']
    """
    readers = readers_of(graph)
    wanted = {p.name for p in graph.parameters if p.trainable and p.kind == FLOAT}
    names = {parameter.name for parameter in graph.parameters}
    made: dict[str, int] = {}
    layers: list[Layer] = []
    for node in graph.nodes:
        bounds = _bounds(node)
        place = made.get(node.inputs[0]) if bounds else None
        if bounds and place is not None and readers[node.inputs[0]] == 1:
            before = layers[place]
            if isinstance(before.node.operator, BOUNDED) and not before.bounded:
                output, (low, high) = node.outputs[0], bounds
                layers[place] = replace(before, output=output, low=low, high=high)
                made[output] = place
                if any(before.learns):
                    wanted.add(output)
                continue
        learns = tuple(name in wanted for name in node.inputs)
        last = tuple(readers[name] == 1 for name in node.inputs)
        if any(learns):
            wanted.update(node.outputs)
        made[node.outputs[0]] = len(layers)
        given = tuple(name in names for name in node.inputs)
        layers.append(Layer(node, node.outputs[0], -inf, inf, learns, given, last))
    return layers


def _bounds(node: Node) -> tuple[float, float] | None:
    """Return the bounds of a ReLU or Clip; None for other operators."""
    if isinstance(node.operator, op.Relu):
        return 0.0, inf
    if isinstance(node.operator, op.Clip):
        return float(node.operator.low), float(node.operator.high)
    return None
