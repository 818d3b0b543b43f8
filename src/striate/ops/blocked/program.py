"""Programs of tasks: buffers get their places in one piece of memory, and words their addresses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.ops.blocked.driver import ENTRY_WORDS, MOST_BLOCKS
from striate.ops.blocked.layout import Place
from striate.ops.blocked.task import Task
from striate.ops.blocked.team import repeat_table, run_table, team_of
from striate.ops.codegen import Target

__all__ = ["ALIGNMENT", "Table", "aligned", "run_tasks"]

ALIGNMENT = 64  # bytes: a line of the cache, and the widest register


def aligned(size: int) -> NDArray[np.float32]:
    """Return that many float32 elements, uninitialised, on a line of the cache."""
    extra = ALIGNMENT // 4
    memory = np.empty(size + extra, np.float32)
    start = -(memory.ctypes.data // 4) % extra
    return memory[start : start + size]


class Table:
    """Tasks with their addresses, ready to run; one run at a time."""

    def __init__(
        self, tasks: Sequence[Task], addresses: Mapping[str, int], threads: int, target: Target
    ) -> None:
        self.tasks = tuple(tasks)
        self._target, self._threads = target, threads
        self._addresses = dict(addresses)
        starts = np.cumsum([0, *(len(task.words) for task in tasks)])
        self._words = np.zeros(int(starts[-1]) + 1, np.int64)
        self._entries = np.zeros((len(tasks), ENTRY_WORDS), np.int64)
        self._moving: dict[str, list[tuple[int, int]]] = {}  # buffer -> its words, and offsets
        for task, start, entry in zip(tasks, starts, self._entries, strict=False):
            self._bind(task, int(start), entry)
        most = max((task.scratch for task in tasks), default=0)
        self._stride = -(-most // 1024) * 1024 + 1024  # elements
        self._scratch = aligned(self._stride * threads)
        # Where they lie, once and for all: NumPy takes a while to tell.
        self._table, self._memory = self._entries.ctypes.data, self._scratch.ctypes.data
        self._run: Any = run_table(target)

    def _bind(self, task: Task, start: int, entry: NDArray[np.int64]) -> None:
        if not 0 < task.blocks < MOST_BLOCKS:
            raise ValueError(f"{task.kernel.name}: {task.blocks} blocks")
        for place, value in enumerate(task.kernel.words(**task.words), start):
            if isinstance(value, Place):
                self._moving.setdefault(value.buffer, []).append((place, 4 * value.offset))
                self._words[place] = self._addresses.get(value.buffer, 0) + 4 * value.offset
            elif isinstance(value, np.ndarray):
                self._words[place] = value.ctypes.data
            else:
                self._words[place] = value
        words = self._words.ctypes.data + 8 * start
        entry[:] = task.kernel.address, words, task.blocks, task.shared

    def move(self, buffer: str, address: int) -> None:
        """Give a buffer another address."""
        for place, offset in self._moving.get(buffer, ()):
            self._words[place] = address + offset

    def run(self, first: int = 0, count: int | None = None) -> None:
        """Run the tasks, or some of them."""
        count = len(self.tasks) if count is None else count
        table = self._table + 8 * ENTRY_WORDS * first
        if self._threads == 1:
            self._run(table, count, None, self._memory, 0)
            return
        with team_of(self._threads, self._target).taken() as team:
            self._run(table, count, team, self._memory, self._stride)

    def repeat(self, first: int, words: NDArray[np.int64]) -> None:
        """Run all tasks again and again; see `driver.repeat_function`, whose `words` these are.

        `first` is how many tasks come before the look at whether to stop.
        """
        repeat: Any = repeat_table(self._target)
        tasks = first, len(self.tasks) - first
        if self._threads == 1:
            repeat(self._table, *tasks, None, self._memory, 0, words.ctypes.data)
            return
        with team_of(self._threads, self._target).taken() as team:
            scratch = self._memory, self._stride
            repeat(self._table, *tasks, team, *scratch, words.ctypes.data)


def run_tasks(
    tasks: Sequence[Task],
    buffers: Mapping[str, NDArray[np.float32]],
    threads: int = 1,
    target: Target | None = None,
) -> None:
    """Run tasks once, on these buffers."""
    addresses = {name: buffer.ctypes.data for name, buffer in buffers.items()}
    Table(tasks, addresses, threads, target or Target.host()).run()
