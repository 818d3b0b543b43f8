"""What lowering gives: parts in order, each a step of the network, and the memory they share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
from typing import NamedTuple

from striate.network import Shape
from striate.ops.blocked.layout import Place
from striate.ops.blocked.task import Task
from striate.ops.codegen import Target
from striate.runtime.steps import Array, Step

__all__ = ["INPUT", "IN_PYTHON", "OUTPUT", "Foreign", "Lowered", "Part", "Settings"]

INPUT, OUTPUT = "(input)", "(output)"
"""The buffers of the caller."""

IN_PYTHON = "NumPy's order, in Python"
"""The method of steps that are no machine code made for the network."""

LINE = 16  # float32 elements of a line of the cache


class Settings(NamedTuple):
    """What a network is lowered for; `tune` where methods are measured, not estimated."""

    target: Target
    threads: int
    exact: bool
    tune: bool = False


@dataclass(frozen=True)
class Foreign:
    """A step that runs in Python, on arrays in NumPy's order."""

    step: Step
    inputs: tuple[tuple[Place, Shape] | Array, ...]
    output: tuple[Place, Shape]

    @property
    def buffers(self) -> list[str]:
        """The buffers that it reads and writes."""
        places = [value[0].buffer for value in self.inputs if isinstance(value, tuple)]
        return [*places, self.output[0].buffer]


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

    `sizes` and `offsets` count float32 elements.
    """

    parts: tuple[Part, ...]
    sizes: dict[str, int]
    input_shape: Shape
    output_shape: Shape
    offsets: dict[str, int] = field(default_factory=dict)
    arena: int = 0

    @property
    def output_size(self) -> int:
        """Elements of the output."""
        return prod(self.output_shape)

    @property
    def alive(self) -> int:
        """Bytes of all values: those in the arena, the input and the output."""
        return 4 * (self.arena + prod(self.input_shape) + self.output_size)

    @classmethod
    def placed(
        cls, parts: Sequence[Part], sizes: dict[str, int], shapes: tuple[Shape, Shape]
    ) -> Lowered:
        """Return the parts with places for their buffers: those in use at once lie apart.

        `shapes` are those of the input and of the output.
        """
        lives = _lives(parts)
        offsets, arena = _places(lives, sizes)
        return cls(tuple(parts), sizes, *shapes, offsets, arena)


def _buffers(task: Task | Foreign) -> list[str]:
    if isinstance(task, Foreign):
        return task.buffers
    return [word.buffer for word in task.words.values() if isinstance(word, Place)]


def _lives(parts: Sequence[Part]) -> dict[str, tuple[int, int]]:
    """Return the first and the last task that use each buffer."""
    lives: dict[str, tuple[int, int]] = {}
    work: list[Task | Foreign] = []
    for part in parts:
        work += [part.work] if isinstance(part.work, Foreign) else part.work
    for number, task in enumerate(work):
        for name in _buffers(task):
            if name not in (INPUT, OUTPUT):
                lives[name] = (lives.get(name, (number, 0))[0], number)
    return lives


def _places(lives: dict[str, tuple[int, int]], sizes: dict[str, int]) -> tuple[dict[str, int], int]:
    """Put the largest buffers first, each at the lowest offset that is free during its life."""
    offsets: dict[str, int] = {}
    arena = 0
    for name in sorted(lives, key=lambda name: -sizes[name]):
        first, last = lives[name]
        taken = sorted(
            (offsets[other], offsets[other] + _rounded(sizes[other]))
            for other in offsets
            if lives[other][0] <= last and first <= lives[other][1]
        )
        at = 0
        for start, end in taken:
            if start - at >= _rounded(sizes[name]):
                break
            at = max(at, end)
        offsets[name] = at
        arena = max(arena, at + _rounded(sizes[name]))
    return offsets, arena


def _rounded(size: int) -> int:
    """Return a size up to whole lines, with one of slack that last registers may write into."""
    return (-(-size // LINE) + 1) * LINE
