"""Pooling in training."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf

from striate.network import Shape
from striate.network import operators as op
from striate.ops.blocked import pool_gradient, pooling
from striate.ops.blocked.global_pooling import global_average
from striate.ops.blocked.layout import Value
from striate.ops.blocked.mapping import map_blocks
from striate.runtime.learning.layers import Layer
from striate.runtime.learning.space import Space

__all__ = ["Pooling"]


class Pooling:
    """MaxPool, AveragePool and GlobalAveragePool."""

    @staticmethod
    def refusal(layer: Layer, shapes: Mapping[str, Shape], lanes: int) -> str:
        """Return why it has no gradient in machine code; "" where it has."""
        x, y = shapes[layer.node.inputs[0]], shapes[layer.output]
        return "" if 3 <= len(x) == len(y) <= 5 else f"gives {x} the shape {y}"

    @staticmethod
    def forward(space: Space, layer: Layer) -> None:
        """Add what pools."""
        source, result = space.value(layer.node.inputs[0]), space.new(layer.output)
        match layer.node.operator:
            case op.MaxPool(window):
                space.run(pooling.max_pool(space.target, source, result, window))
            case op.AveragePool(window, counted):
                space.run(pooling.average_pool(space.target, source, result, window, counted))
            case op.GlobalAveragePool():
                space.run(global_average(space.target, source, result))

    @staticmethod
    def backward(space: Space, layer: Layer) -> None:
        """Add what brings the gradient back to the pixels, and through the ReLU before them."""
        name, dy = layer.node.inputs[0], space.gradient(layer.output)
        source, known = space.value(name), space.known(name)
        relu = layer.last[0] and space.bounds.get(name) == (0.0, inf)
        dx, target = space.new_gradient(name), space.target
        gate: Value | None = source if relu else None
        match layer.node.operator:
            case op.MaxPool(window):
                space.run(pool_gradient.max_pool_gradient(target, dy, source, dx, window, relu))
            case op.AveragePool(window, counted):
                averages = window, counted, gate
                space.run(pool_gradient.average_pool_gradient(target, dy, dx, *averages))
            case op.GlobalAveragePool():
                space.run(pool_gradient.global_average_gradient(target, dy, dx, gate))
        if relu:
            space.gated.add(name)
        elif known is not None:
            space.run(map_blocks(target, ("add", 0, 1), [known, dx], dx))
