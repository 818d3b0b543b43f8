"""Memory of activations: what is alive at once, at inference and while training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

from striate.network.graph import FLOAT, Graph, Node, Shape

__all__ = [
    "ITEM_BYTES",
    "OPTIMIZERS",
    "TRAINING_VIEWS",
    "VIEWS",
    "Moment",
    "Passed",
    "Training",
    "inference_moments",
    "moved",
    "needing_gradients",
    "size_of",
    "training",
    "training_moments",
]

FLOAT_BYTES = 4
"""Of a number in the working precision, float32."""

ITEM_BYTES = {
    FLOAT: FLOAT_BYTES,
    **dict.fromkeys(("complex128",), 16),
    **dict.fromkeys(("float64", "int64", "uint64", "complex64"), 8),
    **dict.fromkeys(("float32", "int32", "uint32"), 4),
    **dict.fromkeys(("float16", "bfloat16", "int16", "uint16"), 2),
    **dict.fromkeys(("bool", "int8", "uint8"), 1),
}

VIEWS = frozenset({"Dropout", "Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze"})
"""Operators that need not move anything at inference: their output lies where their input does."""

TRAINING_VIEWS = VIEWS - {"Dropout"}
"""The same while training, when dropout keeps what it let through."""

OPTIMIZERS = {"sgd": 0, "momentum": 1, "adam": 2}
"""Numbers that an optimiser keeps for each trainable parameter."""


def size_of(shape: Shape, kind: str) -> int:
    """Return the bytes of a value.

    >>> size_of((1, 1000), "int64"), size_of((1, 3, 224, 224), "float")
    (8000, 602112)
    """
    return prod(shape) * ITEM_BYTES.get(kind, FLOAT_BYTES)


@dataclass(frozen=True, slots=True)
class Moment:
    """What is alive while a layer runs: its inputs, its outputs, and what later layers read."""

    layer: str
    alive: tuple[str, ...]
    bytes: int


def inference_moments(graph: Graph, sizes: Mapping[str, int]) -> list[Moment]:
    """Return the memory of each layer's run, where values go after their last use."""
    last_use = {name: step for step, node in enumerate(graph.nodes) for name in node.inputs}
    last_use |= dict.fromkeys(graph.outputs, len(graph.nodes))
    alive = [value.name for value in graph.inputs]
    moments = []
    for step, node in enumerate(graph.nodes):
        alive += node.outputs
        moments.append(Moment(node.name, tuple(alive), sum(sizes[name] for name in alive)))
        alive = [name for name in alive if last_use.get(name, 0) > step]
    return moments


@dataclass(frozen=True, slots=True)
class Passed:
    """What is alive while a layer is passed on the way back: activations, and their gradients."""

    layer: str
    kept: int
    gradients: int

    @property
    def bytes(self) -> int:
        """The sum of both."""
        return self.kept + self.gradients


@dataclass(frozen=True, slots=True)
class Training:
    """Bytes while training on such inputs, in float32.

    Parameters
    ----------
    kept : int
        Activations that the forward pass leaves for the backward pass: inputs and outputs of all
        layers, but views.
    peak : int
        The most that activations and gradients of activations take at once, on the way back: the
        activations of the layers not yet passed, and the gradients not yet used.
    layer : str
        Where that is.
    parameters, gradients : int
        Of the trainable and the other parameters; of the gradients of the trainable ones.
    optimizer : mapping of name to int
        What each optimiser keeps besides.
    total : mapping of name to int
        The sum of peak, parameters, gradients and state, with each optimiser.
    """

    kept: int
    peak: int
    layer: str
    parameters: int
    gradients: int
    optimizer: dict[str, int]
    total: dict[str, int]


def training(
    graph: Graph, sizes: Mapping[str, int], kinds: Mapping[str, str], parameters: int
) -> Training:
    """Return the memory of training, given the bytes of values and of all parameters."""
    kept = _kept(graph, _without_views(graph, sizes))
    moments = training_moments(graph, sizes, kinds)
    fullest = max(moments, key=lambda moment: moment.bytes, default=Passed("", kept, 0))
    gradients = _trainable(graph)
    state = {name: count * gradients for name, count in OPTIMIZERS.items()}
    total = {name: fullest.bytes + parameters + gradients + size for name, size in state.items()}
    return Training(kept, fullest.bytes, fullest.layer, parameters, gradients, state, total)


def _trainable(graph: Graph) -> int:
    read = {name for node in graph.nodes for name in node.inputs}
    return sum(size_of(p.shape, p.kind) for p in graph.parameters if p.trainable and p.name in read)


def needing_gradients(graph: Graph, kinds: Mapping[str, str]) -> set[str]:
    """Return the values whose gradients lead to a trainable parameter."""
    needing = {parameter.name for parameter in graph.parameters if parameter.trainable}
    for node in graph.nodes:
        if not needing.isdisjoint(node.inputs):
            needing.update(name for name in node.outputs if kinds[name] == FLOAT)
    return needing - {parameter.name for parameter in graph.parameters}


def training_moments(
    graph: Graph, sizes: Mapping[str, int], kinds: Mapping[str, str]
) -> list[Passed]:
    """Return the memory of each layer's step on the way back, the last layer first."""
    needing = needing_gradients(graph, kinds)
    own = _without_views(graph, sizes)
    kept = _kept(graph, own)
    gradients = {name for name in graph.outputs if name in needing}
    moments = []
    for node in reversed(graph.nodes):
        gradients |= needing.intersection(node.inputs)
        moments.append(Passed(node.name, kept, sum(sizes[name] for name in gradients)))
        gradients -= set(node.outputs)
        kept -= sum(own[name] for name in node.outputs)
    return moments


def _without_views(graph: Graph, sizes: Mapping[str, int]) -> dict[str, int]:
    """Return the bytes that values take of their own."""
    views = {
        name
        for node in graph.nodes
        if node.operator.onnx in TRAINING_VIEWS
        for name in node.outputs
    }
    return {name: 0 if name in views else size for name, size in sizes.items()}


def _kept(graph: Graph, own: Mapping[str, int]) -> int:
    kept = sum(own[value.name] for value in graph.inputs)
    return kept + sum(own[name] for node in graph.nodes for name in node.outputs)


def moved(node: Node, sizes: Mapping[str, int]) -> tuple[int, int]:
    """Return the bytes that a layer reads, parameters included, and writes.

    Views move nothing; slices and gathers read what they pick.
    """
    if node.operator.onnx in VIEWS:
        return 0, 0
    written = sum(sizes[name] for name in node.outputs)
    if node.operator.onnx in ("Shape", "Size"):
        return 0, written
    if node.operator.onnx in ("Slice", "Gather", "GatherElements", "Split"):
        return written + sum(sizes[name] for name in node.inputs[1:]), written
    return sum(sizes[name] for name in dict.fromkeys(node.inputs)), written
