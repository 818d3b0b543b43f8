"""Depthwise convolutions in training: each channel by itself."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

import numpy as np

from striate.network import Shape
from striate.network import operators as op
from striate.ops.blocked import depthwise, depthwise_data_gradient, depthwise_weight_gradient
from striate.ops.blocked.gather import places_of
from striate.ops.blocked.layout import Value
from striate.ops.blocked.mapping import map_blocks
from striate.runtime.learning.layers import Layer
from striate.runtime.learning.space import Sides, Space
from striate.runtime.learning.trained import TrainedWeights

__all__ = ["back_to_data", "by_channels", "forward", "sides_of_gradient", "weights"]


def by_channels(layer: Layer, shapes: Mapping[str, Shape]) -> bool:
    """Tell whether a convolution is depthwise, with one map for each channel."""
    o, x, y = layer.node.operator, shapes[layer.node.inputs[0]], shapes[layer.output]
    biases = [shapes[name] for name in layer.node.inputs[2:]]
    assert isinstance(o, op.Conv)
    return x[1] == y[1] == o.groups > 1 and all(len(bias) == 1 for bias in biases)


def sides_of_gradient(layer: Layer, shapes: Mapping[str, Shape]) -> Sides:
    """Return the padding that is read around the gradient of the result."""
    o, x, y = layer.node.operator, shapes[layer.node.inputs[0]], shapes[layer.output]
    assert isinstance(o, op.Conv)
    return depthwise_data_gradient.padding_of(o.window, x[2:], y[2:])


def forward(space: Space, layer: Layer, source: Value, result: Value) -> None:
    """Add what computes the convolution."""
    o, (_, weight, *bias) = layer.node.operator, layer.node.inputs
    assert isinstance(o, op.Conv)
    index = depthwise.arranged(space.target, places_of(space.shapes[weight]))
    own = TrainedWeights(space).gathered(weight, index)
    lanes = source.layout.blocks * source.layout.lanes
    terms = space.parameters.place(bias[0]) if bias else np.zeros(lanes, np.float32)
    packed = depthwise.PackedDepthwise(own, terms)
    bounds = o.window, layer.low, layer.high
    space.run(depthwise.depthwise(space.target, source, result, packed, *bounds))


def back_to_data(space: Space, layer: Layer, dz: Value) -> None:
    """Add what computes the gradient of the data."""
    o, (name, weight, *_) = layer.node.operator, layer.node.inputs
    assert isinstance(o, op.Conv)
    known, result = space.known(name), space.new_gradient(name)
    size = result.layout.blocks * result.layout.lanes * prod(o.window.kernel)
    packed = space.buffer(f"{weight} (packed)", size).buffer
    place = space.parameters.place(weight)
    space.run(
        depthwise_data_gradient.data_gradient(space.target, dz, result, place, o.window, packed)
    )
    if known is not None:
        space.run(map_blocks(space.target, ("add", 0, 1), [known, result], result))


def weights(space: Space, layer: Layer, dz: Value) -> None:
    """Add what computes the gradient of the weights."""
    o, (name, weight, *_) = layer.node.operator, layer.node.inputs
    assert isinstance(o, op.Conv)
    source, to = space.value(name), space.parameter_gradient(weight)
    size = depthwise_weight_gradient.weight_sums(source, dz.layout, o.window)
    sums = space.buffer(f"d {weight} (sums)", size).buffer
    ends = source, dz, o.window, sums, to
    space.run(depthwise_weight_gradient.weight_gradient(space.target, *ends))
