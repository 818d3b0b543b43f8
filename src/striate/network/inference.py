"""What follows from a graph and its inputs' shapes alone: the shape and kind of every value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import index as whole

from striate.errors import GeometryError, ShapeError, UnknownNameError, explained
from striate.geometry.text import open_text, size_text
from striate.network.graph import Graph, Input, Node, Shape
from striate.network.operators.shaping import Reshape, Transpose

__all__ = [
    "InputShape",
    "hint",
    "infer_kinds",
    "infer_shapes",
    "input_shapes",
    "known_shapes",
    "spilling",
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

    Examples
    --------
    >>> from striate.network.zoo import load
    >>> graph = load("lenet-5").graph
    >>> infer_shapes(graph, (8, 1, 32, 32))[graph.outputs[0]]
    (8, 10)
    """
    shapes = known_shapes(graph) | input_shapes(graph, input_shape)
    for node in graph.nodes:
        try:
            with explained(f"{graph.name}: {node.name} ({node.operator.onnx})"):
                found = node.operator.infer_all([shapes[name] for name in node.inputs])
                shapes.update(zip(node.outputs, found, strict=False))
        except (ShapeError, GeometryError) as error:
            raise type(error)(f"{error}{hint(graph, input_shape)}") from None
    if (found_spilling := spilling(graph, shapes)) is not None:
        node, problem = found_spilling
        raise ShapeError(f"{graph.name}: {node.name} ({node.operator.onnx}): {problem}")
    return shapes


def spilling(graph: Graph, shapes: Mapping[str, Shape]) -> tuple[Node, str] | None:
    """Return the first Reshape that mixes examples with sizes, and what is wrong; None if none.

    A Reshape to fixed sizes fits other inputs only by making more or fewer examples. Where it keeps
    them at the sizes that the inputs declare, it is meant to: what it computes of other sizes has
    no meaning.

    Parameters
    ----------
    shapes : mapping of name to shape
        Of all values of a settled graph.
    """
    if not any(isinstance(node.operator, Reshape) for node in graph.nodes):
        return None
    made_for = {v.name: _declared(v, shapes[v.name]) for v in graph.inputs}
    other = next((name for name, shape in made_for.items() if shape != shapes[name]), None)
    if other is None:
        return None
    usual = known_shapes(graph) | made_for
    for node in graph.nodes:
        try:
            found = node.operator.infer_all([usual[name] for name in node.inputs])
        except (ShapeError, GeometryError):  # settled for these sizes alone
            return None
        usual.update(zip(node.outputs, found, strict=False))
        x, y = node.inputs[0] if node.inputs else "", node.outputs[0]
        if not isinstance(node.operator, Reshape) or not usual[x] or not usual[y]:
            continue
        if usual[x][0] == usual[y][0] and shapes[x][:1] != shapes[y][:1]:
            given = size_text(shapes[other])
            return node, (
                f"{size_text(shapes[x])} becomes {size_text(shapes[y])}, {shapes[y][0]} examples "
                f"of {shapes[x][0]}: made for {size_text(made_for[other])}, not {given}; load it "
                f"anew with input_shape={shapes[other]}"
            )
    return None


def _declared(value: Input, given: Shape) -> Shape:
    """Return the sizes that an input declares, with the examples and the open sizes given."""
    own = [size if size is not None else now for size, now in zip(value.shape, given, strict=True)]
    return (*given[:1], *own[1:])


def known_shapes(graph: Graph) -> dict[str, Shape]:
    """Return the shapes of parameters and constants."""
    shapes = {value.name: value.shape for value in graph.parameters}
    return shapes | {value.name: value.shape for value in graph.constants}


def infer_kinds(graph: Graph) -> dict[str, str]:
    """Return the kind of every value of a settled graph: "float", or a NumPy dtype's name.

    Examples
    --------
    >>> from striate.network.zoo import load
    >>> set(infer_kinds(load("lenet-5").graph).values())
    {'float'}
    """
    kinds = {value.name: value.kind for value in graph.inputs}
    kinds |= {value.name: value.kind for value in graph.parameters}
    kinds |= {value.name: value.kind for value in graph.constants}
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

    Examples
    --------
    >>> from striate.network.zoo import load
    >>> input_shapes(load("lenet-5").graph, (8, 1, 32, 32))
    {'input': (8, 1, 32, 32)}
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
    if not graph.inputs:
        return ""
    first = graph.inputs[0]
    if input_shape is None:
        text = open_text(first.shape)
        opened = f"; input {first.name!r} is {text}, and any was taken as 1: give its shape"
        return opened if None in first.shape[1:] else ""
    given = input_shape.get(first.name) if isinstance(input_shape, Mapping) else input_shape
    wanted = first.shape
    if given is None or None in wanted[1:] or tuple(given[1:]) == tuple(wanted[1:]):
        return ""
    return f"; {graph.name} is made for {size_text(size or 1 for size in wanted)}"


def _fit(graph: Graph, value: Input, given: Sequence[int] | None) -> Shape:
    """Return the given shape if it fits, or the wanted one with 1 for what it leaves open."""
    wanted = value.shape
    if given is None:
        return tuple(1 if size is None else size for size in wanted)
    name = graph.name if value is graph.inputs[0] else f"{graph.name}: {value.name}"
    text = open_text(wanted)
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
