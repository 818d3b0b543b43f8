"""Where the first value that is not finite comes from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.network import Network
from striate.runtime.learning.losses import LossName, find_loss
from striate.runtime.trainable import Trainable

__all__ = ["first_not_finite"]


def first_not_finite(
    network: Network, images: NDArray[np.float32], labels: NDArray[np.int64], loss: LossName
) -> str:
    """Return which layer makes the first value that is NaN or infinite, in a clause.

    The network runs in training mode on these examples, operation by operation, and back.

    Examples
    --------
    >>> import striate as st
    >>> network = st.load("lenet-1989").initialize(seed=0)
    >>> images = np.full((1, 1, 16, 16), np.inf, np.float32)
    >>> first_not_finite(network, images, np.array([3]), "squared")
    'the images are not finite, 256 of 256'
    """
    if text := _share(images):
        return f"the images are not finite, {text}"
    learning, found = Trainable(network), find_loss(loss)
    with np.errstate(all="ignore"):
        outputs = learning.forward(images)
        for clause in _in_passing(learning):
            return clause
        wanted = found.targets(outputs.shape[1])[labels]
        if not np.isfinite(found.values(outputs, wanted)).all():
            largest = np.abs(outputs).max()
            return f"the outputs are finite, of up to {largest:.3g}, but their loss is not"
        learning.backward(found.gradient(outputs, wanted))
    for node in reversed(network.graph.nodes):
        for name in node.inputs:
            gradient = learning.gradient_of(name)
            if gradient is not None and not np.isfinite(gradient).all():
                where = f"{node.name} ({node.operator.onnx})"
                return f"the gradient for {name} of {where} is the first that is not finite"
    return "NumPy's own pass over its examples is finite throughout: the largest values are near"


def _in_passing(learning: Trainable) -> Iterator[str]:
    """Yield what is not finite in the last forward pass, in its order."""
    plan, values = learning.passed
    for planned in plan.steps:
        where = planned.place.removeprefix(f"{learning.name}: ")
        for name in planned.inputs:
            if name in learning.weights and (text := _share(values[name])):
                yield f"{name} of {where} is not finite before the step, {text}"
        for name in planned.outputs:
            if text := _share(values[name]):
                yield f"{where} made the first values that are not finite, {text}"


def _share(array: NDArray[Any]) -> str:
    """Return how much of an array is not finite; "" if it is."""
    if array.dtype.kind != "f" or np.isfinite(array).all():
        return ""
    return f"{np.count_nonzero(~np.isfinite(array)):,} of {array.size:,}"
