"""Tasks that take values in blocks element by element; see `mapping`."""

from __future__ import annotations

from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.ops.blocked.layout import Value
from striate.ops.blocked.mapping import Operand, map_blocks
from striate.ops.blocked.task import Task
from striate.ops.codegen import Target

__all__ = [
    "add",
    "clip",
    "copy",
    "multiply",
    "of_channels",
    "per_channel",
    "scale_shift",
    "sigmoid",
    "tanh",
]

Array = NDArray[Any]


def add(target: Target, a: Value, b: Value, result: Value, low: float, high: float) -> Task:
    """Return what writes a + b, moved into [low, high]."""
    return map_blocks(target, ("clip", ("add", 0, 1), float(low), float(high)), [a, b], result)


def multiply(
    target: Target, a: Value, b: Value, result: Value, low: float = -inf, high: float = inf
) -> Task:
    """Return what writes a b, moved into [low, high]; b may have single pixels, for all of a."""
    return map_blocks(target, ("clip", ("mul", 0, 1), float(low), float(high)), [a, b], result)


def scale_shift(
    target: Target,
    source: Value,
    result: Value,
    scale: Array,
    shift: Array,
    low: float = -inf,
    high: float = inf,
) -> Task:
    """Return what writes scale x + shift, moved into [low, high]; both (C,), one per channel."""
    operands = source, per_channel(scale, target.lanes), per_channel(shift, target.lanes)
    expression = ("clip", ("multiply_add", 0, 1, 2), float(low), float(high))
    return map_blocks(target, expression, operands, result)


def clip(target: Target, source: Value, result: Value, low: float, high: float) -> Task:
    """Return what writes x moved into [low, high]."""
    return map_blocks(target, ("clip", 0, float(low), float(high)), [source], result)


def tanh(
    target: Target, source: Value, result: Value, alpha: float = 1.0, beta: float = 1.0
) -> Task:
    """Return what writes alpha tanh(beta x)."""
    expression = ("mul", float(alpha), ("tanh", ("mul", float(beta), 0)))
    return map_blocks(target, expression, [source], result)


def sigmoid(target: Target, source: Value, result: Value) -> Task:
    """Return what writes 1 / (1 + exp(-x))."""
    return map_blocks(target, ("sigmoid", 0), [source], result)


def copy(target: Target, source: Value, result: Value) -> Task:
    """Return what copies a value; its shape stays, but not its padding."""
    return map_blocks(target, 0, [source], result)


def per_channel(numbers: Array, lanes: int) -> Operand:
    """Return one number per channel as an operand for blocks."""
    return Operand(of_channels(numbers, lanes), (0, lanes, 0, 0, 0))


def of_channels(numbers: Array, lanes: int) -> NDArray[np.float32]:
    """Return one number per channel as blocks of them have it: zeros in the spare lanes."""
    blocks = -(-len(numbers) // lanes)
    filled = np.zeros(blocks * lanes, np.float32)
    filled[: len(numbers)] = numbers
    return filled
