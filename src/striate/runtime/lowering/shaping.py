"""Lowering what moves elements: views, transposes, slices, joins, padding, blocks of space."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from striate.network import Shape
from striate.network import operators as op
from striate.network.operators.axes import axis_of
from striate.ops.blocked import conversion, elementwise
from striate.ops.blocked.channels_last import enter_last, leave_last
from striate.ops.blocked.joining import copy_to_channels
from striate.ops.blocked.layout import Place
from striate.ops.blocked.mapping import Operand, map_blocks, steps_of
from striate.ops.blocked.moving import movable, move
from striate.ops.blocked.resampling import resample
from striate.ops.blocked.walk import volume
from striate.runtime.lowering.fusion import Fused
from striate.runtime.lowering.homes import is_view
from striate.runtime.lowering.workspace import Workspace

__all__ = [
    "blocks_of_space",
    "concatenate",
    "native_blocks",
    "native_pad",
    "native_slice",
    "native_transpose",
    "pad",
    "slice_of",
    "transpose",
    "view",
]

Strided = tuple[tuple[int, ...], tuple[int, ...]]
"""Sizes, and the strides of what is read along them."""


def view(space: Workspace, step: Fused) -> None:
    """Lower what gives the same elements another shape: once they lie in NumPy's order."""
    space.plain[step.output] = space.as_plain(step.node.inputs[0])


# transposes ----------------------------------------------------------------------------------


def _to_last(order: Sequence[int]) -> bool:
    return tuple(order) == (0, *range(2, len(order)), 1)


def _from_last(order: Sequence[int]) -> bool:
    return tuple(order) == (0, len(order) - 1, *range(1, len(order) - 1))


def _turned(operator: op.Transpose, x: Shape) -> Strided:
    order, steps = operator.order(len(x)), steps_of(x)
    return tuple(x[axis] for axis in order), tuple(steps[axis] for axis in order)


def native_transpose(operator: op.Transpose, x: Shape) -> bool:
    """Tell whether a transpose runs as machine code."""
    sizes, steps = _turned(operator, x)
    return movable(sizes, steps, steps_of(sizes))


def transpose(space: Workspace, step: Fused) -> None:
    """Lower Transpose: out of blocks and into them on the way, if channels go last or come back."""
    name, operator = step.node.inputs[0], step.node.operator
    assert isinstance(operator, op.Transpose)
    x = space.shapes[name]
    order, volumes = operator.order(len(x)), 3 <= len(x) <= 5
    if name not in space.plain and volumes and _to_last(order):
        task = leave_last(space.target, space.value(name), space.new_plain(step.output))
        space.add(step, "from blocks", [task])
    elif is_view(step, space.shapes):
        view(space, step)
    elif volumes and _from_last(order) and space.any_strides(step.output):
        space.last[step.output] = space.as_plain(name)
        space.add(step, "as it lies", [])
    elif volumes and _from_last(order) and space.wants_blocks(step.output):
        result = space.made(step.output)
        space.add(step, "to blocks", [enter_last(space.target, space.as_plain(name), result)])
    else:
        _moved(space, step, *_turned(operator, x))


def _moved(
    space: Workspace, step: Fused, sizes: Sequence[int], strides: Sequence[int], offset: int = 0
) -> None:
    """Lower a copy of an input's elements, from an offset on, with these strides."""
    place = space.as_plain(step.node.inputs[0])
    source = Operand(Place(place.buffer, place.offset + offset), tuple(strides))
    result = Operand(space.new_plain(step.output), steps_of(sizes))
    space.add(step, "moved", [move(space.target, sizes, source, result)])


# slices ------------------------------------------------------------------------------------


def _picked(operator: op.Slice, x: Shape) -> tuple[Strided, int]:
    """Return the sizes and strides of a slice, and where it begins."""
    ranges, steps = operator.ranges(x), steps_of(x)
    sizes = tuple(len(picked) for picked in ranges)
    strides = tuple(picked.step * step for picked, step in zip(ranges, steps, strict=True))
    return (sizes, strides), sum(r.start * s for r, s in zip(ranges, steps, strict=True))


def native_slice(operator: op.Slice, x: Shape) -> bool:
    """Tell whether a slice runs as machine code."""
    (sizes, strides), _ = _picked(operator, x)
    return movable(sizes, strides, steps_of(sizes))


def slice_of(space: Workspace, step: Fused) -> None:
    """Lower Slice: a view where it can be one, pixels of blocks where it takes whole blocks."""
    name, operator = step.node.inputs[0], step.node.operator
    assert isinstance(operator, op.Slice)
    x, y = space.shapes[name], space.shapes[step.output]
    ranges = operator.ranges(x)
    lanes = space.target.lanes
    channels = ranges[1] if len(x) > 1 else range(0)
    whole = channels.start % lanes == 0 and channels.step == 1
    inside = len(x) in (3, 4) and ranges[0] == range(x[0]) and whole
    if name not in space.plain and inside:
        source = space.value(name)
        if source.buffer == space.value(step.output).buffer:
            space.made(step.output)
            space.add(step, "some of the blocks", [])
            return
        at, v = source.layout, volume(source.layout)
        spatial = ((range(1),) * 3 + ranges[2:])[-3:]
        start = sum(r.start * s for r, s in zip(spatial, v.strides, strict=True))
        start += at.origin + channels.start // lanes * at.plane
        strides = tuple(r.step * s for r, s in zip(spatial, v.strides, strict=True))
        operand = Operand(Place(source.buffer, start), (at.image, at.plane, *strides))
        result, tasks = space.new_blocked(step.output)
        space.add(step, "pixels", [*tasks, map_blocks(space.target, 0, [operand], result)])
        return
    (sizes, strides), offset = _picked(operator, x)
    place = space.as_plain(name)
    kept = [(size, step) for size, step in zip(sizes, strides, strict=True) if size > 1]
    wanted = [step for size, step in zip(y, steps_of(y), strict=True) if size > 1]
    if [step for _, step in kept] == wanted:
        space.plain[step.output] = Place(place.buffer, place.offset + offset)
    else:
        _moved(space, step, sizes, strides, offset)


