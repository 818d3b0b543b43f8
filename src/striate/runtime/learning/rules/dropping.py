"""Dropout in training: the mask is computed again on the way back."""

from __future__ import annotations

from collections.abc import Mapping

from striate.network import Shape
from striate.network import operators as op
from striate.ops.blocked.dropout import dropout, dropout_rows
from striate.ops.blocked.layout import Place, Value
from striate.runtime.learning.layers import Layer
from striate.runtime.learning.memory import WORDS
from striate.runtime.learning.space import Space

__all__ = ["Dropping"]

STEP = Place(WORDS, 6)
"""The fourth of the counters: all steps that ever were."""


class Dropping:
    """Dropout of volumes or of rows."""

    @staticmethod
    def refusal(layer: Layer, shapes: Mapping[str, Shape], lanes: int) -> str:
        """Return why it has no gradient in machine code; "" where it has."""
        o = layer.node.operator
        assert isinstance(o, op.Dropout)
        if not 0 <= o.rate < 1:
            return f"drops everything, at a rate of {o.rate}"
        return "" if 2 <= len(shapes[layer.output]) <= 5 else f"drops of {shapes[layer.output]}"

    @staticmethod
    def forward(space: Space, layer: Layer) -> None:
        """Add what drops, in the place of its input where nothing else wants that."""
        name = layer.node.inputs[0]
        space.numbers.setdefault(layer.node.name, len(space.numbers))
        if not space.spatial(name):
            source = space.rows[name]
            written = space.may_write_over(layer)
            space.rows[layer.output] = source if written else space.new_rows(layer.output)
            _drop_rows(space, layer, source, space.rows[layer.output])
            return
        value = space.value(name)
        if space.may_write_over(layer):
            space.values[layer.output] = value
        _drop(space, layer, value, space.values.get(layer.output) or space.new(layer.output))

    @staticmethod
    def backward(space: Space, layer: Layer) -> None:
        """Add what drops the same of the gradient."""
        name, own = layer.node.inputs[0], space.own(layer.output)
        if not space.spatial(name):
            rows = space.gradient_rows(layer.output)
            dx = rows if own else space.new_gradient_rows(layer.output)
            _drop_rows(space, layer, rows, dx)
            space.add_gradient_rows(name, dx)
            return
        dy = space.gradient(layer.output)
        to = dy if own else space.new_gradient(layer.output)
        _drop(space, layer, dy, to)
        space.add_gradient(name, to)


def _drop(space: Space, layer: Layer, source: Value, result: Value) -> None:
    o, number = layer.node.operator, space.numbers[layer.node.name]
    assert isinstance(o, op.Dropout)
    space.run(dropout(space.target, source, result, o.rate, space.seed, number, STEP))


def _drop_rows(space: Space, layer: Layer, source: Place, result: Place) -> None:
    o, number = layer.node.operator, space.numbers[layer.node.name]
    assert isinstance(o, op.Dropout)
    rows, size = space.shapes[layer.output]
    key = o.rate, space.seed, number, STEP
    space.run(dropout_rows(space.target, source, (rows, size), result, *key))
