"""What nodes do with each map of a layer, where that is to scale and to shift it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from striate.network import Node, Operator, Shape
from striate.network import operators as op

__all__ = ["Affine", "affine_of", "maps_of", "spread_over"]

Array = NDArray[Any]
Known = Mapping[str, Callable[[], Array]]


class Affine(NamedTuple):
    """What each map is multiplied by, and what is added to it then: (maps,) in float64."""

    factor: NDArray[np.float64]
    term: NDArray[np.float64]


def maps_of(layer: Operator, weight: Shape) -> int:
    """Return how many maps a layer with weights of this shape has."""
    if isinstance(layer, op.ConvTranspose):
        return weight[1] * layer.groups
    return weight[0]


def spread_over(factor: Array, layer: Operator, weight: Shape) -> Array:
    """Return a number for each map in a shape that multiplies a layer's weights."""
    ones = tuple(1 for _ in weight[2:])
    if not isinstance(layer, op.ConvTranspose):
        return factor.reshape(-1, 1, *ones)
    groups, maps = layer.groups, weight[1]
    each = np.repeat(factor.reshape(groups, maps), weight[0] // groups, axis=0)
    return each.reshape(weight[0], maps, *ones)


def affine_of(node: Node, name: str, known: Known, maps: int, rank: int) -> Affine | None:
    """Return what a node does with each map of the value `name` of so many maps and axes.

    None if it does anything else, or leaves no finite numbers.
    """
    others = [other for other in node.inputs if other != name]
    if len(others) != len(node.inputs) - 1 or not all(other in known for other in others):
        return None
    found = _affine(node, node.inputs.index(name), known, maps, rank)
    finite = found is not None and all(bool(np.isfinite(each).all()) for each in found)
    return found if finite else None


def _affine(node: Node, place: int, known: Known, maps: int, rank: int) -> Affine | None:
    operator = node.operator
    if isinstance(operator, op.BatchNormalization):
        if place != 0:
            return None
        arrays = (known[name]().astype(np.float64) for name in node.inputs[1:])
        scale, shift, mean, variance = arrays
        factor = scale / np.sqrt(variance + operator.epsilon)
        return Affine(factor, shift - mean * factor)
    if not isinstance(operator, op.Add | op.Sub | op.Mul | op.Div):
        return None
    numbers = _per_map(known[node.inputs[1 - place]](), maps, rank)
    if numbers is None:
        return None
    ones, zeros = np.ones(maps), np.zeros(maps)
    match operator:
        case op.Add():
            return Affine(ones, numbers)
        case op.Sub():
            return Affine(ones, -numbers) if place == 0 else Affine(-ones, numbers)
        case op.Mul():
            return Affine(numbers, zeros)
    if place == 1:
        return None
    with np.errstate(divide="ignore"):
        return Affine(1 / numbers, zeros)


def _per_map(array: Array, maps: int, rank: int) -> NDArray[np.float64] | None:
    """Return one number for each map, if the array has no others when it broadcasts."""
    whole = (1,) * (rank - array.ndim) + array.shape
    if array.dtype.kind != "f" or len(whole) != rank or array.size not in (1, whole[1]):
        return None
    if whole[1] not in (1, maps):
        return None
    return np.array(np.broadcast_to(array.reshape(-1), (maps,)), np.float64)
