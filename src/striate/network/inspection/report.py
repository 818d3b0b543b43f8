"""The report of a network: shapes, parameters, costs, memory and receptive fields, by layer."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from math import prod

from striate.errors import explained
from striate.geometry import flops
from striate.geometry.text import size_text
from striate.network import zoo
from striate.network.graph import Graph, Shape
from striate.network.inference import InputShape, infer_shapes
from striate.network.inspection.columns import fitted_rows, full_rows, is_number
from striate.network.inspection.conventions import convention as convention_of
from striate.network.inspection.layers import Anatomy, FieldSummary, Layer
from striate.network.inspection.memory import Training, size_of, training
from striate.network.inspection.text import ruled, summary
from striate.network.model import Network
from striate.network.settling import settled

__all__ = ["FieldSummary", "Layer", "Report", "Totals", "Training", "inspect"]

SCHEMA = 1
"""Of the JSON: one more whenever a key changes its meaning or goes."""


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over the layers; a parameter that several layers share is counted once.

    `units` includes the input's; `activation_bytes` keeps every activation;
    `peak_activation_bytes` is the most that is alive at once when each is dropped after its last
    use, as at inference: while `peak_layer` runs, when the values `peak_alive` are. `milliseconds`
    is the sum of those of the layers.
    """

    parameters: int
    frozen: int
    buffers: int
    parameter_bytes: int
    macs: int
    flops: int
    counted: int
    units: int
    connections: int
    read_bytes: int
    written_bytes: int
    intensity: float
    activation_bytes: int
    peak_activation_bytes: int
    peak_layer: str
    peak_alive: tuple[str, ...]
    training: Training
    milliseconds: float | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What `striate.inspect` found; `str()` of it is a table.

    `inputs` are the shapes of all inputs, `input_shape` that of the first. `notes` say why some
    layers have no receptive field; theirs is (). `convention` names how `Layer.counted` counts,
    `counted_as` says it.
    """

    network: str
    input_shape: Shape
    inputs: tuple[tuple[str, Shape], ...]
    layers: tuple[Layer, ...]
    totals: Totals
    notes: tuple[str, ...]
    convention: str
    counted_as: str
    schema: int = SCHEMA

    def to_json(self) -> str:
        """Return the report as JSON: the same names, shapes as lists, sizes in bytes.

        docs/inspect.md tells what each key means; `schema` goes up when one changes.
        """
        whole = {"schema": self.schema, **asdict(self), "inputs": dict(self.inputs)}
        return json.dumps(whole, indent=2)

    @property
    def title(self) -> str:
        """The line above the table."""
        shapes = [f"{name} {size_text(shape)}" for name, shape in self.inputs]
        one = len(self.inputs) < 2
        return f"{self.network} on {size_text(self.input_shape) if one else ', '.join(shapes)}"

    def rows(
        self, width: int | None = None, columns: Sequence[str] | None = None
    ) -> list[tuple[str, ...]]:
        """Return the table's cells as text: a header, then a row for each layer.

        Given a width in letters, a table that is wider becomes compact: short headings, numbers of
        three digits, and no more columns than fit, unless `columns` names those to show.

        Raises
        ------
        UnknownNameError
            If there is no such column.
        """
        if width is None:
            return full_rows(self, columns)
        return fitted_rows(self, width, columns)

    def summary(self) -> list[str]:
        """Return the lines below the table."""
        return summary(self)

    def timed(self, milliseconds: Mapping[str, float], within: Mapping[str, str]) -> Report:
        """Return the report with measured times of layers.

        Parameters
        ----------
        milliseconds : mapping of name to float
        within : mapping of name to name
            Layers whose time is in that of another.
        """
        layers = tuple(
            replace(
                layer,
                milliseconds=milliseconds.get(layer.name),
                timed_with=within.get(layer.name, ""),
            )
            for layer in self.layers
        )
        totals = replace(self.totals, milliseconds=sum(milliseconds.values()))
        return replace(self, layers=layers, totals=totals)

    def __str__(self) -> str:
        rows = full_rows(self)
        numbers = {place for place, heading in enumerate(rows[0]) if is_number(heading)}
        return ruled(self.title, rows, numbers, summary(self))


def inspect(
    network: Network | Graph | str,
    input_shape: InputShape = None,
    *,
    convention: str = "macs",
) -> Report:
    """Return shapes, parameters, multiply-adds, memory and receptive fields of every layer.

    Parameters
    ----------
    network : Network, Graph or str
        Weights are not needed, nor looked at; a text is a name that `striate.load` knows.
    input_shape : sequence of int, or mapping of name to that, optional
        Of the first input, or of inputs by name; by default the network's own with a batch of 1.
    convention : {"macs", "flops", "flops-bias", "torchinfo", "fvcore", "thop"}
        How `Layer.counted` counts: see docs/inspect.md.

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
        graph, way = zoo.graph_of(network), convention_of(convention)
    graph = settled(graph, input_shape)
    anatomy = Anatomy(graph, infer_shapes(graph, input_shape))
    layers = tuple(anatomy.layer(node, way) for node in graph.nodes)
    inputs = tuple((value.name, anatomy.shapes[value.name]) for value in graph.inputs)
    notes = tuple(dict.fromkeys(note for seen in anatomy.seen for note in seen.reasons.values()))
    return Report(
        network=graph.name,
        input_shape=inputs[0][1] if inputs else (),
        inputs=inputs,
        layers=layers,
        totals=_totals(anatomy, layers),
        notes=notes,
        convention=way.name,
        counted_as=way.text,
    )


def _totals(anatomy: Anatomy, layers: Sequence[Layer]) -> Totals:
    graph = anatomy.graph
    read = [p for p in graph.parameters if p.name in anatomy.readers]
    buffers = {p.name for node in graph.nodes for p in anatomy.statistics(node)}
    numbers = {p.name: prod(p.shape) for p in read}
    parameter_bytes = sum(size_of(p.shape, p.kind) for p in read)
    trainable = sum(numbers[p.name] for p in read if p.trainable)
    statistics = sum(numbers[name] for name in buffers)
    macs = sum(layer.macs for layer in layers)
    moved = [(layer.read_bytes, layer.written_bytes) for layer in layers]
    read_bytes, written_bytes = sum(r for r, _ in moved), sum(w for _, w in moved)
    fullest = max(anatomy.moments.values(), key=lambda moment: moment.bytes, default=None)
    return Totals(
        parameters=trainable,
        frozen=sum(numbers.values()) - trainable - statistics,
        buffers=statistics,
        parameter_bytes=parameter_bytes,
        macs=macs,
        flops=flops(macs),
        counted=sum(layer.counted for layer in layers),
        units=sum(prod(anatomy.shapes[value.name][1:]) for value in graph.inputs)
        + sum(layer.units for layer in layers),
        connections=sum(layer.connections for layer in layers),
        read_bytes=read_bytes,
        written_bytes=written_bytes,
        intensity=flops(macs) / max(read_bytes + written_bytes, 1),
        activation_bytes=sum(layer.activation_bytes for layer in layers),
        peak_activation_bytes=fullest.bytes if fullest else 0,
        peak_layer=fullest.layer if fullest else "",
        peak_alive=fullest.alive if fullest else (),
        training=training(graph, anatomy.sizes, anatomy.kinds, parameter_bytes),
    )
