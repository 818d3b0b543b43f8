"""Learning in machine code made for the network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import StriateError
from striate.network import FLOAT, Network, Shape, infer_kinds, infer_shapes
from striate.network import operators as op
from striate.ops import thread_count
from striate.ops.codegen import COMPILING, Target
from striate.runtime.learning.assignment import Assignment
from striate.runtime.learning.course import Course
from striate.runtime.learning.layers import layers_of
from striate.runtime.learning.learner import Lesson
from striate.runtime.learning.memory import Memory
from striate.runtime.learning.rules import learnable, rule_of
from striate.runtime.lowering import Settings
from striate.runtime.program import Program, compile

__all__ = ["CompiledLearner", "why_not"]


WEIGHED = (op.Conv, op.Gemm, op.BatchNormalization)
"""Operators whose inputs are parameters, but for the first."""


class CompiledLearner:
    """A `Learner` whose steps are one compiled loop; parameters as for `learner`.

    Values lie in blocks of channels and share memory where they are in use at different times, as
    in a compiled network; gradients, the loss and the update of the weights are part of the same
    list of tasks, which is repeated without a way back to Python between steps.
    """

    plain_because = ""

    def __init__(
        self,
        assignment: Assignment,
        *,
        threads: int | None = None,
        exact: bool = False,
    ) -> None:
        self.batch_size, self._assignment = assignment.batch_size, assignment
        self._memory = Memory(assignment)
        self._to = Settings(Target.host(), threads or thread_count(), exact)
        self._courses: dict[Shape, Course] = {}
        self._program: Program | None = None

    def learn(
        self,
        images: NDArray[np.float32],
        labels: NDArray[np.int64],
        rates: NDArray[np.float32],
    ) -> Lesson:
        """Step through examples; see `Learner`."""
        self._program = None
        images, labels, rates = (
            np.require(array, dtype, ("C", "A"))
            for array, dtype in ((images, np.float32), (labels, np.int64), (rates, np.float32))
        )
        losses, hits = np.empty(len(labels), np.float32), np.empty(len(labels), np.float32)
        whole, rest = divmod(len(labels), self.batch_size)
        steps = 0
        for first, count, size in ((0, whole, self.batch_size), (whole, 1, rest)):
            if not size or not count:
                continue
            some = slice(first * self.batch_size, first * self.batch_size + count * size)
            course = self.course((size, *images.shape[1:]))
            arrays = images[some], labels[some], rates[first : first + count]
            taken = course.learn(*arrays, losses[some], hits[some])
            steps += taken
            if taken < count:
                break
        return Lesson(losses, hits > 0, steps)

    def course(self, shape: Shape) -> Course:
        """Return the steps for batches of a shape."""
        if shape not in self._courses:
            with COMPILING:
                self._courses[shape] = Course(self._assignment, shape, self._memory, self._to)
        return self._courses[shape]

    def scores(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the outputs in inference mode."""
        if self._program is None:
            self._program = compile(
                self.network(),
                precision="exact" if self._to.exact else "auto",
                threads=self._to.threads,
            )
        scores: NDArray[np.float32] = self._program(images)
        return scores

    def network(self) -> Network:
        """Return the network as it is now."""
        return Network(self._assignment.network.graph, self._memory.parameters.copies())

    def state(self) -> dict[str, NDArray[Any]]:
        """Return copies of what the descent remembers, and the number of steps."""
        return self._memory.state()

    def restore(
        self, weights: Mapping[str, NDArray[Any]], state: Mapping[str, NDArray[Any]]
    ) -> None:
        """Go back to where `network` and `state` said this."""
        self._memory.restore(weights, state)
        self._program = None


def why_not(network: Network) -> str:
    """Return why a network from images to scores is not trained in machine code; "" where it is.

    Examples
    --------
    >>> import striate as st
    >>> why_not(st.load("lenet-1989"))
    ''
    """
    graph = network.graph
    shape = graph.inputs[0].shape
    if None in shape[1:]:
        return f"the input {shape} of {graph.name} leaves more than the batch open"
    try:
        shapes = infer_shapes(graph, (2, *(size or 1 for size in shape[1:])))
    except StriateError as error:
        return f"{graph.name}: {error}"
    return _refusal(network, shapes)


def _refusal(network: Network, shapes: dict[str, Shape]) -> str:
    graph = network.graph
    kinds = infer_kinds(graph)
    used = Counter(name for node in graph.nodes for name in node.inputs)
    for parameter in graph.parameters:
        if used[parameter.name] > 1:
            return f"{graph.name}: {parameter.name} is read {used[parameter.name]} times"
    lanes = Target.host().lanes
    for layer in layers_of(graph):
        node = layer.node
        where = f"{graph.name}: {node.name} ({node.operator.onnx})"
        floats = all(kinds[name] == FLOAT for name in node.inputs)
        if not learnable(node) or len(node.outputs) > 1 or not floats:
            return f"{where} has no gradient in machine code"
        if layer.parameters[0] or (
            isinstance(node.operator, WEIGHED) and not all(layer.parameters[1:])
        ):
            return f"{where} works on other values than a layer's input and parameters"
        if not used[layer.output] and layer.output not in graph.outputs:
            return f"{where} makes what nothing reads"
        if reason := rule_of(node).refusal(layer, shapes, lanes):
            return f"{where}: {reason}"
    return ""
