"""Networks made leaner for inference, without changing what they compute."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.network import Graph, Initial, Network, Node, Parameter
from striate.network import operators as op
from striate.runtime.lowering.fusion import readers_of

__all__ = ["folded"]

Weights = dict[str, NDArray[Any]]
FOLDED = Initial("constant", 0.0)  # of parameters that are computed, never drawn


def folded(network: Network) -> Network:
    """Return the network without dropout, with batch norm in the convolution before it.

    Its operators are those that every engine knows.
    """
    return _fold_batch_norm(_without_identities(network))


def _without_identities(network: Network) -> Network:
    """Let the readers of Dropout and Identity read what those read."""
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


def _fold_batch_norm(network: Network) -> Network:
    """Scale each convolution that only a batch norm reads, and shift its bias."""
    graph, weights = network.graph, dict(network.weights)
    readers = readers_of(graph)
    made_by: dict[str, Node] = {}  # by the value's name, in the order of the graph
    for node in graph.nodes:
        before = made_by.get(node.inputs[0])
        if before is not None and _can_fold(before, node, readers, weights):
            del made_by[before.outputs[0]]
            made_by[node.outputs[0]] = _folded(before, node, weights)
        else:
            made_by[node.outputs[0]] = node
    return Network(_rebuilt(graph, tuple(made_by.values()), weights), weights)


def _can_fold(conv: Node, norm: Node, readers: Counter[str], weights: Weights) -> bool:
    return (
        isinstance(norm.operator, op.BatchNormalization)
        and isinstance(conv.operator, op.Conv)
        and readers[conv.outputs[0]] == 1
        and all(name in weights for name in (*conv.inputs[1:], *norm.inputs[1:]))
        and all(readers[name] == 1 for name in conv.inputs[1:])  # shared weights stay as they are
    )


def _folded(conv: Node, norm: Node, weights: Weights) -> Node:
    """Return one convolution that does what both do, and put its weights beside the others.

    (w x + b - mean) scale / sqrt(variance + epsilon) + shift, in float64 and then rounded once.
    """
    assert isinstance(norm.operator, op.BatchNormalization)
    weight_name, *bias_name = conv.inputs[1:]
    scale, shift, mean, variance = (weights[name].astype(np.float64) for name in norm.inputs[1:])
    factor = scale / np.sqrt(variance + norm.operator.epsilon)
    weight = weights[weight_name]
    old_bias = weights.pop(bias_name[0]) if bias_name else np.zeros(len(weight))
    per_map = (-1, *(1 for _ in old_bias.shape[1:]))  # a bias per unit keeps its shape
    bias = (old_bias - mean.reshape(per_map)) * factor.reshape(per_map) + shift.reshape(per_map)
    names = (f"{norm.name}.folded.weight", f"{norm.name}.folded.bias")
    spread = factor.reshape(-1, *(1 for _ in weight.shape[1:]))
    weights[names[0]] = (weights.pop(weight_name) * spread).astype(weight.dtype)
    weights[names[1]] = bias.astype(weight.dtype)
    return Node(norm.name, conv.operator, (conv.inputs[0], *names), norm.outputs)


def _rebuilt(graph: Graph, nodes: tuple[Node, ...], weights: Weights) -> Graph:
    """Return the graph of these nodes with the parameters that they read; drop other weights."""
    read = {name for node in nodes for name in node.inputs}
    known = {parameter.name: parameter for parameter in graph.parameters}
    for name in [name for name in weights if name not in read]:
        del weights[name]
    parameters = tuple(
        known.get(name) or Parameter(name, array.shape, FOLDED) for name, array in weights.items()
    )
    return replace(graph, nodes=nodes, parameters=parameters)
