"""Lowering layers: convolutions, poolings, resizing, fully connected ones."""

from __future__ import annotations

from math import prod

import numpy as np
from numpy.typing import NDArray

from striate.network import Shape
from striate.network import operators as op
from striate.ops.blocked import conversion, linear, pooling
from striate.ops.blocked.channels_last import enter_last, leave_last
from striate.ops.blocked.convolution import Source, Sweep, direct
from striate.ops.blocked.global_pooling import global_average, global_max
from striate.ops.blocked.layout import Value, blocked
from striate.ops.blocked.resampling import resample
from striate.ops.blocked.tiling import choose_tiling
from striate.runtime.lowering.bands import in_bands
from striate.runtime.lowering.between import between_planes
from striate.runtime.lowering.convolutions import Convolving
from striate.runtime.lowering.fusion import Fused
from striate.runtime.lowering.groups import in_groups
from striate.runtime.lowering.methods import choose, tasks_of
from striate.runtime.lowering.values import planar
from striate.runtime.lowering.workspace import Workspace

__all__ = ["convolution", "linear_layer", "native_resize", "pool", "resize"]

MANY = 32  # rows from which a product of matrices is worth the way into blocks and back


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
    from_planes = space.only_plain(name) and planar(step, space.shapes)
    source = None if from_planes or name in space.last else space.as_blocked(name)
    residual = None if step.residual is None else space.as_blocked(step.residual)
    result, tasks = space.new_blocked(step.output)
    shapes = space.shapes[name], space.shapes[step.output]
    job = Convolving(space.to, step, operator, *shapes, space.weights, result, residual)
    if name in space.last:
        tasks.append(job.channels_last(space.last[name]))
        space.add(step, "direct, from channels that come last", tasks)
    elif source is None:
        tasks += job.planes(f"{step.output} (planes)", space.sizes, space.plain[name])
        space.add(step, "direct, from planes", tasks)
    elif own := in_groups(job, source):
        space.add(step, own.method, [*tasks, own.task, *job.applied()])
    else:
        choice = choose(job, source)
        tasks += tasks_of(job, source, choice, space.sizes)
        if choice.forms:
            tasks += job.applied()
        space.add(step, choice.method, tasks, choice.why)


def pool(space: Workspace, step: Fused) -> None:
    """Lower the poolings; a mean over all pixels may leave no axes for them."""
    source, target = space.as_blocked(step.node.inputs[0]), space.target
    x, y = space.shapes[step.node.inputs[0]], space.shapes[step.output]
    if len(y) < len(x):
        layout = blocked((*x[:2], *(1 for _ in x[2:])), target.lanes)
        means = Value(layout, f"{step.output} (means)")
        space.sizes[means.buffer] = layout.size
        left = conversion.leave(target, means, space.new_plain(step.output))
        space.add(step, "pooling", [global_average(target, source, means), left])
        return
    result, tasks = space.new_blocked(step.output)
    match step.node.operator:
        case op.GlobalAveragePool() | op.ReduceMean():
            tasks.append(global_average(target, source, result))
        case op.GlobalMaxPool():
            tasks.append(global_max(target, source, result))
        case op.AveragePool(window, counted):
            tasks.append(pooling.average_pool(target, source, result, window, counted))
        case op.MaxPool(window):
            tasks.append(pooling.max_pool(target, source, result, window))
    space.add(step, "pooling", tasks)


def linear_layer(space: Workspace, step: Fused) -> None:
    """Lower Gemm, and MatMul by a matrix that does not change."""
    name, weight, *bias = (*step.node.inputs, *([step.bias] if step.bias else []))
    x, matrix = space.shapes[name], space.weights[weight]
    sequences = isinstance(step.node.operator, op.MatMul) or len(x) > 2
    if sequences and prod(x[:-1]) >= MANY:
        _many_rows(space, step)
        return
    if isinstance(step.node.operator, op.MatMul):
        matrix = space.weights.made(
            ("transposed", weight), lambda: np.ascontiguousarray(space.weights[weight].T)
        )
    terms = space.weights[bias[0]].reshape(-1) if bias else None
    place, result = space.as_plain(name), space.new_plain(step.output)
    sizes = prod(x[:-1]), matrix, terms
    task = linear.linear(space.target, place, *sizes, result, step.low, step.high)
    space.add(step, "rows of weights", [task])


def _many_rows(space: Workspace, step: Fused) -> None:
    """Lower a product of many rows as a convolution, whose pixels they are."""
    name, weight, *biases = (*step.node.inputs, *([step.bias] if step.bias else []))
    turned = isinstance(step.node.operator, op.MatMul)
    target, matrix = space.target, space.weights[weight]
    maps, channels = matrix.shape[::-1] if turned else matrix.shape
    rows = prod(space.shapes[name][:-1])
    source, result = (
        Value(blocked((1, size, rows), target.lanes), f"{step.output} ({what})")
        for size, what in ((channels, "rows"), (maps, "products"))
    )
    space.sizes |= {value.buffer: value.layout.size for value in (source, result)}
    tiling = choose_tiling(target, rows, maps, channels)
    packed = space.weights.made(
        ("many rows", weight, turned, tiling.vectors),
        lambda: tiling.pack(np.ascontiguousarray(matrix.T if turned else matrix)[..., None]),
    )
    bias = np.zeros(result.layout.blocks * target.lanes, np.float32)
    for added in biases:
        bias[:maps] = space.weights[added].reshape(-1)
    sweep = Sweep((rows,), (1,), (0,), (1,), ((0,),))
    ends = Source.of(source), result, sweep, tiling, packed, bias
    product = direct(target, *ends, low=step.low, high=step.high)
    tasks = [
        enter_last(target, space.as_plain(name), source),
        product,
        leave_last(target, result, space.new_plain(step.output)),
    ]
    space.add(step, "rows as pixels", tasks)


def native_resize(operator: op.Resize, x: Shape) -> bool:
    """Tell whether resizing runs as machine code: of spatial axes, without other numbers."""
    spatial = all(
        axis.axis >= 2 or (axis.output == axis.size and axis.scale == 1)
        for axis in operator.resized(x)
    )
    return 3 <= len(x) <= 5 and spatial and operator.coordinates != "tf_crop_and_resize"


def resize(space: Workspace, step: Fused) -> None:
    """Lower Resize: each spatial axis is multiplied by a matrix."""
    operator, name = step.node.operator, step.node.inputs[0]
    assert isinstance(operator, op.Resize)
    shape = space.shapes[name]
    matrices: list[NDArray[np.floating]] = [np.eye(size) for size in shape[2:]]
    for axis in operator.resized(shape):
        if axis.axis >= 2:
            matrix = np.zeros((axis.output, axis.size))
            for taken, weights in zip(*(array.T for array in operator.taps(axis)), strict=True):
                np.add.at(matrix, (np.arange(axis.output), taken), weights)
            matrices[axis.axis - 2] = matrix
    source = space.as_blocked(name)
    result, tasks = space.new_blocked(step.output)
    space.add(step, "sums of pixels", [*tasks, resample(space.target, source, result, matrices)])
