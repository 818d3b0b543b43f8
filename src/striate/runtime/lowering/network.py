"""Lowering: every node of a network becomes tasks on values in blocks, or a step in Python."""

from __future__ import annotations

from math import prod

import numpy as np

from striate.errors import explained
from striate.network import FLOAT, Graph, InputShape, Node, Shape, infer_kinds, infer_shapes
from striate.ops.blocked.layout import Place
from striate.runtime.lowering.bands import joined_steps
from striate.runtime.lowering.fusion import Fused, fused
from striate.runtime.lowering.gathering import without_gathers
from striate.runtime.lowering.homes import homes_of
from striate.runtime.lowering.lowered import IN_PYTHON, Foreign, Lowered, Settings
from striate.runtime.lowering.memory import check_lowered, check_values
from striate.runtime.lowering.operators import lower_natively, native
from striate.runtime.lowering.splitting import without_splits
from striate.runtime.lowering.turning import with_products
from striate.runtime.lowering.values import Layouts
from striate.runtime.lowering.weights import Weights
from striate.runtime.lowering.workspace import Workspace
from striate.runtime.steps import Array, Binding, bind

__all__ = ["lower"]


def lower(graph: Graph, weights: Weights, input_shape: InputShape, to: Settings) -> Lowered:
    """Return the parts of a settled graph for these shapes of its inputs.

    `weights` are those of the network and its constants. What is empty is left to Python.
    """
    shapes, kinds = infer_shapes(graph, input_shape), infer_kinds(graph)
    check_values(graph, shapes, kinds, np.dtype(np.float32))
    graph = without_gathers(graph, shapes, kinds, weights)
    graph = without_splits(graph, shapes, kinds)

    def runs_natively(node: Node) -> bool:
        names = (*node.inputs, *node.outputs)
        single = all(kinds[name] == FLOAT and prod(shapes[name]) for name in names)
        lone = len(node.inputs) > 0 and len(node.outputs) == 1
        return single and lone and native(node, shapes, weights, to.target.lanes)

    graph = with_products(graph, shapes, weights, runs_natively)
    steps = fused(graph, runs_natively, shapes, weights)
    layouts = Layouts(steps, shapes, to.target.lanes)
    ends = [*(value.name for value in graph.inputs), *graph.outputs]
    other = [name for name, kind in kinds.items() if kind != FLOAT or name in weights]
    homes = homes_of(steps, shapes, {*ends, *other})
    space = Workspace(graph, weights, shapes, kinds, layouts, homes, to)
    space.waiting = joined_steps(steps, shapes, runs_natively, graph.outputs)
    for step in steps:
        if runs_natively(step.node):
            lower_natively(space, step)
        else:
            _lower_to_python(space, step, graph.name)
    space.finish()
    fixed = {name: weights[name] for name in graph.outputs if name in weights}
    lowered = Lowered(tuple(space.parts), space.sizes, space.inputs, space.outputs, fixed)
    lowered = lowered.placed()
    check_lowered(lowered, graph.name)
    return lowered


def _lower_to_python(space: Workspace, step: Fused, graph: str) -> None:
    """Do a node by a step in Python."""
    node = step.node
    inputs = tuple(_read(space, name) for name in node.inputs)
    outputs = tuple(_made(space, name) for name in node.outputs)
    to = Binding.of(node, space.shapes, space.kinds, np.dtype(np.float32), exact=True)
    place = f"{graph}: {node.name} ({node.operator.onnx})"
    with explained(place):
        bound = bind(node.operator, to)
    space.add(step, IN_PYTHON, Foreign(bound, inputs, outputs, place))


def _read(space: Workspace, name: str) -> Array | tuple[Place, Shape] | str:
    """Return where a step in Python finds a value."""
    if name in space.weights:
        return space.weights[name]
    if space.kinds[name] != FLOAT:
        return name
    return space.as_plain(name), space.shapes[name]


def _made(space: Workspace, name: str) -> tuple[Place, Shape] | str:
    """Return where a step in Python puts a value."""
    if space.kinds[name] != FLOAT:
        return name
    return space.new_plain(name), space.shapes[name]
