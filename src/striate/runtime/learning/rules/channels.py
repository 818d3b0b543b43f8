"""A number for each channel in training: products and sums with it."""

from __future__ import annotations

from collections.abc import Mapping

from striate.network import Shape
from striate.ops.blocked import channel_scaling
from striate.ops.blocked.channel_sums import channel_sums, partial_size
from striate.runtime.learning.layers import Layer
from striate.runtime.learning.rules.activations import gated
from striate.runtime.learning.space import Space

__all__ = ["Scaling", "Shifting", "of_channels"]


def of_channels(layer: Layer, shapes: Mapping[str, Shape]) -> bool:
    """Tell whether a layer joins a value with one trained number for each of its channels."""
    x, *others = (shapes[name] for name in layer.node.inputs)
    if layer.parameters != (False, True) or not 3 <= len(x) <= 5:
        return False
    (numbers,) = others
    own = (1,) * (len(x) - len(numbers)) + numbers
    return own == (1, x[1], *(1 for _ in x[2:]))


class Scaling:
    """Mul by a parameter (C, 1, 1)."""

    @staticmethod
    def refusal(layer: Layer, shapes: Mapping[str, Shape], lanes: int) -> str:
        """Return why it has no gradient in machine code; "" where it has."""
        if of_channels(layer, shapes):
            return ""
        return f"multiplies {' and '.join(str(shapes[name]) for name in layer.node.inputs)}"

    @staticmethod
    def forward(space: Space, layer: Layer) -> None:
        """Add what multiplies each channel."""
        name, number = layer.node.inputs
        scale, source = space.parameters.place(number), space.value(name)
        result = space.new(layer.output)
        space.run(channel_scaling.scale_shift(space.target, source, result, scale))

    @staticmethod
    def backward(space: Space, layer: Layer) -> None:
        """Add what computes the gradients of the value and of the numbers."""
        name, number = layer.node.inputs
        source, dy = space.value(name), space.gradient(layer.output)
        dx = dy if space.own(layer.output) else space.new_gradient(layer.output)
        size = space.parameters.span(number)[1]
        dscale = space.buffer(f"d {number}", size)
        if layer.learns[1]:
            dscale = space.parameter_gradient(number)
        dshift = space.buffer(f"d {number} (sum)", size)
        partial = space.buffer(f"d {number} (sums)", partial_size(source, 2)).buffer
        scale = space.parameters.place(number)
        ends = dy, source, dx, scale, dscale, dshift, partial
        space.run(channel_scaling.scale_shift_gradient(space.target, *ends))
        if layer.learns[0]:
            space.add_gradient(name, dx)


class Shifting:
    """Add of a parameter (C, 1, 1)."""

    @staticmethod
    def forward(space: Space, layer: Layer) -> None:
        """Add what shifts each channel."""
        name, number = layer.node.inputs
        shift, source = space.parameters.place(number), space.value(name)
        if space.may_write_over(layer):
            space.values[layer.output] = source
        result = space.values.get(layer.output) or space.new(layer.output)
        bounds = layer.low, layer.high
        shifted = source, result, None, shift
        space.run(channel_scaling.scale_shift(space.target, *shifted, *bounds))

    @staticmethod
    def backward(space: Space, layer: Layer) -> None:
        """Add what sums the gradient for the numbers; that of the value is the same."""
        name, number = layer.node.inputs
        dz = gated(space, layer)
        if layer.learns[1]:
            partial = space.buffer(f"d {number} (sums)", partial_size(dz)).buffer
            to = space.parameter_gradient(number)
            space.run(channel_sums(space.target, dz, to, partial))
        if layer.learns[0] and space.own(layer.output):
            space.add_gradient(name, dz)
        elif layer.learns[0]:
            space.share_gradient(name, dz)
