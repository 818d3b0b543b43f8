"""The two ways to run a network: as it is, in Python, and as machine code."""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Mapping
from functools import partial
from math import prod
from typing import Any

import numpy as np

from striate.network import Graph, Network, Shape, infer_shapes
from striate.network.operators import Gemm
from striate.ops.codegen import COMPILING
from striate.runtime.execution import Instance
from striate.runtime.lowering import Lowered, Settings, Weights, lower
from striate.runtime.outputs import Outputs
from striate.runtime.plan import Plan
from striate.runtime.plan import plan as make_plan
from striate.runtime.plan_report import PlanReport, report_lowered, report_steps
from striate.runtime.profile_report import ProfileReport, profiled
from striate.runtime.steps import Array

__all__ = ["Native", "Planned"]

SHAPES, MEMORY = 64, 256 << 20  # input shapes to be ready for, and bytes of their values
FEW = 4  # shapes of batches that run in parts, whose results' memory is kept
THIRD_LEVEL = 20 << 20  # bytes of a cache that the values of a network may fill
HEAVY = 8 << 20  # bytes of weights of a fully connected layer that are better read once


class Planned:
    """A network as it is, one step in Python after the other, and its plans by input shape."""

    def __init__(self, network: Network, dtype: np.dtype[Any], exact: bool) -> None:
        self._graph, self._weights = network.graph, network.weights
        self._dtype, self._exact = dtype, exact
        self._plans: dict[Shape, Plan] = {}

    def run(self, x: Array, keep: frozenset[str] = frozenset()) -> tuple[Array, dict[str, Array]]:
        """Return the output, and the values to keep."""
        plan = self._plan(x.shape)
        values = plan.run(x, self._weights, keep)
        return values[plan.output], values

    def profile(self, x: Array, threads: int, repeats: int | None) -> ProfileReport:
        """Return the times of the steps."""
        plan = self._plan(x.shape)
        timed = partial(plan.timed, x, self._weights)
        run = partial(plan.run, x, self._weights)
        return profiled(self.report(x.shape, threads), run, timed, repeats)

    def report(self, shape: Shape, threads: int) -> PlanReport:
        """Return what is done for an input shape."""
        return report_steps(self._graph, shape, self._dtype, threads)

    def _plan(self, shape: Shape) -> Plan:
        plan = self._plans.get(shape)
        if plan is None:
            plan = make_plan(self._graph, shape, self._dtype, exact=self._exact)
            self._plans[shape] = plan
        return plan


class Native:
    """A network as machine code: lowered for each input shape, with arenas for its callers."""

    def __init__(self, graph: Graph, weights: Mapping[str, Array], to: Settings) -> None:
        self._graph, self._weights, self._to = graph, Weights(weights), to
        sizes = {parameter.name: 4 * prod(parameter.shape) for parameter in graph.parameters}
        self._heavy = any(
            isinstance(node.operator, Gemm) and sizes.get(node.inputs[1], 0) > HEAVY
            for node in graph.nodes
        )
        self._lowered: OrderedDict[Shape, Lowered] = OrderedDict()  # the last used at the end
        self._idle: dict[Shape, list[Instance]] = {}
        self._at_once: dict[Shape, int] = {}
        self._outputs: dict[Shape, Outputs] = {}

    def run(self, x: Array) -> Array:
        """Return the output; see `at_once`."""
        most = self.at_once(x.shape)
        if most >= len(x):
            return self._run(x)
        shape = (len(x), *self.lowered((most, *x.shape[1:])).output_shape[1:])
        y = self._output(x.shape, shape)
        for start in range(0, len(x), most):
            self._run(x[start : start + most], y[start : start + most])
        return y

    def _output(self, shape: Shape, output: Shape) -> Array:
        """Return where the result of a batch goes that runs in parts."""
        found = self._outputs.get(shape)
        if found is None:
            if len(self._outputs) >= FEW:
                self._outputs.clear()
            found = self._outputs[shape] = Outputs(output)
        return found.take()

    def at_once(self, shape: Shape) -> int:
        """Return how many examples of a batch run through the network together.

        As many as fit into the third-level cache with all that is alive at once; all of them
        where reading the weights of fully connected layers takes longer than what that saves.
        """
        if shape[0] == 1 or self._heavy:
            return shape[0]
        found = self._at_once.get(shape)
        if found is None:
            found, single = shape[0], (1, *shape[1:])
            if self._examples_are_apart(shape):
                most = max(1, THIRD_LEVEL // self.lowered(single).alive)
                found = -(-found // -(-found // most))  # parts of about the same size
            self._at_once[shape] = found
        return found

    def _examples_are_apart(self, shape: Shape) -> bool:
        """Tell whether every value has an entry for each example, and no parameter is one."""
        all_ = infer_shapes(self._graph, shape)
        one = infer_shapes(self._graph, (1, *shape[1:]))
        made = [name for node in self._graph.nodes for name in node.outputs]
        return all(one[n][0] == 1 and all_[n] == (shape[0], *one[n][1:]) for n in made)

    def _run(self, x: Array, y: Array | None = None) -> Array:
        idle = self._idle.setdefault(x.shape, [])
        try:
            instance = idle.pop()  # in one step: another thread may want it too
        except IndexError:
            instance = Instance(self.lowered(x.shape), self._to)
        else:
            with contextlib.suppress(KeyError):  # another thread may have let it go
                self._lowered.move_to_end(x.shape)
        y = instance.run(x, y)
        idle.append(instance)
        return y

    def profile(self, x: Array, repeats: int | None) -> ProfileReport:
        """Return the times of the parts."""
        x = x[: self.at_once(x.shape)]
        instance = Instance(self.lowered(x.shape), self._to)
        run, timed = partial(instance.run, x), partial(instance.timed, x)
        return profiled(self.report(x.shape), run, timed, repeats, instance.call_seconds)

    def report(self, shape: Shape) -> PlanReport:
        """Return what is done for an input shape, or for the part of a batch that runs at once."""
        shape = (min(shape[0], self.at_once(shape)), *shape[1:])
        return report_lowered(self._graph, shape, self.lowered(shape), self._weights, self._to)

    def lowered(self, shape: Shape) -> Lowered:
        """Return the tasks for an input shape; those not used for long are let go."""
        with COMPILING:
            if shape not in self._lowered:
                self._lowered[shape] = lower(self._graph, self._weights, shape, self._to)
                self._let_go(shape)
            self._lowered.move_to_end(shape)
            return self._lowered[shape]

    def _let_go(self, newest: Shape) -> None:
        """Forget the shapes used least lately, until those left are few and need little."""
        kept = self._lowered
        while len(kept) > SHAPES or sum(lowered.alive for lowered in kept.values()) > MEMORY:
            oldest = next(iter(kept))
            if oldest == newest:
                return
            del kept[oldest]
            self._idle.pop(oldest, None)
