"""Sums of equal weights in stages: sums of neighbours, then of such sums some places apart.

This is for the widest windows and for pixels of many numbers; for others see `box_chain`. A window
of 31 takes 5 neighbours, then 6 of those sums and one more number: 12 additions instead of 30. How
it is cut depends on its size alone, so the sums, also those of floats, are the same wherever in
the image a part begins; and nothing is ever subtracted.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "STAGE_WORDS",
    "Stage",
    "box_grid",
    "stages_of",
    "table_of",
]

MOST_TERMS = 9
TALL = 8  # rows that are cheap to make together
STORED = 1.5  # what writing a stage's sums costs, in additions


class Stage(NamedTuple):
    """Sums of `size` numbers: `sums` of them, each of `part` numbers, and `single` ones after.

    The first stage has no sums, only single numbers.
    """

    part: int
    sums: int
    single: int

    @property
    def size(self) -> int:
        """How many neighbours it adds up."""
        return self.part * self.sums + self.single


def stages_of(size: int) -> tuple[Stage, ...]:
    """Return the stages that add up so many neighbours, the cheapest."""
    return _cheapest(size)[1]


@functools.cache
def _cheapest(size: int) -> tuple[float, tuple[Stage, ...]]:
    best: tuple[float, tuple[Stage, ...]] = (float("inf"), ())
    if size <= MOST_TERMS:
        best = float(size), (Stage(0, 0, size),)
    for sums in range(2, MOST_TERMS + 1):
        part, single = divmod(size, sums)
        if part > 1:
            cost, before = _cheapest(part)
            best = min(best, (cost + sums + single + STORED, (*before, Stage(part, sums, single))))
    return best


def box_grid(size: int) -> int:
    """Return how many rows of sums of so many rows of floats are made together, a power of 2.

    They share the rows that are in all of them. They begin at multiples of it, counted from the
    first row of the whole image.
    """
    tall = 1
    while 2 * tall <= min(size, TALL) or 4 * tall * tall <= size // TALL:
        tall *= 2
    return tall


STAGE_WORDS = 4


def table_of(stages: tuple[Stage, ...]) -> NDArray[np.int64]:
    """Return a row of words for each stage: its parts and its size."""
    rows = [(stage.part, stage.sums, stage.single, stage.size) for stage in stages]
    return np.array(rows, np.int64)
