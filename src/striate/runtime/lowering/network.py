"""Lowering: every node of a network becomes tasks on values in blocks, or a step in Python."""

from __future__ import annotations

import numpy as np

from striate.network import Graph, Node, Shape, infer_shapes
from striate.runtime.lowering.bands import joined_steps
from striate.runtime.lowering.fusion import Fused, fused
from striate.runtime.lowering.lowered import IN_PYTHON, Foreign, Lowered, Settings
from striate.runtime.lowering.operators import lower_natively, native
from striate.runtime.lowering.values import Layouts
from striate.runtime.lowering.weights import Weights
from striate.runtime.lowering.workspace import Workspace
from striate.runtime.steps import Binding, bind

__all__ = ["lower"]


def lower(graph: Graph, weights: Weights, input_shape: Shape, to: Settings) -> Lowered:
    """Return the parts of a graph of one input and one output for one input shape."""
    shapes = infer_shapes(graph, input_shape)

    def runs_natively(node: Node) -> bool:
        return native(node, shapes, weights, to.target.lanes)

    steps = fused(graph, runs_natively, shapes)
    layouts = Layouts(steps, shapes, to.target.lanes, runs_natively)
    space = Workspace(graph, weights, shapes, layouts, to)
    space.waiting = joined_steps(steps, shapes, runs_natively, space.output)
    for step in steps:
        if runs_natively(step.node):
            lower_natively(space, step)
        else:
            _lower_to_python(space, step)
    space.finish()
    ends = input_shape, shapes[graph.outputs[0]]
    return Lowered.placed(space.parts, space.sizes, ends)


def _lower_to_python(space: Workspace, step: Fused) -> None:
    """Do a node by a step in Python."""
    node = step.node
    shapes = tuple(space.shapes[name] for name in node.inputs)
    output = space.shapes[step.output]
    needs = (False,) * len(shapes)
    to = Binding(shapes, output, np.dtype(np.float32), needs, None, exact=True)
    inputs = tuple(
        space.weights[name] if name in space.weights else (space.as_plain(name), shape)
        for name, shape in zip(node.inputs, shapes, strict=True)
    )
    work = Foreign(bind(node.operator, to), inputs, (space.new_plain(step.output), output))
    space.add(step, IN_PYTHON, work)
