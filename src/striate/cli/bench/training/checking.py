"""Whether an engine learns what it should: losses and gradients beside float64."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.cli.bench.machine import processors
from striate.cli.bench.peers.runner import installed
from striate.cli.bench.training.cases import DESCENT, TrainingCase
from striate.runtime.limits import Limits

__all__ = ["Answer", "Check", "our_answer", "set_threads", "torch_answer"]

LOSSES = 1e-3  # relative: beyond this, losses are wrong
GRADIENTS = 0.05
"""Relative: beyond this, gradients are wrong. A ReLU or a maximum whose inputs nearly tie may turn
out the other way in float32, so that deep networks are less exact than their sums."""
FAR = 1000.0
"""The rate of the step that shows gradients: what it takes from weights is larger than they are,
and so is not rounded away."""
FLOOR = 1e-4
"""Of the largest gradient: those of biases before a batch norm are 0 but for rounding."""


@dataclass(frozen=True)
class Answer:
    """What came of two steps: mean losses, and the velocity after them by parameter."""

    losses: list[float]
    velocities: dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Check:
    """The right answer for a case, and how far others are from it.

    Two steps with momentum, of which only the second moves the weights: the move is the second
    gradient and the first one's share. Dropout is off. All examples take part: fewer would be
    another program than the one that is timed.
    """

    case: TrainingCase

    @cached_property
    def exact(self) -> Answer:
        """What is right, computed by all processors, however many are timed."""
        if not installed("torch"):
            return our_answer(self.case, processors(), "plain")
        set_threads(processors())
        return torch_answer(self.case, double=True)

    def seconds(self, limits: Limits) -> float:
        """Return about how long `exact` takes on a machine of these limits.

        PyTorch's float64 was seen to take four times as long as float32 takes at least: half as
        many numbers are computed at a time, and half of the machine's peak is reached.
        """
        return 2 * 4 * limits.bound(self.case.macs, 0)[1]

    @property
    def oracle(self) -> str:
        """What is right."""
        return "PyTorch in float64" if installed("torch") else "NumPy in float32"

    def errors(self, answer: Answer) -> tuple[float, float]:
        """Return the largest relative error of losses, and of a parameter's gradient (RMS)."""
        exact = self.exact
        losses = [
            abs(got - right) / max(abs(right), 1e-3)
            for got, right in zip(answer.losses, exact.losses, strict=True)
        ]
        sizes = {name: _rms(array) for name, array in exact.velocities.items()}
        floor = FLOOR * max(sizes.values())
        gradients = [
            _rms(answer.velocities[name] - right) / max(sizes[name], floor)
            for name, right in exact.velocities.items()
        ]
        return _largest(losses), _largest(gradients)

    def refusal(self, losses: float, gradients: float) -> str:
        """Return why an answer is wrong; "" if it is right."""
        if losses > LOSSES:
            return f"losses are off by {losses:.1e} of them"
        if gradients > GRADIENTS:
            return f"gradients are off by {gradients:.1e} of them"
        return ""


def our_answer(case: TrainingCase, threads: int, method: Any = "auto") -> Answer:
    """Return what striate makes of a case."""
    images, labels = (np.concatenate(some) for some in zip(*case.batches[:2], strict=True))
    student = case.learner(case.still, threads, method)
    lesson = student.learn(images, labels, np.array([0.0, FAR], np.float32))
    losses = lesson.losses.reshape(2, case.batch).mean(axis=1)
    return _answer(case, losses.tolist(), student.network().weights)


def torch_answer(case: TrainingCase, *, double: bool = False, layout: str = "NCHW") -> Answer:
    """Return what PyTorch makes of a case."""
    import torch

    from striate.cli.bench.peers.torch_training import TorchTraining

    dtype = torch.float64 if double else torch.float32
    student = TorchTraining(
        case.still, case.shape, momentum=DESCENT.momentum, dtype=dtype, layout=layout
    )
    losses = [
        float(student.step(student.images(images), torch.from_numpy(labels), rate))
        for (images, labels), rate in zip(case.batches, (0.0, FAR), strict=False)
    ]
    return _answer(case, losses, student.weights())


def set_threads(threads: int) -> None:
    """Set the number of PyTorch's threads."""
    import torch

    torch.set_num_threads(threads)


def _answer(case: TrainingCase, losses: list[float], weights: Any) -> Answer:
    before = case.network.weights
    return Answer(
        losses,
        {
            p.name: ((before[p.name] - weights[p.name]) / FAR).astype(np.float32)
            for p in case.network.graph.parameters
            if p.trainable
        },
    )


def _largest(errors: list[float]) -> float:
    """Return the largest; infinity where one is not finite, which no comparison would find."""
    return max(errors) if all(map(isfinite, errors)) else float("inf")


def _rms(array: NDArray[Any]) -> float:
    flat = array.ravel()
    return float(np.sqrt(np.dot(flat, flat) / max(flat.size, 1)))
