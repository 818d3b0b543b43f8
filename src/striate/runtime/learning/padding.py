"""The padding around values and their gradients, once all who read them are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from striate.network import Shape
from striate.network import operators as op
from striate.runtime.learning.layers import Layer
from striate.runtime.learning.rules import convolution, shaping
from striate.runtime.learning.space import Sides

__all__ = ["sides_of_gradients", "sides_of_values"]


def sides_of_values(layers: Sequence[Layer], shapes: Mapping[str, Shape]) -> dict[str, Sides]:
    """Return the padding of each value that anyone reads.

    A value that may be made in the place of another has that one's padding too.
    """
    found: dict[str, Sides] = {}
    for layer in reversed(layers):
        name, o = layer.node.inputs[0], layer.node.operator
        if isinstance(o, op.Conv):
            _widen(found, name, convolution.sides(layer, shapes))
        elif layer.output in found and isinstance(o, op.Pad):
            before, after = shaping.sides_of(o, len(shapes[name]))
            inner = found[layer.output]
            _widen(found, name, (_added(inner[0], before), _added(inner[1], after)))
        elif isinstance(o, op.Pad):
            _widen(found, name, shaping.sides_of(o, len(shapes[name])))
        elif layer.output in found and shapes[name] == shapes[layer.output]:
            _widen(found, name, found[layer.output])
    return found


def sides_of_gradients(layers: Sequence[Layer], shapes: Mapping[str, Shape]) -> dict[str, Sides]:
    """Return the padding of each value's gradient, which may become that of an input."""
    found: dict[str, Sides] = {}
    for layer in layers:
        if isinstance(layer.node.operator, op.Conv):
            _widen(found, layer.output, convolution.sides_of_gradient(layer, shapes))
            continue
        for name in layer.node.inputs:
            if name in found and len(shapes[layer.output]) == len(shapes[name]):
                _widen(found, layer.output, found[name])
    return found


def _widen(found: dict[str, Sides], name: str, sides: Sides) -> None:
    old = found.get(name, sides)
    before, after = (tuple(map(max, one, other)) for one, other in zip(old, sides, strict=True))
    found[name] = before, after


def _added(one: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(a + b for a, b in zip(one, other, strict=True))
