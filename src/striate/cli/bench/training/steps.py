"""The time of a step: checked in every engine, then measured in turns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import cycle
from math import prod
from typing import Any

import numpy as np

from striate.cli.bench.measure import OURS, Entry
from striate.cli.bench.training.cases import DESCENT, RATE, TrainingCase
from striate.cli.bench.training.checking import Check, our_answer, set_threads, torch_answer
from striate.cli.bench.turns import Spread, spread, take_turns
from striate.errors import TrainingError
from striate.runtime.limits import Limits

__all__ = ["PYTORCH", "StepRow", "measured_step"]

PYTORCH = "PyTorch"
Run = Callable[[], None]
Way = tuple[str, Run, float]  # a setting, a step in it, and the error of its gradients
SMALL = 10_000_000
"""Parameters up to which PyTorch's default update is tried beside the fused one, which reads and
writes weights fewer times and so is the faster one where they are many."""


@dataclass(frozen=True)
class StepRow:
    """One case at one number of threads.

    Attributes
    ----------
    entries : dict
        Engine -> `Entry`; the error is the worst of a parameter's gradient, relative to it (RMS).
    ratio : Spread or None
        PyTorch's time over ours, in its best setting: a ratio for each round, then the median.
    share : float
        The least time for the definition's multiply-adds over our time.
    """

    case: TrainingCase
    threads: int
    entries: dict[str, Entry] = field(default_factory=dict)
    ratio: Spread | None = None
    share: float = 0.0
    oracle: str = ""

    @property
    def wrong(self) -> bool:
        """Whether our own answer was none."""
        return self.entries[OURS].seconds is None


def measured_step(
    case: TrainingCase,
    check: Check,
    limits: Limits,
    seconds: float,
    rounds: int,
    *,
    beside_torch: bool,
) -> StepRow:
    """Return the row of a case: check both, find PyTorch's best setting, then take turns."""
    threads = limits.threads
    losses, gradients = check.errors(our_answer(case, threads))
    if refusal := check.refusal(losses, gradients):
        return StepRow(case, threads, {OURS: Entry(refused=refusal)}, oracle=check.oracle)
    timed: dict[str, Way] = {OURS: (*_ours(case, threads), gradients)}
    entries: dict[str, Entry] = {}
    if beside_torch:
        set_threads(threads)
        found = _best(case, check)
        if isinstance(found, Entry):
            entries[PYTORCH] = found
        else:
            timed[PYTORCH] = found
    times = take_turns([run for _, run, _ in timed.values()], seconds, rounds)
    for (name, (setting, _, error)), taken in zip(timed.items(), times, strict=True):
        entries[name] = Entry(setting, error, spread(taken))
    ratio = None
    if len(times) > 1:
        ratio = spread([theirs / ours for ours, theirs in zip(*times, strict=True)])
    share = limits.share(case.macs, 0, spread(times[0]).median)
    ordered = {name: entries[name] for name in (OURS, PYTORCH) if name in entries}
    return StepRow(case, threads, ordered, ratio, share, check.oracle)


def _ours(case: TrainingCase, threads: int) -> tuple[str, Run]:
    student = case.learner(case.network, threads)
    batches, rates = cycle(case.batches), np.full(1, RATE, np.float32)

    def run() -> None:
        images, labels = next(batches)
        if student.learn(images, labels, rates).steps != 1:
            raise TrainingError(f"{case.name}: the loss of a step was not finite")

    because = student.plain_because
    return f"in NumPy: {because}" if because else "compiled", run


def _best(case: TrainingCase, check: Check) -> Way | Entry:
    """Return the fastest of PyTorch's settings that learn the right thing, or why there is none."""
    found: list[Way] = []
    reasons: list[str] = []
    try:
        for layout in ("NCHW", "channels last"):
            losses, gradients = check.errors(torch_answer(case, layout=layout))
            if refusal := check.refusal(losses, gradients):
                reasons.append(f"{layout}: {refusal}")
                continue
            for update in _updates(case):
                run = _torch(case, layout, update)
                found.append((f"{layout}, {update}", run, gradients))
    except Exception as failure:  # it raises what it likes; the report repeats it
        reasons.append(f"{type(failure).__name__}: {' '.join(str(failure).split())[:200]}")
    if not found:
        return Entry(refused="; ".join(reasons))
    times = take_turns([run for _, run, _ in found], 0.0, rounds=3)
    return found[min(range(len(times)), key=lambda i: min(times[i]))]


def _updates(case: TrainingCase) -> tuple[str, ...]:
    size = sum(prod(p.shape) for p in case.untrained.graph.parameters)
    return ("SGD, fused", "SGD") if size <= SMALL else ("SGD, fused",)


def _torch(case: TrainingCase, layout: str, update: str) -> Run:
    import torch

    from striate.cli.bench.peers.torch_training import TorchTraining

    student = TorchTraining(
        case.network, case.shape, momentum=DESCENT.momentum, update=update, layout=layout
    )
    given: list[tuple[Any, Any]] = [
        (student.images(images), torch.from_numpy(labels)) for images, labels in case.batches
    ]
    batches = cycle(given)

    def run() -> None:
        images, labels = next(batches)
        student.step(images, labels, RATE)

    return run
