"""What is known of one layer: shapes, parameters, costs, memory and receptive field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import prod

from striate.geometry import Field, flops
from striate.network.graph import Graph, Node, Parameter, Shape
from striate.network.inference import infer_kinds
from striate.network.inspection.conventions import Applied, Convention
from striate.network.inspection.memory import (
    Moment,
    Passed,
    inference_moments,
    moved,
    size_of,
    training_moments,
)
from striate.network.seeing import Seen, look

__all__ = ["Anatomy", "FieldSummary", "Layer"]


@dataclass(frozen=True, slots=True)
class FieldSummary:
    """The receptive field along one axis of an input, in its elements.

    `stride` is an int where it is whole, as it is but behind what enlarges, and there an exact text
    such as "1/2" (`fractions.Fraction` takes both); it is 0 where all outputs see the same. `start`
    is the first index that output 0 sees, negative in the padding; `before` and `after` are how far
    the fields of the first and the last output go beyond the ends of the input (the effective
    padding; less than 0 where they end within). `aligned` tells whether all paths share one centre.
    `axis` is that of the input; `along` are the axes of the layer's output along which the field
    moves, () where all outputs see the same.
    """

    size: int
    stride: int | str
    start: int
    before: int
    after: int
    aligned: bool
    input: str
    axis: int
    along: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Layer:
    """One node of the graph, counted.

    `parameters` are the trainable ones it reads, `frozen` those that are not trained, `buffers`
    running statistics; `shared_with` are the other layers that read one of the same. `counted` is
    the number of the report's convention, `counted_as` its sum. `units` and `connections` count as
    LeCun et al. 1989 do: the outputs of layers with weights, and their incoming weights including
    one bias each, for one example. `read_bytes` and `written_bytes` move, once each, and
    `intensity` is FLOPs for each of them; `alive_bytes` is the memory of all values while it runs.
    `field_note` says why `field` is (). `milliseconds` are measured, if at all; with `timed_with`,
    they are in those of that layer.
    """

    name: str
    operator: str
    input_shapes: tuple[Shape, ...]
    output_shape: Shape
    output_shapes: tuple[Shape, ...]
    kind: str
    parameters: int
    frozen: int
    buffers: int
    shared_with: tuple[str, ...]
    macs: int
    flops: int
    counted: int
    counted_as: str
    units: int
    connections: int
    activation_bytes: int
    read_bytes: int
    written_bytes: int
    intensity: float
    alive_bytes: int
    field: tuple[FieldSummary, ...]
    field_note: str = ""
    milliseconds: float | None = None
    timed_with: str = ""


@dataclass(frozen=True)
class Anatomy:
    """A settled graph with all that follows from its inputs' shapes, each found once."""

    graph: Graph
    shapes: Mapping[str, Shape]

    @cached_property
    def kinds(self) -> dict[str, str]:
        """The kind of every value."""
        return infer_kinds(self.graph)

    @cached_property
    def sizes(self) -> dict[str, int]:
        """The bytes of every value."""
        return {name: size_of(self.shapes[name], kind) for name, kind in self.kinds.items()}

    @cached_property
    def parameters(self) -> dict[str, Parameter]:
        """The parameters by name."""
        return {parameter.name: parameter for parameter in self.graph.parameters}

    @cached_property
    def readers(self) -> dict[str, list[str]]:
        """The layers that read each parameter."""
        found: dict[str, list[str]] = {}
        for node in self.graph.nodes:
            for name in dict.fromkeys(node.inputs):
                if name in self.parameters:
                    found.setdefault(name, []).append(node.name)
        return found

    @cached_property
    def seen(self) -> tuple[Seen, ...]:
        """What all values see of each input."""
        return tuple(look(self.graph, self.shapes, v.name) for v in self.graph.inputs)

    @cached_property
    def moments(self) -> dict[str, Moment]:
        """The memory at inference while each layer runs."""
        return {m.layer: m for m in inference_moments(self.graph, self.sizes)}

    @cached_property
    def way_back(self) -> dict[str, Passed]:
        """The memory in training while each layer is passed on the way back."""
        moments = training_moments(self.graph, self.sizes, self.kinds)
        return {moment.layer: moment for moment in moments}

    @cached_property
    def _read(self) -> dict[str, tuple[Parameter, ...]]:
        found = {}
        for node in self.graph.nodes:
            names = dict.fromkeys(node.inputs)
            found[node.name] = tuple(self.parameters[n] for n in names if n in self.parameters)
        return found

    def read(self, node: Node) -> tuple[Parameter, ...]:
        """Return the parameters of a layer, each once."""
        return self._read[node.name]

    def statistics(self, node: Node) -> tuple[Parameter, ...]:
        """Return the running statistics of a layer."""
        if node.operator.onnx != "BatchNormalization":
            return ()
        names = node.inputs[3:]
        return tuple(p for p in self.read(node) if p.name in names and not p.trainable)

    def applied(self, node: Node) -> Applied:
        """Return a layer as conventions count it."""
        read, statistics = self.read(node), self.statistics(node)
        own = [p.shape for p in read if not statistics or p not in statistics]
        inputs = [self.shapes[name] for name in node.inputs]
        return Applied(node.operator, inputs, self.shapes[node.outputs[0]], own)

    def connections(self, node: Node) -> tuple[int, int, int]:
        """Return a layer's units, their incoming weights, and their biases, for one example.

        As LeCun et al. 1989 count: each unit of a layer with weights has its own connections,
        however many share a weight. Layers without multiply-adds have no units.
        """
        output, read = self.shapes[node.outputs[0]], self.read(node)
        macs = self.applied(node).macs if read else 0
        if not macs:
            return 0, 0, 0
        rows = bool(output) and len(self.shapes[node.inputs[0]]) > 1
        units = prod(output[1:]) if rows else prod(output)
        return units, macs // (output[0] if rows else 1), units if len(read) > 1 else 0

    def shared_with(self, node: Node) -> tuple[str, ...]:
        """Return the other layers that read a parameter of this one."""
        others = [name for p in self.read(node) for name in self.readers[p.name]]
        return tuple(dict.fromkeys(name for name in others if name != node.name))

    def fields(self, value: str) -> tuple[FieldSummary, ...]:
        """Return the fields of a value, an axis of an input each; () where none exists."""
        found: list[FieldSummary] = []
        for seen in self.seen:
            if value in seen.sights and value not in seen.reasons:
                found += self._summarised(seen, value)
        return tuple(found)

    @cached_property
    def _summaries(self) -> dict[tuple[str, int], Sequence[FieldSummary]]:
        return {}

    def _summarised(self, seen: Seen, value: str) -> Sequence[FieldSummary]:
        """Return the fields of a value; those that work on single elements share one sight."""
        key = (seen.source, id(seen.sights[value]))
        if key not in self._summaries:
            self._summaries[key] = _summaries(seen, value, self.shapes[seen.source])
        return self._summaries[key]

    def note(self, value: str) -> str:
        """Return why a value has no single field, "" where it has."""
        notes = [seen.reasons[value] for seen in self.seen if value in seen.reasons]
        return "; ".join(notes)

    def layer(self, node: Node, convention: Convention) -> Layer:
        """Return all that is known of a layer."""
        applied, buffers, read = self.applied(node), self.statistics(node), self.read(node)
        macs = applied.macs
        counted, counted_as = convention.count(applied)
        units, weighted, biases = self.connections(node)
        bytes_in, bytes_out = moved(node, self.sizes)
        output = node.outputs[0]
        operations = flops(macs)
        return Layer(
            name=node.name,
            operator=node.operator.onnx,
            input_shapes=tuple(
                self.shapes[name] for name in node.inputs if name not in self.parameters
            ),
            output_shape=applied.output,
            output_shapes=tuple(self.shapes[name] for name in node.outputs),
            kind=self.kinds[output],
            parameters=_numbers(p for p in read if p.trainable),
            frozen=_numbers(p for p in read if not p.trainable and p not in buffers),
            buffers=_numbers(buffers),
            shared_with=self.shared_with(node),
            macs=macs,
            flops=operations,
            counted=counted,
            counted_as=counted_as,
            units=units,
            connections=weighted + biases,
            activation_bytes=sum(self.sizes[name] for name in node.outputs),
            read_bytes=bytes_in,
            written_bytes=bytes_out,
            intensity=operations / (bytes_in + bytes_out) if bytes_in + bytes_out else 0.0,
            alive_bytes=self.moments[node.name].bytes,
            field=self.fields(output),
            field_note=self.note(output),
        )


def _numbers(parameters: Iterable[Parameter]) -> int:
    return sum(prod(parameter.shape) for parameter in parameters)


def _summaries(seen: Seen, value: str, shape: Shape) -> Sequence[FieldSummary]:
    sight, found = seen.sights[value], []
    for axis, way in zip(seen.axes, sight.paths, strict=True):
        if not way:
            continue
        field, count = sight.told(way[0])
        last = field.of(count - 1)
        end = last[1] if last else shape[axis] - 1
        along = tuple(sorted({digit.axis for digit in way[0].place}))
        found.append(_summary(field, shape[axis], end, seen.source, axis, along))
    return found


def _summary(
    field: Field, size: int, end: int, source: str, axis: int, along: tuple[int, ...]
) -> FieldSummary:
    return FieldSummary(
        size=field.size,
        stride=_exact(field.stride),
        start=field.start,
        before=-field.start,
        after=end - (size - 1),
        aligned=field.aligned,
        input=source,
        axis=axis,
        along=along,
    )


def _exact(stride: Fraction) -> int | str:
    return stride.numerator if stride.denominator == 1 else str(stride)
