"""Lowering what works on each element by itself: on blocks, or in NumPy's order."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
from numpy.typing import NDArray

from striate.network import Shape
from striate.ops.blocked.elementwise import per_channel
from striate.ops.blocked.layout import Value, blocked
from striate.ops.blocked.mapping import Operand, joins, map_blocks, map_rows, steps_of
from striate.runtime.lowering.expressions import Elements
from striate.runtime.lowering.fusion import Fused
from striate.runtime.lowering.weights import Weights
from striate.runtime.lowering.workspace import Workspace

__all__ = ["elements", "native_elements"]

Array = NDArray[np.float32]


def native_elements(
    found: Elements, shapes: dict[str, Shape], weights: Weights, output: Shape
) -> bool:
    """Tell whether an expression runs as machine code: few enough axes are left after joining."""
    names = found[1]
    return _fits_plain(names, shapes, output) or _fits_blocks(names, shapes, weights, output)


def _fits_plain(names: Sequence[str], shapes: dict[str, Shape], output: Shape) -> bool:
    strides = [_repeated(shapes[name], output) for name in names]
    return joins(output, [steps_of(output), *strides], 1)


def _fits_blocks(
    names: Sequence[str], shapes: dict[str, Shape], weights: Weights, output: Shape
) -> bool:
    """Tell whether all operands go with blocks of channels of the result."""
    if len(output) < 3 or len(output) > 5:
        return False
    return all(_goes(shapes[name], name in weights, output) for name in names)


def _goes(shape: Shape, fixed: bool, output: Shape) -> bool:
    whole = (1,) * (len(output) - len(shape)) + shape
    examples = whole[0] in (1, output[0])
    pixels = whole[2:] == output[2:] or prod(whole[2:]) == 1
    own = whole[1] == output[1] and examples and pixels
    return own and (whole[0] == 1 if fixed else len(shape) == len(output))


def elements(space: Workspace, step: Fused) -> None:
    """Lower an expression: on blocks, where values are in blocks that it reads as a whole."""
    assert step.expression is not None
    output, names = space.shapes[step.output], step.operands
    some = any(
        name not in space.weights
        and not space.only_plain(name)
        and prod(space.shapes[name][2:]) == prod(output[2:])
        for name in names
    )
    blocks = _fits_blocks(names, space.shapes, space.weights, output)
    if blocks and (some or not _fits_plain(names, space.shapes, output)):
        operands = [_in_blocks(space, name, output) for name in names]
        result, tasks = space.new_blocked(step.output)
        tasks.append(map_blocks(space.target, step.expression, operands, result))
        space.add(step, "elements", tasks)
        return
    sources = [_in_order(space, name, output) for name in names]
    to = Operand(space.new_plain(step.output), steps_of(output))
    task = map_rows(space.target, step.expression, output, to, sources)
    space.add(step, "elements, in NumPy's order", [task])


def _repeated(shape: Shape, output: Shape) -> tuple[int, ...]:
    """Return the strides with which a value repeats to the shape of the result."""
    added = (0,) * (len(output) - len(shape))
    steps = zip(shape, steps_of(shape), strict=True)
    return added + tuple(0 if size == 1 else step for size, step in steps)


def _in_order(space: Workspace, name: str, output: Shape) -> Operand:
    """Return an operand in NumPy's order."""
    strides = _repeated(space.shapes[name], output)
    if name not in space.weights:
        return Operand(space.as_plain(name), strides)
    return Operand(space.weights.made(("plain", name), lambda: _plain(space, name)), strides)


def _plain(space: Workspace, name: str) -> Array:
    return np.ascontiguousarray(space.weights[name], np.float32)


def _in_blocks(space: Workspace, name: str, output: Shape) -> Value | Operand:
    """Return an operand in blocks of channels."""
    if name not in space.weights:
        return space.as_blocked(name)
    lanes, channels = space.target.lanes, output[1]
    shape = space.shapes[name]
    if prod(shape) == channels:
        numbers = space.weights[name].reshape(-1)
        return space.weights.made(("channels", name), lambda: per_channel(numbers, lanes))
    layout = blocked((1, *output[1:]), lanes)

    def pack() -> Array:
        units = np.zeros((layout.blocks * lanes, *output[2:]), np.float32)
        units[:channels] = space.weights[name].reshape(output[1:])
        split = units.reshape(layout.blocks, lanes, *output[2:])
        return np.ascontiguousarray(np.moveaxis(split, 1, -1))

    strides = (0,) * (3 - len(layout.spatial)) + layout.strides
    packed = space.weights.made(("units of blocks", name, lanes), pack)
    return Operand(packed, (0, layout.plane, *strides))
