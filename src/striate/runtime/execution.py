"""Lowered networks with memory of their own, ready to run; one run at a time each."""

from __future__ import annotations

import time
from collections.abc import Iterator
from math import prod

import numpy as np

from striate.network import Shape
from striate.ops.blocked.layout import Place
from striate.ops.blocked.program import Table, aligned
from striate.runtime.lowering import INPUT, OUTPUT, Foreign, Lowered, Settings
from striate.runtime.outputs import SLACK, Outputs
from striate.runtime.steps import Array

__all__ = ["Instance", "threads_of"]

ALONE = 4_000_000  # multiply-adds of a network that one thread does before another is awake
SMALL = 1 << 13  # elements of input and output that are copied to memory of our own


def threads_of(lowered: Lowered, to: Settings) -> int:
    """Return how many threads run it: one where it is small."""
    work = sum(task.work for part in lowered.parts for task in part.tasks)
    return to.threads if work >= ALONE else 1


class Instance:
    """An arena, and the tasks with their addresses in it."""

    def __init__(self, lowered: Lowered, to: Settings) -> None:
        self._lowered = lowered
        self._arena = aligned(max(lowered.arena, 1))
        start = self._arena.ctypes.data
        addresses = {name: start + 4 * offset for name, offset in lowered.offsets.items()}
        tasks = [task for part in lowered.parts if not part.foreign for task in part.tasks]
        self._table = Table(tasks, addresses, threads_of(lowered, to), to.target)
        self._outputs = Outputs(lowered.output_shape)
        self._own: tuple[Array, Array] | None = None
        if prod(lowered.input_shape) + lowered.output_size < SMALL:
            self._own = self._own_ends()
        self._stretches = list(self._in_stretches())

    def _own_ends(self) -> tuple[Array, Array]:
        """Return an input and an output of our own, for good, which small ones are copied to.

        Copying them costs less than to ask for the addresses of the caller's.
        """
        ends = []
        shapes = self._lowered.input_shape, self._lowered.output_shape
        for name, shape in zip((INPUT, OUTPUT), shapes, strict=True):
            memory = aligned(prod(shape) + SLACK)
            self._table.move(name, memory.ctypes.data)
            ends.append(memory[: prod(shape)].reshape(shape))
        return ends[0], ends[1]

    def _in_stretches(self) -> Iterator[tuple[int, int] | Foreign]:
        """Yield tasks that follow each other, as first and count, and the steps in Python."""
        first = number = 0
        for part in self._lowered.parts:
            if isinstance(part.work, Foreign):
                if number > first:
                    yield first, number - first
                yield part.work
                first = number
            else:
                number += len(part.work)
        if number > first:
            yield first, number - first

    def run(self, x: Array, y: Array | None = None) -> Array:
        """Return the output, which is written to `y` if that is given.

        `y` is C-contiguous and has room behind it; see `Outputs`.
        """
        x, made = self._bound(x, y)
        for stretch in self._stretches:
            if isinstance(stretch, tuple):
                self._table.run(*stretch)
            else:
                self._step(stretch, x, made)
        return self._handed_over(made, y)

    def timed(self, x: Array) -> tuple[Array, list[float]]:
        """Return the output and the seconds that each part took."""
        x, y = self._bound(x, None)
        seconds, number = [], 0
        for part in self._lowered.parts:
            start = time.perf_counter()
            if isinstance(part.work, Foreign):
                self._step(part.work, x, y)
            else:
                self._table.run(number, len(part.work))
                number += len(part.work)
            seconds.append(time.perf_counter() - start)
        return self._handed_over(y, None), seconds

    def _handed_over(self, made: Array, y: Array | None) -> Array:
        """Return the output as the caller's own."""
        if self._own is None:
            return made
        if y is None:
            return made.copy()
        y[...] = made
        return y

    def call_seconds(self) -> float:
        """Return the seconds that `timed` takes for a part besides its tasks."""
        start = time.perf_counter()
        self._table.run(0, 0)
        return time.perf_counter() - start

    def _bound(self, x: Array, y: Array | None) -> tuple[Array, Array]:
        """Return the input and the output that the tasks read and write."""
        if self._own is not None:
            self._own[0][...] = x
            return self._own
        x = np.require(x, requirements=("C", "A"))
        y = self._outputs.take() if y is None else y
        self._table.move(INPUT, x.__array_interface__["data"][0])
        self._table.move(OUTPUT, y.__array_interface__["data"][0])
        return x, y

    def _step(self, foreign: Foreign, x: Array, y: Array) -> None:
        """Do a step in Python."""

        def array(place: Place, shape: Shape) -> Array:
            if place.buffer in (INPUT, OUTPUT):
                return (x if place.buffer == INPUT else y).reshape(shape)
            start = self._lowered.offsets[place.buffer] + place.offset
            return self._arena[start : start + int(np.prod(shape))].reshape(shape)

        inputs = [array(*value) if isinstance(value, tuple) else value for value in foreign.inputs]
        array(*foreign.output)[...] = foreign.step.forward(*inputs)
