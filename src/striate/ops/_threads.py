"""How work is split over threads.

A kernel computes independent blocks ``start ... stop`` of its result without the GIL; here the
blocks are dealt to a small pool of Python threads, the caller among them. Numba's own parallel
loops are not used: its work queue aborts when two Python threads enter it, and OpenMP stalls
on a machine that is shared. No two blocks share a cell of the result and each cell's sum has
its own order, so results do not depend on the number of threads.
"""

from __future__ import annotations

import contextvars
import itertools
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from striate.errors import ParameterError

__all__ = ["run_blocks", "thread_count"]

SMALL = 500_000  # below this many elementary steps, waking a thread costs more than it saves

_lock = threading.Lock()
_pool: tuple[int, int, ThreadPoolExecutor] | None = None  # process, threads, executor


def thread_count() -> int:
    """Return how many threads to use: ``STRIATE_NUM_THREADS``, else the processors we may use.

    Raises
    ------
    ParameterError
        If ``STRIATE_NUM_THREADS`` is not a whole number of at least 1.
    """
    chosen = os.environ.get("STRIATE_NUM_THREADS")
    if not chosen:  # as good as unset
        if hasattr(os, "sched_getaffinity"):
            return len(os.sched_getaffinity(0))
        return os.cpu_count() or 1
    if not chosen.isdecimal() or int(chosen) < 1:
        raise ParameterError(
            f"STRIATE_NUM_THREADS must be a whole number of at least 1, not {chosen!r}"
        )
    return int(chosen)


def run_blocks(body: Callable[[int, int], None], blocks: int, steps: int) -> None:
    """Call ``body(start, stop)`` until all `blocks` are done.

    Parameters
    ----------
    body : computes blocks start ... stop - 1; called from several threads at once
    blocks : how many there are
    steps : about how many elementary steps (multiply-adds, copies) all of them take
    """
    threads = 1 if steps < SMALL or blocks < 2 else min(thread_count(), blocks)
    if threads == 1:
        body(0, blocks)
        return
    taken = itertools.count()  # its next() is one step under the GIL

    def work() -> None:
        while (block := next(taken)) < blocks:
            body(block, block + 1)

    helpers = [_submit(work, threads) for _ in range(threads - 1)]
    try:
        work()
    finally:
        # Also where `work` failed here: nobody may still write to arrays that we let go.
        errors = [helper.exception() for helper in helpers]
    for error in errors:
        if error is not None:
            raise error


def _submit(work: Callable[[], None], threads: int) -> Future[None]:
    """Start `work` on a pool of this process: threads do not survive a fork."""
    global _pool
    with _lock:
        if _pool is None or _pool[0] != os.getpid() or _pool[1] < threads - 1:
            _pool = (os.getpid(), threads - 1, ThreadPoolExecutor(threads - 1, "striate"))
        return _pool[2].submit(contextvars.copy_context().run, work)


def _renew_after_fork() -> None:
    """Give the child a lock of its own: the parent's may be held by a thread it does not have."""
    global _lock, _pool
    _lock, _pool = threading.Lock(), None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_after_fork)
