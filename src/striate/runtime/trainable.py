"""Networks made ready to learn: all parameters in one vector, all gradients in another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import GraphError, explained
from striate.network import FLOAT, Network
from striate.runtime.cases import Case, Cases
from striate.runtime.constants import constants_of
from striate.runtime.inputs import Inputs
from striate.runtime.plan import Plan, plan
from striate.runtime.program import check_network
from striate.runtime.steps import Array, dtype_of

__all__ = ["Trainable"]


class Trainable:
    """A network in training mode: dropout drops, batch normalisation uses its batch.

    Parameters
    ----------
    network : Network
        Its weights are copied; without any it starts with random ones drawn from `seed`.
    seed : int
        Seed of dropout and of initial weights.
    exact : bool
        Convolutions only add up products: no Winograd.

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

    def __init__(self, network: Network, seed: int = 0, *, exact: bool = False) -> None:
        with explained("Trainable"):
            check_network(network)
        if not network.has_weights:
            network = network.initialize(seed)
        self._graph, self._network, self._exact = network.graph, network, exact
        trained = [p for p in network.graph.parameters if p.trainable and p.kind == FLOAT]
        count = sum(prod(parameter.shape) for parameter in trained)
        self.parameters: NDArray[np.float32] = np.empty(count, np.float32)
        self.gradients: NDArray[np.float32] = np.zeros(count, np.float32)
        single = np.dtype(np.float32)
        kinds = {value.name: value.kind for value in network.graph.parameters}
        self.weights = {
            name: np.array(a, dtype_of(kinds[name], single)) for name, a in network.weights.items()
        }
        self._constants = constants_of(network.graph, single)
        self._inputs, self._cases = Inputs(network.graph, single), Cases(network.graph, single)
        self._gradient_of: dict[str, Array] = {}
        start = 0
        for parameter in trained:
            part = slice(start, start := start + prod(parameter.shape))
            view = self.parameters[part].reshape(parameter.shape)
            view[...] = self.weights[parameter.name]
            self.weights[parameter.name] = view
            self._gradient_of[parameter.name] = self.gradients[part].reshape(parameter.shape)
        self.random = np.random.default_rng([seed, len(network.graph.parameters)])
        self._plans: dict[Case, Plan] = {}
        self._last: tuple[Plan, dict[str, Array]] | None = None

    def forward(self, *inputs: Array | Mapping[str, Array]) -> Any:
        """Return the output, or a tuple of several, and keep what `backward` needs.

        Inputs are given as to a `Program`, in float32.

        Raises
        ------
        TrainingError
            If a step between a parameter and the outputs has no gradient.
        """
        arrays = self._inputs.taken(inputs)
        case = self._cases.of(arrays)
        current = self._plans.get(case)
        if current is None:
            graph, shapes = self._cases.settled(case), self._cases.shapes(case)
            single = np.dtype(np.float32)
            current = plan(graph, shapes, single, random=self.random, exact=self._exact)
            self._plans[case] = current
        values = current.run(arrays, {**self._constants, **self.weights}, keep=None)
        self._last = current, values
        outputs = tuple(values[name] for name in current.outputs)
        return outputs[0] if len(outputs) == 1 else outputs

    def backward(self, *dy: Array) -> None:
        """Overwrite `gradients`, given the gradients for the outputs of the last `forward`."""
        if self._last is None:
            raise GraphError(f"{self._graph.name}: backward needs a forward pass before it")
        current, values = self._last
        self.gradients.fill(0)
        current.backward(dy, values, self._gradient_of)

    @property
    def name(self) -> str:
        """The network's name."""
        return self._graph.name

    @property
    def passed(self) -> tuple[Plan, dict[str, Array]]:
        """The plan of the last `forward`, and all values by name."""
        if self._last is None:
            raise GraphError(f"{self.name}: there is no forward pass to look into yet")
        return self._last

    def gradient_of(self, name: str) -> Array | None:
        """Return the gradient for a parameter, or None if it is not trained."""
        return self._gradient_of.get(name)

    def network(self) -> Network:
        """Return the network as it is now, with copies of its weights."""
        weights = {name: array.copy() for name, array in self.weights.items()}
        return replace(self._network, weights=weights)
