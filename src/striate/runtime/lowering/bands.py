"""Two steps taken in turns, some rows at a time, so that what passes between them stays in cache.

A depthwise convolution, or a batch norm that no convolution took in, moves much and computes
little; where a 1x1 convolution alone reads what it makes, that is made in bands of rows, each of
which is read before the next is made, in memory of the size of one band.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from math import prod

from striate.network import Node, Shape
from striate.network import operators as op
from striate.ops.blocked import elementwise
from striate.ops.blocked.layout import Value, blocked
from striate.ops.blocked.task import Task
from striate.runtime.lowering.convolutions import Convolving
from striate.runtime.lowering.fusion import Fused
from striate.runtime.lowering.groups import in_groups
from striate.runtime.lowering.norms import factors
from striate.runtime.lowering.workspace import Workspace

__all__ = ["in_bands", "joined_steps"]

LEAST = 1 << 20  # bytes of a value that does not stay in the second-level cache anyway
BAND = 256 << 10  # bytes of a band


def joined_steps(
    steps: Sequence[Fused],
    shapes: dict[str, Shape],
    native: Callable[[Node], bool],
    outputs: Sequence[str],
) -> dict[str, Fused]:
    """Return the steps that wait for their only reader, by the value that they make."""
    readers: dict[str, list[Fused]] = {}
    for step in steps:
        for name in step.inputs:
            readers.setdefault(name, []).append(step)
    found = {}
    for step in steps:
        only = readers.get(step.output, [])
        if len(only) != 1 or step.output in outputs:
            continue
        if not native(step.node) or not native(only[0].node):
            continue
        shape = shapes[step.output]
        large = len(shape) > 3 and 4 * prod(shape) > LEAST
        if large and _moves(step, shapes) and _is_pointwise(only[0], step.output, shapes):
            found[step.output] = step
    return found


def _moves(step: Fused, shapes: dict[str, Shape]) -> bool:
    """Tell whether a step is one that waits."""
    if step.after is not None:
        return False
    x, *rest = (shapes[name] for name in step.node.inputs)
    match step.node.operator:
        case op.Conv(groups=groups):
            units = any(len(shape) > 1 for shape in rest[1:])
            depthwise = groups == x[1] == shapes[step.output][1] > 1
            return depthwise and step.residual is None and not units
        case op.BatchNormalization():
            return True
    return False


def _is_pointwise(step: Fused, name: str, shapes: dict[str, Shape]) -> bool:
    """Tell whether a step is a 1x1 convolution of this value."""
    o = step.node.operator
    if not isinstance(o, op.Conv) or step.node.inputs[0] != name or step.residual == name:
        return False
    bias = [shapes[name] for name in step.node.inputs[2:]]
    ones = set(o.window.kernel) == set(o.window.strides) == {1}
    same = shapes[step.output][2:] == shapes[name][2:]
    return ones and same and o.groups == 1 and all(len(shape) == 1 for shape in bias)


def in_bands(space: Workspace, first: Fused, then: Fused) -> None:
    """Lower both steps."""
    source = space.as_blocked(first.node.inputs[0])
    residual = None if then.residual is None else space.as_blocked(then.residual)
    result, tasks = space.new_blocked(then.output)
    between = space.shapes[first.output]
    rows = max(1, between[2] * BAND // (4 * prod(between)))
    count = -(-between[2] // rows)
    rows = -(-between[2] // count)
    name = f"{first.output} (band)"
    for start in range(0, between[2], rows):
        size = min(rows, between[2] - start)
        shape = (*between[:2], size, *between[3:])
        band = Value(blocked(shape, space.target.lanes), name)
        space.sizes[name] = max(space.sizes.get(name, 0), band.layout.size)
        tasks += _first(space, first, source, band, start)
        y = (*space.shapes[then.output][:2], *shape[2:])
        added = None if residual is None else _rows(residual, start, size)
        operator = then.node.operator
        assert isinstance(operator, op.Conv)
        ends = _rows(result, start, size), added
        tasks += Convolving(space.to, then, operator, shape, y, space.weights, *ends).tasks(band)
    space.add_both(first, then, f"in {count} bands", tasks)


def _first(space: Workspace, step: Fused, source: Value, band: Value, start: int) -> Iterator[Task]:
    """Yield what makes a band."""
    o, size = step.node.operator, band.layout.spatial[0]
    if isinstance(o, op.BatchNormalization):
        numbers = factors(space, step)
        some = _rows(source, start, size)
        yield elementwise.scale_shift(space.target, some, band, *numbers, step.low, step.high)
        return
    assert isinstance(o, op.Conv)
    window = o.window.at(source.layout.spatial)
    axis = window.axes[0]
    taken = (size - 1) * axis.stride + axis.extent - axis.before - axis.after
    some = _rows(source, start * axis.stride, taken)
    x = (*space.shapes[step.node.inputs[0]][:2], *some.layout.spatial)
    y = (*space.shapes[step.output][:2], *band.layout.spatial)
    whole = replace(o, window=window)
    job = Convolving(space.to, step, whole, x, y, space.weights, band, None)
    made = in_groups(job, some)
    assert made is not None
    yield made.task


def _rows(value: Value, start: int, count: int) -> Value:
    """Return some rows of a value; those around them are its padding."""
    at = value.layout
    before = (at.before[0] + start, *at.before[1:])
    after = (at.after[0] + at.spatial[0] - start - count, *at.after[1:])
    spatial = (count, *at.spatial[1:])
    return value._replace(layout=at._replace(spatial=spatial, before=before, after=after))
