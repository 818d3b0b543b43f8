"""The arithmetic of one layer, written out in its own numbers."""

from __future__ import annotations

import inspect as introspection
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod

from striate.errors import UnknownNameError, explained
from striate.geometry import Axis, Field, TransposedAxis
from striate.network import zoo
from striate.network.graph import Fields, Graph, Node, Shape
from striate.network.inference import count_connections, infer_shapes
from striate.network.model import Network
from striate.network.operators import Conv, ConvTranspose, Gemm
from striate.network.operators.pooling import AveragePool, MaxPool
from striate.network.seeing import infer_fields

__all__ = ["explain"]

AXES = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}

SIZE = "O = floor((I + before + after - D (K - 1) - 1) / S) + 1"
CEILED = "O = ceil((I + before + after - D (K - 1) - 1) / S) + 1"
TRANSPOSED = "O = (I - 1) S - before - after + D (K - 1) + output_padding + 1"
FIELD = "r = r_prev + (K - 1) D jump"
TRANSPOSED_FIELD = "r = r_prev + (inputs written to one output, first to last, - 1) jump"


@dataclass(frozen=True, slots=True)
class _Place:
    """A layer in its graph: what it reads, and what it sees of the network's input."""

    node: Node
    shapes: Mapping[str, Shape]
    fields: Mapping[str, Fields]

    @property
    def input(self) -> Shape:
        return self.shapes[self.node.inputs[0]]

    @property
    def output(self) -> Shape:
        return self.shapes[self.node.outputs[0]]


def explain(
    network: Network | Graph | str, layer: str, input_shape: Sequence[int] | None = None
) -> tuple[str, ...]:
    r"""Return the lines that derive a layer's sizes, parameters, multiply-adds and field.

    Parameters
    ----------
    network : Network, Graph or str
        A text is a name that `striate.load` knows.
    layer : str
        A node's name.
    input_shape : sequence of int, optional
        (N, C, *spatial) of the network's input; by default its own with a batch of 1.

    Raises
    ------
    UnknownNameError
        If the network has no such layer, or there is no such network.
    ParameterError
        If `network` is neither a network nor a name.
    ShapeError, GeometryError
        Naming the first layer that the input does not fit.

    Examples
    --------
    >>> import striate as st
    >>> print("\n".join(explain("all-cnn-c", "conv2_1")))
    conv2_1 (Conv): 1x96x16x16 -> 1x192x16x16
      output size  O = floor((I + before + after - D (K - 1) - 1) / S) + 1
           height  floor((16 + 1 + 1 - 1 (3 - 1) - 1) / 1) + 1 = 16
            width  floor((16 + 1 + 1 - 1 (3 - 1) - 1) / 1) + 1 = 16
       parameters  192 x 96 x 3 x 3 (weight) + 192 (bias) = 166,080
             MACs  weights x examples x places: 192 x 96 x 3 x 3 x 1 x 16 x 16 = 42,467,328
            units  192 x 16 x 16 = 49,152, with 42,467,328 + 49,152 biases = 42,516,480 connections
            field  r = r_prev + (K - 1) D jump
           height  7 + (3 - 1) x 1 x 2 = 11
            width  7 + (3 - 1) x 1 x 2 = 11
    """
    with explained("explain"):
        graph = zoo.graph_of(network)
    nodes = {node.name: node for node in graph.nodes}
    if layer not in nodes:
        raise UnknownNameError.of("layer", layer, nodes)
    shapes = infer_shapes(graph, input_shape)
    place = _Place(nodes[layer], shapes, infer_fields(graph, shapes))
    title = f"{layer} ({place.node.operator.onnx}): {_by(place.input)} -> {_by(place.output)}"
    facts = [*_what(place), *_sizes(place), *_parameters(graph, place), *_macs(place)]
    facts += _units(graph, place)
    return (title, *(f"{name:>13}  {text}" for name, text in (*facts, *_field(place))))


def _by(sizes: Sequence[int], sign: str = "x") -> str:
    return sign.join(map(str, sizes))


def _axes(place: _Place) -> tuple[Axis | TransposedAxis, ...]:
    """Return the axes of the operator's window, () if it has none."""
    operator = place.node.operator
    if isinstance(operator, Conv | ConvTranspose | MaxPool | AveragePool):
        return operator.window.at(place.input[2:]).axes
    return ()


def _what(place: _Place) -> list[tuple[str, str]]:
    """Say what the operator does, unless its formulas do."""
    if _axes(place):
        return []
    says = introspection.getdoc(place.node.operator) or ""
    return [("does", says.partition("\n")[0].removesuffix("."))]


