"""What a network's values need, against what the machine has: asked before anything is made."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Iterator, Mapping
from math import prod
from typing import Any

import numpy as np

from striate.errors import ShapeError
from striate.geometry.text import size_text
from striate.network import Graph, Node, Shape
from striate.network import operators as op
from striate.runtime.lowering.lowered import Foreign, Lowered, Part
from striate.runtime.steps import dtype_of

__all__ = ["AXES", "check_lowered", "check_values", "machine_memory"]

AXES = 64  # of an array of NumPy
SMALLER = "run it on a smaller input, or a network whose settings ask for less"


@functools.cache
def machine_memory() -> int:
    """Return the bytes of this machine's memory; where nothing tells, all that can be addressed.

    Examples
    --------
    >>> machine_memory() > 2**20
    True
    """
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return sys.maxsize


def check_values(
    graph: Graph, shapes: Mapping[str, Shape], kinds: Mapping[str, str], working: np.dtype[Any]
) -> None:
    """Check every value of a settled graph, and what its convolutions pad.

    Raises
    ------
    ShapeError
        Naming the first node of which something does not fit into memory, or into an array.
    """
    for value in graph.inputs:
        _check(f"{graph.name}: {value.name}: it", shapes[value.name], _bytes(kinds, value, working))
    for node in graph.nodes:
        place = f"{graph.name}: {node.name} ({node.operator.onnx})"
        for what, name, shape in _arrays(node, shapes):
            _check(f"{place}: {what}", shape, dtype_of(kinds[name], working).itemsize)


def _bytes(kinds: Mapping[str, str], value: Any, working: np.dtype[Any]) -> int:
    return dtype_of(kinds[value.name], working).itemsize


def _arrays(node: Node, shapes: Mapping[str, Shape]) -> Iterator[tuple[str, str, Shape]]:
    """Yield what a node makes, the value whose kind it has, and its shape."""
    for name in node.outputs:
        yield "its output", name, shapes[name]
    if isinstance(node.operator, op.Conv):
        name = node.inputs[0]
        batch, channels, *sizes = shapes[name]
        axes = zip(node.operator.window.at(sizes).axes, sizes, strict=True)
        padded = (axis.before + size + axis.after for axis, size in axes)
        yield "its padded input", name, (batch, channels, *padded)


def _check(what: str, shape: Shape, itemsize: int) -> None:
    needed, limit = prod(shape) * itemsize, machine_memory()
    if len(shape) > AXES:
        raise ShapeError(f"{what} has {len(shape)} axes, but arrays have at most {AXES}")
    if needed > limit:
        raise ShapeError(
            f"{what}, {size_text(shape)}, takes {needed:,} bytes, but the machine has {limit:,}: "
            f"{SMALLER}"
        )
    if prod(size or 1 for size in shape) * itemsize > sys.maxsize:  # an empty array counts too
        raise ShapeError(f"{what}, {size_text(shape)}, is larger than arrays can be: {SMALLER}")


def check_lowered(lowered: Lowered, graph: str) -> None:
    """Check what a lowered network holds at once, with paddings and layouts.

    Raises
    ------
    ShapeError
        Naming the node that uses the largest buffer, if that does not fit into memory.
    """
    if lowered.alive <= machine_memory():
        return
    largest = max(lowered.sizes, key=lambda name: lowered.sizes[name], default="")
    users = (part for part in lowered.parts if part.names and largest in _buffers(part))
    place = next((f"{part.names[-1]} ({part.operator})" for part in users), "its inputs")
    raise ShapeError(
        f"{graph}: {place}: what is held at once here takes {lowered.alive:,} bytes with its "
        f"padding, but the machine has {machine_memory():,}: {SMALLER}"
    )


def _buffers(part: Part) -> set[str]:
    if isinstance(part.work, Foreign):
        return set(part.work.buffers)
    return {
        word.buffer
        for task in part.tasks
        for word in task.words.values()
        if hasattr(word, "buffer")
    }
