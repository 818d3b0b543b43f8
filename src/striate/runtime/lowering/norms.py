"""Lowering normalization: by known numbers, by a value's own statistics, and softmax."""

from __future__ import annotations

from math import prod

import numpy as np
from numpy.typing import NDArray

from striate.network import Node, Shape
from striate.network import operators as op
from striate.network.operators.axes import axis_of
from striate.ops.blocked import elementwise, normalizing
from striate.ops.blocked.expression import renumbered
from striate.ops.blocked.group_norm import Statistics, normalized
from striate.ops.blocked.group_norm import group_norm as group_norm_of
from striate.ops.blocked.softmax import softmax as softmax_of_rows
from striate.ops.blocked.softmax import softmax_of_channels
from striate.runtime.lowering.fusion import Fused
from striate.runtime.lowering.workspace import Workspace

__all__ = [
    "batch_norm",
    "factors",
    "group_norm",
    "instance_norm",
    "layer_norm",
    "local_response",
    "native_layer_norm",
    "softmax",
]

Array = NDArray[np.float32]


def factors(space: Workspace, step: Fused) -> tuple[Array, Array]:
    """Return what a BatchNormalization multiplies each channel by, and what it adds."""
    operator = step.node.operator
    assert isinstance(operator, op.BatchNormalization)
    names = step.node.inputs[1:]
    scale, bias, mean, variance = (space.weights[name].astype(np.float64) for name in names)
    factor = scale / np.sqrt(variance + operator.epsilon)
    return factor.astype(np.float32), (bias - mean * factor).astype(np.float32)


def batch_norm(space: Workspace, step: Fused) -> None:
    """Lower a BatchNormalization that no convolution took in."""
    if step.output in space.waiting:
        return
    source = space.as_blocked(step.node.inputs[0])
    result, tasks = space.new_blocked(step.output)
    numbers = factors(space, step)
    task = elementwise.scale_shift(space.target, source, result, *numbers, step.low, step.high)
    space.add(step, "elements", [*tasks, task])


def instance_norm(space: Workspace, step: Fused) -> None:
    """Lower InstanceNormalization."""
    operator, (name, *numbers) = step.node.operator, step.node.inputs
    assert isinstance(operator, op.InstanceNormalization)
    source = space.as_blocked(name)
    result, tasks = space.new_blocked(step.output)
    scale, bias = (space.weights[number] for number in numbers)
    norm = normalizing.instance_norm(space.target, source, result, scale, bias, operator.epsilon)
    space.add(step, "pixels of channels", [*tasks, norm])


def group_norm(space: Workspace, step: Fused) -> None:
    """Lower GroupNormalization, with what works on each element behind it."""
    o, (name, *numbers) = step.node.operator, step.node.inputs
    assert isinstance(o, op.GroupNormalization)
    source = space.as_blocked(name)
    result, tasks = space.new_blocked(step.output)
    scale, bias = (space.weights[number] for number in numbers)
    between = Statistics(f"{step.output} (means)", f"{step.output} (factors)")
    at = source.layout
    space.sizes |= dict.fromkeys(between, at.batch * at.blocks * at.lanes)
    whole = None if step.after is None else renumbered(step.after, [normalized()])
    given = o.groups, scale, bias, o.epsilon, between, whole
    space.add(
        step, "groups of channels", [*tasks, *group_norm_of(space.target, source, result, *given)]
    )


def local_response(space: Workspace, step: Fused) -> None:
    """Lower LRN."""
    o = step.node.operator
    assert isinstance(o, op.LRN)
    source = space.as_blocked(step.node.inputs[0])
    result, tasks = space.new_blocked(step.output)
    numbers = o.size, o.alpha, o.beta, o.bias
    norm = normalizing.local_response(space.target, source, result, *numbers)
    space.add(step, "neighbouring channels", [*tasks, norm])


def native_layer_norm(node: Node, shapes: dict[str, Shape]) -> bool:
    """Tell whether a layer norm runs as machine code: each element has its own numbers."""
    x = shapes[node.inputs[0]]
    assert isinstance(node.operator, op.LayerNormalization)
    own = x[axis_of(node.operator.axis, x) :]
    return len(node.outputs) == 1 and all(shapes[name] == own for name in node.inputs[1:])


def layer_norm(space: Workspace, step: Fused) -> None:
    """Lower LayerNormalization."""
    operator, (name, *numbers) = step.node.operator, step.node.inputs
    assert isinstance(operator, op.LayerNormalization)
    shape = space.shapes[name]
    axis = axis_of(operator.axis, shape)
    rows = prod(shape[:axis]), prod(shape[axis:])
    scale, bias = (*(space.weights[number] for number in numbers), None)[:2]
    assert scale is not None
    place = space.as_plain(name)
    ends = place, rows, space.new_plain(step.output)
    norm = normalizing.layer_norm(space.target, *ends, scale, bias, operator.epsilon)
    space.add(step, "rows", [norm])


def softmax(space: Workspace, step: Fused) -> None:
    """Lower Softmax: over the channels of pixels, or along rows in NumPy's order."""
    operator, name = step.node.operator, step.node.inputs[0]
    assert isinstance(operator, op.Softmax)
    shape = space.shapes[name]
    axis = axis_of(operator.axis, shape, ends=operator.onwards)
    if operator.onwards or prod(shape[axis + 1 :]) == 1:
        rows = prod(shape[:axis]), prod(shape[axis:])
        place = space.as_plain(name)
        task = softmax_of_rows(space.target, place, rows, space.new_plain(step.output))
        space.add(step, "rows", [task])
        return
    source = space.as_blocked(name)
    result, tasks = space.new_blocked(step.output)
    space.add(step, "pixels", [*tasks, softmax_of_channels(space.target, source, result)])
