"""The time of a step: checked in every engine, then measured in turns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

import numpy as np

from striate.cli.bench.measure import OURS, Entry
from striate.cli.bench.training.cases import DESCENT, RATE, TrainingCase
from striate.cli.bench.training.checking import Check, our_answer, torch_answer
from striate.cli.bench.turns import Spread, spread, take_turns
from striate.errors import TrainingError
from striate.runtime.learning import learner
from striate.runtime.limits import Limits

__all__ = ["PYTORCH", "StepRow", "measured_step", "set_threads"]

PYTORCH = "PyTorch"
Run = Callable[[], None]
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
    entries: dict[str, Entry] = {}
    runs: list[Run] = []
    settings: list[tuple[str, str, float]] = []
    errors = check.errors(our_answer(case, threads))
    if refusal := check.refusal(*errors):
        entries[OURS] = Entry(refused=refusal)
        return StepRow(case, threads, entries, oracle=check.oracle)
    setting, run = _ours(case, threads)
    runs.append(run)
    settings.append((OURS, setting, errors[1]))
    if beside_torch:
        set_threads(threads)
        found = _best(case, check)
        if isinstance(found, Entry):
            entries[PYTORCH] = found
        else:
            settings.append((PYTORCH, found[0], found[1]))
            runs.append(found[2])
    times = take_turns(runs, seconds, rounds)
    for (name, setting, error), taken in zip(settings, times, strict=True):
        entries[name] = Entry(setting, error, spread(taken))
    ratio = None
    if len(times) > 1:
        ratio = spread([theirs / ours for ours, theirs in zip(*times, strict=True)])
    ours = entries[OURS].seconds
    share = limits.bound(case.macs, 0)[1] / ours.median if ours else 0.0
    ordered = {name: entries[name] for name in (OURS, PYTORCH) if name in entries}
    return StepRow(case, threads, ordered, ratio, share, check.oracle)


def set_threads(threads: int) -> None:
    """Set the number of PyTorch's threads."""
    import torch

    torch.set_num_threads(threads)


def _ours(case: TrainingCase, threads: int) -> tuple[str, Run]:
    student = learner(
        case.network,
        loss="cross-entropy",
        batch_size=case.batch,
        descent=DESCENT,
        threads=threads,
    )
    batches, rates = cycle(case.batches), np.full(1, RATE, np.float32)

    def run() -> None:
        images, labels = next(batches)
        if student.learn(images, labels, rates).steps != 1:
            raise TrainingError(f"{case.name}: the loss of a step was not finite")

    because = student.plain_because
    return f"in NumPy: {because}" if because else "compiled", run


def _best(case: TrainingCase, check: Check) -> tuple[str, float, Run] | Entry:
    """Return the fastest of PyTorch's settings that learn the right thing, or why there is none."""
    found: list[tuple[str, float, Run]] = []
    reasons: list[str] = []
    try:
        for setting, layout, update in _settings(case):
            error = check.errors(torch_answer(case, layout=layout))
            if refusal := check.refusal(*error):
                reasons.append(f"{setting}: {refusal}")
            else:
                found.append((setting, error[1], _torch(case, layout, update)))
    except Exception as failure:  # it raises what it likes; the report repeats it
        reasons.append(f"{type(failure).__name__}: {' '.join(str(failure).split())[:200]}")
    if not found:
        return Entry(refused="; ".join(reasons))
    times = take_turns([run for *_, run in found], 0.0, rounds=3)
    return found[min(range(len(times)), key=lambda i: min(times[i]))]


def _settings(case: TrainingCase) -> Iterator[tuple[str, str, str]]:
    size = sum(int(np.prod(p.shape)) for p in case.untrained.graph.parameters)
    updates = ("SGD, fused", "SGD") if size <= SMALL else ("SGD, fused",)
    for layout in ("NCHW", "channels last"):
        for update in updates:
            yield f"{layout}, {update}", layout, update


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
