"""Sums and joins of values in training, and layers that scale and shift each channel."""

from __future__ import annotations

from collections.abc import Mapping

from striate.network import Shape
from striate.network import operators as op
from striate.network.operators.axes import axis_of
from striate.ops.blocked.layout import Value
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
            if not learns:
                continue
            known = space.known(name)
            if known is None:
                space.give(name, dz, shared=True)
                continue
            both = space.new_gradient(name)
            space.run(map_blocks(space.target, ("add", 0, 1), [known, dz], both))


class Joining:
    """Concat of channels that fill whole blocks."""

    @staticmethod
    def refusal(layer: Layer, shapes: Mapping[str, Shape], lanes: int) -> str:
        """Return why it has no gradient in machine code; "" where it has."""
        o, y = layer.node.operator, shapes[layer.output]
        assert isinstance(o, op.Concat)
        if len(y) < 3 or axis_of(o.axis, y) != 1:
            return f"joins along axis {o.axis} of {y}"
        sizes = [shapes[name][1] for name in layer.node.inputs]
        if any(size % lanes for size in sizes[:-1]):
            return f"joins {sizes} channels, which fill no whole registers"
        return ""

    @staticmethod
    def forward(space: Space, layer: Layer) -> None:
        """Add what copies the values to their blocks."""
        result = space.new(layer.output)
        first = 0
        for name in layer.node.inputs:
            source = space.value(name)
            part = _blocks(result, first, space.shapes[name][1])
            space.run(map_blocks(space.target, 0, [source], part))
            first += part.layout.blocks

    @staticmethod
    def backward(space: Space, layer: Layer) -> None:
        """Hand each value its blocks of the gradient."""
        dy, first = space.gradient(layer.output), 0
        for name, learns in zip(layer.node.inputs, layer.learns, strict=True):
            part = _blocks(dy, first, space.shapes[name][1])
            first += part.layout.blocks
            if not learns:
                continue
            known = space.known(name)
            if known is None:
                space.give(name, part, shared=True)
                continue
            both = space.new_gradient(name)
            space.run(map_blocks(space.target, ("add", 0, 1), [known, part], both))


def _blocks(value: Value, first: int, channels: int) -> Value:
    """Return some of a value's channels."""
    at = value.layout
    return value._replace(layout=at._replace(channels=channels, first_block=at.first_block + first))
