"""One pass through the examples: forward, loss, backward, step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite
from time import perf_counter
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from striate.errors import TrainingError
from striate.training.losses import Loss
from striate.training.optimizer import SGD

__all__ = ["Course", "Learner", "run_pass"]

BRIEF = 0.02  # seconds: blocks of steps grow until they take so long
LONGEST = 256  # steps in a block


class Learner(Protocol):
    """What the loop needs of a network; `striate.runtime.Trainable` is one."""

    def forward(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the outputs (N, K)."""

    def backward(self, dy: NDArray[np.float32]) -> None:
        """Put the gradient of the parameters where the optimiser looks."""


@dataclass(frozen=True, slots=True)
class Course:
    """What a pass came to: the mean loss and the share of errors, 0 to 1."""

    loss: float
    error: float


def run_pass(
    learner: Learner,
    descent: SGD,
    loss: Loss,
    images: NDArray[np.float32],
    labels: NDArray[Any],
    wanted: NDArray[np.float32],
    *,
    batch_size: int,
    order: NDArray[np.int64] | None,
    report: Callable[[int, float, float], None],
) -> Course:
    """Learn from every example once.

    Steps run in blocks: what is not part of a step (gathering shuffled examples, adding up losses,
    showing progress, looking for a loss that is not finite) is done once a block, so that it costs
    little even where a step takes microseconds. The arithmetic does not depend on the blocks.

    Parameters
    ----------
    wanted : (K, K) array
        The targets of each class.
    order : (N,) integers or None
        The order of the examples; None for the one they have.
    report : function of (examples done, mean loss, share of errors)

    Raises
    ------
    TrainingError
        If a loss is NaN or infinite: at which example.
    """
    count, done, errors, steps, total = len(labels), 0, 0, 1, 0.0
    losses = np.empty(count, np.float64)
    with np.errstate(all="ignore"):  # what overflows shows in the loss, which is looked at
        while done < count:
            begin, stop = perf_counter(), min(count, done + steps * batch_size)
            chosen = slice(done, stop) if order is None else order[done:stop]
            x, truth = images[chosen], labels[chosen]
            targets = wanted[truth]
            outputs = _steps(learner, descent, loss, x, targets, batch_size)
            losses[done:stop] = loss.values(outputs, targets)
            total += float(losses[done:stop].sum())
            if not isfinite(total):
                first = done + int(np.flatnonzero(~np.isfinite(losses[done:stop]))[0])
                raise TrainingError(
                    f"the loss is {losses[first]} at example {first + 1} of {count}"
                )
            errors += int(np.count_nonzero(outputs.argmax(axis=1) != truth))
            done = stop
            report(done, total / done, errors / done)
            if perf_counter() - begin < BRIEF:
                steps = min(2 * steps, LONGEST)
    return Course(float(losses.mean()), errors / count)


def _steps(
    learner: Learner,
    descent: SGD,
    loss: Loss,
    images: NDArray[np.float32],
    targets: NDArray[np.float32],
    batch_size: int,
) -> NDArray[np.float32]:
    """Learn from these examples, and return the outputs that each met with."""
    forward, backward, step, gradient = (
        learner.forward,
        learner.backward,
        descent.step,
        loss.gradient,
    )
    outputs = np.empty_like(targets)
    for i in range(0, len(targets), batch_size):
        batch = slice(i, i + batch_size)
        y = forward(images[batch])
        backward(gradient(y, targets[batch]))
        step()
        outputs[batch] = y
    return outputs
