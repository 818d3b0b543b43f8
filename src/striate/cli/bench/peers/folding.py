"""A network as a careful user would hand it to an engine that folds nothing itself.

Our own programs fold in a way of their own, with operators that nobody else knows.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.network import Graph, Initial, Network, Node, Parameter
from striate.network import operators as op

__all__ = ["dense_weight", "folded"]

Weights = dict[str, NDArray[Any]]


def folded(network: Network) -> Network:
    """Return the network without dropout, its batch norms folded into convolutions before them."""
    network = _without_identities(network)
    graph, weights = network.graph, dict(network.weights)
    readers = Counter(name for node in graph.nodes for name in node.inputs)
    readers.update(graph.outputs)
    kept: dict[str, Node] = {}  # by output
    for node in graph.nodes:
        before = kept.get(node.inputs[0])
        if (
            isinstance(node.operator, op.BatchNormalization)
            and before is not None
            and isinstance(before.operator, op.Conv)
            and all(readers[name] == 1 for name in (*before.outputs, *before.inputs[1:]))
        ):
            del kept[node.inputs[0]]
            node = _with_norm(before, node, weights)
        kept[node.outputs[0]] = node
    return _rebuilt(graph, tuple(kept.values()), weights)


def dense_weight(table: tuple[tuple[int, ...], ...], weight: NDArray[Any], channels: int) -> Any:
    """Return the weight of a connection table with zeros where nothing is connected."""
    dense = np.zeros((weight.shape[0], channels, *weight.shape[2:]), weight.dtype)
    dense[np.arange(len(table))[:, None], np.array(table)] = weight
    return dense


def _without_identities(network: Network) -> Network:
    graph = network.graph
    alias: dict[str, str] = {}
    nodes = []
    for node in graph.nodes:
        inputs = tuple(alias.get(name, name) for name in node.inputs)
        if isinstance(node.operator, op.Dropout | op.Identity):
            alias[node.outputs[0]] = inputs[0]
        else:
            nodes.append(replace(node, inputs=inputs))
    outputs = tuple(alias.get(name, name) for name in graph.outputs)
    return Network(replace(graph, nodes=tuple(nodes), outputs=outputs), network.weights)


def _with_norm(conv: Node, norm: Node, weights: Weights) -> Node:
    """Return the convolution that does what both do; its weights go under the norm's name."""
    source, weight_name, *bias_name = conv.inputs
    scale, shift, mean, variance = (weights[name].astype(np.float64) for name in norm.inputs[1:])
    factor = scale / np.sqrt(variance + norm.operator.epsilon)  # type: ignore[attr-defined]
    weight = weights[weight_name]
    bias = weights[bias_name[0]] if bias_name else np.zeros(len(weight))
    by_map = (-1, *(1 for _ in bias.shape[1:]))
    names = (f"{norm.name}.folded.weight", f"{norm.name}.folded.bias")
    spread = factor.reshape(-1, *(1 for _ in weight.shape[1:]))
    weights[names[0]] = (weight * spread).astype(weight.dtype)
    moved = (bias - mean.reshape(by_map)) * factor.reshape(by_map) + shift.reshape(by_map)
    weights[names[1]] = moved.astype(weight.dtype)
    return Node(norm.name, conv.operator, (source, *names), norm.outputs)


def _rebuilt(graph: Graph, nodes: tuple[Node, ...], weights: Weights) -> Network:
    read = {name for node in nodes for name in node.inputs}
    used = {name: array for name, array in weights.items() if name in read}
    start = Initial("constant", 0.0)  # never drawn
    parameters = tuple(Parameter(name, array.shape, start) for name, array in used.items())
    return Network(replace(graph, nodes=nodes, parameters=parameters), used)
