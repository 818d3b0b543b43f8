"""Where the time of a step goes: node by node, forward, back and update, and kernel by kernel."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from striate.cli.bench.report import empty_table
from striate.cli.bench.training.cases import RATE, TrainingCase
from striate.errors import ParameterError
from striate.runtime.learning.compiled import CompiledLearner

__all__ = ["Profile", "TaskTime", "print_profile", "profiled_step"]

PASSES = 5  # at least
SECONDS = 1.0
LONGEST = 40  # rows of kernels
WIDEST = 72  # letters of a kernel's name


@dataclass(frozen=True, slots=True)
class TaskTime:
    """A task of a step: its node, its part of the step, its kernel, and the median of its times.

    `work` is about how long it should take: multiply-adds, or elements moved times 4.
    """

    node: str
    what: str
    kernel: str
    work: int
    seconds: float


@dataclass(frozen=True)
class Profile:
    """The tasks of a step; `undivided` is the median time of whole steps, in turns with them."""

    case: TrainingCase
    threads: int
    tasks: tuple[TaskTime, ...]
    undivided: float

    @property
    def seconds(self) -> float:
        """The sum of the tasks."""
        return sum(task.seconds for task in self.tasks)

    def as_json(self) -> dict[str, Any]:
        """Return all of it."""
        return {
            "name": self.case.name,
            "shape": list(self.case.shape),
            "threads": self.threads,
            "undivided": self.undivided,
            "seconds": self.seconds,
            "tasks": [asdict(task) for task in self.tasks],
        }


def profiled_step(case: TrainingCase, threads: int) -> Profile:
    """Return where the time of a step goes.

    Raises
    ------
    ParameterError
        If the network is not trained in machine code.
    """
    student = case.learner(case.network, threads)
    if not isinstance(student, CompiledLearner):
        raise ParameterError(f"nothing to profile: {student.plain_because}")
    course, rates = student.course(case.shape), np.full(1, RATE, np.float32)
    whole: list[float] = []
    parts: list[list[float]] = []
    end = time.perf_counter() + SECONDS
    student.learn(*case.batches[0], rates)
    while len(whole) < PASSES or time.perf_counter() < end:
        images, labels = case.batches[len(whole) % len(case.batches)]
        start = time.perf_counter()
        student.learn(images, labels, rates)
        whole.append(time.perf_counter() - start)
        parts.append(course.timed(images, labels))
    times = [median(taken) for taken in zip(*parts, strict=True)]
    tasks = tuple(
        TaskTime(one.node, one.what, one.task.kernel.name, one.task.work, seconds)
        for one, seconds in zip(course.tasks, times, strict=True)
    )
    return Profile(case, threads, tasks, median(whole))


def print_profile(console: Console, profile: Profile) -> None:
    """Print the shares of the step's parts, then of nodes, then of kernels."""
    console.print(
        f"{profile.case}, threads {profile.threads}: a step takes "
        f"{profile.undivided * 1e3:.2f} ms; its tasks one by one {profile.seconds * 1e3:.2f} ms",
        highlight=False,
    )
    console.print(_parts(profile))
    console.print(_nodes(profile))
    console.print(_kernels(profile))


def _parts(profile: Profile) -> Table:
    table = empty_table(["part"], ["ms", "share"])
    for what, seconds in _sums((t.what, t.seconds) for t in profile.tasks):
        table.add_row(str(what), f"{seconds * 1e3:.3f}", f"{seconds / profile.seconds:.1%}")
    return table


def _nodes(profile: Profile) -> Table:
    kinds = list(dict.fromkeys(task.what for task in profile.tasks))
    table = empty_table(["node", "operator"], [*(f"{kind}, ms" for kind in kinds), "share"])
    operators = {node.name: node.operator.onnx for node in profile.case.untrained.graph.nodes}
    cells = dict(_sums(((t.node, t.what), t.seconds) for t in profile.tasks))
    for node, seconds in _sums((t.node, t.seconds) for t in profile.tasks):
        taken = [cells.get((node, kind)) for kind in kinds]
        numbers = [f"{one * 1e3:.3f}" if one is not None else "" for one in taken]
        about = str(node) or "(all)", operators.get(str(node), "")
        table.add_row(*about, *numbers, f"{seconds / profile.seconds:.1%}")
    return table


def _kernels(profile: Profile) -> Table:
    """Return the time and the number of tasks of each kernel in each part of the step."""
    table = empty_table(["kernel", "part"], ["tasks", "ms", "share", "work / ns"])
    work: dict[Hashable, float] = dict(_sums(((t.kernel, t.what), t.work) for t in profile.tasks))
    count: dict[Hashable, float] = dict(_sums(((t.kernel, t.what), 1) for t in profile.tasks))
    for key, seconds in _sums(((t.kernel, t.what), t.seconds) for t in profile.tasks)[:LONGEST]:
        kernel, what = key
        numbers = f"{seconds * 1e3:.3f}", f"{seconds / profile.seconds:.1%}"
        speed = f"{work[key] / max(seconds, 1e-9) * 1e-9:.1f}"
        table.add_row(_short(kernel), what, f"{count[key]:.0f}", *numbers, speed)
    return table


def _short(name: str) -> str:
    return name if len(name) <= WIDEST else f"{name[: WIDEST - 3]}..."


def _sums(pairs: Iterable[tuple[Any, float]]) -> list[tuple[Any, float]]:
    """Return the sum of the numbers of each key, the largest first."""
    sums: dict[Any, float] = defaultdict(float)
    for key, number in pairs:
        sums[key] += number
    return sorted(sums.items(), key=lambda item: -item[1])
