"""Convolutions in training: the result, and the gradients of data, weights and biases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import inf, prod

import numpy as np

from striate.geometry import Axis, TransposedAxis, TransposedWindow, Window
from striate.network import Shape
from striate.network import operators as op
from striate.ops.blocked import weight_gradient_choice
from striate.ops.blocked.channel_sums import channel_sums, partial_size
from striate.ops.blocked.gates import clip, gate_and_sum, unit_sums
from striate.ops.blocked.gather import gather, places_of
from striate.ops.blocked.layout import Place, Value
from striate.ops.blocked.task import Task
from striate.ops.blocked.weight_gradient import Convolved
from striate.runtime.learning.layers import Layer
from striate.runtime.learning.rules import depthwise
from striate.runtime.learning.rules.activations import gated
from striate.runtime.learning.space import Sides, Space
from striate.runtime.learning.trained import TrainedWeights, turning
from striate.runtime.lowering.convolutions import Convolving, native_convolution
from striate.runtime.lowering.fusion import Fused
from striate.runtime.lowering.methods import choose, tasks_of
from striate.runtime.lowering.values import planar, reach, sweeps_of

__all__ = ["backward", "forward", "refusal", "sides", "sides_of_gradient"]


def refusal(layer: Layer, shapes: Mapping[str, Shape], lanes: int) -> str:
    """Return why a convolution has no gradients in machine code; "" where it has."""
    o = _operator(layer)
    x, y = shapes[layer.node.inputs[0]], shapes[layer.output]
    if depthwise.by_channels(layer, shapes):
        return ""
    whole = o.groups == 1 or (x[1] // o.groups % lanes == y[1] // o.groups % lanes == 0)
    if not whole:
        return f"groups={o.groups} of {x[1]} channels and {y[1]} maps fill no whole registers"
    if layer.learns[0] and not native_convolution(_reversed(o, x, y), y, x, lanes):
        return f"strides {o.window.strides} are too long"
    return ""


def sides(layer: Layer, shapes: Mapping[str, Shape]) -> Sides:
    """Return the padding that is read around the input."""
    x, y = shapes[layer.node.inputs[0]], shapes[layer.output]
    return reach(sweeps_of(_operator(layer), x, y), x[2:])


def sides_of_gradient(layer: Layer, shapes: Mapping[str, Shape]) -> Sides:
    """Return the padding that is read around the gradient of the result."""
    x, y = shapes[layer.node.inputs[0]], shapes[layer.output]
    if not layer.learns[0]:
        none = (0,) * (len(y) - 2)
        return none, none
    if depthwise.by_channels(layer, shapes):
        return depthwise.sides_of_gradient(layer, shapes)
    back = _reversed(_operator(layer), x, y)
    return reach(sweeps_of(back, y, x), y[2:])


def forward(space: Space, layer: Layer) -> None:
    """Add what computes a convolution."""
    o, name = _operator(layer), layer.node.inputs[0]
    result = space.new(layer.output)
    space.bounds[layer.output] = layer.low, layer.high
    if depthwise.by_channels(layer, space.shapes):
        depthwise.forward(space, layer, space.value(name), result)
        return
    step = Fused(layer.node, layer.output, (), low=layer.low, high=layer.high)
    shapes = space.shapes[name], space.shapes[layer.output]
    job = Convolving(space.to, step, o, *shapes, TrainedWeights(space), result, None)
    if space.only_rows(name) and planar(step, space.shapes):
        _from_planes(space, job, space.rows[name])
    else:
        space.run(_tasks(space, job, space.value(name)))


def _from_planes(space: Space, job: Convolving, place: Place) -> None:
    """Add what convolves an input of few channels, which would leave most lanes of blocks empty."""
    output = job.step.output
    planes = f"{output} (planes)", space.sizes, place
    space.run(job.planes(*planes))
    _, space.planes[output] = job.padded([job.sweeps(flat=False)[0][0]], *planes)


def backward(space: Space, layer: Layer) -> None:
    """Add what computes the gradients of a convolution."""
    _, weight, *bias = layer.node.inputs
    learns = bias and layer.learns[2]
    by_channels = depthwise.by_channels(layer, space.shapes)
    dz = _biased(space, layer, bias[0]) if learns else gated(space, layer)
    if layer.learns[0] and by_channels:
        depthwise.back_to_data(space, layer, dz)
    elif layer.learns[0]:
        _back_to_data(space, layer, dz)
    if layer.learns[1] and by_channels:
        depthwise.weights(space, layer, dz)
    elif layer.learns[1]:
        _weights(space, layer, dz, weight)


def _biased(space: Space, layer: Layer, bias: str) -> Value:
    """Return the gradient before the bounds; its sums are those of the bias."""
    to, dy = space.parameter_gradient(bias), space.gradient(layer.output)
    if len(space.shapes[bias]) > 1:
        dz = gated(space, layer)
        space.run(unit_sums(space.target, dz, to))
        return dz
    partial = space.buffer(f"d {bias} (sums)", partial_size(dy)).buffer
    if not layer.bounded or layer.output in space.gated:
        space.run(channel_sums(space.target, dy, to, partial))
        return dy
    dz = dy if space.own(layer.output) else space.new_gradient(layer.output)
    y = space.values[layer.output]
    gate = clip(layer.low, layer.high)
    space.run(gate_and_sum(space.target, gate, dy, y, dz, to, partial))
    return dz


def _back_to_data(space: Space, layer: Layer, dz: Value) -> None:
    """Add what computes the gradient of the data: a convolution of that of the result."""
    o, (name, weight, *_) = _operator(layer), layer.node.inputs
    x, y = space.shapes[name], space.shapes[layer.output]
    known = space.known(name)
    result = space.new_gradient(name)
    back = _reversed(o, x, y)
    node = replace(layer.node, operator=back, inputs=(f"d {layer.output}", weight))
    step = Fused(node, result.buffer, (), low=-inf, high=inf)
    if isinstance(back, op.Conv):
        weights = TrainedWeights(space, turning(o.groups))
    else:
        weights = TrainedWeights(space, lambda places: o.dense(places, x[1]))
    job = Convolving(space.to, step, back, y, x, weights, result, known)
    space.run(_tasks(space, job, dz))


def _tasks(space: Space, job: Convolving, source: Value) -> list[Task]:
    """Return the tasks of the cheapest method."""
    o = job.operator
    if o.groups > 1 or getattr(o, "table", None) is not None:
        job = replace(job, to=job.to._replace(exact=True))
    return tasks_of(job, source, choose(job, source), space.sizes)


def _weights(space: Space, layer: Layer, dz: Value, weight: str) -> None:
    """Add what computes the gradient of the weights."""
    o, name = _operator(layer), layer.node.inputs[0]
    window = o.window.at(space.shapes[name][2:])
    to = space.parameter_gradient(weight)
    dense = to
    if o.table is not None:
        channels = space.shapes[name][1]
        wide = (len(o.table), channels, *window.kernel)
        dense = space.buffer(f"d {weight} (dense)", prod(wide))
    convolved = Convolved(
        space.planes.get(layer.output) or space.value(name),
        space.shapes[name][1],
        dz,
        window.kernel,
        window.strides,
        window.dilations,
        tuple(axis.before for axis in window.axes),
        o.groups,
    )
    forms = weight_gradient_choice.choose(space.target, convolved, space.to.exact)
    size = weight_gradient_choice.arena(space.target, convolved, forms)
    sums = space.buffer(f"d {weight} (sums)", size).buffer
    space.run(weight_gradient_choice.tasks(space.target, convolved, forms, dense, sums))
    if o.table is not None:
        index = places_of(wide)[np.arange(len(o.table))[:, None], np.array(o.table)].ravel()
        space.run(gather(space.target, dense, index, to))


def _operator(layer: Layer) -> op.Conv:
    operator = layer.node.operator
    assert isinstance(operator, op.Conv)
    return operator


def _reversed(o: op.Conv, x: Shape, y: Shape) -> op.Conv | op.ConvTranspose:
    """Return the convolution that takes the gradient of y to that of x."""
    window = o.window.at(x[2:])
    before = [axis.extent - 1 - axis.before for axis in window.axes]
    plain = o.table is None and all(stride == 1 for stride in window.strides)
    if plain and all(b >= 0 for b in before):
        axes = []
        for axis, b, size, wanted in zip(window.axes, before, y[2:], x[2:], strict=True):
            after = wanted - size + axis.extent - 1 - b
            axes.append(Axis(axis.kernel, 1, axis.dilation, (b, after)))
        if all(axis.after >= 0 for axis in axes):
            return op.Conv(Window(tuple(axes)), o.groups)
    return op.ConvTranspose(
        TransposedWindow(
            tuple(
                TransposedAxis(axis.kernel, axis.stride, axis.dilation, (axis.before, 0))
                for axis in window.axes
            )
        ),
        o.groups,
    )
