"""What lowering gives: parts in order, each a step of the network, and the memory they share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from math import prod
from typing import NamedTuple

from striate.network import Shape
from striate.ops.blocked.layout import Place
from striate.ops.blocked.task import Task
from striate.ops.codegen import Target
from striate.runtime.lowering.arena import lives, places
from striate.runtime.steps import Array, Step

__all__ = ["INPUT", "IN_PYTHON", "OUTPUT", "End", "Foreign", "Lowered", "Part", "Settings", "ends"]

INPUT, OUTPUT = "(input)", "(output)"
"""The buffers of the caller: the first input and output. Others have their number behind it."""

IN_PYTHON = "NumPy's order, in Python"
"""The method of steps that are no machine code made for the network."""


class Settings(NamedTuple):
    """What a network is lowered for; `tune` where methods are measured, not estimated."""

    target: Target
    threads: int
    exact: bool
    tune: bool = False


class End(NamedTuple):
    """An input or an output of the network.

    `buffer` is its place among those of the caller; None where it is no float32 array: then the
    steps in Python hand it over as it is.
    """

    name: str
    shape: Shape
    buffer: str | None


def ends(first: str, values: Iterable[tuple[str, Shape, bool]]) -> tuple[End, ...]:
    """Return inputs or outputs with buffers for those that are float32.

    >>> [end.buffer for end in ends(INPUT, [("x", (1,), True), ("i", (), False), ("y", (), True)])]
    ['(input)', None, '(input 1)']
    """
    numbers = count()
    found = []
    for name, shape, single in values:
        number = next(numbers) if single else None
        buffer = first if number == 0 else f"{first[:-1]} {number})"
        found.append(End(name, shape, None if number is None else buffer))
    return tuple(found)


@dataclass(frozen=True)
class Foreign:
    """A step that runs in Python, on arrays in NumPy's order.

    Its values are float32 arrays in their places, fixed arrays, or values of other kinds, which
    are known by their names. `place` is what errors begin with.
    """

    step: Step
    inputs: tuple[tuple[Place, Shape] | Array | str, ...]
    outputs: tuple[tuple[Place, Shape] | str, ...]
    place: str = ""

    @property
    def buffers(self) -> list[str]:
        """The buffers that it reads and writes."""
        values = (*self.inputs, *self.outputs)
        return [value[0].buffer for value in values if isinstance(value, tuple)]


@dataclass(frozen=True)
class Part:
    """A step of the network, or a change of layout that one needs.

    Attributes
    ----------
    names : the nodes that it does; none for a change of layout
    operator, method : what it does, and how
    work : the tasks that do it, or one step in Python
    macs : multiply-adds by the definition
    bytes : what must cross memory at least: values and weights, once each
    """

    names: tuple[str, ...]
    operator: str
    method: str
    work: tuple[Task, ...] | Foreign
    output_shape: Shape
    macs: int = 0
    bytes: int = 0
    why: str = ""

    @property
    def foreign(self) -> bool:
        """Whether it runs in Python."""
        return isinstance(self.work, Foreign)

    @property
    def tasks(self) -> tuple[Task, ...]:
        """Its tasks; none where it runs in Python."""
        return () if isinstance(self.work, Foreign) else self.work

    @property
    def tile(self) -> str:
        """What microkernels keep in registers, pixels by registers of channels, if any has one."""
        return ", ".join(dict.fromkeys(task.tile for task in self.tasks if task.tile))


@dataclass(frozen=True)
class Lowered:
    """The parts of a network for one input shape, and where their buffers lie in the arena.

    `sizes` and `offsets` count float32 elements. `fixed` are outputs that no input changes.
    """

    parts: tuple[Part, ...]
    sizes: dict[str, int]
    inputs: tuple[End, ...]
    outputs: tuple[End, ...]
    fixed: Mapping[str, Array] = field(default_factory=dict)
    offsets: dict[str, int] = field(default_factory=dict)
    arena: int = 0

    @property
    def ends(self) -> int:
        """Elements of the inputs and outputs."""
        return sum(prod(end.shape) for end in (*self.inputs, *self.outputs))

    @property
    def alive(self) -> int:
        """Bytes of all values: those in the arena, the inputs and the outputs."""
        return 4 * (self.arena + self.ends)

    def placed(self) -> Lowered:
        """Return the same with places for the buffers: those in use at once lie apart."""
        callers = {end.buffer for end in (*self.inputs, *self.outputs)}
        work: list[Sequence[str]] = []
        for part in self.parts:
            pieces = (part.work,) if isinstance(part.work, Foreign) else part.work
            work += [piece.buffers for piece in pieces]
        offsets, arena = places(lives(work, callers), self.sizes)
        return replace(self, offsets=offsets, arena=arena)
