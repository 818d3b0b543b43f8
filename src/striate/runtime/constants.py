"""What depends on constants and weights alone is computed once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from striate.errors import explained
from striate.network import (
    Deferred,
    Graph,
    Initial,
    Network,
    Node,
    Parameter,
    Shape,
    infer_shapes,
)
from striate.network import operators as op
from striate.runtime.lowering import Weights
from striate.runtime.lowering.memory import AXES
from striate.runtime.steps import Array, Binding, bind, dtype_of

__all__ = ["arrays_of", "constants_of", "precomputed", "precomputed_case", "typed"]

Known = Mapping[str, Array] | Weights
LARGE = 4 << 20  # elements of a computed value that is kept although it is larger than its inputs
ROOM = 64 << 20  # elements of all that is computed at once, beside three times its own weights
COMPUTED = Initial("constant", 0.0)  # of parameters that are computed, never drawn


def typed(network: Network, dtype: np.dtype[Any]) -> Network:
    """Return the network with its weights in a working precision."""
    kinds = {value.name: value.kind for value in network.graph.parameters}
    weights = {
        name: np.asarray(array, dtype_of(kinds[name], dtype), order="C")
        for name, array in network.weights.items()
    }
    return Network(network.graph, weights)


def arrays_of(network: Network, dtype: np.dtype[Any]) -> dict[str, Array]:
    """Return the weights and constants by name, in a working precision."""
    return {**typed(network, dtype).weights, **constants_of(network.graph, dtype)}


def constants_of(graph: Graph, dtype: np.dtype[Any]) -> dict[str, Array]:
    """Return the constants by name, in a working precision."""
    return {
        value.name: np.asarray(value.array, dtype_of(value.kind, dtype), order="C")
        for value in graph.constants
    }


def precomputed(network: Network, dtype: np.dtype[Any]) -> Network:
    """Return the network without nodes that no input changes; their values become weights.

    Left as they are, to be computed in each call, are values that are very large and larger than
    what they are computed from, and all that would take more than `ROOM` together.
    """
    known = arrays_of(network, dtype)
    graph, found = _computed(network.graph, known, {}, dtype)
    return Network(graph, {p.name: {**known, **found}[p.name] for p in graph.parameters})


def precomputed_case(
    graph: Graph, known: Known, shapes: Mapping[str, Shape], dtype: np.dtype[Any]
) -> tuple[Graph, dict[str, Array]]:
    """Return a settled graph without nodes that only shapes change, and their values."""
    return _computed(graph, known, infer_shapes(graph, shapes), dtype)


def _computed(
    graph: Graph, known: Known, shapes: Mapping[str, Shape], dtype: np.dtype[Any]
) -> tuple[Graph, dict[str, Array]]:
    """Return the graph without nodes that can be computed, and the values that others read."""
    kinds = {parameter.name: parameter.kind for parameter in graph.parameters}
    kinds.update((constant.name, constant.kind) for constant in graph.constants)
    found: dict[str, Array] = {}
    room = ROOM + 3 * sum(prod(value.shape) for value in graph.parameters)
    nodes = []
    for node in graph.nodes:
        made = _values(graph.name, node, known, found, kinds, shapes, dtype, room)
        if made is None:
            nodes.append(node)
        else:
            found.update(made)
            room -= sum(array.size for array in made.values())
    if not found:
        return graph, {}
    read = {name for node in nodes for name in node.inputs} | set(graph.outputs)
    kept = {name: array for name, array in found.items() if name in read}
    new = tuple(
        Parameter(name, array.shape, COMPUTED, trainable=False, kind=kinds[name])
        for name, array in kept.items()
    )
    graph = replace(
        graph,
        nodes=tuple(nodes),
        parameters=(*(p for p in graph.parameters if p.name in read), *new),
        constants=tuple(constant for constant in graph.constants if constant.name in read),
    )
    return graph, kept


def _values(
    where: str,
    node: Node,
    known: Known,
    found: Mapping[str, Array],
    kinds: dict[str, str],
    shapes: Mapping[str, Shape],
    dtype: np.dtype[Any],
    room: int,
) -> dict[str, Array] | None:
    """Return the values that a node makes, if they can be computed now; note their kinds.

    `room` is how many elements may still be made.
    """
    operator = node.operator
    if isinstance(operator, op.Shape | op.Size) and node.inputs[0] in shapes:
        kinds[node.outputs[0]] = "int64"
        array = np.broadcast_to(dtype.type(0), shapes[node.inputs[0]])
        return {node.outputs[0]: np.asarray(operator.value(array), np.int64)}
    if isinstance(operator, Deferred) or not all(name in kinds for name in node.inputs):
        return None
    own_inputs = {n: found[n] if n in found else known[n] for n in node.inputs}
    inputs = [own_inputs[name] for name in node.inputs]
    with explained(f"{where}: {node.name} ({operator.onnx})"):
        made = operator.infer_all([array.shape for array in inputs])
        size = sum(prod(n or 1 for n in shape) for shape in made)  # empty ones have bounds too
        read = sum(array.size for array in own_inputs.values())  # each once, if read many times
        if size > min(room, max(LARGE, read)) or any(len(shape) > AXES for shape in made):
            return None
        own = dict(zip(node.inputs, (array.shape for array in inputs), strict=True))
        own.update(zip(node.outputs, made, strict=False))
        kinds.update(
            zip(node.outputs, operator.kinds([kinds[n] for n in node.inputs]), strict=False)
        )
        step = bind(operator, Binding.of(node, own, kinds, dtype, exact=True))
        return dict(zip(node.outputs, step.run(*inputs), strict=False))
