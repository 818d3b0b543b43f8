"""Which operators run as machine code, and the tasks that each becomes."""

from __future__ import annotations

from collections.abc import Callable
from math import inf, prod

import numpy as np
from numpy.typing import NDArray

from striate.network import Node, Shape
from striate.network import operators as op
from striate.ops.blocked import conversion, elementwise, linear, pooling
from striate.ops.blocked.global_pooling import global_average, global_max
from striate.ops.blocked.joining import copy_to_channels
from striate.ops.blocked.layout import Place
from striate.ops.blocked.softmax import softmax
from striate.ops.blocked.task import Task
from striate.runtime.lowering.bands import in_bands
from striate.runtime.lowering.between import between_planes
from striate.runtime.lowering.convolutions import Convolving, native_convolution, planar
from striate.runtime.lowering.fusion import Fused
from striate.runtime.lowering.groups import in_groups
from striate.runtime.lowering.lowered import OUTPUT
from striate.runtime.lowering.methods import choose, tasks_of
from striate.runtime.lowering.norms import factors
from striate.runtime.lowering.weights import Weights
from striate.runtime.lowering.workspace import Workspace

__all__ = ["lower_natively", "native"]


def native(node: Node, shapes: dict[str, Shape], weights: Weights, lanes: int) -> bool:
    """Tell whether a node runs as machine code."""
    x, *others = (shapes[name] for name in node.inputs)
    first, *rest = (name in weights for name in node.inputs)
    volume = len(x) > 2
    if first:
        return False
    match node.operator:
        case op.Conv() | op.ConvTranspose():
            sizes = x, shapes[node.outputs[0]], lanes
            return all(rest) and native_convolution(node.operator, *sizes)
        case op.Gemm():
            return all(rest)
        case op.BatchNormalization():
            return all(rest) and volume
        case op.Add():
            return _per_channel(x, others[0]) if rest[0] else x == others[0]
        case op.Mul():
            if rest[0]:
                return _per_channel(x, others[0])
            pixels = volume and x[:2] == others[0][:2] and prod(others[0][2:]) == 1
            return x == others[0] or pixels
        case op.MaxPool(indices=True):
            return False
        case op.MaxPool() | op.AveragePool() | op.GlobalAveragePool() | op.GlobalMaxPool():
            return volume
        case op.Pad(mode=mode):
            sides = (*node.operator.before, *node.operator.after)
            spatial = len(node.operator.before) == len(x) - 2
            return volume and spatial and mode == "constant" and min(sides) >= 0
        case op.Softmax(axis=axis):
            return len(x) == 2 and axis in (1, -1)
        case op.Concat(axis=axis):
            return volume and not any(rest) and axis in (1, 1 - len(x))
    return type(node.operator) in LOWERED


def _per_channel(x: Shape, other: Shape) -> bool:
    """Tell whether a constant has one number for each channel, and x has pixels."""
    aligned = (1,) * (len(x) - len(other)) + tuple(other)
    return len(x) > 2 and len(aligned) == len(x) and aligned[1] == x[1] == prod(aligned)


def lower_natively(space: Workspace, step: Fused) -> None:
    """Lower a step that `native` accepts."""
    LOWERED[type(step.node.operator)](space, step)


def convolution(space: Workspace, step: Fused) -> None:
    """Lower Conv and ConvTranspose."""
    name = step.node.inputs[0]
    operator = step.node.operator
    assert isinstance(operator, op.Conv | op.ConvTranspose)
    if step.output in space.waiting:
        return
    if name in space.waiting:
        in_bands(space, space.waiting[name], step)
        return
    if between_planes(space, step, operator):
        return
    from_planes = planar(step, space.shapes, space.input)
    source = None if from_planes else space.as_blocked(name)
    residual = None if step.residual is None else space.as_blocked(step.residual)
    result, tasks = space.new_blocked(step.output)
    shapes = space.shapes[name], space.shapes[step.output]
    job = Convolving(space.to, step, operator, *shapes, space.weights, result, residual)
    if source is None:
        tasks += job.planes(f"{step.output} (planes)", space.sizes, space.plain[name])
        space.add(step, "direct, from planes", tasks)
    elif own := in_groups(job, source):
        space.add(step, own.method, [*tasks, own.task])
    else:
        choice = choose(job, source)
        tasks += tasks_of(job, source, choice, space.sizes)
        space.add(step, choice.method, tasks, choice.why)


def pool(space: Workspace, step: Fused) -> None:
    """Lower the poolings."""
    source = space.as_blocked(step.node.inputs[0])
    result, tasks = space.new_blocked(step.output)
    target = space.target
    match step.node.operator:
        case op.GlobalAveragePool():
            tasks.append(global_average(target, source, result))
        case op.GlobalMaxPool():
            tasks.append(global_max(target, source, result))
        case op.AveragePool(window, counted):
            tasks.append(pooling.average_pool(target, source, result, window, counted))
        case op.MaxPool(window):
            tasks.append(pooling.max_pool(target, source, result, window))
    space.add(step, "pooling", tasks)


def gemm(space: Workspace, step: Fused) -> None:
    """Lower Gemm."""
    name, weight, *bias = step.node.inputs
    place, result = space.as_plain(name), space.new_plain(step.output)
    terms = space.weights[bias[0]] if bias else None
    sizes = space.shapes[name][0], space.weights[weight], terms
    task = linear.linear(space.target, place, *sizes, result, step.low, step.high)
    space.add(step, "rows of weights", [task])


