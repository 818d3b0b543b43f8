"""What follows from a graph and an input's shape alone: shapes, receptive fields, reach."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from operator import index as whole

from striate.errors import GeometryError, ParameterError, ShapeError, UnknownNameError, explained
from striate.geometry import Field
from striate.network.graph import Fields, Graph, Input, Node, Reach, Shape
from striate.network.operators.shaping import Transpose

__all__ = [
    "InputShape",
    "count_connections",
    "hint",
    "infer_fields",
    "infer_kinds",
    "infer_shapes",
    "input_shapes",
    "reach",
]

InputShape = Sequence[int] | Mapping[str, Sequence[int]] | None
"""The shape of the first input, or those of inputs by name; the others have their own."""


def infer_shapes(graph: Graph, input_shape: InputShape = None) -> dict[str, Shape]:
    """Return the shape of every value, for inputs of these shapes (sizes left open are 1).

    Raises
    ------
    ShapeError, GeometryError
        Naming the first node whose input does not fit.
    GraphError
        If it has operators that must be settled first: see `settled`.
    """
    shapes = {value.name: value.shape for value in (*graph.parameters, *graph.constants)}
    shapes |= input_shapes(graph, input_shape)
    for node in graph.nodes:
        try:
            with explained(f"{graph.name}: {node.name} ({node.operator.onnx})"):
                found = node.operator.infer_all([shapes[name] for name in node.inputs])
                shapes.update(zip(node.outputs, found, strict=False))
        except (ShapeError, GeometryError) as error:
            raise type(error)(f"{error}{hint(graph, input_shape)}") from None
    return shapes


def infer_kinds(graph: Graph) -> dict[str, str]:
    """Return the kind of every value of a settled graph: "float", or a NumPy dtype's name.

    Examples
    --------
    >>> from striate.network.zoo import load
    >>> set(infer_kinds(load("lenet-5").graph).values())
    {'float'}
    """
    kinds = {v.name: v.kind for v in (*graph.inputs, *graph.parameters, *graph.constants)}
    for node in graph.nodes:
        found = node.operator.kinds([kinds[name] for name in node.inputs])
        kinds.update(zip(node.outputs, found, strict=False))
    return kinds


def input_shapes(graph: Graph, input_shape: InputShape = None) -> dict[str, Shape]:
    """Return the shape of every input, given some; sizes left open are 1.

    Raises
    ------
    ShapeError
        If a shape does not fit its input.
    UnknownNameError
        If there is no input of a name.
    """
    given: Mapping[str, Sequence[int]] = {}
    if isinstance(input_shape, Mapping):
        given = input_shape
    elif input_shape is not None and graph.inputs:
        given = {graph.inputs[0].name: input_shape}
    names = [value.name for value in graph.inputs]
    for name in given:
        if name not in names:
            with explained(graph.name):
                raise UnknownNameError.of("input", name, names)
    return {v.name: _fit(graph, v, given.get(v.name)) for v in graph.inputs}


def hint(graph: Graph, input_shape: InputShape) -> str:
    """Return what to say of the input that a network was made for, if it was given another."""
    if input_shape is None or not graph.inputs:
        return ""
    first = graph.inputs[0]
    given = input_shape.get(first.name) if isinstance(input_shape, Mapping) else input_shape
    wanted = first.shape
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


def _fit(graph: Graph, value: Input, given: Sequence[int] | None) -> Shape:
    """Return the given shape if it fits, or the wanted one with 1 for what it leaves open."""
    wanted = value.shape
    if given is None:
        return tuple(1 if size is None else size for size in wanted)
    name = graph.name if value is graph.inputs[0] else f"{graph.name}: {value.name}"
    text = f"({', '.join('any' if size is None else str(size) for size in wanted)})"
    if len(given) != len(wanted):
        raise ShapeError(f"{name}: input shape {tuple(given)} must have {len(wanted)} axes: {text}")
    try:
        sizes: Shape | None = tuple(map(whole, given))
    except TypeError:
        sizes = None
    if sizes is None or any(size < (own != 0) for size, own in zip(sizes, wanted, strict=True)):
        raise ShapeError(
            f"{name}: input shape {tuple(given)} must be of whole numbers of at least 1"
        )
    if len(wanted) > 1 and _channels_first(graph, value) and sizes[1] != (wanted[1] or sizes[1]):
        raise ShapeError(
            f"{name}: input shape {tuple(given)} has {given[1]} channels, not {wanted[1]}: {text}"
        )
    return sizes


def _channels_first(graph: Graph, value: Input) -> bool:
    """Tell whether axis 1 of an input may be its channels: nothing moves its axes first."""
    readers = [node for node in graph.nodes if value.name in node.inputs]
    return not any(isinstance(node.operator, Transpose) for node in readers)


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
