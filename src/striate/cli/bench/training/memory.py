"""The most memory that training needs: a few steps in a process of their own."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from striate.cli.bench.measure import OURS
from striate.cli.bench.processes import answer_of, peak_megabytes
from striate.cli.bench.training.cases import DESCENT, RATE, TrainingCase

__all__ = ["MemoryRow", "measured_memory", "our_peak", "torch_peak"]

STEPS = 3
CHILD = "from striate.cli.bench.training.memory import {0}; {0}({1!r}, {2}, {3}, {4}, {5!r})"


@dataclass(frozen=True, slots=True)
class MemoryRow:
    """The peak of resident memory in megabytes, by engine; None where the system does not tell.

    Attributes
    ----------
    peaks, imports : dict
        After three steps; and when all that is needed was imported, before there was a network.
    layout : str
        PyTorch's, the one that needs less.
    """

    case: TrainingCase
    threads: int
    peaks: dict[str, float | None]
    imports: dict[str, float | None]
    layout: str = ""

    @property
    def ratio(self) -> float | None:
        """PyTorch's peak over ours."""
        ours, theirs = self.peaks[OURS], self.peaks.get("PyTorch")
        return theirs / ours if ours and theirs else None


def measured_memory(case: TrainingCase, threads: int, *, beside_torch: bool) -> MemoryRow:
    """Return the peaks of a case.

    Ours runs twice and the second counts, when its kernels are compiled, as PyTorch's are.

    Raises
    ------
    ProcessError
        If a process fails; the message ends with its last line.
    """
    for _ in range(2):
        ours = _child("our_peak", case, threads, "")
    peaks, imports = {OURS: ours["peak"]}, {OURS: ours["imports"]}
    best = ""
    if beside_torch:
        found = {
            layout: _child("torch_peak", case, threads, layout)
            for layout in ("NCHW", "channels last")
        }
        best = min(found, key=lambda layout: found[layout]["peak"] or 0.0)
        peaks["PyTorch"], imports["PyTorch"] = found[best]["peak"], found[best]["imports"]
    return MemoryRow(case, threads, peaks, imports, best)


def _child(function: str, case: TrainingCase, threads: int, layout: str) -> dict[str, Any]:
    code = CHILD.format(function, case.name, case.batch, case.side, threads, layout)
    failed = f"{STEPS} steps of {case.name} did not end"
    return answer_of(code, failed, STRIATE_NUM_THREADS=str(threads))


def our_peak(name: str, batch: int, side: int, threads: int, layout: str) -> None:
    """Train by striate and print, as JSON, this process's peaks; it has no `layout`."""
    import numpy as np

    imports = peak_megabytes()
    case = TrainingCase(name, batch, side)
    student = case.learner(case.untrained, threads)
    for images, labels in case.batches[:STEPS]:
        student.learn(images, labels, np.full(1, RATE, np.float32))
    print(json.dumps({"imports": imports, "peak": peak_megabytes()}))


def torch_peak(name: str, batch: int, side: int, threads: int, layout: str) -> None:
    """Train by PyTorch and print, as JSON, this process's peaks."""
    import torch

    from striate.cli.bench.peers.torch_training import TorchTraining

    imports = peak_megabytes()
    torch.set_num_threads(threads)
    case = TrainingCase(name, batch, side)
    student = TorchTraining(
        case.untrained.initialize(0), case.shape, momentum=DESCENT.momentum, layout=layout
    )
    for images, labels in case.batches[:STEPS]:
        student.step(student.images(images), torch.from_numpy(labels), RATE)
    print(json.dumps({"imports": imports, "peak": peak_megabytes()}))
