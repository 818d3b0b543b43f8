"""What works on each element by itself, in training: gradients come from the results."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import inf
from typing import Any

from striate.network import Operator, Shape
from striate.network import operators as op
from striate.ops.blocked import gates
from striate.ops.blocked.expression import Expression
from striate.ops.blocked.layout import Place, Value
from striate.ops.blocked.mapping import Operand, map_blocks, map_rows, steps_of
from striate.runtime.learning.layers import Layer
from striate.runtime.learning.space import Space
from striate.runtime.lowering.expressions import elements_of
from striate.runtime.lowering.weights import Weights

__all__ = ["GATES", "backward", "forward", "gated", "gated_rows", "refusal"]

GATES: dict[type[Operator], Callable[[Any], Expression]] = {
    op.Relu: lambda o: gates.relu(),
    op.Clip: lambda o: gates.clip(float(o.low), float(o.high)),
    op.Tanh: lambda o: gates.tanh(),
    op.ScaledTanh: lambda o: gates.tanh(float(o.alpha), float(o.beta)),
    op.Sigmoid: lambda o: gates.sigmoid(),
    op.LeakyRelu: lambda o: gates.leaky(float(o.alpha)),
}
"""The gradient of the input, of operands dy and y."""


def refusal(layer: Layer, shapes: Mapping[str, Shape], lanes: int) -> str:
    """Return why an activation has no gradient in machine code; "" where it has."""
    operator = layer.node.operator
    if isinstance(operator, op.LeakyRelu) and operator.alpha < 0:
        return f"the slope {operator.alpha} below 0 leaves open what an output came from"
    return ""


def forward(space: Space, layer: Layer) -> None:
    """Add what computes an activation, in the place of its input where nothing else wants that."""
    name = layer.node.inputs[0]
    found = elements_of(layer.node, Weights({}))
    assert found is not None
    if space.spatial(name):
        source = space.value(name)
        if space.may_write_over(layer):
            space.values[layer.output] = source
        result = space.values.get(layer.output) or space.new(layer.output)
        space.run(map_blocks(space.target, found[0], [source], result))
        return
    if space.may_write_over(layer):
        space.rows[layer.output] = space.rows[name]
    place = space.rows.get(layer.output) or space.new_rows(layer.output)
    _rows(space, layer.output, found[0], [space.rows[name]], place)


def backward(space: Space, layer: Layer) -> None:
    """Add what computes the gradient of its input."""
    expression = GATES[type(layer.node.operator)](layer.node.operator)
    name = layer.node.inputs[0]
    if space.spatial(name):
        space.add_gradient(name, _through(space, layer.output, expression))
    else:
        space.add_gradient_rows(name, _through_rows(space, layer.output, expression))


def gated(space: Space, layer: Layer) -> Value:
    """Return the gradient of what a layer's bounds took in."""
    if not layer.bounded or layer.output in space.gated:
        return space.gradient(layer.output)
    return _through(space, layer.output, gates.clip(layer.low, layer.high))


def gated_rows(space: Space, layer: Layer) -> Place:
    """Return the same for a value in NumPy's order."""
    if not layer.bounded:
        return space.gradient_rows(layer.output)
    return _through_rows(space, layer.output, gates.clip(layer.low, layer.high))


def _through(space: Space, name: str, expression: Expression) -> Value:
    dy, y = space.gradient(name), space.values[name]
    dx = dy if space.own(name) else space.new_gradient(name)
    space.run(map_blocks(space.target, expression, [dy, y], dx))
    return dx


def _through_rows(space: Space, name: str, expression: Expression) -> Place:
    dy, y = space.gradient_rows(name), space.rows[name]
    dx = dy if space.own(name) else space.new_gradient_rows(name)
    _rows(space, name, expression, [dy, y], dx)
    return dx


def _rows(
    space: Space, name: str, expression: Expression, operands: list[Place], result: Place
) -> None:
    shape = space.shapes[name]
    steps = steps_of(shape)
    sources = [Operand(place, steps) for place in operands]
    space.run(map_rows(space.target, expression, shape, Operand(result, steps), sources))


def bounded(expression: Expression, layer: Layer) -> Expression:
    """Return an expression within a layer's bounds."""
    if (layer.low, layer.high) == (-inf, inf):
        return expression
    return ("clip", expression, layer.low, layer.high)
