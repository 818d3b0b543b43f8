"""Splits as slices, which machine code takes one by one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from striate.network import FLOAT, Graph, Node, Shape
from striate.network import operators as op
from striate.network.operators.axes import axis_of

__all__ = ["whole_channels", "without_splits"]


def without_splits(graph: Graph, shapes: Mapping[str, Shape], kinds: Mapping[str, str]) -> Graph:
    """Return the graph with a Slice for each part of a Split of float values."""
    nodes: list[Node] = []
    for node in graph.nodes:
        operator = node.operator
        if not isinstance(operator, op.Split) or kinds[node.inputs[0]] != FLOAT:
            nodes.append(node)
            continue
        x = shapes[node.inputs[0]]
        axis = axis_of(operator.axis, x)
        for name, part in zip(node.outputs, operator.ranges(x[axis]), strict=False):
            taken = op.Slice((part.start,), (part.stop,), (axis,))
            nodes.append(Node(f"{node.name}.{name}", taken, node.inputs, (name,)))
    return replace(graph, nodes=tuple(nodes))


def whole_channels(operator: object, x: Shape, lanes: int) -> range | None:
    """Return the channels that a Slice takes as they are from where a block begins, if any."""
    if not isinstance(operator, op.Slice) or not 3 <= len(x) <= 5:
        return None
    ranges = operator.ranges(x)
    channels = ranges[1]
    others = all(r == range(n) for r, n in zip(ranges[2:], x[2:], strict=True))
    whole = channels.step == 1 and channels.start % lanes == 0 and len(channels) > 0
    return channels if others and whole and ranges[0] == range(x[0]) else None
