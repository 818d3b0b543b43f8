"""What trains a network, whoever does it: a learner."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from striate.errors import ParameterError
from striate.network import Network

__all__ = ["Arrays", "Learner", "Lesson", "check_state"]

Arrays = Mapping[str, NDArray[Any]]


class Lesson(NamedTuple):
    """What came of some steps.

    Attributes
    ----------
    losses : (n,) float32
        The loss of each example just before the step that learns from it.
    hits : (n,) bool
        Whether the largest output was the label's.
    steps : int
        Steps done. Fewer than asked for: the loss of the next step was not finite, and that step
        was not taken, so that weights and state are as before it. Losses and hits of the examples
        that no step learnt from have no meaning.
    """

    losses: NDArray[np.float32]
    hits: NDArray[np.bool_]
    steps: int


class Learner(Protocol):
    """One network in training."""

    batch_size: int
    plain_because: str
    """Why it computes in NumPy; "" where it does not."""

    def learn(
        self,
        images: NDArray[np.float32],
        labels: NDArray[np.int64],
        rates: NDArray[np.float32],
    ) -> Lesson:
        """Step through examples in the order given, `batch_size` at a time.

        Parameters
        ----------
        images : (n, C, *spatial)
        labels : (n,)
        rates : (ceil(n / batch_size),)
            The learning rate of each step; the last may have fewer examples.
        """

    def scores(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the outputs (n, K) in inference mode, with the weights as they are now."""

    def network(self) -> Network:
        """Return the network as it is now, with copies of its weights."""

    def state(self) -> dict[str, NDArray[Any]]:
        """Return copies of all that `learn` depends on but the weights."""

    def restore(self, weights: Arrays, state: Arrays) -> None:
        """Go back to where `network` and `state` said this.

        What `learn` does then has the same bits as if nothing had happened in between.

        Raises
        ------
        ParameterError
            If the state is none of this learner's.
        """


def check_state(found: Arrays, known: Arrays) -> None:
    """Raise ParameterError unless a state has the arrays of the one that is known.

    Examples
    --------
    >>> check_state({"steps": np.array(3)}, {"steps": np.array(0)})
    """
    if _kinds(found) != _kinds(known):
        raise ParameterError(
            f"the state of learning has {_listed(found)}, not {_listed(known)}: "
            "it belongs to another optimizer or network"
        )


def _kinds(state: Arrays) -> dict[str, tuple[tuple[int, ...], Any]]:
    return {name: (array.shape, array.dtype) for name, array in state.items()}


def _listed(state: Arrays) -> str:
    return ", ".join(f"{name} {array.shape}" for name, array in sorted(state.items()))
