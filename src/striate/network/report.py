"""The report of a network: shapes, parameters, costs, memory and receptive fields, by layer."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from math import prod
from typing import Any

from striate.errors import explained
from striate.geometry import CONVENTION, flops
from striate.network import zoo
from striate.network.graph import Graph, Node, Shape
from striate.network.inference import count_connections, infer_shapes
from striate.network.model import Network
from striate.network.report_text import fitted_rows, full_rows, plain, summary
from striate.network.seeing import infer_fields

__all__ = ["FieldSummary", "Layer", "Report", "Totals", "inspect"]

BYTES = 4  # of a float32


@dataclass(frozen=True, slots=True)
class FieldSummary:
    """The receptive field along one axis, in input elements.

    `stride` is an int where it is whole, as it is but behind a transposed convolution, and there
    an exact text such as "1/2" (`fractions.Fraction` takes both); it is 0 where all outputs see
    the same. `start` is the first input index that output 0 sees, negative in the padding;
    `aligned` tells whether all paths share one centre.
    """

    size: int
    stride: int | str
    start: int
    aligned: bool


@dataclass(frozen=True, slots=True)
class Layer:
    """One node of the graph, counted.

    `parameters` are the trainable ones it reads, `buffers` the others (running statistics).
    `units` and `connections` count as LeCun et al. 1989 do: the outputs of layers with weights, and
    their incoming weights including one bias each, for one example.
    """

    name: str
    operator: str
    input_shapes: tuple[Shape, ...]
    output_shape: Shape
    parameters: int
    buffers: int
    macs: int
    flops: int
    units: int
    connections: int
    activation_bytes: int
    field: tuple[FieldSummary, ...]


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over the layers; a parameter that several layers share is counted once.

    `units` includes the input's; `activation_bytes` keeps every activation, as training does;
    `peak_activation_bytes` is the most that is alive at once when each is dropped after its last
    use, as at inference.
    """

    parameters: int
    buffers: int
    parameter_bytes: int
    macs: int
    flops: int
    units: int
    connections: int
    activation_bytes: int
    peak_activation_bytes: int


@dataclass(frozen=True, slots=True)
class Report:
    """What `striate.inspect` found; `str()` of it is a table.

    `notes` say why some layers have no receptive field; theirs is ().
    """

    network: str
    input_shape: Shape
    layers: tuple[Layer, ...]
    totals: Totals
    notes: tuple[str, ...] = ()
    convention: str = CONVENTION

    def to_json(self) -> str:
        """Return the report as JSON: the same names, shapes as lists, sizes in bytes."""
        return json.dumps(asdict(self), indent=2)

    @property
    def title(self) -> str:
        """The line above the table."""
        return f"{self.network} on {'x'.join(map(str, self.input_shape))}"

    def rows(self, width: int | None = None) -> list[tuple[str, ...]]:
        """Return the table's cells as text: a header, then a row for each layer.

        Given a width in letters, a table that is wider becomes compact: short headings, numbers of
        three digits, and no more columns than fit.
        """
        return full_rows(self) if width is None else fitted_rows(self, width)

    def summary(self) -> list[str]:
        """Return the lines below the table."""
        return summary(self)

    def __str__(self) -> str:
        return plain(self)


def inspect(network: Network | Graph | str, input_shape: Sequence[int] | None = None) -> Report:
    """Return shapes, parameters, multiply-adds, memory and receptive fields of every layer.

    Parameters
    ----------
    network : Network, Graph or str
        Weights are not needed, nor looked at; a text is a name that `striate.load` knows.
    input_shape : sequence of int, optional
        (N, C, *spatial); by default the network's own with a batch of 1.

    Returns
    -------
    Report

    Raises
    ------
    ShapeError, GeometryError
        Naming the first layer that the input does not fit.
    UnknownNameError
        With the nearest known names.
    ParameterError
        If `network` is neither a network nor a name.

    Examples
    --------
    >>> import striate as st
    >>> report = st.inspect("vgg16")
    >>> report.totals.parameters, round(report.totals.macs / 1e9, 3)
    (138357544, 15.47)
    >>> report.layers[30].field[0].size
    212
    """
    with explained("inspect"):
        graph = zoo.graph_of(network)
    shapes = infer_shapes(graph, input_shape)
    reasons: dict[str, str] = {}
    fields = infer_fields(graph, shapes, reasons)
    layers = tuple(_layer(graph, node, shapes, fields) for node in graph.nodes)
    given = shapes[graph.inputs[0].name]
    notes = tuple(dict.fromkeys(reasons.values()))
    return Report(graph.name, given, layers, _totals(graph, shapes, layers), notes)


def _layer(
    graph: Graph, node: Node, shapes: Mapping[str, Shape], fields: Mapping[str, Any]
) -> Layer:
    read = graph.parameters_of([node])
    names = {parameter.name for parameter in read}
    inputs = [shapes[name] for name in node.inputs]
    output = shapes[node.outputs[0]]
    macs = node.operator.macs(inputs, output)
    units, weighted, biases = count_connections(graph, node, shapes)
    return Layer(
        name=node.name,
        operator=node.operator.onnx,
        input_shapes=tuple(shapes[name] for name in node.inputs if name not in names),
        output_shape=output,
        parameters=sum(prod(p.shape) for p in read if p.trainable),
        buffers=sum(prod(p.shape) for p in read if not p.trainable),
        macs=macs,
        flops=flops(macs),
        units=units,
        connections=weighted + biases,
        activation_bytes=prod(output) * BYTES,
        field=tuple(
            FieldSummary(f.size, _exact(f.stride), f.start, f.aligned)
            for f in fields.get(node.outputs[0], ())
        ),
    )


def _totals(graph: Graph, shapes: Mapping[str, Shape], layers: Sequence[Layer]) -> Totals:
    read = graph.parameters_of(graph.nodes)
    trainable = sum(prod(p.shape) for p in read if p.trainable)
    buffers = sum(prod(p.shape) for p in read if not p.trainable)
    macs = sum(layer.macs for layer in layers)
    return Totals(
        parameters=trainable,
        buffers=buffers,
        parameter_bytes=(trainable + buffers) * BYTES,
        macs=macs,
        flops=flops(macs),
        units=prod(shapes[graph.inputs[0].name][1:]) + sum(layer.units for layer in layers),
        connections=sum(layer.connections for layer in layers),
        activation_bytes=sum(layer.activation_bytes for layer in layers),
        peak_activation_bytes=_peak(graph, shapes),
    )


def _peak(graph: Graph, shapes: Mapping[str, Shape]) -> int:
    """Return the most bytes alive at once when values are dropped after their last use."""
    last_use = {name: step for step, node in enumerate(graph.nodes) for name in node.inputs}
    last_use |= dict.fromkeys(graph.outputs, len(graph.nodes))
    alive = {value.name for value in graph.inputs}
    peak = 0
    for step, node in enumerate(graph.nodes):
        alive.update(node.outputs)
        peak = max(peak, sum(prod(shapes[name]) for name in alive) * BYTES)
        alive = {name for name in alive if last_use.get(name, 0) > step}
    return peak


def _exact(stride: Fraction) -> int | str:
    return stride.numerator if stride.denominator == 1 else str(stride)
