"""What follows from a graph and an input's shape alone: shapes, receptive fields, reach."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from striate.errors import GeometryError, ShapeError, explained
from striate.geometry import Field
from striate.network.graph import Fields, Graph, Reach, Shape

__all__ = ["infer_fields", "infer_shapes", "reach"]


def infer_shapes(graph: Graph, input_shape: Sequence[int] | None = None) -> dict[str, Shape]:
    """Return the shape of every value, for an input of this shape (a batch of 1 by default).

    Raises
    ------
    ShapeError, GeometryError
        Naming the first node whose input does not fit.
    """
    shapes = {parameter.name: parameter.shape for parameter in graph.parameters}
    for value in graph.inputs:
        shapes[value.name] = _fit(graph.name, value.shape, input_shape)
    for node in graph.nodes:
        with explained(f"{graph.name}: {node.name} ({node.operator.onnx})"):
            shapes[node.outputs[0]] = node.operator.infer([shapes[name] for name in node.inputs])
    return shapes


def _fit(name: str, wanted: Sequence[int | None], given: Sequence[int] | None) -> Shape:
    """Return the given shape if it fits, or the wanted one with a batch of 1."""
    if given is None:
        return tuple(size or 1 for size in wanted)
    text = f"({', '.join('any' if size is None else str(size) for size in wanted)})"
    if len(given) != len(wanted):
        raise ShapeError(f"{name}: input shape {tuple(given)} must have {len(wanted)} axes: {text}")
    if any(size < 1 for size in given):
        raise ShapeError(f"{name}: input shape {tuple(given)} must have sizes of at least 1")
    if given[1] != (wanted[1] or given[1]):
        raise ShapeError(
            f"{name}: input shape {tuple(given)} has {given[1]} channels, not {wanted[1]}: {text}"
        )
    return tuple(given)


def infer_fields(graph: Graph, shapes: Mapping[str, Shape]) -> dict[str, Fields]:
    """Return the receptive fields of every value that depends on the input, an axis each.

    Raises
    ------
    GeometryError
        If paths of different strides meet, naming the node and what it joins.
    """
    rank = len(shapes[graph.inputs[0].name]) - 2
    fields: dict[str, Fields] = {v.name: (Field.identity(),) * rank for v in graph.inputs}
    for node in graph.nodes:
        known = [fields.get(name) for name in node.inputs]
        try:
            result = node.operator.fields(known, [shapes[name] for name in node.inputs])
        except GeometryError as error:
            place = f"{graph.name}: {node.name} ({node.operator.onnx})"
            names = " and ".join(name for name in node.inputs if name in fields)
            raise GeometryError(f"{place} of {names}: {error}") from None
        if result is not None:
            fields[node.outputs[0]] = result
    return fields


def reach(
    graph: Graph, shapes: Mapping[str, Shape], value: str, index: Sequence[int]
) -> tuple[tuple[int, ...], ...]:
    """Return the input positions that can change one element of `value`: exact, edges included.

    Parameters
    ----------
    index : sequence of int
        The element's position along each spatial axis; () for a value (N, features).

    Returns
    -------
    tuple of tuples of int
        For each spatial axis of the input, the sorted indices from which some path leads to the
        element. Padding, floor, dilation's holes and strides that skip are all respected.

    Examples
    --------
    >>> from striate.network.builder import Builder
    >>> b = Builder("dilated", (1, 1, 9))
    >>> graph = b.graph(b.conv(b.input, "conv", channels=1, kernel=3, dilation=2, padding=2))
    >>> reach(graph, infer_shapes(graph), "conv", [1])
    ((1, 3),)
    """
    asked: dict[str, Reach] = {value: tuple(frozenset({i}) for i in index)}
    for node in reversed(graph.nodes):
        wanted = asked.pop(node.outputs[0], None)
        if wanted is None:
            continue
        inputs = [name for name in node.inputs if not _is_parameter(graph, name)]
        found = node.operator.reads(wanted, [shapes[name] for name in inputs])
        for name, indices in zip(inputs, found, strict=True):
            known = asked.get(name, tuple(frozenset() for _ in indices))
            asked[name] = tuple(a | b for a, b in zip(known, indices, strict=True))
    empty: Reach = tuple(frozenset() for _ in shapes[graph.inputs[0].name][2:])
    return tuple(tuple(sorted(axis)) for axis in asked.get(graph.inputs[0].name, empty))


def _is_parameter(graph: Graph, name: str) -> bool:
    return any(parameter.name == name for parameter in graph.parameters)
