"""Lowered networks with memory of their own, ready to run; one run at a time each."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from math import prod

import numpy as np

from striate.network import Shape
from striate.ops.blocked.layout import Place
from striate.ops.blocked.program import Table, aligned
from striate.runtime.lowering import End, Foreign, Lowered, Settings
from striate.runtime.outputs import SLACK, Outputs
from striate.runtime.steps import Array

__all__ = ["Instance", "threads_of"]

ALONE = 4_000_000  # multiply-adds of a network that one thread does before another is awake
SMALL = 1 << 15  # elements of inputs and outputs that are copied to memory of our own

Here = dict[str, Array]
"""What a call has: the caller's arrays by their buffers, and values of other kinds by name."""


def threads_of(lowered: Lowered, to: Settings) -> int:
    """Return how many threads run it: one where it is small."""
    work = sum(task.work for part in lowered.parts for task in part.tasks)
    return to.threads if work >= ALONE else 1


class _Stepping:
    """A step in Python, with the arrays that it always reads and writes."""

    def __init__(self, foreign: Foreign, lowered: Lowered, arena: Array) -> None:
        def found(value: tuple[Place, Shape] | Array | str) -> tuple[Place, Shape] | Array | str:
            if not isinstance(value, tuple):
                return value
            place, shape = value
            if place.buffer not in lowered.offsets:
                return value
            start = lowered.offsets[place.buffer] + place.offset
            return arena[start : start + prod(shape)].reshape(shape)

        self._step, self._place = foreign.step, foreign.place
        self._inputs = [found(value) for value in foreign.inputs]
        self._outputs = [found(value) for value in foreign.outputs]

    def run(self, here: Here) -> None:
        """Do it, on what the call has."""
        inputs = [self._array(value, here) for value in self._inputs]
        made = self._step.run_at(self._place, inputs)
        for place, result in zip(self._outputs, made, strict=False):
            if isinstance(place, str):
                here[place] = result
            else:
                self._array(place, here)[...] = result

    @staticmethod
    def _array(value: tuple[Place, Shape] | Array | str, here: Here) -> Array:
        if isinstance(value, np.ndarray):
            return value
        if isinstance(value, str):
            return here[value]
        place, shape = value
        whole = here[place.buffer].reshape(-1)
        return whole[place.offset : place.offset + prod(shape)].reshape(shape)


