"""The two ways to run a network: as it is, in Python, and as machine code."""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from math import prod
from typing import Any

import numpy as np

from striate.errors import ShapeError, StriateError
from striate.network import Graph, Network
from striate.network import operators as op
from striate.ops.codegen import COMPILING
from striate.runtime.batches import examples_are_apart
from striate.runtime.cases import Case, Cases, needed_for
from striate.runtime.constants import arrays_of, constants_of, precomputed_case
from striate.runtime.execution import Instance
from striate.runtime.folding import fold
from striate.runtime.lowering import Lowered, Settings, Weights, lower
from striate.runtime.outputs import Outputs
from striate.runtime.plan import Plan
from striate.runtime.plan import plan as make_plan
from striate.runtime.plan_report import PlanReport, report_lowered, report_steps
from striate.runtime.profile_report import ProfileReport, profiled
from striate.runtime.steps import Array

__all__ = ["Native", "Planned"]

SHAPES, MEMORY = 64, 256 << 20  # cases to be ready for, and bytes of their values
FEW = 4  # cases of batches that run in parts, whose results' memory is kept
THIRD_LEVEL = 20 << 20  # bytes of a cache that the values of a network may fill
HEAVY = 8 << 20  # bytes of weights of a fully connected layer that are better read once


class Planned:
    """A network as it is, one step in Python after the other, and its plans by case."""

    def __init__(self, network: Network, cases: Cases, dtype: np.dtype[Any], exact: bool) -> None:
        self._graph, self._cases = network.graph, cases
        self._weights = arrays_of(network, dtype)
        self._fixed = {id(array) for array in self._weights.values()}
        self._dtype, self._exact = dtype, exact
        self._plans: OrderedDict[tuple[Case, tuple[str, ...]], Plan] = OrderedDict()

    def run(self, inputs: Sequence[Array], names: tuple[str, ...] | None = None) -> list[Array]:
        """Return the outputs, or these values."""
        plan = self._plan(self._cases.of(inputs), names or self._graph.outputs)
        values = plan.run(inputs, self._weights)
        return [self._own(values[name], inputs) for name in plan.outputs]

    def _own(self, value: Array, inputs: Sequence[Array]) -> Array:
        """Return a value as the caller's own: no input, no weight and no part of one."""
        shared = value.base is not None or any(value is array for array in inputs)
        return value.copy() if shared or id(value) in self._fixed else value

    def profile(self, inputs: Sequence[Array], threads: int, repeats: int | None) -> ProfileReport:
        """Return the times of the steps."""
        case = self._cases.of(inputs)
        plan = self._plan(case, self._graph.outputs)
        timed = partial(plan.timed, inputs, self._weights)
        run = partial(plan.run, inputs, self._weights)
        return profiled(self.report(case, threads), run, timed, repeats)

    def report(self, case: Case, threads: int) -> PlanReport:
        """Return what is done for a case."""
        graph = self._cases.settled(case, self._graph)
        return report_steps(graph, self._cases.shapes(case), self._dtype, threads)

    def _plan(self, case: Case, names: tuple[str, ...]) -> Plan:
        plan = self._plans.get((case, names))
        if plan is None:
            graph = self._cases.settled(case, needed_for(self._graph, names))
            shapes = self._cases.shapes(case)
            plan = make_plan(graph, shapes, self._dtype, exact=self._exact)
            self._plans[case, names] = plan
            while len(self._plans) > SHAPES:
                with contextlib.suppress(KeyError):  # another thread may have let it go
                    self._plans.popitem(last=False)
        return plan


@dataclass(slots=True)
class _Ready:
    """What is kept for a case: how many examples run at once, and instances nobody uses."""

    case: Case
    at_once: int
    idle: list[Instance] = field(default_factory=list)


