"""What every library looks like to the bench."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from striate.cli.bench.filters.cases import FilterCase
from striate.cli.bench.peers.runner import Runner

__all__ = ["Engine", "Filter", "into"]

Filter = Callable[[NDArray[Any] | None], NDArray[Any]]
"""Filters the image of a case into an array, or into a new one; returns it."""


class Engine(Protocol):
    """A module that filters with one library."""

    NAME: str

    def runners(self, case: FilterCase, threads: int) -> Iterator[Runner]:
        """Yield the case in every setting that may be the best one; none if it has no such."""
        ...


def into(setting: str, case: FilterCase, filtered: Filter) -> Runner:
    """Return the runner that writes to the same array each time, if the case says so."""
    if not case.prepared:
        return Runner(setting, lambda: filtered(None), lambda: filtered(None))
    out = np.empty(case.shape, case.result_dtype)
    return Runner(setting, lambda: filtered(out), lambda: out)
