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
from striate.geometry import Axis, TransposedAxis
from striate.geometry.text import size_text
from striate.network import Graph, Node, Shape
from striate.network import operators as op
from striate.runtime.lowering.lowered import Foreign, Lowered, Part
from striate.runtime.steps import dtype_of

__all__ = ["AXES", "check_lowered", "check_values", "machine_memory"]

AXES = 64  # of an array of NumPy
LARGEST = 1 << 27  # stride or dilation
SMALLER = "run it on a smaller input, or a network whose settings ask for less"

PADDING = (op.Conv, op.MaxPool, op.AveragePool, op.LpPool)
"""Operators that read beyond the ends of their input."""


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
    """Check every value of a settled graph, and what its windows read.

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
        _check_window(place, node)


def _bytes(kinds: Mapping[str, str], value: Any, working: np.dtype[Any]) -> int:
    return dtype_of(kinds[value.name], working).itemsize


def _arrays(node: Node, shapes: Mapping[str, Shape]) -> Iterator[tuple[str, str, Shape]]:
    """Yield what a node makes, the value whose kind it has, and its shape."""
    for name in node.outputs:
        yield "its output", name, shapes[name]
    if isinstance(node.operator, (op.ConvTranspose, *PADDING)):
        batch, channels, *sizes = shapes[node.inputs[0]]
        axes: tuple[Axis | TransposedAxis, ...] = node.operator.window.at(sizes).axes
        padded = (size + _padding(axis) for axis, size in zip(axes, sizes, strict=True))
        yield "its padded input", node.inputs[0], (batch, channels, *padded)


def _padding(axis: Axis | TransposedAxis) -> int:
    """Return how many elements beyond its input a window may read."""
    if isinstance(axis, TransposedAxis):
        return 2 * ((axis.extent - 1) // axis.stride)
    return axis.before + axis.after


def _check_window(place: str, node: Node) -> None:
    """Check the numbers of a window: what is multiplied by them must stay within 64 bits."""
    if not isinstance(node.operator, (op.ConvTranspose, *PADDING)):
        return
    window = node.operator.window
    for word, numbers in (("stride", window.strides), ("dilation", window.dilations)):
        if max(numbers) > LARGEST:
            raise ShapeError(
                f"{place}: {word} {size_text(numbers)} is beyond {LARGEST:,}, the largest that is "
                "worked with: the model is damaged, or its settings are"
            )


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
