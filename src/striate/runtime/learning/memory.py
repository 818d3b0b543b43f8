"""What a learner keeps from step to step: weights, what its descent remembers, counters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.ops.blocked.program import aligned
from striate.ops.blocked.updates import clock
from striate.runtime.learning.assignment import Assignment
from striate.runtime.learning.descent import Descent, factors_of
from striate.runtime.learning.learner import Arrays, check_state
from striate.runtime.learning.parameters import PARAMETERS, Parameters
from striate.runtime.learning.space import GRADIENTS

__all__ = ["CLOCK", "KEPT", "SQUARES", "VELOCITY", "WORDS", "Memory"]

VELOCITY, SQUARES = "(velocity)", "(squares)"
CLOCK, KEPT, WORDS = "(clock)", "(statistics before)", "(counters)"

FLAT = 4 << 20
"""Trained elements up to which gradients are kept together and weights updated at once."""


class Memory:
    """Arrays that stay where they are.

    Attributes
    ----------
    parameters : Parameters
    flat : whether all gradients lie in one vector; else each is gone after its update
    factors : what the learning rate of each trained element is multiplied by; None for 1
    words : counters: steps to do, whether to stop, steps done, all steps that ever were
    buffers : the arrays by the names of their buffers
    """

    def __init__(self, assignment: Assignment) -> None:
        graph, descent = assignment.network.graph, assignment.descent
        self.parameters = Parameters(graph, assignment.start().weights)
        size = max(self.parameters.trained, 1)
        self.flat = size <= FLAT or descent.clip_norm is not None
        self.factors = self._factors(factors_of(graph, descent), descent)
        self.words = np.zeros(4, np.int64)
        statistics = len(self.parameters.memory) - self.parameters.trained
        self.buffers: dict[str, NDArray[Any]] = {
            PARAMETERS: self.parameters.memory,
            WORDS: self.words,
            KEPT: aligned(statistics),
        }
        if self.flat:
            self.buffers[GRADIENTS] = _zeros(size)
        if descent.momentum or descent.method != "sgd":
            self.buffers[VELOCITY] = _zeros(size)
        if descent.method != "sgd":
            self.buffers[SQUARES] = _zeros(size)
            self.buffers[CLOCK] = clock(descent.betas)

    def _factors(
        self, factors: Mapping[str, float], descent: Descent
    ) -> NDArray[np.float32] | None:
        if descent.factors is None:
            return None
        whole = _zeros(self.parameters.trained)
        for name, factor in factors.items():
            start, size = self.parameters.span(name)
            whole[start : start + size] = factor
        return whole

    def put_back_statistics(self) -> None:
        """Undo what the forward pass of a step gathered that was not taken."""
        self.parameters.memory[self.parameters.trained :] = self.buffers[KEPT]

    def state(self) -> dict[str, NDArray[Any]]:
        """Return copies of all but the weights that the next step depends on."""
        kept = {"steps": np.array(self.words[3])}
        return kept | {key: array.copy() for key, array in self._remembered()}

    def restore(self, weights: Arrays, state: Arrays) -> None:
        """Take over weights, and what `state` returned.

        Raises
        ------
        ParameterError
            If they belong to another network or optimizer.
        """
        check_state(state, self.state())
        for name, array in self.parameters.arrays.items():
            array[...] = weights[name]
        self.words[3] = state["steps"]
        for key, array in self._remembered():
            array[...] = state[key]

    def _remembered(self) -> list[tuple[str, NDArray[Any]]]:
        """Return what the descent keeps from step to step, by its name in a state."""
        names = (("velocity", VELOCITY), ("squares", SQUARES), ("clock", CLOCK))
        return [(key, self.buffers[name]) for key, name in names if name in self.buffers]


def _zeros(size: int) -> NDArray[np.float32]:
    array = aligned(size)
    array.fill(0)
    return array
