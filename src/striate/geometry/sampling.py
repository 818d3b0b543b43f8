"""One axis read in a repeating pattern: slices, crops, resizing, flips, groups of channels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from striate.errors import GeometryError

__all__ = ["Beyond", "Sampling"]

Beyond = Literal["nothing", "edge", "reflect", "wrap"]
"""What lies beyond an axis: nothing of it, its last element, its mirror image, its other end."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """Taps that repeat: output `o` reads what output ``o - period`` reads, `step` further on.

    A window (`Axis`) has a period of 1, its transpose a step of 1; a sampling has any of both, and
    need not move at all (step 0) nor forwards.

    Parameters
    ----------
    offsets : tuple of tuples of int
        The input indices that the outputs 0 ... period - 1 read.
    step : int
        How much further on the outputs of the next period read.
    beyond : {"nothing", "edge", "reflect", "wrap"}
        Which elements those indices stand for that lie outside the input.

    Examples
    --------
    Every second element from the end, and what a mirror shows before the start:

    >>> [Sampling(((7,),), -2).taps(o) for o in range(3)]
    [(7,), (5,), (3,)]
    >>> [Sampling(((-2,),), 1, "reflect").inside(o, 5) for o in range(3)]
    [(2,), (1,), (0,)]
    """

    offsets: tuple[tuple[int, ...], ...]
    step: int
    beyond: Beyond = "nothing"

    def __post_init__(self) -> None:
        if not self.offsets:
            raise GeometryError("a sampling must have the taps of at least one output")

    @property
    def period(self) -> int:
        """The number of kinds of outputs."""
        return len(self.offsets)

    def taps(self, output: int) -> tuple[int, ...]:
        """Return the input indices that `output` reads; those outside the input lie beyond it."""
        turns, phase = divmod(output, self.period)
        return tuple(offset + turns * self.step for offset in self.offsets[phase])

    def inside(self, output: int, size: int) -> tuple[int, ...]:
        """Return the elements of an input of `size` that `output` reads."""
        taps = self.taps(output)
        if self.beyond == "nothing":
            return tuple(tap for tap in taps if 0 <= tap < size)
        return tuple(self._folded(tap, size) for tap in taps)

    def _folded(self, tap: int, size: int) -> int:
        if self.beyond == "edge":
            return min(max(tap, 0), size - 1)
        if self.beyond == "wrap":
            return tap % size
        turn = max(1, 2 * (size - 1))  # there and back, without repeating the ends
        place = tap % turn
        return min(place, turn - place) if size > 1 else 0
