"""Products of two matrices that are both computed: they may take in a transpose of the second."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from striate.network import Graph, Node, Operator, Shape
from striate.network import operators as op
from striate.runtime.lowering.weights import Weights

__all__ = ["Product", "with_products"]


@dataclass(frozen=True)
class Product(Operator):
    """A MatMul that is no layer with weights; its second matrix may be `turned`."""

    turned: bool = False
    onnx: ClassVar[str] = "MatMul"
    arity: ClassVar[tuple[int, int]] = (2, 2)

    def infer(self, shapes: Sequence[Shape]) -> Shape:
        """Return (..., rows, columns)."""
        x, y = shapes
        right = (*y[:-2], y[-1], y[-2]) if self.turned else y
        return op.MatMul().infer([x, right])

    def macs(self, shapes: Sequence[Shape], output: Shape) -> int:
        """Return batch * rows * inner * columns."""
        return op.MatMul().macs(shapes, output)


def with_products(
    graph: Graph,
    shapes: Mapping[str, Shape],
    weights: Weights,
    native: Callable[[Node], bool],
) -> Graph:
    """Return the graph with a Product for each native MatMul that is no layer with weights.

    It takes in a transpose of its second matrix that nobody else reads.
    """
    readers = Counter(name for node in graph.nodes for name in node.inputs)
    readers.update(graph.outputs)
    nodes: dict[str, Node] = {}  # by their first output
    for node in graph.nodes:
        nodes[node.outputs[0]] = node
        multiplies = isinstance(node.operator, op.MatMul) and native(node)
        if not multiplies or _is_layer(node, shapes, weights):
            continue
        left, right = node.inputs
        before = nodes.get(right)
        turned = readers[right] == 1 and before is not None and _turns(before, shapes)
        if turned and before is not None:
            del nodes[right]
            right = before.inputs[0]
        nodes[node.outputs[0]] = replace(node, operator=Product(turned), inputs=(left, right))
    return replace(graph, nodes=tuple(nodes.values()))


def _is_layer(node: Node, shapes: Mapping[str, Shape], weights: Weights) -> bool:
    """Tell whether a value is multiplied by a matrix that does not change."""
    left, right = node.inputs
    return left not in weights and right in weights and len(shapes[right]) == 2


def _turns(node: Node, shapes: Mapping[str, Shape]) -> bool:
    """Tell whether a node transposes matrices, and nothing else."""
    if not isinstance(node.operator, op.Transpose):
        return False
    rank = len(shapes[node.inputs[0]])
    order = tuple(axis % rank for axis in node.operator.order(rank))
    return rank > 1 and order == (*range(rank - 2), rank - 1, rank - 2)
