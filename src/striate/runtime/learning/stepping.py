"""A step of gradient descent on flat vectors, in place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.runtime.learning.descent import Descent

__all__ = ["Stepping"]

Vector = NDArray[np.float32]

TINY = 1e-6
"""What PyTorch adds to the norm that gradients are clipped by."""


class Stepping:
    """Moves parameters by their gradients; both change in place, and nothing is allocated.

    Parameters
    ----------
    descent : Descent
    parameters, gradients : float32, shape (P,)
    factors : float32, shape (P,), optional
        What the learning rate of each is multiplied by.

    Examples
    --------
    >>> w, g = np.array([1.0, 2.0], np.float32), np.array([0.5, -1.0], np.float32)
    >>> Stepping(Descent(), w, g).step(np.float32(0.5))
    >>> w
    array([0.75, 2.5 ], dtype=float32)
    """

    def __init__(
        self,
        descent: Descent,
        parameters: Vector,
        gradients: Vector,
        factors: Vector | None = None,
    ) -> None:
        self._descent, self._factors = descent, factors
        self._parameters, self._gradients = parameters, gradients
        self._work, self._second_work = np.empty_like(parameters), np.empty_like(parameters)
        self._steps = 0
        self._kept: dict[str, Vector] = {}
        if descent.method != "sgd":
            self._kept = {name: np.zeros_like(parameters) for name in ("first", "second")}
        elif descent.momentum:
            self._kept = {"velocity": np.zeros_like(parameters)}

    def step(self, rate: np.float32) -> None:
        """Move the parameters by the gradients that are in place now."""
        descent, w, g = self._descent, self._parameters, self._gradients
        self._steps += 1
        if descent.clip_norm is not None:
            norm = np.sqrt(np.dot(g, g))
            g *= np.minimum(np.float32(descent.clip_norm) / (norm + np.float32(TINY)), 1)
        if descent.weight_decay and descent.method == "adamw":
            np.multiply(w, np.float32(rate * descent.weight_decay), out=self._work)
            self._move_by_work()
        elif descent.weight_decay:
            np.multiply(w, np.float32(descent.weight_decay), out=self._work)
            g += self._work
        if descent.method == "sgd":
            np.multiply(self._pushed(g), rate, out=self._work)
        else:
            self._adapt(g, float(rate))
        self._move_by_work()

    def _pushed(self, g: Vector) -> Vector:
        """Return what momentum makes of the gradient."""
        if not self._descent.momentum:
            return g
        momentum, v = np.float32(self._descent.momentum), self._kept["velocity"]
        v *= momentum
        v += g
        if not self._descent.nesterov:
            return v
        np.multiply(v, momentum, out=self._work)
        g += self._work
        return g

    def _adapt(self, g: Vector, rate: float) -> None:
        """Put the step of Adam to work, given the gradient; the bias is corrected."""
        (b, c), p, q = self._descent.betas, self._kept["first"], self._kept["second"]
        step, root = self._work, self._second_work
        p *= np.float32(b)
        p += np.multiply(g, np.float32(1 - b), out=step)
        q *= np.float32(c)
        q += np.multiply(np.multiply(g, g, out=step), np.float32(1 - c), out=step)
        np.sqrt(q, out=root)
        root /= np.float32((1 - c**self._steps) ** 0.5)
        root += np.float32(self._descent.epsilon)
        np.divide(p, root, out=step)
        step *= np.float32(rate / (1 - b**self._steps))

    def _move_by_work(self) -> None:
        if self._factors is not None:
            self._work *= self._factors
        self._parameters -= self._work

    def state(self) -> dict[str, NDArray[Any]]:
        """Return copies of what the next step depends on."""
        kept = {name: array.copy() for name, array in self._kept.items()}
        return {**kept, "steps": np.array(self._steps, np.int64)}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take over what `state` returned."""
        for name, array in self._kept.items():
            array[...] = state[name]
        self._steps = int(state["steps"])
