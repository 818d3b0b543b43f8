"""What a graph fixes of its values' shapes before anything runs, and what it leaves open."""

from __future__ import annotations

from striate.errors import StriateError
from striate.interop.onnx.writing.ranks import OpenShape, known_axes
from striate.network import Graph, Shape, infer_shapes, settings_inputs, settled

__all__ = ["OpenShape", "known_shapes"]

TRIALS = ((2, 1024), (3, 2048))
"""Two batches and two sizes for what is open: what differs between them depends on it."""
EXAMPLES = ((1, 1), (1, 1024))
"""Batches and sizes of which one may fit where those do not: then only axes are counted."""


def known_shapes(graph: Graph) -> dict[str, OpenShape]:
    """Return the shapes of values, None for sizes that depend on those left open.

    Values of which nothing is known before the network runs are missing.
    """
    inputs = {value.name: value.shape for value in graph.inputs}
    if settings_inputs(graph):
        return known_axes(graph)
    if not any(None in shape for shape in inputs.values()):
        return dict(infer_shapes(settled(graph)))
    one, two = (_at(graph, *trial) for trial in TRIALS)
    if one and two:
        return {name: _joined(shape, two[name]) for name, shape in one.items() if name in two}
    for example in EXAMPLES:
        ranks = {name: (None,) * len(shape) for name, shape in _at(graph, *example).items()}
        if ranks:
            return {**ranks, **inputs}
    return known_axes(graph)  # it declares more sizes open than fit


def _joined(one: Shape, two: Shape) -> OpenShape:
    return tuple(a if a == b else None for a, b in zip(one, two, strict=True))


def _at(graph: Graph, batch: int, size: int) -> dict[str, Shape]:
    """Return the shapes with these in place of what is open; nothing if they do not fit."""
    free = {
        value.name: [
            (size if axis else batch) if fixed is None else fixed
            for axis, fixed in enumerate(value.shape)
        ]
        for value in graph.inputs
    }
    try:
        return infer_shapes(settled(graph, free), free)
    except StriateError:
        return {}
