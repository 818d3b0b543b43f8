"""Which values in NumPy's order are made where another one has them: parts of joined values,
and values of which another is only a view with another shape.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from math import prod
from typing import NamedTuple

from striate.network import Shape
from striate.network import operators as op
from striate.network.operators.axes import axis_of
from striate.runtime.lowering.fusion import Fused

__all__ = ["VIEWS", "Home", "homes_of", "is_view"]

VIEWS = (op.Reshape, op.Flatten, op.Squeeze, op.Unsqueeze)
"""Operators that give the same elements in the same order another shape."""


class Home(NamedTuple):
    """The value whose memory another lies in, and where: `offset` counts elements."""

    name: str
    offset: int


def is_view(step: Fused, shapes: Mapping[str, Shape]) -> bool:
    """Tell whether a step leaves all elements as they are, in NumPy's order."""
    operator = step.node.operator
    if isinstance(operator, op.Transpose):
        x = step.node.inputs[0]
        order = [axis for axis in operator.order(len(shapes[x])) if shapes[x][axis] > 1]
        return order == sorted(order)
    return isinstance(operator, VIEWS)


def homes_of(
    steps: Sequence[Fused], shapes: Mapping[str, Shape], fixed: Collection[str]
) -> dict[str, Home]:
    """Return where values are made; those in `fixed` have memory of their own."""
    homes: dict[str, Home] = {}

    def settle(name: str, home: Home) -> None:
        if name not in fixed and name not in homes:
            homes[name] = home

    for step in reversed(steps):
        o = step.node.operator
        if step.expression is None and is_view(step, shapes):
            settle(step.node.inputs[0], Home(step.output, 0))
        elif isinstance(o, op.Concat):
            shape = shapes[step.output]
            axis, offset = axis_of(o.axis, shape), 0
            if prod(shape[:axis]) == 1 and (axis != 1 or len(shape) != 4):
                for name in step.node.inputs:
                    settle(name, Home(step.output, offset))
                    offset += prod(shapes[name])
    return homes
