"""Which nodes a step does at once: a convolution with the sum and the bounds behind it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import inf

from striate.network import Graph, Node, Shape
from striate.network import operators as op

__all__ = ["Fused", "fused", "readers_of"]

BOUNDED = (op.Conv, op.ConvTranspose, op.Gemm, op.Add, op.Mul, op.BatchNormalization)
"""Operators whose steps can move their results into bounds."""


@dataclass(frozen=True)
class Fused:
    """A node, what is added to its result, and the bounds that its result is moved into.

    `names` are the nodes that this does, in the network's order.
    """

    node: Node
    output: str
    names: tuple[str, ...]
    residual: str | None = None
    low: float = -inf
    high: float = inf

    @property
    def bounded(self) -> bool:
        """Whether it has bounds."""
        return (self.low, self.high) != (-inf, inf)

    @property
    def inputs(self) -> tuple[str, ...]:
        """All values that it reads."""
        return self.node.inputs if self.residual is None else (*self.node.inputs, self.residual)


def readers_of(graph: Graph) -> Counter[str]:
    """Return how often each value is read, by nodes or as an output."""
    readers = Counter(name for node in graph.nodes for name in node.inputs)
    readers.update(graph.outputs)
    return readers


class Fusion:
    """Takes the nodes of a graph together, one after another.

    `native` tells which nodes run as machine code; only those take others in. `shapes` are those
    of all values.
    """

    def __init__(
        self, graph: Graph, native: Callable[[Node], bool], shapes: Mapping[str, Shape]
    ) -> None:
        self._native, self._shapes = native, shapes
        self._readers = readers_of(graph)
        self._made = {value.name for value in graph.inputs}
        self.steps: dict[str, Fused] = {}  # by the value that they make, in the graph's order
        for node in graph.nodes:
            step = self._bounded(node) or self._summed(node)
            step = step or Fused(node, node.outputs[0], (node.name,))
            self.steps[step.output] = step
            self._made.add(step.output)

    def _before(self, name: str) -> Fused | None:
        """Return the step that made a value which nobody else reads, if it may take more in."""
        step = self.steps.get(name)
        if step is None or self._readers[name] > 1 or step.bounded:
            return None
        return step if self._native(step.node) else None

    def _bounded(self, node: Node) -> Fused | None:
        """Put a ReLU or Clip into the step before it."""
        if not isinstance(node.operator, op.Relu | op.Clip):
            return None
        before = self._before(node.inputs[0])
        if before is None or not isinstance(before.node.operator, BOUNDED):
            return None
        low, high = 0.0, inf
        if isinstance(node.operator, op.Clip):
            low, high = node.operator.low, node.operator.high
        del self.steps[before.output]
        names = (*before.names, node.name)
        return replace(before, output=node.outputs[0], names=names, low=low, high=high)

    def _summed(self, node: Node) -> Fused | None:
        """Put a sum into the convolution that makes one of its terms."""
        if not isinstance(node.operator, op.Add) or not self._native(node):
            return None
        for this, other in (node.inputs, node.inputs[::-1]):
            before = self._before(this)
            if before is not None and other in self._made and self._can_add(before):
                del self.steps[this]
                names = (*before.names, node.name)
                return replace(before, output=node.outputs[0], names=names, residual=other)
        return None

    def _can_add(self, before: Fused) -> bool:
        """Tell whether it is a convolution that adds nothing yet, not even a bias for each unit."""
        bias = before.node.inputs[2:]
        return (
            isinstance(before.node.operator, op.Conv)
            and before.residual is None
            and all(len(self._shapes[name]) == 1 for name in bias)
        )


def fused(graph: Graph, native: Callable[[Node], bool], shapes: Mapping[str, Shape]) -> list[Fused]:
    """Return the steps of a graph in an order in which they can run; see `Fusion`."""
    return list(Fusion(graph, native, shapes).steps.values())
