"""What outputs cost, and the gradient of that: arithmetic without checks, for loops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from striate.errors import UnknownNameError

__all__ = ["LOSSES", "Loss", "LossName", "find_loss"]

LossName = Literal["squared", "cross-entropy"]
Floats = NDArray[Any]


class Loss(NamedTuple):
    """A loss of outputs (N, K) against targets (N, K).

    `values` gives the loss of each example (N,), `gradient` that of their mean (N, K); `off` is
    the target of the outputs that are not the label's, whose own is 1.
    """

    values: Callable[[Floats, Floats], Floats]
    gradient: Callable[[Floats, Floats], Floats]
    off: float

    def targets(self, classes: int) -> NDArray[np.float32]:
        """Return the targets (K, K), one row for each label.

        Examples
        --------
        >>> find_loss("squared").targets(2)
        array([[ 1., -1.],
               [-1.,  1.]], dtype=float32)
        """
        wanted = np.full((classes, classes), self.off, np.float32)
        np.fill_diagonal(wanted, 1)
        return wanted


def _halves(y: Floats, t: Floats) -> Floats:
    d = y - t
    losses: Floats = 0.5 * np.einsum("nk,nk->n", d, d)
    return losses


def _differences(y: Floats, t: Floats) -> Floats:
    d: Floats = y - t
    if len(d) > 1:
        d *= 1 / len(d)
    return d


def _entropies(s: Floats, p: Floats) -> Floats:
    z = s - s.max(axis=1, keepdims=True)
    losses: Floats = np.log(np.exp(z).sum(axis=1)) - np.einsum("nk,nk->n", p, z)
    return losses


def _surprises(s: Floats, p: Floats) -> Floats:
    e: Floats = np.exp(s - s.max(axis=1, keepdims=True))
    e /= e.sum(axis=1, keepdims=True)
    e -= p
    if len(e) > 1:
        e *= 1 / len(e)
    return e


LOSSES = {
    "squared": Loss(_halves, _differences, off=-1.0),
    "cross-entropy": Loss(_entropies, _surprises, off=0.0),
}


def find_loss(name: str) -> Loss:
    """Return a loss by its name, or raise UnknownNameError.

    Examples
    --------
    >>> find_loss("cross-entropy").off
    0.0
    """
    if name not in LOSSES:
        raise UnknownNameError.of("loss", name, LOSSES)
    return LOSSES[name]