# joins --------------------------------------------------------------------------------------


def concatenate(space: Workspace, step: Fused) -> None:
    """Lower Concat: most of its terms have been made where it wants them."""
    operator, shape = step.node.operator, space.shapes[step.output]
    assert isinstance(operator, op.Concat)
    axis, names = axis_of(operator.axis, shape), step.node.inputs
    plain = all(map(space.only_plain, names)) or any(name in space.weights for name in names)
    if axis == 1 and len(shape) > 2 and not plain:
        _join_channels(space, step)
        return
    whole, tasks, offset = space.new_plain(step.output), [], 0
    for name in names:
        sizes = space.shapes[name]
        to = Place(whole.buffer, whole.offset + offset)
        made = None if name in space.weights else space.as_plain(name)
        if made != to:
            source = Operand(space.weights[name] if made is None else made, steps_of(sizes))
            tasks.append(move(space.target, sizes, source, Operand(to, steps_of(shape))))
        offset += prod(sizes[axis:])
    space.add(step, "copied" if tasks else "made in place", tasks)


def _join_channels(space: Workspace, step: Fused) -> None:
    terms = [space.as_blocked(name) for name in step.node.inputs]
    whole = space.made(step.output)
    tasks, first = [], 0
    for term in terms:
        block, rest = divmod(first, space.target.lanes)
        at = whole.layout.first_block + block
        if rest or (term.buffer, term.layout.first_block) != (whole.buffer, at):
            tasks.append(copy_to_channels(space.target, term, whole, first))
        first += term.layout.channels
    if tasks and not whole.layout.contiguous:
        tasks.insert(0, conversion.border(space.target, whole))
    space.add(step, "copied" if tasks else "made in place", tasks)


# padding ------------------------------------------------------------------------------------


def native_pad(operator: op.Pad, x: Shape) -> bool:
    """Tell whether padding runs as machine code: of all but examples, or of pixels by pixels."""
    if not 3 <= len(x) <= 5:
        return False
    kept = 1 if operator.mode == "constant" else 2
    pairs = operator.pairs(len(x))
    more = all(size >= 0 for pair in pairs for size in pair)
    return more and all(pair == (0, 0) for pair in pairs[:kept])


def pad(space: Workspace, step: Fused) -> None:
    """Lower Pad: a copy into the middle of what was filled."""
    operator, name = step.node.operator, step.node.inputs[0]
    assert isinstance(operator, op.Pad)
    if operator.mode != "constant":
        _pad_with_pixels(space, step, operator)
        return
    (_, channels, *spatial), target = operator.pairs(len(space.shapes[name])), space.target
    source = space.as_blocked(name)
    result, tasks = space.new_blocked(step.output)
    at = result.layout
    inside = result._replace(
        layout=at._replace(
            spatial=source.layout.spatial,
            before=tuple(a + b for a, (b, _) in zip(at.before, spatial, strict=True)),
            after=tuple(a + b for a, (_, b) in zip(at.after, spatial, strict=True)),
        )
    )
    if channels == (0, 0):
        fill = conversion.border(target, inside, operator.fill)
        tasks = [fill, *tasks, elementwise.copy(target, source, inside)]
    else:
        filled = map_blocks(target, float(operator.fill), [], result)
        tasks += [filled, copy_to_channels(target, source, inside, channels[0])]
    space.add(step, "filled", tasks)


def _pad_with_pixels(space: Workspace, step: Fused, operator: op.Pad) -> None:
    """Lower padding with a value's own pixels: each row and column is a copy of one."""
    name = step.node.inputs[0]
    shape = space.shapes[name]
    matrices = []
    for size, pair in zip(shape[2:], operator.pairs(len(shape))[2:], strict=True):
        taken = op.Pad(pair[:1], pair[1:], mode=operator.mode).value(np.arange(size))
        matrices.append(np.eye(size)[taken])
    source = space.as_blocked(name)
    result, tasks = space.new_blocked(step.output)
    space.add(step, "pixels", [*tasks, resample(space.target, source, result, matrices)])


# blocks of space -----------------------------------------------------------------------------


def _spread(operator: op.DepthToSpace | op.SpaceToDepth, x: Shape) -> Strided:
    """Return the sizes of the result, its blocks apart, and the strides of the input."""
    n, c, h, w = operator.infer([x])
    b = operator.block
    if isinstance(operator, op.SpaceToDepth):
        row = x[3]
        sizes = (n, b, b, c // b**2, h, w)
        return sizes, (prod(x[1:]), row, 1, x[2] * row, b * row, b)
    plane = x[2] * x[3]
    i, j, k = (b * c, c, 1) if operator.mode == "DCR" else (b, 1, b * b)
    sizes = (n, c, x[2], b, x[3], b)
    return sizes, (prod(x[1:]), k * plane, x[3], i * plane, 1, j * plane)


def native_blocks(operator: op.DepthToSpace | op.SpaceToDepth, x: Shape) -> bool:
    """Tell whether blocks of space are moved by machine code."""
    sizes, strides = _spread(operator, x)
    return movable(sizes, strides, steps_of(sizes))


def blocks_of_space(space: Workspace, step: Fused) -> None:
    """Lower DepthToSpace and SpaceToDepth."""
    operator = step.node.operator
    assert isinstance(operator, op.DepthToSpace | op.SpaceToDepth)
    _moved(space, step, *_spread(operator, space.shapes[step.node.inputs[0]]))
