"""What follows from a graph and an input's shape alone: shapes, receptive fields, reach."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from operator import index as whole

from striate.errors import GeometryError, ParameterError, ShapeError, UnknownNameError, explained
from striate.geometry import Field
from striate.network.graph import Fields, Graph, Node, Reach, Shape

__all__ = ["count_connections", "infer_fields", "infer_shapes", "reach"]


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
        try:
            with explained(f"{graph.name}: {node.name} ({node.operator.onnx})"):
                inputs = [shapes[name] for name in node.inputs]
                shapes[node.outputs[0]] = node.operator.infer(inputs)
        except (ShapeError, GeometryError) as error:
            raise type(error)(f"{error}{_way_out(graph, input_shape)}") from None
    return shapes


def _way_out(graph: Graph, given: Sequence[int] | None) -> str:
    """Return what to say of the input that a network was made for, if it was given another."""
    wanted = graph.inputs[0].shape
    if given is None or None in wanted[1:] or tuple(given[1:]) == tuple(wanted[1:]):
        return ""
    return f"; {graph.name} is made for {'x'.join(str(size or 1) for size in wanted)}"


def count_connections(
    graph: Graph, node: Node, shapes: Mapping[str, Shape]
) -> tuple[int, int, int]:
    """Return a layer's units, their incoming weights, and their biases, for one example.

    As LeCun et al. 1989 count: each unit of a layer with weights has its own connections, however
    many share a weight. Layers without multiply-adds have no units.
    """
    output = shapes[node.outputs[0]]
    macs = node.operator.macs([shapes[name] for name in node.inputs], output)
    if not macs:
        return 0, 0, 0
    units = prod(output[1:])
    return units, macs // output[0], units if len(graph.parameters_of([node])) > 1 else 0


def _fit(name: str, wanted: Sequence[int | None], given: Sequence[int] | None) -> Shape:
    """Return the given shape if it fits, or the wanted one with a batch of 1."""
    if given is None:
        return tuple(size or 1 for size in wanted)
    text = f"({', '.join('any' if size is None else str(size) for size in wanted)})"
    if len(given) != len(wanted):
        raise ShapeError(f"{name}: input shape {tuple(given)} must have {len(wanted)} axes: {text}")
    try:
        sizes = tuple(map(whole, given))
    except TypeError:
        sizes = ()
    if not sizes or min(sizes) < 1:
        raise ShapeError(
            f"{name}: input shape {tuple(given)} must be of whole numbers of at least 1"
        )
    if given[1] != (wanted[1] or given[1]):
        raise ShapeError(
            f"{name}: input shape {tuple(given)} has {given[1]} channels, not {wanted[1]}: {text}"
        )
    return sizes


def infer_fields(
    graph: Graph, shapes: Mapping[str, Shape], reasons: dict[str, str] | None = None
) -> dict[str, Fields]:
    """Return the receptive fields of every value that depends on the input, an axis each.

    Where paths of different strides meet there is no single field, nor behind it; given a dict of
    `reasons`, those values are left out and it says why for each, by name.

    Raises
    ------
    GeometryError
        If paths of different strides meet and no `reasons` are asked for, naming the node and what
        it joins.
    """
    missing: dict[str, str] = {} if reasons is None else reasons
    rank = len(shapes[graph.inputs[0].name]) - 2
    fields: dict[str, Fields] = {v.name: (Field.identity(),) * rank for v in graph.inputs}
    for node in graph.nodes:
        known = [fields.get(name) for name in node.inputs]
        behind = [missing[name] for name in node.inputs if name in missing]
        if behind:
            missing[node.outputs[0]] = behind[0]
            continue
        try:
            result = node.operator.fields(known, [shapes[name] for name in node.inputs])
        except GeometryError as error:
            place = f"{graph.name}: {node.name} ({node.operator.onnx})"
            names = " and ".join(name for name in node.inputs if name in fields)
            missing[node.outputs[0]] = f"{place} of {names}: {error}"
            if reasons is None:
                raise GeometryError(missing[node.outputs[0]]) from None
            continue
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

    Raises
    ------
    UnknownNameError
        If the graph has no such value.
    ParameterError
        If the index lies outside the value.

    Examples
    --------
    >>> from striate.network.builder import Builder
    >>> b = Builder("dilated", (1, 1, 9))
    >>> graph = b.graph(b.conv(b.input, "conv", channels=1, kernel=3, dilation=2, padding=2))
    >>> reach(graph, infer_shapes(graph), "conv", [1])
    ((1, 3),)
    """
    _check_place(graph, shapes, value, index)
    fed = _fed_by(graph, graph.inputs[0].name)
    asked: dict[str, list[Reach]] = {value: [tuple(frozenset({i}) for i in index)]}
    for node in reversed(graph.nodes):
        inputs = [name for name in node.inputs if name in fed]
        if not inputs:
            continue
        for box in asked.pop(node.outputs[0], []):
            found = node.operator.reads(box, [shapes[name] for name in inputs])
            for name, indices in zip(inputs, found, strict=True):
                if all(indices):  # else it reads nothing but padding
                    asked[name] = _with(asked.get(name, []), indices)
    boxes = asked.get(graph.inputs[0].name, [])
    axes = range(len(shapes[graph.inputs[0].name]) - 2)
    return tuple(tuple(sorted(set().union(*(box[axis] for box in boxes)))) for axis in axes)


def _fed_by(graph: Graph, value: str) -> set[str]:
    """Return the values that depend on this one, itself included."""
    fed = {value}
    for node in graph.nodes:
        if not fed.isdisjoint(node.inputs):
            fed.update(node.outputs)
    return fed


def _check_place(
    graph: Graph, shapes: Mapping[str, Shape], value: str, index: Sequence[int]
) -> None:
    if value not in shapes:
        with explained(graph.name):
            raise UnknownNameError.of("value", value, shapes)
    sizes = shapes[value][2:]
    if len(index) != len(sizes) or any(not 0 <= i < n for i, n in zip(index, sizes, strict=True)):
        raise ParameterError(
            f"{graph.name}: index {tuple(index)} must lie within {value!r}, whose spatial axes "
            f"are {sizes}"
        )


def _with(boxes: Sequence[Reach], box: Reach) -> list[Reach]:
    """Return few boxes that cover what these and one more cover.

    A box is a product of index sets, one for each axis. Two paths may read boxes whose union is
    none, so that one set for each axis would not be exact behind a window that then sees padding.
    """
    kept = []
    for other in boxes:
        differing = sum(one != two for one, two in zip(box, other, strict=True))
        if differing <= 1 or all(one <= two for one, two in zip(other, box, strict=True)):
            box = tuple(one | two for one, two in zip(box, other, strict=True))
        elif all(one <= two for one, two in zip(box, other, strict=True)):
            return list(boxes)
        else:
            kept.append(other)
    return [*kept, box]
