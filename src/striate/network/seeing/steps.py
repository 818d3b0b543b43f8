"""How operators read their inputs, as few steps that fields and reach both follow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from striate.geometry import Sampling
from striate.network.graph import Shape
from striate.network.seeing.paths import ALL, Along, Link

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "Move",
    "Reading",
    "Regroup",
    "Slide",
    "Step",
    "Use",
    "along_axis",
    "broadcast",
    "same",
    "shifted",
    "whole",
]


@dataclass(frozen=True, slots=True)
class Move:
    """Axis i of the result is axis order[i]."""

    order: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Regroup:
    """The same elements, row by row, in another shape."""

    shape: Shape


@dataclass(frozen=True, slots=True)
class Slide:
    """Each axis read by its link; axes of the result that none names show the same everywhere."""

    links: tuple[Link, ...]
    shape: Shape


Step = Move | Regroup | Slide


@dataclass(frozen=True, slots=True)
class Use:
    """One input of one application of an operator, and one output that reads it.

    Parameters
    ----------
    operator : Operator
        As its class declares it; what reads its attributes knows which class it is.
    shapes : sequence of Shape
        Of all inputs.
    place : int
        Which input.
    output : Shape
        Of the output, the one at `made`.
    constants : mapping of int to array
        Those inputs that are constants of the graph.
    """

    operator: Any
    shapes: Sequence[Shape]
    place: int
    output: Shape
    made: int
    constants: dict[int, NDArray[Any]]

    @property
    def shape(self) -> Shape:
        """The input's shape."""
        return self.shapes[self.place]


Reading = Callable[[Use], tuple[Step, ...] | None]
"""Returns the steps from an input to an output; None where no element of it is read."""


def same(count: int, shift: int = 0) -> tuple[Link, ...]:
    """Return the links of `count` axes that are those of the output, `shift` further on."""
    return tuple(Link(axis + shift) for axis in range(count))


def whole(use: Use, axes: Sequence[int], *, keep: bool = True) -> tuple[Step, ...]:
    """Return the step that reads all of some axes; `keep` says whether the output has them."""
    gone = {axis % max(len(use.shape), 1) for axis in axes}
    links, out = [], 0
    for axis in range(len(use.shape)):
        links.append(ALL if axis in gone else Link(out))
        out += keep or axis not in gone
    return (Slide(tuple(links), use.output),)


def broadcast(use: Use) -> tuple[Step, ...]:
    """Return the steps of an operator that works on single elements, broadcast."""
    return stretched(use.shape, use.output)


def stretched(shape: Shape, output: Shape) -> tuple[Step, ...]:
    """Return the steps that broadcast a shape to another."""
    if shape == output:
        return ()
    shift = len(output) - len(shape)
    links = tuple(
        ALL if size == 1 < output[axis + shift] else Link(axis + shift)
        for axis, size in enumerate(shape)
    )
    return (Slide(links, output),)


def along_axis(use: Use, axis: int, along: Along) -> tuple[Step, ...]:
    """Return the step that reads one axis in its way, the others as they are."""
    links = list(same(len(use.shape)))
    links[axis] = Link(axis, along)
    return (Slide(tuple(links), use.output),)


def shifted(start: int, step: int = 1) -> Sampling:
    """Return the sampling whose output o reads start + step o."""
    return Sampling(((start,),), step)
