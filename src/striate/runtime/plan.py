"""Plans: a graph bound to the shapes of its inputs, ready to run forward and backward."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from striate.errors import TrainingError, explained
from striate.network import FLOAT, Graph, InputShape, infer_kinds, infer_shapes
from striate.runtime.lowering.memory import check_values
from striate.runtime.steps import Array, Binding, Step, bind

__all__ = ["Plan", "PlannedStep", "plan"]


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A step, the values it reads and makes, and those that nothing reads after it.

    `place` is what its errors begin with.
    """

    step: Step
    place: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    last_read: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps of a graph for one case of its inputs."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    steps: tuple[PlannedStep, ...]

    def run(
        self,
        inputs: Sequence[Array],
        weights: Mapping[str, Array],
        keep: frozenset[str] | None = frozenset(),
    ) -> dict[str, Array]:
        """Return the values of one pass: the outputs and those to keep, or all of them for None.

        `weights` are those of the network and its constants.
        """
        values = self._known(inputs, weights)
        for _ in self._passing(values, keep):
            pass
        return values

    def timed(
        self, inputs: Sequence[Array], weights: Mapping[str, Array]
    ) -> tuple[list[Array], list[float]]:
        """Return the outputs and the seconds that each step took."""
        values = self._known(inputs, weights)
        times = [time.perf_counter()]
        for _ in self._passing(values, frozenset()):
            times.append(time.perf_counter())
        outputs = [values[name] for name in self.outputs]
        return outputs, [end - start for start, end in pairwise(times)]

    def _known(self, inputs: Sequence[Array], weights: Mapping[str, Array]) -> dict[str, Array]:
        arrays = (np.require(array, requirements=("C", "A")) for array in inputs)
        return {**weights, **dict(zip(self.inputs, arrays, strict=True))}

    def _passing(self, values: dict[str, Array], keep: frozenset[str] | None) -> Iterator[None]:
        """Do the steps on values by name, and pause behind each."""
        for planned in self.steps:
            inputs = [values[name] for name in planned.inputs]
            made = planned.step.run_at(planned.place, inputs)
            values.update(zip(planned.outputs, made, strict=False))
            if keep is not None:
                for name in planned.last_read:
                    if name not in keep:
                        del values[name]
            yield

    def backward(
        self, dy: Sequence[Array], values: Mapping[str, Array], gradients: Mapping[str, Array]
    ) -> None:
        """Add the gradient for the parameters to `gradients`, given those for the outputs."""
        known: dict[str, Array] = {}
        for name, given in zip(self.outputs, dy, strict=True):
            known[name] = known[name] + given if name in known else given
        for planned in reversed(self.steps):
            arriving = [known.pop(name, None) for name in planned.outputs]
            if all(gradient is None for gradient in arriving) or not any(planned.step.to.needs):
                continue
            inputs = [values[name] for name in planned.inputs]
            outputs = [values[name] for name in planned.outputs]
            found = planned.step.backward_all(arriving, inputs, outputs)
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
    input_shape: InputShape,
    dtype: np.dtype[Any],
    *,
    random: np.random.Generator | None = None,
    exact: bool = False,
) -> Plan:
    """Return the plan of a settled graph.

    `random` is for training only; `exact` keeps to methods that only add up products.

    Raises
    ------
    ShapeError
        If a value does not fit into the machine's memory.
    TrainingError
        If it is for training, and a step between a parameter and the outputs has no gradient.
    """
    shapes, kinds = infer_shapes(graph, input_shape), infer_kinds(graph)
    check_values(graph, shapes, kinds, dtype)
    wanting = {parameter.name for parameter in graph.parameters if parameter.trainable}
    last_read = {name: node.name for node in graph.nodes for name in node.inputs}
    fixed = {p.name for p in graph.parameters} | {c.name for c in graph.constants}
    kept = {*graph.outputs, *fixed}
    steps = []
    for node in graph.nodes:
        needs = tuple(name in wanting and kinds[name] == FLOAT for name in node.inputs)
        to = Binding.of(node, shapes, kinds, dtype, needs=needs, random=random, exact=exact)
        place = f"{graph.name}: {node.name} ({node.operator.onnx})"
        with explained(place):
            step = bind(node.operator, to)
        if any(needs):
            floating = [name for name in node.outputs if kinds[name] == FLOAT]
            wanting.update(floating)
            if random is not None and floating and not step.differentiable:
                raise _without_gradient(place)
        done = {name for name in node.inputs if last_read[name] == node.name} - kept
        unread = set(node.outputs) - kept - set(last_read)
        names = node.inputs, node.outputs, tuple(done | unread)
        steps.append(PlannedStep(step, place, *names))
    return Plan(tuple(value.name for value in graph.inputs), graph.outputs, tuple(steps))


def _without_gradient(place: str) -> TrainingError:
    return TrainingError(
        f"{place} has no gradient here, so what lies before it cannot learn: "
        "freeze those parameters (trainable=False), or train without it"
    )