def flatten(space: Workspace, step: Fused) -> None:
    """Lower Flatten: the same elements, once they lie in NumPy's order."""
    name = step.node.inputs[0]
    if step.output == space.output and name not in space.plain:
        space.plain[step.output] = Place(OUTPUT)
        task = conversion.leave(space.target, space.value(name), Place(OUTPUT))
        space.add(step, "from blocks", [task])
    else:
        space.plain[step.output] = space.as_plain(name)


def concatenate(space: Workspace, step: Fused) -> None:
    """Lower Concat: most of its terms have been made where it wants them."""
    terms = [space.as_blocked(name) for name in step.node.inputs]
    whole = space.made(step.output)
    tasks, first = [], 0
    for term in terms:
        block, rest = divmod(first, space.target.lanes)
        at = whole.layout.first_block + block
        if rest or (term.buffer, term.layout.first_block) != (whole.buffer, at):
            tasks.append(copy_to_channels(space.target, term, whole, first))
        first += term.layout.channels
    if tasks and not whole.layout.contiguous:
        tasks.insert(0, conversion.border(space.target, whole))
    space.add(step, "copied" if tasks else "made in place", tasks)


def pad(space: Workspace, step: Fused) -> None:
    """Lower Pad: a copy into the middle of what was filled."""
    operator = step.node.operator
    assert isinstance(operator, op.Pad)
    source = space.as_blocked(step.node.inputs[0])
    result, tasks = space.new_blocked(step.output)
    at = result.layout
    inside = result._replace(
        layout=at._replace(
            spatial=source.layout.spatial,
            before=tuple(a + b for a, b in zip(at.before, operator.before, strict=True)),
            after=tuple(a + b for a, b in zip(at.after, operator.after, strict=True)),
        )
    )
    fill = conversion.border(space.target, inside, operator.fill)
    space.add(step, "filled", [fill, *tasks, elementwise.copy(space.target, source, inside)])


def add(space: Workspace, step: Fused) -> None:
    """Lower Add, also of a number for each channel."""
    name, other = step.node.inputs
    if other in space.weights:
        _scale_shift(space, step, np.ones(space.shapes[name][1]), space.weights[other].ravel())
    else:
        _elements(space, step, elementwise.add, step.low, step.high)


def multiply(space: Workspace, step: Fused) -> None:
    """Lower Mul, also by a number for each channel."""
    name, other = step.node.inputs
    if other in space.weights:
        _scale_shift(space, step, space.weights[other].ravel(), np.zeros(space.shapes[name][1]))
    else:
        _elements(space, step, elementwise.multiply, step.low, step.high)


def batch_norm(space: Workspace, step: Fused) -> None:
    """Lower a BatchNormalization that no convolution took in."""
    if step.output in space.waiting:
        return
    _scale_shift(space, step, *factors(space, step))


def _scale_shift(
    space: Workspace, step: Fused, scale: NDArray[np.floating], shift: NDArray[np.floating]
) -> None:
    """Lower what multiplies each channel by a number and adds another."""
    source = space.as_blocked(step.node.inputs[0])
    result, tasks = space.new_blocked(step.output)
    numbers = scale.astype(np.float32), shift.astype(np.float32)
    task = elementwise.scale_shift(space.target, source, result, *numbers, step.low, step.high)
    space.add(step, "elements", [*tasks, task])


def activation(space: Workspace, step: Fused) -> None:
    """Lower an activation that no other step took in."""
    match step.node.operator:
        case op.Relu():
            _elements(space, step, elementwise.clip, 0.0, inf)
        case op.Clip(low, high):
            _elements(space, step, elementwise.clip, low, high)
        case op.Tanh():
            _elements(space, step, elementwise.tanh)
        case op.ScaledTanh(alpha, beta):
            _elements(space, step, elementwise.tanh, alpha, beta)
        case op.Sigmoid():
            _elements(space, step, elementwise.sigmoid)


def _elements(space: Workspace, step: Fused, task: Callable[..., Task], *numbers: float) -> None:
    """Lower what works on each element by itself, in whichever order the value is."""
    if len(space.shapes[step.output]) > 2:
        inputs = [space.as_blocked(name) for name in step.node.inputs]
        result, tasks = space.new_blocked(step.output)
    else:
        inputs = [space.as_flat(name) for name in step.node.inputs]
        result, tasks = space.new_flat(step.output), []
    space.add(step, "elements", [*tasks, task(space.target, *inputs, result, *numbers)])


def softmax_rows(space: Workspace, step: Fused) -> None:
    """Lower Softmax over the features of a matrix."""
    name = step.node.inputs[0]
    examples, features = space.shapes[name]
    place, result = space.as_plain(name), space.new_plain(step.output)
    space.add(step, "elements", [softmax(space.target, place, (examples, features), result)])


LOWERED: dict[type, Callable[[Workspace, Fused], None]] = {
    op.Conv: convolution,
    op.ConvTranspose: convolution,
    op.MaxPool: pool,
    op.AveragePool: pool,
    op.GlobalAveragePool: pool,
    op.GlobalMaxPool: pool,
    op.Gemm: gemm,
    op.Flatten: flatten,
    op.Concat: concatenate,
    op.Pad: pad,
    op.Add: add,
    op.Mul: multiply,
    op.BatchNormalization: batch_norm,
    op.Relu: activation,
    op.Clip: activation,
    op.Tanh: activation,
    op.ScaledTanh: activation,
    op.Sigmoid: activation,
    op.Softmax: softmax_rows,
}