class Instance:
    """An arena, and the tasks with their addresses in it."""

    def __init__(self, lowered: Lowered, to: Settings) -> None:
        self._lowered = lowered
        self._arena = aligned(max(lowered.arena, 1))
        start = self._arena.ctypes.data
        addresses = {name: start + 4 * offset for name, offset in lowered.offsets.items()}
        tasks = [task for part in lowered.parts if not part.foreign for task in part.tasks]
        self._table = Table(tasks, addresses, threads_of(lowered, to), to.target)
        self._inputs, self._results = self._places(lowered.inputs), self._places(lowered.outputs)
        self._memory = [Outputs(lowered.outputs[place].shape) for place, _ in self._results]
        self._own: tuple[list[tuple[int, Array]], list[Array]] | None = None
        if lowered.ends < SMALL:
            sources = self._own_ends(lowered.inputs, self._inputs)
            places = [place for place, _ in self._inputs]
            results = self._own_ends(lowered.outputs, self._results)
            self._own = list(zip(places, sources, strict=True)), results
        self._steps = [
            _Stepping(part.work, lowered, self._arena) if isinstance(part.work, Foreign) else None
            for part in lowered.parts
        ]
        self._stretches = list(self._in_stretches())
        single = len(self._results) == len(lowered.outputs)
        self._compiled = single and not any(self._steps)  # nothing of other kinds, or in Python

    @staticmethod
    def _places(ends: Sequence[End]) -> list[tuple[int, str]]:
        """Return the numbers of those that have buffers, and these."""
        return [(place, end.buffer) for place, end in enumerate(ends) if end.buffer]

    def _own_ends(self, ends: Sequence[End], places: list[tuple[int, str]]) -> list[Array]:
        """Return inputs or outputs of our own, for good, which small ones are copied to.

        Copying them costs less than to ask for the addresses of the caller's.
        """
        found = []
        for place, buffer in places:
            size = prod(ends[place].shape)
            memory = aligned(size + SLACK)
            self._table.move(buffer, memory.ctypes.data)
            found.append(memory[:size].reshape(ends[place].shape))
        return found

    def _in_stretches(self) -> Iterator[tuple[int, int] | _Stepping]:
        """Yield tasks that follow each other, as first and count, and the steps in Python."""
        first = number = 0
        for part, step in zip(self._lowered.parts, self._steps, strict=True):
            if step is not None:
                if number > first:
                    yield first, number - first
                yield step
                first = number
            else:
                number += len(part.tasks)
        if number > first:
            yield first, number - first

    def run(self, inputs: Sequence[Array], results: Sequence[Array] | None = None) -> list[Array]:
        """Return the outputs; those in float32 are written to `results` if that is given.

        These are C-contiguous and have room behind them; see `Outputs`.
        """
        if self._compiled and self._own is not None and results is None:
            sources, made = self._own  # what follows does the same, with detours
            for place, source in sources:
                source[...] = inputs[place]
            self._table.run()
            return [array.copy() for array in made]
        made, here = self._bound(inputs, results)
        for stretch in self._stretches:
            if isinstance(stretch, tuple):
                self._table.run(*stretch)
            else:
                stretch.run(here)
        return self._handed_over(inputs, made, here, results)

    def timed(self, inputs: Sequence[Array]) -> tuple[list[Array], list[float]]:
        """Return the outputs and the seconds that each part took."""
        made, here = self._bound(inputs, None)
        seconds, number = [], 0
        for part, step in zip(self._lowered.parts, self._steps, strict=True):
            start = time.perf_counter()
            if step is not None:
                step.run(here)
            else:
                self._table.run(number, len(part.tasks))
                number += len(part.tasks)
            seconds.append(time.perf_counter() - start)
        return self._handed_over(inputs, made, here, None), seconds

    def call_seconds(self) -> float:
        """Return the seconds that `timed` takes for a part besides its tasks."""
        start = time.perf_counter()
        self._table.run(0, 0)
        return time.perf_counter() - start

    def _bound(
        self, inputs: Sequence[Array], results: Sequence[Array] | None
    ) -> tuple[list[Array], Here]:
        """Return the float32 outputs that the tasks write, and what the call has."""
        here: Here = {}
        if self._own is not None:
            sources, made = self._own
            for place, source in sources:
                source[...] = inputs[place]
            arrays = [source for _, source in sources]
        else:
            made = list(results or (memory.take() for memory in self._memory))
            arrays = [np.require(inputs[n], requirements=("C", "A")) for n, _ in self._inputs]
            here = self._by_buffer(arrays, made)
            for buffer, array in here.items():
                self._table.move(buffer, array.__array_interface__["data"][0])
        if not self._compiled:
            here = here or self._by_buffer(arrays, made)
            for end, array in zip(self._lowered.inputs, inputs, strict=True):
                if end.buffer is None:
                    here[end.name] = np.asarray(array, order="C")
        return made, here

    def _by_buffer(self, inputs: Sequence[Array], results: Sequence[Array]) -> Here:
        buffers = [buffer for _, buffer in (*self._inputs, *self._results)]
        return dict(zip(buffers, (*inputs, *results), strict=True))

    def _handed_over(
        self,
        inputs: Sequence[Array],
        made: list[Array],
        here: Here,
        results: Sequence[Array] | None,
    ) -> list[Array]:
        """Return the outputs as the caller's own."""
        if self._own is not None:
            if results is None:
                made = [array.copy() for array in made]
            else:
                for result, array in zip(results, made, strict=True):
                    result[...] = array
                made = list(results)
        if self._compiled:
            return made
        found = iter(made)
        ends = self._lowered.outputs
        return [next(found) if end.buffer else self._other(end, inputs, here) for end in ends]

    def _other(self, end: End, inputs: Sequence[Array], here: Here) -> Array:
        """Return an output of another kind, or one that no input changes."""
        if end.name in self._lowered.fixed:
            return self._lowered.fixed[end.name].copy()
        found = here[end.name]
        own = found.base is None and not any(found is array for array in inputs)
        return found if own else found.copy()