class Native:
    """A network as machine code: lowered for each case, with arenas for its callers."""

    def __init__(self, network: Network, cases: Cases, to: Settings) -> None:
        self._graph, weights = fold(network)
        constants = constants_of(self._graph, np.dtype(np.float32))
        self._weights, self._cases, self._to = Weights(weights, constants), cases, to
        graph = self._graph
        sizes = {parameter.name: 4 * prod(parameter.shape) for parameter in graph.parameters}
        self._heavy = any(
            isinstance(node.operator, op.Gemm | op.MatMul) and sizes.get(node.inputs[1], 0) > HEAVY
            for node in graph.nodes
        )
        self._lowered: OrderedDict[Case, Lowered] = OrderedDict()  # the last used at the end
        self._ready: dict[Case, _Ready] = {}
        self._last: _Ready | None = None
        self._outputs: dict[Case, list[Outputs]] = {}

    def run(self, inputs: Sequence[Array]) -> list[Array]:
        """Return the outputs; see `at_once`."""
        case = self._cases.of(inputs)
        ready = self._ready.get(case) or self._make_ready(case)
        if ready.at_once:
            return self._in_parts(case, inputs, ready.at_once)
        return self._run(ready, inputs)

    def _make_ready(self, case: Case) -> _Ready:
        if len(self._ready) > 2 * SHAPES:  # those that run in parts are not lowered themselves
            for other in [other for other in list(self._ready) if other not in self._lowered]:
                self._ready.pop(other, None)
        return self._ready.setdefault(case, _Ready(case, self._choose_at_once(case)))

    def _in_parts(self, case: Case, inputs: Sequence[Array], most: int) -> list[Array]:
        """Return the outputs of a batch, computed some examples at a time."""
        examples = len(inputs[0])
        part = self.lowered(self._part(case, most))
        results = self._results(case, examples, part)
        made: list[list[Array]] = []
        for start in range(0, examples, most):
            some = slice(start, start + most)
            arrays = [array[some] for array in inputs]
            into = [result[some] for result in results]
            some_case = self._cases.of(arrays)
            ready = self._ready.get(some_case) or _Ready(some_case, 0)
            made.append(self._run(self._ready.setdefault(some_case, ready), arrays, into))
        own = iter(results)
        parts = zip(part.outputs, zip(*made, strict=True), strict=True)
        return [next(own) if end.buffer else np.concatenate(arrays) for end, arrays in parts]

    def _results(self, case: Case, examples: int, part: Lowered) -> list[Array]:
        """Return where the float32 outputs of a batch go that runs in parts."""
        found = self._outputs.get(case)
        if found is None:
            if len(self._outputs) >= FEW:
                self._outputs.clear()
            shapes = [(examples, *end.shape[1:]) for end in part.outputs if end.buffer]
            found = self._outputs[case] = [Outputs(shape) for shape in shapes]
        return [memory.take() for memory in found]

    def at_once(self, case: Case) -> int:
        """Return how many examples of a batch run through the network together; 0 for all.

        As many as fit into the third-level cache with all that is alive at once; all of them
        where reading the weights of fully connected layers takes longer than what that saves, or
        where examples may have to do with each other.
        """
        ready = self._ready.get(case) or self._make_ready(case)
        return ready.at_once

    def _choose_at_once(self, case: Case) -> int:
        single = self._cases.part(case, 1)
        if self._heavy or single is None or single == case:
            return 0
        shapes = self._cases.shapes(case), self._cases.shapes(single)
        graphs = self._cases.settled(case, self._graph), self._graph
        try:
            graphs = graphs[0], self._cases.settled(single, self._graph)
        except StriateError:  # it takes batches of its own size alone
            return 0
        if not examples_are_apart(graphs[0], shapes[0], graphs[1], shapes[1]):
            return 0
        (examples, *_) = next(iter(shapes[0].values()))
        if not examples:
            return 0
        most = max(1, THIRD_LEVEL // max(1, self.lowered(single).alive))
        most = -(-examples // -(-examples // most))  # parts of about the same size
        return 0 if most >= examples else most

    def _part(self, case: Case, examples: int) -> Case:
        part = self._cases.part(case, examples)
        assert part is not None
        return part

    def _run(
        self, ready: _Ready, inputs: Sequence[Array], results: Sequence[Array] | None = None
    ) -> list[Array]:
        try:
            instance = ready.idle.pop()  # in one step: another thread may want it too
        except IndexError:
            instance = self._instance(ready.case)
        if ready is not self._last:
            self._last = ready
            with contextlib.suppress(KeyError):  # another thread may have let it go
                self._lowered.move_to_end(ready.case)
        try:
            made = instance.run(inputs, results)
        except MemoryError:
            raise self._without_memory(ready.case) from None
        ready.idle.append(instance)
        return made

    def _instance(self, case: Case) -> Instance:
        lowered = self.lowered(case)
        try:
            return Instance(lowered, self._to)
        except MemoryError:
            raise self._without_memory(case) from None

    def _without_memory(self, case: Case) -> ShapeError:
        """Return what to say where the machine has the memory: others use it, or a limit is set."""
        return ShapeError(
            f"{self._graph.name}: no memory is left for its values, {self.lowered(case).alive:,} "
            "bytes at once: run it on a smaller input"
        )

    def profile(self, inputs: Sequence[Array], repeats: int | None) -> ProfileReport:
        """Return the times of the parts."""
        case = self._cases.of(inputs)
        most = self.at_once(case)
        if most:
            inputs = [array[:most] for array in inputs]
        instance = self._instance(self._cases.of(inputs))
        run, timed = partial(instance.run, inputs), partial(instance.timed, inputs)
        return profiled(self.report(case), run, timed, repeats, instance.call_seconds)

    def report(self, case: Case) -> PlanReport:
        """Return what is done for a case, or for the part of a batch that runs at once."""
        most = self.at_once(case)
        case = self._part(case, most) if most else case
        lowered = self.lowered(case)
        graph, weights = self._prepared(case)
        return report_lowered(graph, self._cases.shapes(case), lowered, weights, self._to)

    def lowered(self, case: Case) -> Lowered:
        """Return the tasks for a case; those not used for long are let go."""
        with COMPILING:
            if case not in self._lowered:
                graph, weights = self._prepared(case)
                shapes = self._cases.shapes(case)
                self._lowered[case] = lower(graph, weights, shapes, self._to)
                self._let_go(case)
            self._lowered.move_to_end(case)
            return self._lowered[case]

    def _prepared(self, case: Case) -> tuple[Graph, Weights]:
        """Return the graph for a case, without what follows from shapes, and its weights."""
        graph = self._cases.settled(case, self._graph)
        shapes, dtype = self._cases.shapes(case), np.dtype(np.float32)
        graph, found = precomputed_case(graph, self._weights, shapes, dtype)
        return graph, self._weights.beside(found) if found else self._weights

    def _let_go(self, newest: Case) -> None:
        """Forget the cases used least lately, until those left are few and need little."""
        kept = self._lowered
        while len(kept) > SHAPES or sum(lowered.alive for lowered in kept.values()) > MEMORY:
            oldest = next(iter(kept))
            if oldest == newest:
                return
            del kept[oldest]
            self._ready.pop(oldest, None)
