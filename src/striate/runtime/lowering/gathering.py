"""Gathers by indices that are known, as slices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from striate.network import FLOAT, Graph, Node, Operator, Shape
from striate.network import operators as op
from striate.network.operators.axes import axis_of
from striate.runtime.lowering.weights import Weights

__all__ = ["without_gathers"]

FEW = 8  # slices from which a gather is left as it is


def without_gathers(
    graph: Graph, shapes: dict[str, Shape], kinds: dict[str, str], weights: Weights
) -> Graph:
    """Return the graph with slices for gathers whose indices are few runs of even steps.

    The shapes and kinds of new values are added to the others.
    """
    nodes: list[Node] = []
    for node in graph.nodes:
        runs = _runs(node, shapes, kinds, weights)
        if not runs:
            nodes.append(node)
            continue
        for made in _slices(node, runs, shapes, len(shapes[node.inputs[1]])):
            nodes.append(made)
            given = [shapes[name] for name in made.inputs]
            shapes.setdefault(made.outputs[0], made.operator.infer(given))
            kinds.setdefault(made.outputs[0], FLOAT)
    return replace(graph, nodes=tuple(nodes))


def _runs(
    node: Node, shapes: dict[str, Shape], kinds: dict[str, str], weights: Weights
) -> list[range]:
    """Return what a gather takes, as ranges; none if it is none of that kind."""
    operator = node.operator
    if not isinstance(operator, op.Gather) or kinds[node.inputs[0]] != FLOAT:
        return []
    x, indices = node.inputs
    if x in weights or indices not in weights or len(shapes[indices]) > 1:
        return []
    size = shapes[x][axis_of(operator.axis, shapes[x])]
    places = np.asarray(weights[indices]).reshape(-1)
    if not len(places) or places.min() < -size or places.max() >= size:
        return []
    runs = list(_even([int(place) % size for place in places]))
    return runs if len(runs) <= FEW else []


def _even(places: Sequence[int]) -> Iterator[range]:
    """Yield places as ranges of even steps.

    >>> list(_even([0, 1, 2, 5, 4, 4, 9]))
    [range(0, 3), range(5, 3, -1), range(4, 10, 5)]
    """
    steps = [b - a for a, b in pairwise(places)]
    start = 0
    while start < len(places):
        end = start + 1
        step = steps[start] if start < len(steps) else 1
        while step and end < len(places) and steps[end - 1] == step:
            end += 1
        step = step or 1
        yield range(places[start], places[end - 1] + (1 if step > 0 else -1), step)
        start = end


def _slices(
    node: Node, runs: Sequence[range], shapes: dict[str, Shape], rank: int
) -> Iterator[Node]:
    """Yield the nodes that take these ranges, and join them."""
    assert isinstance(node.operator, op.Gather)
    x, (output,) = node.inputs[0], node.outputs
    axis = axis_of(node.operator.axis, shapes[x])
    last: Operator | None = op.Squeeze((axis,)) if rank == 0 else None
    if last is None and len(runs) > 1:
        last = op.Concat(axis)
    names = []
    for number, run in enumerate(runs):
        end = run.stop if run.stop >= 0 else -shapes[x][axis] - 1
        taken = op.Slice((run.start,), (end,), (axis,), (run.step,))
        name = output if last is None else f"{output}.{number}"
        names.append(name)
        yield Node(node.name if last is None else name, taken, (x,), (name,))
    if last is not None:
        yield Node(node.name, last, tuple(names), (output,))
