"""Lowering products of two matrices that are both computed, as they are in attention."""

from __future__ import annotations

import numpy as np

from striate.network import Node, Shape
from striate.network.graph import broadcast_shapes
from striate.ops.blocked.expression import Expression
from striate.ops.blocked.mapping import steps_of
from striate.ops.blocked.products import AXES, products
from striate.ops.blocked.task import Word
from striate.runtime.lowering.fusion import Fused
from striate.runtime.lowering.turning import Product
from striate.runtime.lowering.workspace import Workspace

__all__ = ["native_product", "product"]

Pairs = list[tuple[int, int, int]]
"""For each axis of pairs its size, and the elements from one left and right matrix to the next."""


def native_product(node: Node, shapes: dict[str, Shape]) -> bool:
    """Tell whether a product runs as machine code: few enough axes of pairs are left."""
    return len(_pairs(*_matrices(node, shapes))) <= len(AXES)


def product(space: Workspace, step: Fused) -> None:
    """Lower a product, with what is done with each of its elements."""
    operator = step.node.operator
    assert isinstance(operator, Product)
    left, right = _matrices(step.node, space.shapes)
    columns = right[-2] if operator.turned else right[-1]
    shape = left[-2], left[-1], columns
    x, y = (_place(space, name) for name in step.node.inputs)
    whole: Expression = 0 if step.after is None else step.after
    task = products(
        space.target,
        x,
        y,
        space.new_plain(step.output),
        shape,
        _pairs(left, right),
        turned=operator.turned,
        expression=whole,
    )
    space.add(step, "pairs of matrices", [task])


def _matrices(node: Node, shapes: dict[str, Shape]) -> tuple[Shape, Shape]:
    """Return the shapes of both: a single axis is a row on the left and a column on the right."""
    left, right = (shapes[name] for name in node.inputs)
    return left if len(left) > 1 else (1, *left), right if len(right) > 1 else (*right, 1)


def _pairs(left: Shape, right: Shape) -> Pairs:
    """Return the axes of pairs; those that lie one after another in both are joined."""
    whole = broadcast_shapes([left[:-2], right[:-2]])
    strides = [_strides(shape, len(whole) + 2) for shape in (left, right)]
    pairs: Pairs = []
    for size, *steps in zip(whole, *strides, strict=True):
        outer = pairs[-1] if pairs else None
        if size == 1:
            continue
        if outer and outer[1:] == tuple(step * size for step in steps):
            pairs[-1] = (outer[0] * size, *steps)
        else:
            pairs.append((size, *steps))
    return pairs


def _strides(shape: Shape, rank: int) -> tuple[int, ...]:
    """Return the elements from one matrix to the next along each axis; 0 where it repeats."""
    steps = [0 if n == 1 else step for n, step in zip(shape, steps_of(shape), strict=True)]
    return (*(0 for _ in range(rank - len(shape))), *steps[:-2])


def _place(space: Workspace, name: str) -> Word:
    if name not in space.weights:
        return space.as_plain(name)
    return space.weights.made(
        ("plain", name), lambda: np.ascontiguousarray(space.weights[name], np.float32)
    )
