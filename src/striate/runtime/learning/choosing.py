"""Which learner trains a network."""

from __future__ import annotations

from typing import Literal

from striate.errors import ParameterError, UnknownNameError, explained
from striate.network import Network
from striate.runtime.learning.assignment import Assignment
from striate.runtime.learning.compiled import CompiledLearner, why_not
from striate.runtime.learning.descent import Descent
from striate.runtime.learning.learner import Learner
from striate.runtime.learning.losses import LossName
from striate.runtime.learning.plain import PlainLearner

__all__ = ["learner"]


def learner(
    network: Network,
    *,
    loss: LossName,
    batch_size: int,
    descent: Descent,
    seed: int = 0,
    threads: int | None = None,
    exact: bool = False,
    method: Literal["auto", "compiled", "plain"] = "auto",
) -> Learner:
    """Return what trains a network.

    Parameters
    ----------
    network : Network
        Its weights are copied; without any it starts with random ones drawn from `seed`.
    loss : "squared" or "cross-entropy"
        Half the sum of squares against targets of +-1, or the cross-entropy of the softmax; the
        mean over the batch is what gradients are of.
    batch_size : int
        Examples of a step.
    descent : Descent
    seed : int
        Of initial weights and dropout.
    threads : int, optional
        By default ``STRIATE_NUM_THREADS``, or the processors.
    exact : bool
        Convolutions only add up products: no Winograd.
    method : "auto", "compiled" or "plain"
        Machine code made for the network, or NumPy, operation by operation; "auto" takes the
        former where every operation of the network has it.

    Raises
    ------
    ParameterError, UnknownNameError

    Examples
    --------
    >>> import numpy as np
    >>> import striate as st
    >>> student = learner(
    ...     st.load("lenet-1989"), loss="squared", batch_size=1, descent=Descent()
    ... )
    >>> images, labels = np.zeros((2, 1, 16, 16), np.float32), np.array([3, 3])
    >>> lesson = student.learn(images, labels, np.full(2, 0.01, np.float32))
    >>> lesson.steps, bool(lesson.losses[1] < lesson.losses[0])
    (2, True)
    """
    with explained("learner"):
        assignment = Assignment(network, loss, batch_size, descent, seed)
        if method not in ("auto", "compiled", "plain"):
            raise UnknownNameError.of("method of learning", method, ("auto", "compiled", "plain"))
        reason = "NumPy was asked for" if method == "plain" else why_not(network)
        if reason and method == "compiled":
            raise ParameterError(f'{reason}: take method="auto" or "plain"')
        if reason:
            return PlainLearner(assignment, reason, threads=threads, exact=exact)
        return CompiledLearner(assignment, threads=threads, exact=exact)