def _named(place: _Place) -> tuple[str, ...]:
    rank = len(place.input) - 2
    return AXES.get(rank, tuple(f"axis {axis}" for axis in range(rank)))


def _sizes(place: _Place) -> list[tuple[str, str]]:
    axes = _axes(place)
    if not axes:
        return []
    rows = [
        (name, f"{_size(axis, size)} = {axis.output_size(size)}")
        for name, axis, size in zip(_named(place), axes, place.input[2:], strict=True)
    ]
    if isinstance(axes[0], TransposedAxis):
        return [("output size", TRANSPOSED), *rows]
    return [("output size", CEILED if axes[0].ceil else SIZE), *rows]


def _size(axis: Axis | TransposedAxis, size: int) -> str:
    k, s, d = axis.kernel, axis.stride, axis.dilation
    before, after = axis.before, axis.after
    if isinstance(axis, TransposedAxis):
        return f"({size} - 1) {s} - {before} - {after} + {d} ({k} - 1) + {axis.output_padding} + 1"
    room = size + before + after - axis.extent
    rounded = "ceil" if axis.ceil else "floor"
    text = f"{rounded}(({size} + {before} + {after} - {d} ({k} - 1) - 1) / {s}) + 1"
    if axis.ceil and axis.output_size(size) < -(-room // s) + 1:
        return f"{text} - 1 (the last window would start in the padding after)"
    return text


def _parameters(graph: Graph, place: _Place) -> list[tuple[str, str]]:
    read = {parameter.name: parameter for parameter in graph.parameters_of([place.node])}
    rows = []
    for title, trainable in (("parameters", True), ("statistics", False)):
        some = [p for p in read.values() if p.trainable is trainable]
        if some:
            terms = [f"{_by(p.shape, ' x ')} ({p.name.rpartition('.')[2]})" for p in some]
            rows.append((title, f"{' + '.join(terms)} = {sum(prod(p.shape) for p in some):,}"))
    return rows or [("parameters", "none")]


def _macs(place: _Place) -> list[tuple[str, str]]:
    operator = place.node.operator
    inputs = [place.shapes[name] for name in place.node.inputs]
    total = f"{operator.macs(inputs, place.output):,}"
    if isinstance(operator, Conv):
        terms = (*inputs[1], place.output[0], *place.output[2:])
        return [("MACs", f"weights x examples x places: {_by(terms, ' x ')} = {total}")]
    if isinstance(operator, ConvTranspose):
        terms = (*inputs[1], inputs[0][0], *inputs[0][2:])
        return [("MACs", f"weights x examples x inputs: {_by(terms, ' x ')} = {total}")]
    if isinstance(operator, Gemm):
        terms = (place.output[0], inputs[0][1], place.output[1])
        return [("MACs", f"examples x in x out: {_by(terms, ' x ')} = {total}")]
    return [("MACs", "0 (not counted)")]


def _units(graph: Graph, place: _Place) -> list[tuple[str, str]]:
    units, weighted, biases = count_connections(graph, place.node, place.shapes)
    if not units:
        return []
    made = f"{_by(place.output[1:], ' x ')} = {units:,}" if len(place.output) > 2 else f"{units:,}"
    total = (
        f"{weighted:,} + {biases:,} biases = {weighted + biases:,}" if biases else f"{weighted:,}"
    )
    return [("units", f"{made}, with {total} connections")]


def _field(place: _Place) -> list[tuple[str, str]]:
    axes = _axes(place)
    after = place.fields.get(place.node.outputs[0], ())
    if not axes:
        sizes = {field.size for field in after}
        text = _by(sorted(sizes) if len(sizes) == 1 else [field.size for field in after], " x ")
        return [("field", text)] if after else []
    before = place.fields[place.node.inputs[0]]
    transposed = isinstance(axes[0], TransposedAxis)
    steps = zip(_named(place), before, axes, after, strict=True)
    rows = [(name, _recurrence(one, axis, two)) for name, one, axis, two in steps]
    return [("field", TRANSPOSED_FIELD if transposed else FIELD), *rows]


def _recurrence(before: Field, axis: Axis | TransposedAxis, after: Field) -> str:
    """Return r's recurrence in numbers; it holds wherever all outputs see equally much."""
    if isinstance(axis, TransposedAxis):
        spans = [seen[-1] - seen[0] for o in range(axis.stride) if (seen := axis.taps(o))]
        steps, text = max(spans), f"({max(spans) + 1} - 1) x {before.stride}"
    else:
        steps = axis.extent - 1
        text = f"({axis.kernel} - 1) x {axis.dilation} x {before.stride}"
    if before.size + steps * before.stride == after.size:
        return f"{before.size} + {text} = {after.size}"
    return f"{after.size}, the most that an output sees: they see unequally much"
