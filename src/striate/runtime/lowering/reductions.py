"""Lowering sums, means, norms and extremes along axes."""

from __future__ import annotations

from math import prod

from striate.network import Operator, Shape
from striate.network import operators as op
from striate.network.operators.axes import axes_of
from striate.ops.blocked.reducing import reduce_axis
from striate.runtime.lowering.fusion import Fused
from striate.runtime.lowering.layers import pool
from striate.runtime.lowering.workspace import Workspace

__all__ = ["REDUCED", "native_reduction", "reduction"]

Reduction = (
    op.ReduceSum | op.ReduceMean | op.ReduceMax | op.ReduceMin | op.ReduceL2 | op.ReduceSumSquare
)

REDUCED: dict[type[Operator], str] = {
    op.ReduceSum: "sum",
    op.ReduceMean: "mean",
    op.ReduceMax: "max",
    op.ReduceMin: "min",
    op.ReduceL2: "norm",
    op.ReduceSumSquare: "squares",
}
"""Reductions, as kernels call them."""


def native_reduction(operator: Operator, x: Shape) -> bool:
    """Tell whether a reduction runs as machine code: of axes that lie side by side."""
    assert isinstance(operator, Reduction)
    return _of_pixels(operator, x) or _cut(operator, x) is not None


def _of_pixels(operator: Operator, x: Shape) -> bool:
    if not isinstance(operator, op.ReduceMean) or not 3 <= len(x) <= 5:
        return False
    return sorted(axes_of(operator.axes, x)) == list(range(2, len(x)))


def _cut(operator: Reduction, x: Shape) -> tuple[int, int, int] | None:
    """Return the elements before the axes that go, along them, and after; None for axes apart."""
    gone = sorted(axes_of(operator.axes, x))
    if not gone or prod(x) == 0:
        return None
    first, last = gone[0], gone[-1]
    apart = [axis for axis in range(first, last) if axis not in gone and x[axis] > 1]
    return None if apart else (prod(x[:first]), prod(x[first : last + 1]), prod(x[last + 1 :]))


def reduction(space: Workspace, step: Fused) -> None:
    """Lower a mean of pixels that are in blocks, and what is taken along axes side by side."""
    operator, name = step.node.operator, step.node.inputs[0]
    assert isinstance(operator, Reduction)
    shape = space.shapes[name]
    if _of_pixels(operator, shape) and not space.only_plain(name):
        pool(space, step)
        return
    cut = _cut(operator, shape)
    assert cut is not None
    place = space.as_plain(name)
    ends = place, cut, space.new_plain(step.output), REDUCED[type(operator)]
    space.add(step, "rows" if cut[2] == 1 else "columns", [reduce_axis(space.target, *ends)])
