"""The threads that run programs: the caller's, and workers that wait for blocks of its tasks.

A worker looks for work for about a millisecond after the last it had, so that calls one after
another find it awake, and then sleeps. A program runs with the team of its process, or alone
where another thread's program has that at the moment; results are the same.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import sys
import threading
from collections.abc import Iterator

import numpy as np

from striate.ops.blocked.driver import (
    SLEEPING,
    TEAM_WORDS,
    YIELD,
    repeat_function,
    run_function,
    work_function,
)
from striate.ops.codegen import Target

__all__ = ["Team", "repeat_table", "run_table", "team_of"]

Run = ctypes.CFUNCTYPE(
    None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64
)
Repeat = ctypes.CFUNCTYPE(
    None,
    *(ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64),
    *(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p),
)
Work = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)


@functools.cache
def run_table(target: Target) -> ctypes._FuncPointer:
    """Return ``run(table, tasks, team or None, scratch, scratch stride)``; it frees the GIL."""
    return Run(run_function(target))


@functools.cache
def repeat_table(target: Target) -> ctypes._FuncPointer:
    """Return `driver.repeat_function` as a function; it frees the GIL."""
    return Repeat(repeat_function(target))


@functools.cache
def system_yield() -> int:
    """Return the address of the system's function that lets other threads run, or 0.

    Where two threads share a processor, one would wait for the other a whole slice of time.
    """
    try:
        library = ctypes.CDLL("kernel32" if sys.platform == "win32" else None)
        name = "SwitchToThread" if sys.platform == "win32" else "sched_yield"
        return ctypes.cast(getattr(library, name), ctypes.c_void_p).value or 0
    except (OSError, AttributeError):
        return 0


class Team:
    """One caller at a time and `threads` - 1 workers."""

    def __init__(self, threads: int, target: Target) -> None:
        self._words = np.zeros(TEAM_WORDS + 16 * threads, np.int64)
        self._words[YIELD] = system_yield()
        self.address: int = self._words.ctypes.data
        self._free = threading.Lock()
        self._beds = []
        work = Work(work_function(target))
        for worker in range(1, threads):
            bed = threading.Lock()
            bed.acquire()
            self._beds.append(bed)
            arguments = (work, bed, worker)
            threading.Thread(target=self._live, args=arguments, daemon=True, name="striate").start()

    def _live(self, work: ctypes._FuncPointer, bed: threading.Lock, worker: int) -> None:
        flag = SLEEPING + 16 * worker
        while True:
            work(self.address, worker)
            self._words[flag] = 1
            bed.acquire()

    @contextlib.contextmanager
    def taken(self) -> Iterator[int | None]:
        """Yield the team's address with its workers awake, or None where another has it."""
        if not self._free.acquire(blocking=False):
            yield None
            return
        try:
            for worker, bed in enumerate(self._beds, 1):
                flag = SLEEPING + 16 * worker
                if self._words[flag]:
                    self._words[flag] = 0
                    bed.release()
            yield self.address
        finally:
            self._free.release()


_teams: dict[tuple[int, Target], Team] = {}
_making = threading.Lock()


def team_of(threads: int, target: Target) -> Team:
    """Return the team of that many threads of this process."""
    key = threads, target
    if key not in _teams:
        with _making:
            if key not in _teams:
                _teams[key] = Team(threads, target)
    return _teams[key]


def _renew_after_fork() -> None:
    """Forget the teams in a child: threads do not survive a fork."""
    global _making
    _making = threading.Lock()
    _teams.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_after_fork)
