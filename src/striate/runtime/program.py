"""Programs: networks made ready to run."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
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
from striate.network import Network, infer_shapes
from striate.ops import thread_count
from striate.ops.codegen import Target
from striate.runtime.engines import Native, Planned
from striate.runtime.folding import fold
from striate.runtime.lowering import Settings
from striate.runtime.plan_report import PlanReport
from striate.runtime.profile_report import ProfileReport
from striate.runtime.steps import Array

__all__ = ["Program", "RandomWeightsWarning", "check_network", "check_runnable", "compile"]


class RandomWeightsWarning(UserWarning):
    """A network without trained weights is about to run with random ones."""


class Program:
    """A network ready to run on arrays of any batch size; made by `striate.compile`.

    Several threads may call one program at once. A plan is made for each input shape when it is
    first met, and kept. In float32, calls run machine code made for the network
    (`striate.runtime.lowering`); in float64, and for `values`, the network runs as it is, one
    operation after the other.
    """

    def __init__(
        self,
        network: Network,
        dtype: np.dtype[Any],
        *,
        exact: bool = False,
        threads: int | None = None,
        tune: bool = False,
    ) -> None:
        self.network = network
        self.dtype = dtype
        self.threads = threads or thread_count()
        weights = {name: np.ascontiguousarray(w, dtype) for name, w in network.weights.items()}
        whole = Network(network.graph, weights)
        self._whole = Planned(whole, dtype, exact)
        self._native = None
        if dtype == np.float32:
            to = Settings(Target.host(), self.threads, exact, tune)
            self._native = Native(*fold(whole), to)

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
        return self._whole.run(x)[0] if self._native is None else self._native.run(x)

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

    @property
    def plan(self) -> PlanReport:
        """What is done for one example of the network's own input shape: see `plan_for`.

        Raises
        ------
        ShapeError
            If the network leaves sizes open.
        """
        shape = self.network.input_shape
        if None in shape[1:]:
            wanted = ", ".join("any" if size is None else str(size) for size in shape)
            raise ShapeError(
                f"{self.network.name}: plan: the input ({wanted}) leaves sizes open: "
                "plan_for(shape) takes them"
            )
        return self.plan_for([size or 1 for size in shape])

    def plan_for(self, shape: Sequence[int]) -> PlanReport:
        """Return what is done for an input shape: methods, tiles, threads, costs, limits.

        `str()` of it is a table. The machine's limits are measured when first asked for.

        Raises
        ------
        ShapeError, GeometryError
            If the network cannot take the shape.

        Examples
        --------
        >>> import striate as st
        >>> plan = st.compile(st.load("lenet-5").initialize(0), threads=1).plan_for((8, 1, 32, 32))
        >>> plan.steps[0].method, plan.totals.macs
        ('direct, from planes', 2612160)
        """
        graph = self.network.graph
        sizes = infer_shapes(graph, shape)[graph.inputs[0].name]
        native = self._native
        return self._whole.report(sizes, self.threads) if native is None else native.report(sizes)

    def profile(self, x: Array, repeats: int | None = None) -> ProfileReport:
        """Return the time of each part, of a call that is not divided, and the machine's limits.

        `str()` of it is a table. Everything runs `repeats` times, or for about half a second.

        Raises
        ------
        ParameterError
            If `repeats` is not a whole number from 1.
        DTypeError, ShapeError, GeometryError
            If `x` does not fit.

        Examples
        --------
        >>> import numpy as np
        >>> import striate as st
        >>> run = st.compile(st.load("mlp").initialize(0))
        >>> profile = run.profile(np.zeros((1, 1, 28, 28), np.float32), repeats=3)
        >>> [timed.step.operator for timed in profile.steps][-1], profile.passes
        ('Gemm', 3)
        """
        if repeats is not None and (not isinstance(repeats, int) or repeats < 1):
            raise ParameterError(f"profile: repeats must be a whole number from 1, not {repeats!r}")
        self._check(x)
        if self._native is None:
            return self._whole.profile(x, self.threads, repeats)
        return self._native.profile(x, repeats)

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
    threads: int | None = None,
    tune: bool = False,
) -> Program:
    """Return a program that runs the network.

    Parameters
    ----------
    network : Network
        Without weights it runs with random ones (seed 0), and warns.
    dtype : float32 or float64
        What it computes in.
    precision : "auto" or "exact"
        "auto" takes Winograd's method where it is faster, which rounds more (to about 1e-5 of the
        largest output of a layer at most) and spreads a NaN or infinity over the tiles that read
        it, of up to 8 x 8 pixels; "exact" only adds up products.
    threads : int
        How many threads a call may use; otherwise ``STRIATE_NUM_THREADS``, or the processors.
        Results do not depend on it.
    tune : bool
        Measure the methods of each convolution when an input shape is first met, instead of
        estimating them. What is found is kept beside the compiled kernels, so it is measured once
        for each processor; until then, results may round differently from one machine to another.

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
    if not isinstance(tune, bool):
        raise ParameterError(f"compile: tune must be True or False, not {tune!r}")
    whole = isinstance(threads, int) and not isinstance(threads, bool)
    if threads is not None and (not whole or threads < 1):
        raise ParameterError(f"compile: threads must be a whole number from 1, not {threads!r}")
    check_runnable(network)
    if not network.has_weights:
        warnings.warn(
            f"{network.name} has no trained weights and runs with random ones (seed 0); "
            "network.initialize(seed) chooses others, without this warning",
            RandomWeightsWarning,
            stacklevel=2,
        )
        network = network.initialize(0)
    return Program(network, kind, exact=precision == "exact", threads=threads, tune=tune)


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
