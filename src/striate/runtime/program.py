"""Programs: networks made ready to run."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import DTypeLike

from striate.errors import (
    DTypeError,
    GraphError,
    ParameterError,
    ShapeError,
    UnknownNameError,
    explained,
)
from striate.network import Network, Shape
from striate.runtime.folding import simplified
from striate.runtime.plan import Plan
from striate.runtime.plan import plan as make_plan
from striate.runtime.steps import Array, FinalConvolution

__all__ = ["Program", "RandomWeightsWarning", "check_network", "check_runnable", "compile"]


class RandomWeightsWarning(UserWarning):
    """A network without trained weights is about to run with random ones."""


class Planned:
    """A network whose weights have one dtype, and its plans by input shape, made when met."""

    def __init__(self, network: Network, dtype: np.dtype[Any], exact: bool) -> None:
        self._graph, self._weights = network.graph, dict(network.weights)
        self._dtype, self._exact = dtype, exact
        self._plans: dict[Shape, Plan] = {}
        self._planning = threading.Lock()

    def run(self, x: Array, keep: frozenset[str] = frozenset()) -> tuple[Array, dict[str, Array]]:
        """Return the output, and the values to keep."""
        plan = self._plan_for(x.shape)
        values = plan.run(x, self._weights, keep)
        return values[plan.output], values

    def _plan_for(self, shape: Shape) -> Plan:
        found = self._plans.get(shape)
        if found is None:
            with self._planning:
                found = self._packed(make_plan(self._graph, shape, self._dtype, exact=self._exact))
                self._plans[shape] = found
        return found

    def _packed(self, plan: Plan) -> Plan:
        """Return the plan with packed weights for those convolutions that take them.

        Plans for other shapes share what is packed; a layout that is the plain one costs nothing.
        """
        steps = []
        for planned in plan.steps:
            if isinstance(planned.step, FinalConvolution):
                x, weight, *bias = planned.inputs
                name = planned.step.packed(weight)
                if name not in self._weights:
                    self._weights[name] = planned.step.pack(self._weights[weight])
                planned = replace(planned, inputs=(x, name, *bias))
            steps.append(planned)
        return replace(plan, steps=tuple(steps))


class Program:
    """A network ready to run on arrays of any batch size; made by `striate.compile`.

    Several threads may call one program at once. A plan is made for each input shape when it is
    first met, and kept. Calls run a leaner network (`striate.runtime.folding`); `values` runs the
    network as it is.
    """

    def __init__(self, network: Network, dtype: np.dtype[Any], *, exact: bool = False) -> None:
        self.network = network
        self.dtype = dtype
        weights = {name: np.ascontiguousarray(w, dtype) for name, w in network.weights.items()}
        whole = Network(network.graph, weights)
        self._lean = Planned(simplified(whole), dtype, exact)
        self._whole = Planned(whole, dtype, exact)

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
        self._check(x)
        return self._lean.run(x)[0]

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
        self._check(x)
        _, values = self._whole.run(x, frozenset(wanted))
        return {name: values[name] for name in wanted}

    def _check(self, x: Array) -> None:
        if not isinstance(x, np.ndarray) or x.dtype != self.dtype:
            found = x.dtype if isinstance(x, np.ndarray) else type(x).__name__
            raise DTypeError(
                f"{self.network.name}: x is {found} but this program computes in {self.dtype}: "
                f"pass np.asarray(x, np.{self.dtype})"
            )
        if 0 in x.shape:
            raise ShapeError(f"{self.network.name}: x {x.shape} is empty: pass an example or more")


def compile(
    network: Network,
    *,
    dtype: DTypeLike = np.float32,
    precision: Literal["auto", "exact"] = "auto",
) -> Program:
    """Return a program that runs the network.

    Parameters
    ----------
    network : Network
        Without weights it runs with random ones (seed 0), and warns.
    dtype : float32 or float64
        What it computes in.
    precision : "auto" or "exact"
        "auto" takes Winograd's method where it is faster, which rounds more (to about 2e-6 of the
        largest output of a layer); "exact" only adds up products.

    Raises
    ------
    ParameterError
        If `network` is none, or `precision` is another word.
    DTypeError
        If `dtype` is neither float32 nor float64.
    GraphError
        If it has more than one input or output.

    Examples
    --------
    >>> import numpy as np
    >>> import striate as st
    >>> run = st.compile(st.load("lenet-1989").initialize(seed=0))
    >>> run(np.zeros((2, 1, 16, 16), np.float32)).shape
    (2, 10)
    """
    with explained("compile"):
        check_network(network)
    kind = np.dtype(dtype)
    if kind not in (np.float32, np.float64):
        raise DTypeError(f"compile: dtype must be float32 or float64, not {kind}")
    if precision not in ("auto", "exact"):
        raise ParameterError(f'compile: precision must be "auto" or "exact", not {precision!r}')
    check_runnable(network)
    if not network.has_weights:
        warnings.warn(
            f"{network.name} has no trained weights and runs with random ones (seed 0); "
            "network.initialize(seed) chooses others, without this warning",
            RandomWeightsWarning,
            stacklevel=2,
        )
        network = network.initialize(0)
    return Program(network, kind, exact=precision == "exact")


def check_network(network: object) -> None:
    """Raise ParameterError unless it is a Network."""
    if not isinstance(network, Network):
        raise ParameterError(
            f"network is {type(network).__name__}, but must be a Network: "
            "striate.load(name) returns one"
        )


def check_runnable(network: Network) -> None:
    """Raise GraphError unless the graph has one input and one output."""
    inputs, outputs = len(network.graph.inputs), len(network.graph.outputs)
    if (inputs, outputs) != (1, 1):
        raise GraphError(
            f"{network.name} has {inputs} inputs and {outputs} outputs: "
            "networks of one input and one output can run"
        )
