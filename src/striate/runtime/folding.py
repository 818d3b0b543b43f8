"""Networks made leaner for inference, without changing what they compute."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.network import Graph, Initial, Network, Node, Parameter
from striate.network import operators as op
from striate.runtime.lowering.fusion import readers_of

__all__ = ["fold", "folded"]

Array = NDArray[Any]
Recipes = dict[str, Callable[[], Array]]
FOLDED = Initial("constant", 0.0)  # of parameters that are computed, never drawn


def folded(network: Network) -> Network:
    """Return the network without dropout, with batch norm in the convolution before it.

    Its operators are those that every engine knows.
    """
    graph, weights = fold(network)
    return Network(graph, dict(weights))


def _without_identities(network: Network) -> Network:
    """Let the readers of Dropout and Identity read what those read."""
    graph = network.graph
    alias: dict[str, str] = {}
    nodes = []
    for node in graph.nodes:
        inputs = tuple(alias.get(name, name) for name in node.inputs)
        if isinstance(node.operator, op.Dropout | op.Identity) and len(node.outputs) == 1:
            alias[node.outputs[0]] = inputs[0]
        else:
            nodes.append(replace(node, inputs=inputs))
    outputs = tuple(alias.get(name, name) for name in graph.outputs)
    return Network(replace(graph, nodes=tuple(nodes), outputs=outputs), network.weights)


class Folded(Mapping[str, Array]):
    """Weights of which some are computed, anew each time that one is asked for.

    Whoever needs them packs them in another order and keeps only that.
    """

    def __init__(self, recipes: Recipes) -> None:
        self._recipes = recipes

    def __getitem__(self, name: str) -> Array:
        return self._recipes[name]()

    def __contains__(self, name: object) -> bool:
        return name in self._recipes

    def __iter__(self) -> Iterator[str]:
        return iter(self._recipes)

    def __len__(self) -> int:
        return len(self._recipes)


def fold(network: Network) -> tuple[Graph, Folded]:
    """Return what `folded` does, as a graph and weights that are computed when asked for."""
    network = _without_identities(network)
    graph = network.graph
    recipes: Recipes = {n: partial(network.weights.__getitem__, n) for n in network.weights}
    readers = readers_of(graph)
    made_by: dict[str, Node] = {}  # by the value's name, in the order of the graph
    for node in graph.nodes:
        before = made_by.get(node.inputs[0]) if node.inputs else None
        if before is not None and _can_fold(before, node, readers, recipes):
            del made_by[before.outputs[0]]
            made_by[node.outputs[0]] = _folded(before, node, recipes)
        else:
            made_by[node.outputs[0]] = node
    return _rebuilt(graph, tuple(made_by.values()), recipes), Folded(recipes)


def _can_fold(conv: Node, norm: Node, readers: Counter[str], weights: Recipes) -> bool:
    return (
        isinstance(norm.operator, op.BatchNormalization)
        and isinstance(conv.operator, op.Conv)
        and readers[conv.outputs[0]] == 1
        and all(name in weights for name in (*conv.inputs[1:], *norm.inputs[1:]))
        and all(readers[name] == 1 for name in conv.inputs[1:])  # shared weights stay as they are
    )


def _folded(conv: Node, norm: Node, weights: Recipes) -> Node:
    """Return one convolution that does what both do, and put its weights beside the others.

    (w x + b - mean) scale / sqrt(variance + epsilon) + shift, in float64 and then rounded once.
    """
    assert isinstance(norm.operator, op.BatchNormalization)
    weight_name, *bias_name = conv.inputs[1:]
    scale, shift, mean, variance = (weights[name]().astype(np.float64) for name in norm.inputs[1:])
    factor = scale / np.sqrt(variance + norm.operator.epsilon)
    old_weight = weights.pop(weight_name)
    old_bias = weights.pop(bias_name[0])() if bias_name else np.zeros(len(factor))
    per_map = (-1, *(1 for _ in old_bias.shape[1:]))  # a bias per unit keeps its shape
    bias = (old_bias - mean.reshape(per_map)) * factor.reshape(per_map) + shift.reshape(per_map)

    def weight() -> Array:
        plain = old_weight()
        spread = factor.reshape(-1, *(1 for _ in plain.shape[1:]))
        scaled: Array = (plain * spread).astype(plain.dtype)
        return scaled

    rounded: Array = bias.astype(weights[norm.inputs[1]]().dtype)
    names = (f"{norm.name}.folded.weight", f"{norm.name}.folded.bias")
    weights[names[0]] = weight
    weights[names[1]] = lambda: rounded
    return Node(norm.name, conv.operator, (conv.inputs[0], *names), norm.outputs)


def _rebuilt(graph: Graph, nodes: tuple[Node, ...], weights: Recipes) -> Graph:
    """Return the graph of these nodes with the parameters that they read; drop other weights."""
    read = {name for node in nodes for name in node.inputs} | set(graph.outputs)
    known = {parameter.name: parameter for parameter in graph.parameters}
    for name in [name for name in weights if name not in read]:
        del weights[name]
    parameters = tuple(
        known.get(name) or Parameter(name, make().shape, FOLDED) for name, make in weights.items()
    )
    return replace(graph, nodes=nodes, parameters=parameters)
