"""Sums and joins of values in training, and layers that scale and shift each channel."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from striate.network import Shape
from striate.network import operators as op
from striate.network.operators.axes import axis_of
from striate.ops.blocked.gather import gather
from striate.ops.blocked.joining import copy_to_channels
from striate.ops.blocked.layout import Blocked, Place, Value
from striate.ops.blocked.mapping import map_blocks
from striate.runtime.learning.layers import Layer
from striate.runtime.learning.rules.activations import bounded, gated
from striate.runtime.learning.rules.channels import Shifting, of_channels
from striate.runtime.learning.space import Space

__all__ = ["Adding", "Joining"]


class Adding:
    """Add of two values of the same shape, or of a number for each channel."""

    @staticmethod
    def refusal(layer: Layer, shapes: Mapping[str, Shape], lanes: int) -> str:
        """Return why it has no gradient in machine code; "" where it has."""
        if of_channels(layer, shapes):
            return ""
        each = {shapes[name] for name in layer.node.inputs}
        if any(layer.parameters) or len(each) > 1 or len(shapes[layer.output]) < 3:
            return f"adds {' and '.join(str(shapes[name]) for name in layer.node.inputs)}"
        return ""

    @staticmethod
    def forward(space: Space, layer: Layer) -> None:
        """Add what computes the sum, in the place of the first term where nothing wants that."""
        if any(layer.parameters):
            Shifting.forward(space, layer)
            return
        terms = [space.value(name) for name in layer.node.inputs]
        if space.may_write_over(layer):
            space.values[layer.output] = terms[0]
        result = space.values.get(layer.output) or space.new(layer.output)
        space.run(map_blocks(space.target, bounded(("add", 0, 1), layer), terms, result))

    @staticmethod
    def backward(space: Space, layer: Layer) -> None:
        """Hand the gradient of the sum to both terms."""
        if any(layer.parameters):
            Shifting.backward(space, layer)
            return
        dz = gated(space, layer)
        for name, learns in zip(layer.node.inputs, layer.learns, strict=True):
            if learns:
                space.share_gradient(name, dz)


class Joining:
    """Concat of channels."""

    @staticmethod
    def refusal(layer: Layer, shapes: Mapping[str, Shape], lanes: int) -> str:
        """Return why it has no gradient in machine code; "" where it has."""
        o, y = layer.node.operator, shapes[layer.output]
        assert isinstance(o, op.Concat)
        if any(layer.parameters) or not 3 <= len(y) <= 5 or axis_of(o.axis, y) != 1:
            return f"joins along axis {o.axis} of {y}"
        return ""

    @staticmethod
    def forward(space: Space, layer: Layer) -> None:
        """Add what copies the values to their channels."""
        result, first = space.new(layer.output), 0
        for name in layer.node.inputs:
            space.run(copy_to_channels(space.target, space.value(name), result, first))
            first += space.shapes[name][1]

    @staticmethod
    def backward(space: Space, layer: Layer) -> None:
        """Hand each value its channels of the gradient."""
        dy, first = space.gradient(layer.output), 0
        for name, learns in zip(layer.node.inputs, layer.learns, strict=True):
            channels = space.shapes[name][1]
            if learns:
                _hand_over(space, dy, first, name)
            first += channels


def _hand_over(space: Space, dy: Value, first: int, name: str) -> None:
    """Add channels of a gradient, from `first` on, to that for a value."""
    known, channels = space.known(name), space.shapes[name][1]
    block, beside = divmod(first, space.target.lanes)
    at = dy.layout._replace(channels=channels, first_block=dy.layout.first_block + block)
    part = Value(at, dy.buffer)
    if beside:
        part = space.new_gradient(name)
        index = _places(dy.layout, part.layout, first)
        space.run(gather(space.target, Place(dy.buffer), index, Place(part.buffer)))
        if known is not None:
            space.run(map_blocks(space.target, ("add", 0, 1), [known, part], part))
    else:
        space.share_gradient(name, part)


def _places(source: Blocked, result: Blocked, first: int) -> NDArray[np.int32]:
    """Return the place, counted from 1, of each element of a result's buffer; 0 in its padding.

    The result's channels are those of the source from `first` on.
    """
    channels = first + np.arange(result.channels)
    places = 1 + source.first_block * source.plane + _spread(source)
    block, lane = divmod(channels, source.lanes)
    places = places + (block * source.plane + lane)[:, None]
    examples = np.arange(result.batch)[:, None, None] * source.image
    index = np.zeros(result.size, np.int32)
    block, lane = divmod(np.arange(result.channels), result.lanes)
    to = (block * result.plane + lane)[:, None] + _spread(result)
    index[np.arange(result.batch)[:, None, None] * result.image + to] = examples + places
    return index


def _spread(layout: Blocked) -> NDArray[np.int64]:
    """Return where the pixels of a block lie behind its corner."""
    pixels = np.array([layout.origin - layout.corner])
    for size, step in zip(layout.spatial, layout.strides, strict=True):
        pixels = (pixels[:, None] + np.arange(size) * step).reshape(-1)
    return pixels
