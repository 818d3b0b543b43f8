"""Fully connected layers in training: all matrices lie in NumPy's order, and none is packed.

Few examples take as long as memory moves the weights; more take as long as their products.
"""

from __future__ import annotations

from math import inf

from striate.ops.blocked.dense_gradients import (
    data_gradient_of_few,
    sum_of_examples,
    weight_gradient_of_few,
)
from striate.ops.blocked.layout import Place
from striate.ops.blocked.linear import linear
from striate.ops.blocked.products import products
from striate.ops.blocked.task import Task
from striate.ops.codegen import Target

__all__ = ["bias_gradient", "data_gradient", "forward", "weight_gradient"]

FEW = {"forward": 32, "data": 16, "weight": 32}
"""Examples up to which weights are gone through in long runs."""


def forward(
    target: Target,
    x: Place,
    examples: int,
    weight: Place,
    shape: tuple[int, int],
    bias: Place | None,
    result: Place,
    low: float = -inf,
    high: float = inf,
) -> Task:
    """Return what writes x weight^T + bias, moved into [low, high].

    Parameters
    ----------
    target : processor
    x : (examples, K)
    weight, shape : (M, K)
    bias : (M,), or none
    result : (examples, M)
    low, high : bounds of the result

    Examples
    --------
    >>> import numpy as np
    >>> from striate.ops.blocked.program import run_tasks
    >>> buffers = {"x": np.float32([1, 2]), "w": np.float32([1, 0, 3, 4, 5, 6, 0, 9])}
    >>> buffers["y"] = np.empty(3, np.float32)
    >>> task = forward(
    ...     Target.host(), Place("x"), 1, Place("w"), (3, 2), Place("w", 5), Place("y"), 0.0, 15.0
    ... )
    >>> run_tasks([task], buffers)
    >>> buffers["y"]
    array([ 7., 11., 15.], dtype=float32)
    """
    if examples <= FEW["forward"]:
        return linear(target, x, examples, weight, bias, result, low, high, shape)
    maps, inner = shape
    sizes = examples, inner, maps
    bounds = 0 if (low, high) == (-inf, inf) else ("clip", 0, float(low), float(high))
    return products(target, x, weight, result, sizes, turned=True, bias=bias, expression=bounds)


def data_gradient(
    target: Target, dy: Place, examples: int, weight: Place, shape: tuple[int, int], result: Place
) -> Task:
    """Return what writes dy weight.

    Parameters
    ----------
    target : processor
    dy : (examples, M)
    weight, shape : (M, K)
    result : (examples, K)

    Examples
    --------
    >>> import numpy as np
    >>> from striate.ops.blocked.program import run_tasks
    >>> buffers = {"dy": np.float32([2, 1]), "w": np.float32([1, 2, 3, 4, 5, 6])}
    >>> buffers["dx"] = np.empty(3, np.float32)
    >>> places = Place("dy"), 1, Place("w"), (2, 3), Place("dx")
    >>> run_tasks([data_gradient(Target.host(), *places)], buffers)
    >>> buffers["dx"]
    array([ 6.,  9., 12.], dtype=float32)
    """
    if examples <= FEW["data"]:
        return data_gradient_of_few(target, dy, examples, weight, shape, result)
    maps, inner = shape
    return products(target, dy, weight, result, (examples, maps, inner))


def weight_gradient(
    target: Target, x: Place, dy: Place, examples: int, shape: tuple[int, int], result: Place
) -> Task:
    """Return what writes dy^T x.

    Parameters
    ----------
    target : processor
    x : (examples, K)
    dy : (examples, M)
    shape : (M, K)
    result : (M, K)

    Examples
    --------
    >>> import numpy as np
    >>> from striate.ops.blocked.program import run_tasks
    >>> buffers = {"x": np.float32([1, 2, 3]), "dy": np.float32([2, 1])}
    >>> buffers["dw"] = np.empty(6, np.float32)
    >>> places = Place("x"), Place("dy"), 1, (2, 3), Place("dw")
    >>> run_tasks([weight_gradient(Target.host(), *places)], buffers)
    >>> buffers["dw"]
    array([2., 4., 6., 1., 2., 3.], dtype=float32)
    """
    if examples <= FEW["weight"]:
        return weight_gradient_of_few(target, x, dy, examples, shape, result)
    maps, inner = shape
    return products(target, dy, x, result, (maps, examples, inner), left_turned=True)


def bias_gradient(target: Target, dy: Place, examples: int, maps: int, result: Place) -> Task:
    """Return what writes the sum over examples of dy (examples, maps).

    Examples
    --------
    >>> import numpy as np
    >>> from striate.ops.blocked.program import run_tasks
    >>> buffers = {"dy": np.float32([2, 1, 5, 7]), "db": np.empty(2, np.float32)}
    >>> run_tasks([bias_gradient(Target.host(), Place("dy"), 2, 2, Place("db"))], buffers)
    >>> buffers["db"]
    array([7., 8.], dtype=float32)
    """
    return sum_of_examples(target, dy, examples, maps, result)
