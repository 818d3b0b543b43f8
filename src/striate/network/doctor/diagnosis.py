"""The shape doctor: the first layer that does not fit, why, what would help, and what is doubtful.

Every repair is carried out on the graph and inferred to its end before it is offered, and every
advice is an observation with its numbers.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

from striate.errors import ParameterError, UnknownNameError, explained
from striate.geometry.text import size_text
from striate.network import zoo
from striate.network.doctor.advice import Advice, advise
from striate.network.doctor.advice_on_windows import Case, unread
from striate.network.doctor.repairs import RADIUS, Repair, repairs, spatial_axes
from striate.network.doctor.text import lines, trail_text
from striate.network.doctor.tracing import Trace, trace, window_of
from striate.network.graph import Graph, Node, Shape
from striate.network.inference import InputShape
from striate.network.operators import Conv, ConvTranspose, Gemm

if TYPE_CHECKING:
    import torch

    from striate.network.model import Network

__all__ = ["Diagnosis", "Failure", "diagnose"]


SCHEMA = 1
"""Of the JSON: one more whenever a key changes its meaning or goes."""


@dataclass(frozen=True, slots=True)
class Failure:
    """The first layer that does not fit; `layer` is the input's name where that is at fault.

    `arithmetic` gives the numbers, a line each.
    """

    layer: str
    operator: str
    message: str
    input_shapes: tuple[Shape, ...]
    arithmetic: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What `diagnose` found: a failure with its repairs, or advice on a network that fits.

    Examples
    --------
    >>> import striate as st
    >>> found = st.network.diagnose("lenet-5", (1, 1, 30, 32))
    >>> found.failure.layer, found.fits
    ('C5', False)
    """

    network: str
    input_shape: Shape
    failure: Failure | None
    repairs: tuple[Repair, ...]
    advice: tuple[Advice, ...]

    @property
    def fits(self) -> bool:
        """Whether all shapes fit."""
        return self.failure is None

    def to_json(self) -> str:
        """Return the diagnosis as JSON: the same names, shapes as lists."""
        failure = self.failure
        return json.dumps(
            {
                "schema": SCHEMA,
                "network": self.network,
                "input_shape": self.input_shape,
                "fits": self.fits,
                "failure": failure and {n: getattr(failure, n) for n in Failure.__slots__},
                "repairs": [
                    {
                        "kind": repair.kind,
                        "steps": repair.steps,
                        "input_shape": repair.input_shape,
                        "output_shapes": repair.output_shapes,
                    }
                    for repair in self.repairs
                ],
                "advice": [{n: getattr(a, n) for n in Advice.__slots__} for a in self.advice],
            },
            indent=2,
        )

    def __str__(self) -> str:
        return "\n".join(lines(self))


def diagnose(
    network: Network | Graph | torch.nn.Module | str, input_shape: InputShape = None
) -> Diagnosis:
    """Return why a network's shapes do not fit and what would help, or advice if they do.

    Parameters
    ----------
    network : Network, Graph, torch.nn.Module or str
        Weights are not needed, nor looked at; a text is a name that `striate.load` knows. A module
        that fails on such inputs is diagnosed as it runs, on PyTorch's meta device, and as a graph.
    input_shape : sequence of int, or mapping of name to that, optional
        That of the first input, or those of several; by default the network's own, 1 for what it
        leaves open. Repairs change the first input alone.

    Returns
    -------
    Diagnosis

    Examples
    --------
    >>> import striate as st
    >>> print(st.network.diagnose("vgg11", (1, 3, 200, 224)).repairs[0])
    Linear fc6: fc6.weight (4096, 21504) instead of (4096, 25088)
    """
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(network, torch.nn.Module):
        return _of_module(network, input_shape)
    with explained("diagnose"):
        graph = zoo.graph_of(network)  # type: ignore[arg-type]  # it refuses what is none
        graph, shape = _given(graph, input_shape)
    found = trace(graph, shape)
    if found.problem:
        failure = _failure(graph, found, shape)
        return Diagnosis(graph.name, shape, failure, tuple(repairs(graph, found, shape)), ())
    advice = advise(found.graph, found.shapes, graph)
    if any(a.topic == "pixels dropped" for a in advice):
        advice += _undropped(graph, shape)
    return Diagnosis(graph.name, shape, None, (), tuple(advice))


def _of_module(module: torch.nn.Module, input_shape: InputShape) -> Diagnosis:
    """Return why a PyTorch module fails on such inputs, or advice on the network that it is."""
    if input_shape is None:
        raise ParameterError("diagnose: a PyTorch module does not tell its input; give input_shape")
    given = input_shape.values() if isinstance(input_shape, Mapping) else [input_shape]
    shapes = [tuple(sizes) for sizes in given]
    home = import_module("striate.interop.torch.diagnosis")
    failed: Diagnosis | None = home.diagnose_module(module, shapes)
    if failed is not None:
        return failed
    read = import_module("striate.interop.torch").from_torch(module, input_shape)
    found, left = diagnose(read, input_shape), home.unused(module, read)
    return found if left is None else replace(found, advice=(*found.advice, left))


