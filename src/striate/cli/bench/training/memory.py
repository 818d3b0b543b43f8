"""The most memory that training needs: a few steps in a process of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from striate.cli.bench.measure import OURS
from striate.cli.bench.starts import peak_megabytes
from striate.cli.bench.training.cases import DESCENT, RATE, TrainingCase
from striate.errors import StriateError

__all__ = ["MemoryRow", "measured_memory", "our_peak", "torch_peak"]

STEPS = 3
CHILD = "from striate.cli.bench.training.memory import {0}; {0}({1!r}, {2}, {3}, {4}, {5!r})"


class PeakError(StriateError):
    """The new process failed."""


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
    PeakError
        If a process fails; the message is its last line.
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
    environment = {**os.environ, "STRIATE_NUM_THREADS": str(threads)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise PeakError(f"{STEPS} steps of {case.name} did not end: {last[0]}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def our_peak(name: str, batch: int, side: int, threads: int, layout: str) -> None:
    """Train by striate and print, as JSON, this process's peaks; it has no `layout`."""
    import numpy as np

    from striate.runtime.learning import learner

    imports = peak_megabytes()
    case = TrainingCase(name, batch, side)
    student = learner(
        case.untrained,
        loss="cross-entropy",
        batch_size=batch,
        descent=DESCENT,
        threads=threads,
    )
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
