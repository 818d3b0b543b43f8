"""Where values lie while a network is lowered: in blocks, in NumPy's order, or in both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

import numpy as np

from striate.network import FLOAT, Graph, Shape
from striate.ops.blocked import conversion
from striate.ops.blocked.layout import Place, Value
from striate.ops.blocked.mapping import Operand
from striate.ops.blocked.moving import move
from striate.ops.blocked.task import Task
from striate.runtime.lowering.fusion import Fused
from striate.runtime.lowering.homes import Home
from striate.runtime.lowering.lowered import (
    INPUT,
    OUTPUT,
    Foreign,
    Part,
    Settings,
    ends,
)
from striate.runtime.lowering.values import Layouts
from striate.runtime.lowering.weights import Weights

__all__ = ["Workspace"]


class Workspace:
    """The parts lowered so far, and where the values are that they made.

    Attributes
    ----------
    shapes : the shape of each value
    weights : the network's weights, and what was packed of them
    kinds : the kind of each value
    inputs, outputs : the network's, with their buffers
    input, output : the first input and output that are float32; "" for none
    plain : where values lie in NumPy's order
    sizes : elements of each buffer
    parts : in the order in which they run
    last : where values lie whose channels come last, for convolutions that read them as they are
    waiting : steps that are lowered with the step that reads what they make; see `bands`
    """

    def __init__(
        self,
        graph: Graph,
        weights: Weights,
        shapes: dict[str, Shape],
        kinds: Mapping[str, str],
        layouts: Layouts,
        homes: Mapping[str, Home],
        to: Settings,
    ) -> None:
        self.weights, self.shapes, self.kinds, self.to = weights, shapes, kinds, to
        self.target = to.target
        self.inputs = ends(INPUT, self._ends([value.name for value in graph.inputs]))
        self.outputs = ends(OUTPUT, self._ends(graph.outputs))
        self._sources = {end.name: Place(end.buffer) for end in self.inputs if end.buffer}
        self._results = {end.name: Place(end.buffer) for end in self.outputs[::-1] if end.buffer}
        self.input, self.output = next(iter(self._sources), ""), self._first_output()
        self.plain: dict[str, Place] = dict(self._sources)
        self.sizes: dict[str, int] = {}
        self.parts: list[Part] = []
        self.last: dict[str, Place] = {}
        self.waiting: dict[str, Fused] = {}
        self._layouts, self._homes = layouts, homes
        self._blocked: set[str] = set()

    def _ends(self, names: Sequence[str]) -> list[tuple[str, Shape, bool]]:
        """Return inputs or outputs; those that are computed in float32 have buffers."""
        single = [self.kinds[name] == FLOAT and name not in self.weights for name in names]
        return [(n, self.shapes[n], s) for n, s in zip(names, single, strict=True)]

    def _first_output(self) -> str:
        return next((end.name for end in self.outputs if end.buffer), "")

    def value(self, name: str) -> Value:
        """Return where a value in blocks lies, or will."""
        return self._layouts.value(name)

    def only_plain(self, name: str) -> bool:
        """Tell whether a value is in NumPy's order, and not in blocks."""
        return name in self.plain and name not in self._blocked

    def as_blocked(self, name: str) -> Value:
        """Return a value in blocks; change its order if it is not there yet."""
        value = self.value(name)
        if name not in self._blocked:
            self.made(name)
            task = conversion.enter(self.target, self.plain[name], self.shapes[name], value)
            self._change("to blocks", name, task)
        return value

    def as_plain(self, name: str) -> Place:
        """Return where a value lies in NumPy's order; change its order if it does not."""
        if name not in self.plain:
            place = self.new_plain(name)
            self._change(
                "from blocks", name, conversion.leave(self.target, self.value(name), place)
            )
        return self.plain[name]

    def new_plain(self, name: str) -> Place:
        """Return a place for a value in NumPy's order: the caller's, if it is an output.

        It may be within that of another value: see `homes`.
        """
        self.plain[name] = self._home(name)
        return self.plain[name]

    def _home(self, name: str) -> Place:
        offset = 0
        while name not in self._results and name in self._homes:
            name, more = self._homes[name]
            offset += more
        place = self._results.get(name, Place(f"{name} (plain)"))
        if name not in self._results:
            self.sizes[place.buffer] = prod(self.shapes[name])
        return Place(place.buffer, place.offset + offset)

    def any_strides(self, name: str) -> bool:
        """Tell whether those that read a value do so wherever its elements lie."""
        return name not in self._results and self._layouts.any_strides(name)

    def wants_blocks(self, name: str) -> bool:
        """Tell whether a layer reads a value in blocks."""
        return self._layouts.wants_blocks(name)

    def new_blocked(self, name: str) -> tuple[Value, list[Task]]:
        """Return where a value in blocks will be made, and the task that clears its padding."""
        value = self.made(name)
        return value, [] if value.layout.contiguous else [conversion.border(self.target, value)]

    def made(self, name: str) -> Value:
        """Note that a value is in blocks from now on."""
        value = self.value(name)
        self.sizes[value.buffer] = value.layout.size
        self._blocked.add(name)
        return value

    def add(self, step: Fused, method: str, work: Sequence[Task] | Foreign, why: str = "") -> None:
        """Add what does a step."""
        tasks = work if isinstance(work, Foreign) else tuple(work)
        output = self.shapes[step.output]
        macs, moved = self._cost(step)
        operator = step.node.operator.onnx
        self.parts.append(Part(step.names, operator, method, tasks, output, macs, moved, why))

    def add_both(self, first: Fused, then: Fused, method: str, tasks: Sequence[Task]) -> None:
        """Add what does two steps, of which the second alone reads what the first makes."""
        both = [self._cost(step) for step in (first, then)]
        macs, moved = (sum(numbers) for numbers in zip(*both, strict=True))
        moved -= 8 * prod(self.shapes[first.output])
        names, operator = first.names + then.names, then.node.operator.onnx
        output = self.shapes[then.output]
        self.parts.append(Part(names, operator, method, tuple(tasks), output, macs, moved))

    def _cost(self, step: Fused) -> tuple[int, int]:
        """Return a step's multiply-adds, and the bytes of the values that it reads and makes."""
        output = self.shapes[step.output]
        macs = step.node.operator.macs([self.shapes[name] for name in step.node.inputs], output)
        return macs, sum(map(self._size, step.inputs)) + self._size(step.output)

    def _size(self, name: str) -> int:
        """Return the bytes of a value."""
        kind = self.kinds[name]
        return prod(self.shapes[name]) * (4 if kind == FLOAT else np.dtype(kind).itemsize)

    def finish(self) -> None:
        """Bring the outputs to the caller's memory, where they are somewhere else."""
        for end in self.outputs:
            if end.buffer:
                self._hand_over(end.name, Place(end.buffer))

    def _hand_over(self, name: str, to: Place) -> None:
        place = self.as_plain(name)
        if place != to:  # an input, what was flattened from a value, or the same output twice
            sizes = (prod(self.shapes[name]),)
            task = move(self.target, sizes, Operand(place, (1,)), Operand(to, (1,)))
            self._change("to the output", name, task)

    def _change(self, what: str, name: str, task: Task) -> None:
        shape = self.shapes[name]
        self.parts.append(Part((), "layout", what, (task,), shape, 0, 8 * prod(shape)))
