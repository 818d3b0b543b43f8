"""Networks made ready to learn: all parameters in one vector, all gradients in another."""

from __future__ import annotations

from math import prod

import numpy as np
from numpy.typing import NDArray

from striate.errors import DTypeError, GraphError, explained
from striate.network import Network, Shape
from striate.runtime.plan import Plan, plan
from striate.runtime.program import check_network, check_runnable
from striate.runtime.steps import Array

__all__ = ["Trainable"]


class Trainable:
    """A network in training mode: dropout drops, batch normalisation uses its batch.

    Parameters
    ----------
    network : Network
        Its weights are copied; without any it starts with random ones drawn from `seed`.
    seed : int
        Seed of dropout and of initial weights.

    Attributes
    ----------
    parameters, gradients : (P,) float32 arrays
        All trainable parameters and the gradient for each, in the graph's order.
    weights : dict
        Views into `parameters` by name, and the arrays that are not trained.
    random : numpy.random.Generator
        The stream that dropout draws from; its state belongs to a checkpoint.

    Examples
    --------
    >>> import numpy as np
    >>> import striate as st
    >>> net = st.runtime.Trainable(st.load("lenet-1989"))
    >>> y = net.forward(np.zeros((1, 1, 16, 16), np.float32))
    >>> net.backward(np.ones_like(y))
    >>> net.gradients.shape
    (9760,)
    """

    def __init__(self, network: Network, seed: int = 0) -> None:
        with explained("Trainable"):
            check_network(network)
        check_runnable(network)
        if not network.has_weights:
            network = network.initialize(seed)
        self._graph = network.graph
        trained = [parameter for parameter in network.graph.parameters if parameter.trainable]
        count = sum(prod(parameter.shape) for parameter in trained)
        self.parameters: NDArray[np.float32] = np.empty(count, np.float32)
        self.gradients: NDArray[np.float32] = np.zeros(count, np.float32)
        self.weights = {name: np.array(a, np.float32) for name, a in network.weights.items()}
        self._gradient_of: dict[str, Array] = {}
        start = 0
        for parameter in trained:
            part = slice(start, start := start + prod(parameter.shape))
            view = self.parameters[part].reshape(parameter.shape)
            view[...] = self.weights[parameter.name]
            self.weights[parameter.name] = view
            self._gradient_of[parameter.name] = self.gradients[part].reshape(parameter.shape)
        self.random = np.random.default_rng([seed, len(network.graph.parameters)])
        self._plans: dict[Shape, Plan] = {}
        self._last: tuple[Plan, dict[str, Array]] | None = None

    def forward(self, x: Array) -> Array:
        """Return the output for float32 x (N, C, *spatial), and keep what `backward` needs."""
        shape = x.shape
        current = self._plans.get(shape)
        if current is None:
            if x.dtype != np.float32:
                raise DTypeError(f"{self._graph.name}: x must be float32, not {x.dtype}")
            current = plan(self._graph, shape, np.dtype(np.float32), random=self.random)
            self._plans[shape] = current
        values = current.run(x, self.weights, keep=None)
        self._last = current, values
        return values[current.output]

    def backward(self, dy: Array) -> None:
        """Overwrite `gradients`, given the gradient for the output of the last `forward`."""
        if self._last is None:
            raise GraphError(f"{self._graph.name}: backward needs a forward pass before it")
        current, values = self._last
        self.gradients.fill(0)
        current.backward(dy, values, self._gradient_of)

    def network(self) -> Network:
        """Return the network as it is now, with copies of its weights."""
        return Network(self._graph, {name: array.copy() for name, array in self.weights.items()})
