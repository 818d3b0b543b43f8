"""Programs: networks made ready to run."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from striate.errors import DTypeError, GraphError, ShapeError, UnknownNameError
from striate.network import Network, Shape
from striate.runtime.plan import Plan, plan
from striate.runtime.steps import Array

__all__ = ["Program", "RandomWeightsWarning", "compile"]


class RandomWeightsWarning(UserWarning):
    """A network without trained weights is about to run with random ones."""


class Program:
    """A network ready to run on arrays of any batch size; made by `striate.compile`.

    Several threads may call one program at once. A plan is made for each input shape when it is
    first met, and kept.
    """

    def __init__(self, network: Network, dtype: np.dtype[Any]) -> None:
        self.network = network
        self.dtype = dtype
        self._weights = {
            name: np.ascontiguousarray(array, dtype) for name, array in network.weights.items()
        }
        self._plans: dict[Shape, Plan] = {}
        self._planning = threading.Lock()

    def __repr__(self) -> str:
        return f"<Program {self.network.name} {self.dtype}>"

    def __call__(self, x: Array) -> Array:
        """Return the network's output.

        Parameters
        ----------
        x : (N, C, *spatial) array of the program's dtype

        Raises
        ------
        DTypeError, ShapeError, GeometryError
            If `x` does not fit; the message names the first layer it does not fit.
        """
        bound = self._plan_for(x)
        return bound.run(x, self._weights)[bound.output]

    def values(self, x: Array, names: Iterable[str] | None = None) -> dict[str, Array]:
        """Return values inside the network by name: all nodes' outputs, or those named.

        Raises
        ------
        UnknownNameError
            If there is no value of that name.
        """
        known = [name for node in self.network.graph.nodes for name in node.outputs]
        wanted = known if names is None else list(names)
        for name in wanted:
            if name not in known:
                raise UnknownNameError.of(f"value of {self.network.name}", name, known)
        values = self._plan_for(x).run(x, self._weights, frozenset(wanted))
        return {name: values[name] for name in wanted}

    def _plan_for(self, x: Array) -> Plan:
        if not isinstance(x, np.ndarray) or x.dtype != self.dtype:
            found = x.dtype if isinstance(x, np.ndarray) else type(x).__name__
            raise DTypeError(
                f"{self.network.name}: x is {found} but this program computes in {self.dtype}: "
                f"pass np.asarray(x, np.{self.dtype})"
            )
        found_plan = self._plans.get(x.shape)
        if found_plan is None:
            if 0 in x.shape:
                raise ShapeError(
                    f"{self.network.name}: x {x.shape} is empty: pass an example or more"
                )
            with self._planning:
                found_plan = plan(self.network.graph, x.shape, self.dtype)
                self._plans[x.shape] = found_plan
        return found_plan


def compile(network: Network, *, dtype: DTypeLike = np.float32) -> Program:
    """Return a program that runs the network.

    Parameters
    ----------
    network : Network
        Without weights it runs with random ones (seed 0), and warns.
    dtype : float32 or float64
        What it computes in.

    Raises
    ------
    DTypeError
        If `dtype` is neither float32 nor float64.

    Examples
    --------
    >>> import numpy as np
    >>> import striate as st
    >>> run = st.compile(st.load("lenet-1989").initialize(seed=0))
    >>> run(np.zeros((2, 1, 16, 16), np.float32)).shape
    (2, 10)
    """
    kind = np.dtype(dtype)
    if kind not in (np.float32, np.float64):
        raise DTypeError(f"compile: dtype must be float32 or float64, not {kind}")
    check_runnable(network)
    if not network.has_weights:
        warnings.warn(
            f"{network.name} has no trained weights and runs with random ones (seed 0); "
            "network.initialize(seed) chooses others, without this warning",
            RandomWeightsWarning,
            stacklevel=2,
        )
        network = network.initialize(0)
    return Program(network, kind)


def check_runnable(network: Network) -> None:
    """Raise GraphError unless the graph has one input and one output."""
    inputs, outputs = len(network.graph.inputs), len(network.graph.outputs)
    if (inputs, outputs) != (1, 1):
        raise GraphError(
            f"{network.name} has {inputs} inputs and {outputs} outputs: "
            "networks of one input and one output can run"
        )
