"""A course of steps with batches of one size: the tasks of a step, and the loop over steps."""

from __future__ import annotations

import time
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.network import Graph, Shape, infer_shapes
from striate.ops.blocked import clipping, feeding, losses, updates
from striate.ops.blocked.layout import Place
from striate.ops.blocked.mapping import Operand, map_rows
from striate.ops.blocked.program import Table, aligned
from striate.ops.blocked.task import Task
from striate.runtime.execution import ALONE
from striate.runtime.learning.assignment import Assignment
from striate.runtime.learning.layers import Layer, layers_of
from striate.runtime.learning.memory import CLOCK, KEPT, SQUARES, VELOCITY, WORDS, Memory
from striate.runtime.learning.padding import sides_of_gradients, sides_of_values
from striate.runtime.learning.parameters import PARAMETERS
from striate.runtime.learning.rules import forgets, rule_of
from striate.runtime.learning.space import GRADIENTS, Labelled, Space
from striate.runtime.lowering import Settings
from striate.runtime.lowering.arena import lives, places

__all__ = ["Course"]

IMAGES, LABELS, RATES = "(images)", "(labels)", "(rates)"
LOSSES, HITS = "(losses)", "(hits)"
CALLERS = (IMAGES, LABELS, RATES, LOSSES, HITS)
DONE = Place(WORDS, 4)  # the third word: steps done in this call
STOP = Place(WORDS, 2)  # the second: not 0 to stop before the rest of a step


