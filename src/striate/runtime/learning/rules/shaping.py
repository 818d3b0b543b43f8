"""Values in other shapes, in training: flattened, padded."""

from __future__ import annotations

from collections.abc import Mapping

from striate.network import Shape
from striate.network import operators as op
from striate.ops.blocked import conversion
from striate.ops.blocked.layout import Value
from striate.ops.blocked.mapping import map_blocks
from striate.runtime.learning.layers import Layer
from striate.runtime.learning.space import Space

__all__ = ["Flattening", "Padding", "sides_of"]


class Flattening:
    """Flatten and Reshape to (N, K)."""

    @staticmethod
    def refusal(layer: Layer, shapes: Mapping[str, Shape], lanes: int) -> str:
        """Return why it has no gradient in machine code; "" where it has."""
        x, y = shapes[layer.node.inputs[0]], shapes[layer.output]
        if len(y) != 2 or y[0] != x[0]:
            return f"gives {x} the shape {y}"
        return ""

    @staticmethod
    def forward(space: Space, layer: Layer) -> None:
        """Add what brings a value into NumPy's order."""
        name = layer.node.inputs[0]
        if name in space.rows:  # it is in that order
            space.rows[layer.output] = space.rows[name]
            return
        source = space.value(name)
        space.run(conversion.leave(space.target, source, space.new_rows(layer.output)))

    @staticmethod
    def backward(space: Space, layer: Layer) -> None:
        """Add what brings the gradient back into blocks."""
        name, dy = layer.node.inputs[0], space.gradient_rows(layer.output)
        if not space.spatial(name):
            space.add_gradient_rows(name, dy)
            return
        known = space.known(name)
        dx = space.new_gradient(name)
        space.run(conversion.enter(space.target, dy, space.shapes[name], dx))
        if known is not None:
            space.run(map_blocks(space.target, ("add", 0, 1), [known, dx], dx))


class Padding:
    """Pad with a number: the padding around the input becomes part of the value.

    So nothing is copied: the input's buffer has room for it, as for the padding of convolutions.
    """

    @staticmethod
    def refusal(layer: Layer, shapes: Mapping[str, Shape], lanes: int) -> str:
        """Return why it has no gradient in machine code; "" where it has."""
        o, x = layer.node.operator, shapes[layer.node.inputs[0]]
        assert isinstance(o, op.Pad)
        pairs = o.pairs(len(x))
        if o.mode != "constant" or len(x) < 3 or any(map(any, pairs[:2])):
            return f"pads {x} by {pairs}, {o.mode}"
        if any(side < 0 for pair in pairs for side in pair):
            return f"crops {x} by {pairs}"
        if not layer.last[0]:
            return "pads a value that others read too"
        return ""

    @staticmethod
    def forward(space: Space, layer: Layer) -> None:
        """Add what fills the padding."""
        o, inner = layer.node.operator, space.value(layer.node.inputs[0])
        assert isinstance(o, op.Pad)
        before, after = sides_of(o, len(space.shapes[layer.output]))
        at = inner.layout
        whole = at._replace(
            spatial=space.shapes[layer.output][2:],
            before=tuple(b - p for b, p in zip(at.before, before, strict=True)),
            after=tuple(a - p for a, p in zip(at.after, after, strict=True)),
        )
        value = Value(whole, inner.buffer)
        if o.fill or not whole.contiguous:
            space.run(conversion.border(space.target, inner, o.fill))
        if o.fill and not whole.contiguous:
            space.run(conversion.border(space.target, value))
        space.values[layer.output] = value

    @staticmethod
    def backward(space: Space, layer: Layer) -> None:
        """Take the inner part of the gradient, and clear what lies around it."""
        o, name = layer.node.operator, layer.node.inputs[0]
        assert isinstance(o, op.Pad)
        whole = space.gradient(layer.output)
        if not space.own(layer.output):
            shared, whole = whole, space.new_gradient(layer.output)
            space.run(map_blocks(space.target, 0, [shared], whole))
        before, after = sides_of(o, len(space.shapes[name]))
        at = whole.layout
        inner = at._replace(
            spatial=space.shapes[name][2:],
            before=tuple(b + p for b, p in zip(at.before, before, strict=True)),
            after=tuple(a + p for a, p in zip(at.after, after, strict=True)),
        )
        value = Value(inner, whole.buffer)
        space.run(conversion.border(space.target, value))
        space.add_gradient(name, value)


def sides_of(o: op.Pad, rank: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return what is added before and after each spatial axis."""
    pairs = o.pairs(rank)[2:]
    return tuple(b for b, _ in pairs), tuple(a for _, a in pairs)
