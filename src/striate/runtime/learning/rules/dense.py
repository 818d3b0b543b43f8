"""Fully connected layers in training."""

from __future__ import annotations

from collections.abc import Mapping

from striate.network import Shape
from striate.ops.blocked import dense
from striate.runtime.learning.layers import Layer
from striate.runtime.learning.rules.activations import gated_rows
from striate.runtime.learning.space import Space

__all__ = ["Dense"]


class Dense:
    """Gemm of rows of features."""

    @staticmethod
    def refusal(layer: Layer, shapes: Mapping[str, Shape], lanes: int) -> str:
        """Return why it has no gradient in machine code; "" where it has."""
        x = shapes[layer.node.inputs[0]]
        return "" if len(x) == 2 else f"works on {x}, which is no matrix"

    @staticmethod
    def forward(space: Space, layer: Layer) -> None:
        """Add what multiplies, adds the bias and takes the result into the bounds."""
        name, weight, *bias = layer.node.inputs
        x, examples = space.rows[name], space.shapes[name][0]
        term = space.parameters.place(bias[0]) if bias else None
        maps, inner = space.shapes[weight]
        matrix = space.parameters.place(weight), (maps, inner)
        result, bounds = space.new_rows(layer.output), (layer.low, layer.high)
        space.run(dense.forward(space.target, x, examples, *matrix, term, result, *bounds))

    @staticmethod
    def backward(space: Space, layer: Layer) -> None:
        """Add what computes the gradients of features, weights and biases."""
        name, weight, *bias = layer.node.inputs
        x, (examples, inner), maps = space.rows[name], space.shapes[name], space.shapes[weight][0]
        dz = gated_rows(space, layer)
        target = space.target
        if bias and layer.learns[2]:
            to = space.parameter_gradient(bias[0])
            space.run(dense.bias_gradient(target, dz, examples, maps, to))
        if layer.learns[0]:
            matrix = space.parameters.place(weight), (maps, inner)
            dx = space.buffer(f"d {name}", examples * inner)
            space.run(dense.data_gradient(target, dz, examples, *matrix, dx))
            space.add_gradient_rows(name, dx)
        if layer.learns[1]:
            to = space.parameter_gradient(weight)
            space.run(dense.weight_gradient(target, x, dz, examples, (maps, inner), to))
