"""Which nodes a step does at once.

A convolution takes in the sum and the bounds behind it, a fully connected layer its bias and
bounds, and what works on each element by itself takes in what does so before it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import inf, prod

from striate.network import Graph, Node, Shape
from striate.network import operators as op
from striate.ops.blocked.expression import MOST, Expression, functions_of, renumbered
from striate.runtime.lowering.expressions import Elements, elements_of, joined_elements
from striate.runtime.lowering.turning import Product
from striate.runtime.lowering.weights import Weights

__all__ = ["Fused", "fused", "readers_of"]

BOUNDED = (op.Conv, op.ConvTranspose, op.Gemm, op.MatMul, op.BatchNormalization)
"""Operators whose steps can move their results into bounds."""

MAPPED = (op.Conv, op.ConvTranspose, op.GroupNormalization, Product)
"""Operators whose steps can do more with each element of their results."""


@dataclass(frozen=True)
class Fused:
    """A node, what is added to its result, and the bounds that its result is moved into.

    `names` are the nodes that this does, in the network's order. Where they work on each element
    by itself, `expression` is all that they do, of the values `operands`, and `node` the last.
    `bias` is a weight that a fully connected layer adds. `after` is what is done with each element
    of the result then, which is its operand 0.
    """

    node: Node
    output: str
    names: tuple[str, ...]
    residual: str | None = None
    low: float = -inf
    high: float = inf
    expression: Expression | None = None
    operands: tuple[str, ...] = ()
    bias: str | None = None
    after: Expression | None = None

    @property
    def bounded(self) -> bool:
        """Whether it has bounds."""
        return (self.low, self.high) != (-inf, inf)

    @property
    def inputs(self) -> tuple[str, ...]:
        """All values that it reads."""
        own = self.node.inputs if self.expression is None else self.operands
        more = (name for name in (self.residual, self.bias) if name is not None)
        return (*own, *more)


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
        self,
        graph: Graph,
        native: Callable[[Node], bool],
        shapes: Mapping[str, Shape],
        weights: Weights,
    ) -> None:
        self._native, self._shapes, self._weights = native, shapes, weights
        self._readers = readers_of(graph)
        self._made = {value.name for value in graph.inputs}
        self.steps: dict[str, Fused] = {}  # by the value that they make, in the graph's order
        for node in graph.nodes:
            step = self._bounded(node) or self._biased(node) or self._summed(node)
            step = step or self._after(node) or self._mapped(node)
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
        if before.after is not None:
            return None
        low, high = 0.0, inf
        if isinstance(node.operator, op.Clip):
            low, high = node.operator.low, node.operator.high
        del self.steps[before.output]
        names = (*before.names, node.name)
        return replace(before, output=node.outputs[0], names=names, low=low, high=high)

    def _summed(self, node: Node) -> Fused | None:
        """Put a sum into the convolution that makes one of its terms."""
        terms = [self._shapes[name] for name in node.inputs]
        sum_of_equals = isinstance(node.operator, op.Add) and terms[0] == terms[1]
        if not sum_of_equals or not self._native(node):
            return None
        for this, other in (node.inputs, node.inputs[::-1]):
            before = self._before(this)
            if before is not None and other in self._made and self._can_add(before):
                del self.steps[this]
                names = (*before.names, node.name)
                return replace(before, output=node.outputs[0], names=names, residual=other)
        return None

    def _biased(self, node: Node) -> Fused | None:
        """Put a bias into the fully connected layer before it."""
        if not isinstance(node.operator, op.Add) or not self._native(node):
            return None
        for this, other in (node.inputs, node.inputs[::-1]):
            before = self._before(this)
            if before is None or not isinstance(before.node.operator, op.Gemm | op.MatMul):
                continue
            maps, bias = self._shapes[this][-1], self._shapes[other]
            unbiased = before.bias is None and len(before.node.inputs) == 2
            alone = self._shapes[this] == self._shapes[node.outputs[0]] and unbiased
            if alone and other in self._weights and bias and bias[-1] == maps == prod(bias):
                del self.steps[this]
                names = (*before.names, node.name)
                return replace(before, output=node.outputs[0], names=names, bias=other)
        return None

    def _after(self, node: Node) -> Fused | None:
        """Put what works on each element of one value into the step that makes it."""
        own = elements_of(node, self._weights) if self._native(node) else None
        if own is None or len(own[1]) > 1:
            return None
        expression, (name,) = own
        before = self._before(name)
        if before is None or not isinstance(before.node.operator, MAPPED):
            return None
        if self._shapes[name] != self._shapes[node.outputs[0]]:
            return None
        whole = expression if before.after is None else renumbered(expression, [before.after])
        if functions_of(whole) > MOST:
            return None
        del self.steps[name]
        names = (*before.names, node.name)
        return replace(before, output=node.outputs[0], names=names, after=whole)

    def _mapped(self, node: Node) -> Fused | None:
        """Put into what works on each element by itself what does so before it."""
        own = elements_of(node, self._weights) if self._native(node) else None
        if own is None:
            return None
        output = node.outputs[0]
        before: dict[str, Elements] = {}
        names: list[str] = []
        for name in own[1]:
            step = self.steps.get(name)
            if step is None or step.expression is None:
                continue
            alone = self._readers[name] == node.inputs.count(name)
            if alone and self._shapes[name] == self._shapes[output]:
                before[name] = step.expression, step.operands
        expression, operands = joined_elements(own, before)
        for name in before:
            if name not in operands:
                names += self.steps.pop(name).names
        together = Fused(node, output, (*names, node.name))
        return replace(together, expression=expression, operands=operands)

    def _can_add(self, before: Fused) -> bool:
        """Tell whether it is a convolution that adds nothing yet, not even a bias for each unit."""
        bias = before.node.inputs[2:]
        return (
            isinstance(before.node.operator, op.Conv)
            and before.residual is None
            and before.after is None
            and all(len(self._shapes[name]) == 1 for name in bias)
        )


def fused(
    graph: Graph, native: Callable[[Node], bool], shapes: Mapping[str, Shape], weights: Weights
) -> list[Fused]:
    """Return the steps of a graph in an order in which they can run; see `Fusion`."""
    return list(Fusion(graph, native, shapes, weights).steps.values())
