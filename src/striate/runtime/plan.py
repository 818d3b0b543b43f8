"""Plans: a graph bound to one input shape, ready to run forward and backward."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from striate.network import Graph, Shape, infer_shapes
from striate.runtime.steps import Array, Binding, Step, bind

__all__ = ["Plan", "PlannedStep", "plan"]


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A step, the values it reads and makes, and those that nothing reads after it."""

    step: Step
    inputs: tuple[str, ...]
    output: str
    last_read: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps of a graph for one input shape."""

    input: str
    output: str
    steps: tuple[PlannedStep, ...]

    def run(
        self, x: Array, weights: Mapping[str, Array], keep: frozenset[str] | None = frozenset()
    ) -> dict[str, Array]:
        """Return the values of one pass: the output and those to keep, or all of them for None."""
        values = {**weights, self.input: x}
        for _ in self._passing(values, keep):
            pass
        return values

    def timed(self, x: Array, weights: Mapping[str, Array]) -> tuple[Array, list[float]]:
        """Return the output and the seconds that each step took."""
        values = {**weights, self.input: x}
        times = [time.perf_counter()]
        for _ in self._passing(values, frozenset()):
            times.append(time.perf_counter())
        return values[self.output], [end - start for start, end in pairwise(times)]

    def _passing(self, values: dict[str, Array], keep: frozenset[str] | None) -> Iterator[None]:
        """Do the steps on values by name, and pause behind each."""
        for planned in self.steps:
            inputs = [values[name] for name in planned.inputs]
            values[planned.output] = planned.step.forward(*inputs)
            if keep is not None:
                for name in planned.last_read:
                    if name not in keep:
                        del values[name]
            yield

    def backward(
        self, dy: Array, values: Mapping[str, Array], gradients: Mapping[str, Array]
    ) -> None:
        """Add the gradient for the parameters to `gradients`, given that for the output."""
        known = {self.output: dy}
        for planned in reversed(self.steps):
            arriving = known.pop(planned.output, None)
            if arriving is None:
                continue
            inputs = [values[name] for name in planned.inputs]
            found = planned.step.backward(arriving, inputs, values[planned.output])
            needs = planned.step.to.needs
            for name, gradient, needed in zip(planned.inputs, found, needs, strict=True):
                if not needed or gradient is None:
                    continue
                if name in gradients:
                    gradients[name][...] += gradient
                else:
                    known[name] = known[name] + gradient if name in known else gradient


def plan(
    graph: Graph,
    input_shape: Shape,
    dtype: np.dtype[Any],
    *,
    random: np.random.Generator | None = None,
    exact: bool = False,
) -> Plan:
    """Return the plan of a graph of one input and one output.

    `random` is for training only; `exact` keeps to methods that only add up products.
    """
    shapes = infer_shapes(graph, input_shape)
    wanting = {parameter.name for parameter in graph.parameters if parameter.trainable}
    last_read = {name: node.name for node in graph.nodes for name in node.inputs}
    kept = {*graph.outputs, *(parameter.name for parameter in graph.parameters)}
    steps = []
    for node in graph.nodes:
        needs = tuple(name in wanting for name in node.inputs)
        if any(needs):
            wanting.update(node.outputs)
        output = node.outputs[0]
        inputs = tuple(shapes[name] for name in node.inputs)
        to = Binding(inputs, shapes[output], dtype, needs, random, exact)
        done = {name for name in node.inputs if last_read[name] == node.name} - kept
        unread = {output} - kept - set(last_read)
        steps.append(
            PlannedStep(bind(node.operator, to), node.inputs, output, tuple(done | unread))
        )
    return Plan(graph.inputs[0].name, graph.outputs[0], tuple(steps))
