"""Programs: networks made ready to run."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from striate.errors import DTypeError, ParameterError, ShapeError, UnknownNameError, explained
from striate.geometry.text import open_text
from striate.network import InputShape, Network
from striate.ops import thread_count
from striate.ops.codegen import Target
from striate.runtime.cases import Cases
from striate.runtime.constants import precomputed, typed
from striate.runtime.engines import Native, Planned
from striate.runtime.inputs import Inputs
from striate.runtime.lowering import Settings
from striate.runtime.plan_report import PlanReport
from striate.runtime.profile_report import ProfileReport
from striate.runtime.steps import Array

__all__ = ["Program", "RandomWeightsWarning", "check_network", "compile"]

Given = Array | tuple[Array, ...] | Mapping[str, Array]
"""Inputs as `Program.values` and `profile` take them."""


class RandomWeightsWarning(UserWarning):
    """A network without trained weights is about to run with random ones."""


class Program:
    """A network ready to run on arrays of any batch size; made by `striate.compile`.

    Several threads may call one program at once. A plan is made for the shapes of the inputs when
    they are first met, and kept. In float32, calls run machine code made for the network
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
        cases = Cases(network.graph, dtype)
        self._cases, self._inputs = cases, Inputs(network.graph, dtype)
        whole = typed(network, dtype)
        lean = precomputed(whole, dtype)
        self._whole = Planned(whole, cases, dtype, exact)  # for values inside
        self._plain, self._native = Planned(lean, cases, dtype, exact), None
        if dtype == np.float32:
            self._native = Native(lean, cases, Settings(Target.host(), self.threads, exact, tune))
        self._engine: Planned | Native = self._native or self._plain
        self._single = len(network.graph.outputs) == 1

    def __repr__(self) -> str:
        return f"<Program {self.network.name} {self.dtype}>"

    def __call__(self, *inputs: Array | Mapping[str, Array]) -> Any:
        """Return the network's output, or a tuple of all where it has several.

        Parameters
        ----------
        inputs : arrays
            In the order of the network's inputs, or one mapping from their names to arrays. Those
            of the working precision must have the program's dtype.

        Raises
        ------
        DTypeError, ShapeError, GeometryError, ParameterError
            If an input does not fit; the message names it, or the first layer it does not fit.

        Examples
        --------
        >>> import numpy as np
        >>> from striate.network import Builder, Network
        >>> b = Builder("example", (None, 1, 4))
        >>> import striate as st
        >>> run = st.compile(Network(b.graph(b.max_pool(b.input, "pool", kernel=2))))
        >>> x = np.array([[[1, 2, 3, 4]]], np.float32)
        >>> run(x), run({"input": x})
        (array([[[2., 4.]]], dtype=float32), array([[[2., 4.]]], dtype=float32))
        """
        outputs = self._engine.run(self._inputs.taken(inputs))
        return outputs[0] if self._single else tuple(outputs)

    def values(self, inputs: Given, names: Iterable[str] | None = None) -> dict[str, Array]:
        """Return values inside the network by name: all nodes' outputs, or those named.

        Parameters
        ----------
        inputs : array, tuple of arrays or mapping of name to array
            As for a call.

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
        found = self._whole.run(self._taken(inputs), tuple(wanted)) if wanted else []
        return dict(zip(wanted, found, strict=True))

    @property
    def plan(self) -> PlanReport:
        """What is done for one example of the network's own input shape: see `plan_for`.

        Raises
        ------
        ShapeError
            If the network leaves sizes open.
        """
        for value in self.network.graph.inputs:
            if None in value.shape[1:]:
                wanted = open_text(value.shape)
                name = "the input" if len(self.network.graph.inputs) == 1 else value.name
                raise ShapeError(
                    f"{self.network.name}: plan: {name} {wanted} leaves sizes open: "
                    "plan_for(shape) takes them"
                )
        return self.plan_for()

    def plan_for(
        self, shape: InputShape = None, values: Mapping[str, ArrayLike] | None = None
    ) -> PlanReport:
        """Return what is done for an input shape: methods, tiles, threads, costs, limits.

        `str()` of it is a table. The machine's limits are measured when first asked for.

        Parameters
        ----------
        shape : sequence of int, or mapping of name to that
            Of the first input, or of inputs by name; the others have their own, and 1 where that
            is open.
        values : mapping of name to array
            Of the inputs whose values the network's settings depend on.

        Raises
        ------
        ShapeError, GeometryError, UnknownNameError
            If the network cannot take the shape.
        ParameterError
            If a value is missing.

        Examples
        --------
        >>> import striate as st
        >>> plan = st.compile(st.load("lenet-5").initialize(0), threads=1).plan_for((8, 1, 32, 32))
        >>> plan.steps[0].method, plan.totals.macs
        ('direct, from planes', 2612160)
        """
        case, native = self._cases.planned(shape, values), self._native
        return self._whole.report(case, self.threads) if native is None else native.report(case)

    def profile(self, inputs: Given, repeats: int | None = None) -> ProfileReport:
        """Return the time of each part, of a call that is not divided, and the machine's limits.

        `str()` of it is a table. Everything runs `repeats` times, or for about half a second.

        Parameters
        ----------
        inputs : array, tuple of arrays or mapping of name to array
            As for a call.

        Raises
        ------
        ParameterError
            If `repeats` is not a whole number from 1.
        DTypeError, ShapeError, GeometryError
            If an input does not fit.

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
        arrays = self._taken(inputs)
        if self._native is None:
            return self._plain.profile(arrays, self.threads, repeats)
        return self._native.profile(arrays, repeats)

    def _taken(self, inputs: Given) -> tuple[Array, ...]:
        """Return the inputs of a call in order, checked."""
        return self._inputs.taken(inputs if isinstance(inputs, tuple) else (inputs,))


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
