"""Sums of equal weights in stages: sums of neighbours, then of such sums some places apart.

A window of 31 takes 5 neighbours, then 6 of those sums and one more number: 12 additions instead
of 31. How it is cut depends on its size alone, so the sums, also those of floats, are the same
wherever in the image a part begins; and nothing is ever subtracted.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "STAGE_WORDS",
    "Stage",
    "box_grid",
    "down_stages_of",
    "staged_total",
    "stages_of",
    "table_of",
]

MOST_TERMS = 9
BLOCK = 40  # rows whose sums, one after the other, float32 still shows to 1e-6
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

    @property
    def depth(self) -> int:
        """How many sums of parts it looks back over."""
        return (self.sums - 1) * self.part + self.single + 1 if self.sums else 0


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


def down_stages_of(size: int) -> tuple[Stage, ...]:
    """Return the stages of sums of columns, whose first takes up to `BLOCK` rows."""
    if size <= BLOCK:
        return (Stage(0, 0, size),)
    sums = min(range(2, MOST_TERMS + 1), key=lambda sums: _terms(size, sums))
    return (*down_stages_of(size // sums), Stage(size // sums, sums, size % sums))


def box_grid(size: int) -> int:
    """Return every how many rows sums of columns begin anew: parts of images begin there too."""
    return down_stages_of(size)[0].size


def _terms(size: int, sums: int) -> tuple[bool, int]:
    """Return whether so many sums leave parts too tall, and what they take."""
    return size // sums > BLOCK and sums < MOST_TERMS, sums + size % sums


STAGE_WORDS = 6


def table_of(stages: tuple[Stage, ...]) -> NDArray[np.int64]:
    """Return a row of words for each stage: its parts, its size, and where its sums are kept.

    The last two words are how many rows of its sums are kept, none for the last stage, and how
    many rows lie ahead of them.
    """
    table = np.zeros((len(stages), STAGE_WORDS), np.int64)
    ahead = 0
    for place, stage in enumerate(stages):
        kept = stages[place + 1].depth if place + 1 < len(stages) else 0
        table[place] = stage.part, stage.sums, stage.single, stage.size, kept, ahead
        ahead += kept
    return table


def staged_total(number: Any, stages: tuple[Stage, ...]) -> Any:
    """Return the sum of a window of equal numbers as the stages round it."""
    total = number
    for stage in stages:
        terms = [total] * stage.sums + [number] * stage.single
        with np.errstate(over="ignore", invalid="ignore"):
            total = functools.reduce(lambda a, b: a + b, terms)
    return total
