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
from striate.runtime.affine import Affine, affine_of, maps_of, spread_over
from striate.runtime.leaner import leaner
from striate.runtime.lowering.fusion import readers_of
from striate.runtime.ranks import ranks_of

__all__ = ["fold", "folded"]

Array = NDArray[Any]
Recipes = dict[str, Callable[[], Array]]
FOLDED = Initial("constant", 0.0)  # of parameters that are computed, never drawn


def folded(network: Network) -> Network:
    """Return the network with fewer nodes: see `leaner`.

    Layers take in what scales and shifts each of their maps: batch norms, and constants. All its
    operators are those that every engine knows.
    """
    graph, weights = fold(network)
    return Network(graph, dict(weights))


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
    graph = leaner(network.graph)
    recipes: Recipes = {n: partial(network.weights.__getitem__, n) for n in network.weights}
    fixed: Recipes = {c.name: partial(getattr, c, "array") for c in graph.constants}
    readers, ranks = readers_of(graph), ranks_of(graph)
    made_by: dict[str, Node] = {}  # by the value's name, in the order of the graph
    for node in graph.nodes:
        found = _foldable(node, made_by, readers, recipes, fixed)
        if found is not None and not _last_axis(node, found[0], ranks):
            found = None
        if found is None:
            made_by.update(dict.fromkeys(node.outputs, node))
        else:
            del made_by[found[0].outputs[0]]
            made_by[node.outputs[0]] = _folded(*found, node, recipes)
    nodes = tuple(dict.fromkeys(made_by.values()))
    return _rebuilt(graph, nodes, recipes), Folded(recipes)


def _foldable(
    node: Node,
    made_by: Mapping[str, Node],
    readers: Counter[str],
    weights: Recipes,
    fixed: Recipes,
) -> tuple[Node, Affine] | None:
    """Return the layer that can take a node in, and what the node does with each of its maps."""
    for name in node.inputs[:2]:
        layer = made_by.get(name)
        if layer is None or not isinstance(layer.operator, op.Conv | op.ConvTranspose | op.Gemm):
            continue
        own = layer.inputs[1:]
        # Weights that others read too stay as they are; those made here are read by nobody else.
        alone = readers[name] == 1 and all(n in weights and readers[n] <= 1 for n in own)
        shape = weights[own[0]]().shape if alone else ()
        maps = maps_of(layer.operator, shape) if alone else 0
        affine = affine_of(node, name, {**fixed, **weights}, maps, len(shape)) if alone else None
        if affine is not None:
            return layer, affine
    return None


def _last_axis(node: Node, layer: Node, ranks: Mapping[str, int]) -> bool:
    """Tell whether a node works on the maps of a fully connected layer, which are its last axis.

    Batch norms work on axis 1, and an array of more axes than the layer's result adds some to it.
    """
    if not isinstance(layer.operator, op.Gemm):
        return True
    rank = ranks.get(layer.outputs[0], 1)
    if isinstance(node.operator, op.BatchNormalization):
        return rank == 2
    return all(ranks.get(name, 2) <= rank for name in node.inputs if name != layer.outputs[0])


def _folded(layer: Node, affine: Affine, node: Node, weights: Recipes) -> Node:
    """Return one layer that does what both do, and put its weights beside the others.

    (w x + b) factor + term, in float64 and then rounded once.
    """
    weight_name, *bias_name = layer.inputs[1:]
    operator, old_weight = layer.operator, weights.pop(weight_name)
    old_bias = weights.pop(bias_name[0])() if bias_name else np.zeros(len(affine.factor))
    per_map = (-1, *(1 for _ in old_bias.shape[1:]))  # a bias per unit keeps its shape
    bias = old_bias * affine.factor.reshape(per_map) + affine.term.reshape(per_map)

    def weight() -> Array:
        plain = old_weight()
        scaled: Array = (plain * spread_over(affine.factor, operator, plain.shape)).astype(
            plain.dtype
        )
        return scaled

    rounded: Array = bias.astype(old_weight().dtype)
    names = (f"{node.name}.folded.weight", f"{node.name}.folded.bias")
    weights[names[0]] = weight
    weights[names[1]] = lambda: rounded
    return Node(node.name, operator, (layer.inputs[0], *names), node.outputs)


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