def _given(graph: Graph, input_shape: InputShape) -> tuple[Graph, Shape]:
    """Return the shape of the first input, and the graph with those of the others declared."""
    if not graph.inputs:
        raise ParameterError(f"{graph.name} has no input whose shape could fit or not")
    first, *others = graph.inputs
    own = tuple(1 if size is None else size for size in first.shape)
    if not isinstance(input_shape, Mapping):
        return graph, own if input_shape is None else tuple(map(int, input_shape))
    for name in input_shape:
        if name not in [value.name for value in graph.inputs]:
            raise UnknownNameError.of("input", name, [value.name for value in graph.inputs])
    opened = [replace(v, shape=tuple(input_shape.get(v.name, v.shape))) for v in others]
    return replace(graph, inputs=(first, *opened)), tuple(input_shape.get(first.name, own))


def _failure(graph: Graph, found: Trace, shape: Shape) -> Failure:
    node = found.failed
    if node is None:
        wanted = "x".join("N" if s is None else str(s) for s in graph.inputs[0].shape)
        sizes = f"given {size_text(shape)}, wanted {wanted} (N: any size)"
        return Failure(graph.inputs[0].name, "Input", found.problem, (shape,), (sizes,))
    known = tuple(found.shapes[name] for name in node.inputs if name in found.shapes)
    numbers = tuple(dict.fromkeys((*_trail(graph, found, node), *_arithmetic(node, found))))
    return Failure(node.name, node.operator.onnx, found.problem, known, numbers)


def _trail(graph: Graph, found: Trace, node: Node) -> Iterator[str]:
    """Yield the shapes on the way from the input."""
    makers = {name: n for n in graph.nodes for name in n.outputs}
    value, steps = node.inputs[0], []
    while value in makers:
        steps.append((makers[value].name, found.shapes.get(value)))
        value = makers[value].inputs[0] if makers[value].inputs else ""
    steps.append((value, found.shapes.get(value)))
    yield trail_text([(name, shape) for name, shape in reversed(steps) if shape is not None])


def _arithmetic(node: Node, found: Trace) -> Iterator[str]:
    """Yield the sums that do not come out."""
    if any(name not in found.shapes for name in node.inputs):
        return
    shapes = [found.shapes[name] for name in node.inputs]
    operator, x = node.operator, shapes[0]
    weights = {parameter.name for parameter in found.graph.parameters}
    window: Any = window_of(node)
    if isinstance(operator, Gemm):
        makers = {name: n for n in found.graph.nodes for name in n.outputs}
        source = makers.get(node.inputs[0])
        before = found.shapes[source.inputs[0]][1:] if source and source.inputs else ()
        arrive = f"{size_text(before, ' x ')} = " if len(before) > 1 and len(x) == 2 else ""
        yield f"{arrive}{x[-1]} features arrive, {node.inputs[1]} {shapes[1]} takes {shapes[1][1]}"
    elif isinstance(operator, Conv | ConvTranspose) and len(shapes[1]) > 1:
        takes = (
            shapes[1][0]
            if isinstance(operator, ConvTranspose)
            else (shapes[1][1] * operator.groups)
        )
        if len(x) > 1 and takes != x[1]:
            groups = f" x {operator.groups} groups" * (operator.groups > 1)
            yield f"{x[1]} channels arrive, {node.inputs[1]} {shapes[1]}{groups} takes {takes}"
    if window is not None and len(x) == window.rank + 2:
        for axis, size in zip(window.axes, x[2:], strict=True):
            own = axis.at(size) if hasattr(axis, "at") else axis
            room = size + own.before + own.after - own.extent
            if hasattr(axis, "at") and room < 0:
                yield (
                    f"floor(({size} + {own.before} + {own.after} - {own.extent}) / {own.stride}) "
                    f"+ 1 = {room // own.stride + 1} outputs"
                )
    values = [name for name in node.inputs if name not in weights]
    if len(values) > 1:
        yield " meets ".join(f"{name} {size_text(found.shapes[name])}" for name in values)


def _undropped(graph: Graph, shape: Shape) -> list[Advice]:
    """Return which inputs lose nothing to floor: the nearest, all axes alike if that will do."""
    axes = spatial_axes(graph, shape)
    found = []
    for sign in (-1, 1):
        alike = _whole_size(graph, shape, list(axes), sign, range(len(axes)))
        if alike is None:
            alike = shape
            for place, axis in enumerate(axes):
                if alike is not None and _loses(graph, alike, [place]):
                    alike = _whole_size(graph, alike, [axis], sign, [place])
        if alike is not None and not _loses(graph, alike, range(len(axes))):
            found.append(size_text(alike))
    if not found:
        text = f"no input up to {RADIUS} smaller or larger along each axis loses nothing"
    else:
        text = f"inputs of {' or '.join(found)} lose nothing"
    return [Advice("pixels dropped", (), text)]


def _whole_size(
    graph: Graph, shape: Shape, axes: Sequence[int], sign: int, places: Sequence[int]
) -> Shape | None:
    """Return the nearest shape, these axes moved by the same, that loses nothing along places."""
    for distance in range(1, RADIUS + 1):
        other = tuple(s + sign * distance if a in axes else s for a, s in enumerate(shape))
        if min(other) < 1:
            return None
        if not _loses(graph, other, places):
            return other
    return None


def _loses(graph: Graph, shape: Shape, places: Sequence[int]) -> bool:
    """Tell whether floor drops anything at the end of these axes, or the shape does not fit."""
    found = trace(graph, shape)
    return bool(found.problem) or any(
        left[-1] == size - 1 and len(left) * 2 < size and axis in places
        for _, axis, left, size in unread(Case(found.graph, found.shapes))
    )
