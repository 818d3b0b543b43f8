"""Lowering sums, means and maxima along axes."""

from __future__ import annotations

from math import prod

from striate.network import Operator, Shape
from striate.network import operators as op
from striate.network.operators.axes import axes_of
from striate.ops.blocked.reducing import reduce_rows
from striate.runtime.lowering.fusion import Fused
from striate.runtime.lowering.layers import pool
from striate.runtime.lowering.workspace import Workspace

__all__ = ["native_reduction", "reduction"]

REDUCED = {op.ReduceSum: "sum", op.ReduceMean: "mean", op.ReduceMax: "max"}
"""Reductions of the last axes, as kernels call them."""


def native_reduction(operator: op.ReduceSum | op.ReduceMean | op.ReduceMax, x: Shape) -> bool:
    """Tell whether a reduction runs as machine code: a mean of all pixels, or of the last axes."""
    gone = sorted(axes_of(operator.axes, x))
    return _of_pixels(operator, x) or (bool(gone) and gone == list(range(gone[0], len(x))))


def _of_pixels(operator: Operator, x: Shape) -> bool:
    if not isinstance(operator, op.ReduceMean) or not 3 <= len(x) <= 5:
        return False
    return sorted(axes_of(operator.axes, x)) == list(range(2, len(x)))


def reduction(space: Workspace, step: Fused) -> None:
    """Lower a mean of pixels that are in blocks, and sums, means and maxima of the last axes."""
    operator, name = step.node.operator, step.node.inputs[0]
    assert isinstance(operator, op.ReduceSum | op.ReduceMean | op.ReduceMax)
    shape = space.shapes[name]
    if _of_pixels(operator, shape) and not space.only_plain(name):
        pool(space, step)
        return
    first = min(axes_of(operator.axes, shape))
    rows = prod(shape[:first]), prod(shape[first:])
    place = space.as_plain(name)
    ends = place, rows, space.new_plain(step.output), REDUCED[type(operator)]
    space.add(step, "rows", [reduce_rows(space.target, *ends)])
