"""Batch normalization in training: by the statistics of the batch."""

from __future__ import annotations

from collections.abc import Mapping

from striate.network import Shape
from striate.network import operators as op
from striate.ops.blocked import batch_norm
from striate.ops.blocked.channel_sums import partial_size
from striate.ops.blocked.layout import Place
from striate.runtime.learning.layers import Layer
from striate.runtime.learning.space import Space

__all__ = ["BatchNorm"]


class BatchNorm:
    """BatchNormalization, which finds its bounds' gates again from its input."""

    @staticmethod
    def refusal(layer: Layer, shapes: Mapping[str, Shape], lanes: int) -> str:
        """Return why it has no gradient in machine code; "" where it has."""
        x = shapes[layer.node.inputs[0]]
        return "" if 3 <= len(x) <= 5 else f"normalizes {x}"

    @staticmethod
    def forward(space: Space, layer: Layer) -> None:
        """Add what takes the statistics and normalizes."""
        o, source = layer.node.operator, space.value(layer.node.inputs[0])
        assert isinstance(o, op.BatchNormalization)
        numbers = [space.parameters.place(name) for name in layer.node.inputs[1:]]
        scale, bias, running_mean, running_variance = numbers
        mean, inverse = _statistics(space, layer)
        space.run(
            batch_norm.batch_statistics(
                space.target,
                source,
                mean,
                inverse,
                running_mean,
                running_variance,
                space.buffer(f"{layer.output} (sums)", partial_size(source, 2)).buffer,
                o.epsilon,
                o.momentum,
            )
        )
        result, bounds = space.new(layer.output), (layer.low, layer.high)
        ends = scale, bias, mean, inverse
        space.run(batch_norm.batch_norm(space.target, source, result, *ends, *bounds))

    @staticmethod
    def backward(space: Space, layer: Layer) -> None:
        """Add what computes the gradients of the input, the scale and the bias."""
        name, *numbers = layer.node.inputs
        source, dy = space.value(name), space.gradient(layer.output)
        scale, bias = (space.parameters.place(number) for number in numbers[:2])
        known = space.known(name)
        dx = dy if space.own(layer.output) else space.new_gradient(name)
        mean, inverse = space.statistics[layer.output]
        space.run(
            batch_norm.batch_norm_gradient(
                space.target,
                dy,
                source,
                dx,
                scale,
                bias,
                mean,
                inverse,
                _gradient(space, layer, 1),
                _gradient(space, layer, 2),
                space.buffer(f"d {layer.output} (sums)", partial_size(source, 2)).buffer,
                layer.low,
                layer.high,
                known,
            )
        )
        space.give(name, dx)


def _statistics(space: Space, layer: Layer) -> tuple[Place, Place]:
    """Return where the batch's mean and inverse deviation lie; registers are written whole."""
    name = layer.node.inputs[0]
    size = -(-space.shapes[name][1] // space.target.lanes) * space.target.lanes
    places = tuple(space.buffer(f"{layer.output} ({what})", size) for what in ("mean", "inverse"))
    space.statistics[layer.output] = places[0], places[1]
    return space.statistics[layer.output]


def _gradient(space: Space, layer: Layer, place: int) -> Place:
    """Return where the gradient of the scale or the bias goes."""
    name = layer.node.inputs[place]
    if layer.learns[place]:
        return space.parameter_gradient(name)
    return space.buffer(f"d {name}", space.parameters.span(name)[1])