class Course:
    """Steps of a network on batches of one size.

    Parameters
    ----------
    assignment : Assignment
        Every node of its network has a rule.
    shape : tuple of int
        Of a batch.
    memory : Memory
        Shared by the courses of a learner.
    to : Settings
        What the tasks are made for.
    """

    def __init__(self, assignment: Assignment, shape: Shape, memory: Memory, to: Settings) -> None:
        self._memory, self._loss, self._descent = memory, assignment.loss, assignment.descent
        self._shape, graph = shape, assignment.network.graph
        shapes = infer_shapes(graph, shape)
        layers = layers_of(graph)
        self._space = Space(
            to,
            shapes,
            memory.parameters,
            forgets(layers),
            sides_of_values(layers, shapes),
            sides_of_gradients(layers, shapes),
            memory.flat,
            assignment.seed,
        )
        self._first = self._write(graph, layers)
        self._arena_of_all()

    def _write(self, graph: Graph, layers: list[Layer]) -> int:
        """Write the tasks of a step; return how many come before the look at whether to stop."""
        space, (batch, *_) = self._space, self._shape
        space.node, space.what = "", "data"
        name, output = graph.inputs[0].name, layers[-1].output
        x = space.new_rows(name)
        labels, rate = space.buffer("labels", 2 * batch), space.buffer("rate", 1)
        target = space.target
        space.run(
            feeding.take(target, DONE, Place(IMAGES), x, prod(self._shape)),
            feeding.take(target, DONE, Place(LABELS), labels, 2 * batch),
            feeding.take(target, DONE, Place(RATES), rate, 1),
        )
        self._keep_statistics(space)
        for layer in layers:
            space.node, space.what = layer.node.name, "forward"
            rule_of(layer.node).forward(space, layer)
        self._judge(output, labels)
        first = len(space.tasks)
        if self._descent.method != "sgd":
            space.run(updates.advance(target, Place(CLOCK), self._descent.betas))
        for layer in reversed(layers):
            if not any(layer.learns):
                continue
            space.node, space.what = layer.node.name, "backward"
            rule_of(layer.node).backward(space, layer)
            if not self._memory.flat:
                self._follow(layer, rate)
        space.node, space.what = "", "update"
        if self._memory.flat:
            self._follow_all(rate)
        return first

    def _keep_statistics(self, space: Space) -> None:
        """Copy what a forward pass changes."""
        start = self._memory.parameters.trained
        if len(self._memory.parameters.shapes) == len(self._memory.parameters.names):
            return
        size = (len(self._memory.parameters.memory) - start,)
        source = [Operand(Place(PARAMETERS, start), (1,))]
        space.run(map_rows(space.target, 0, size, Operand(Place(KEPT), (1,)), source))

    def _judge(self, output: str, labels: Place) -> None:
        """Add the loss, the gradient that begins the way back, and the look at whether to stop."""
        space = self._space
        space.node, space.what = "", "loss"
        rows, classes = space.shapes[output]
        found, hits = space.buffer("losses", rows), space.buffer("hits", rows)
        measure = losses.squared_error if self._loss == "squared" else losses.cross_entropy
        gradient = space.new_gradient_rows(output)
        places = labels, found, hits, gradient
        space.run(
            measure(space.target, space.rows[output], (rows, classes), *places),
            feeding.put(space.target, DONE, found, Place(LOSSES), rows),
            feeding.put(space.target, DONE, hits, Place(HITS), rows),
            feeding.look(space.target, found, rows, STOP),
        )

    def _follow(self, layer: Layer, rate: Place) -> None:
        """Update a layer's weights right behind their gradients, which are not kept."""
        space = self._space
        space.what = "update"
        for name, learns in zip(layer.node.inputs, layer.learns, strict=True):
            if learns and name in space.parameters.offsets:
                start, size = space.parameters.span(name)
                space.run(self._update(start, size, space.parameter_gradient(name), rate))

    def _follow_all(self, rate: Place) -> None:
        space, size = self._space, self._memory.parameters.trained
        if not size:
            return
        factor = None
        if self._descent.clip_norm is not None:
            factor = space.buffer("clipping", 2)
            parts = space.buffer("squares of gradients", clipping.norm_parts(size))
            norm = self._descent.clip_norm, factor, parts
            space.run(clipping.clip_norm(space.target, Place(GRADIENTS), size, *norm))
        space.run(self._update(0, size, Place(GRADIENTS), rate, factor))

    def _update(
        self, start: int, size: int, gradients: Place, rate: Place, factor: Place | None = None
    ) -> Task:
        descent, memory = self._descent, self._memory
        vectors = {
            name: Place(buffer, start) if buffer in memory.buffers else None
            for name, buffer in (("velocity", VELOCITY), ("squares", SQUARES))
        }
        factors = None if memory.factors is None else memory.factors[start : start + size]
        return updates.update(
            self._space.target,
            descent.method,
            size,
            Place(PARAMETERS, start),
            gradients,
            rate,
            **vectors,
            clock=Place(CLOCK) if CLOCK in memory.buffers else None,
            factor=factor,
            factors=factors,
            momentum=descent.momentum,
            nesterov=descent.nesterov,
            betas=descent.betas,
            epsilon=descent.epsilon,
            weight_decay=descent.weight_decay,
        )

    def _arena_of_all(self) -> None:
        """Give all buffers their places."""
        space, memory = self._space, self._memory
        tasks = [labelled.task for labelled in space.tasks]
        elsewhere = {*memory.buffers, *CALLERS}
        used = lives([task.buffers for task in tasks], elsewhere)
        offsets, size = places(used, space.sizes)
        self._arena = aligned(max(size, 1))
        start = self._arena.ctypes.data
        addresses = {name: start + 4 * offset for name, offset in offsets.items()}
        addresses |= {name: array.ctypes.data for name, array in memory.buffers.items()}
        threads = space.to.threads if sum(task.work for task in tasks) >= ALONE else 1
        self._table = Table(tasks, addresses, threads, space.target)

    @property
    def tasks(self) -> list[Labelled]:
        """The tasks of a step, in order."""
        return self._space.tasks

    @property
    def bytes(self) -> int:
        """Memory of a step's values and gradients."""
        return self._arena.nbytes

    def learn(
        self,
        images: NDArray[np.float32],
        labels: NDArray[np.int64],
        rates: NDArray[np.float32],
        losses: NDArray[np.float32],
        hits: NDArray[np.float32],
    ) -> int:
        """Take a step for each rate, with the examples in their order; return the steps taken.

        Fewer than asked for: the loss of the next is not finite.
        """
        words = self._begin(images, labels, rates, losses, hits)
        self._table.repeat(self._first, words)
        if words[1]:
            self._memory.put_back_statistics()
        return int(words[2])

    def timed(self, images: NDArray[np.float32], labels: NDArray[np.int64]) -> list[float]:
        """Take a step that leaves the weights, task by task; return the seconds of each."""
        batch = len(labels)
        results = np.empty(batch, np.float32), np.empty(batch, np.float32)
        words = self._begin(images, labels, np.zeros(1, np.float32), *results)
        times: list[float] = []
        for number in range(len(self.tasks)):
            start = time.perf_counter()
            self._table.run(number, 1)
            times.append(time.perf_counter() - start)
        words[2:] += 1
        return times

    def _begin(self, *arrays: NDArray[Any]) -> NDArray[np.int64]:
        """Point the tasks at the callers' arrays, and set the counters."""
        for name, array in zip(CALLERS, arrays, strict=True):
            self._table.move(name, array.ctypes.data)
        self._memory.words[:3] = len(arrays[2]), 0, 0
        return self._memory.words
