"""Measured choices: each method is run on this machine, and the fastest is remembered.

What was found lies in the user's cache folder, one file for each layer, processor, number of
threads and state of the kernels' sources; so it is measured once.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping

import numpy as np

from striate.ops._cache import cache_folder, keep, kept
from striate.ops.blocked.layout import Value
from striate.ops.blocked.program import Table, aligned
from striate.ops.blocked.task import Task
from striate.ops.codegen.library import sources
from striate.runtime.lowering.convolutions import Convolving

__all__ = ["measured"]

Makes = Mapping[str, Callable[[dict[str, int]], list[Task]]]

ROUNDS = 5
ENOUGH = 0.02  # seconds after which a method is not run again


def measured(job: Convolving, source: Value, makes: Makes) -> str:
    """Return the name of the fastest method; `makes` are functions that return its tasks."""
    layouts = source.layout, job.result.layout, job.residual and job.residual.layout
    about = (job.operator, layouts, job.to.threads, *job.target, sources("blocked"))
    name = hashlib.sha256(repr(about).encode()).hexdigest()[:32]
    path = cache_folder() / "tuning" / f"{name}.txt"
    found = (kept(path) or b"").decode(errors="replace")
    if found not in makes:
        seconds = {method: _seconds(job, source, make) for method, make in makes.items()}
        found = min(seconds, key=lambda method: seconds[method])
        keep(path, found.encode())
    return found


def _seconds(job: Convolving, source: Value, make: Callable[[dict[str, int]], list[Task]]) -> float:
    """Return the least time that a method takes."""
    values = [source, job.result, *([job.residual] if job.residual else [])]
    sizes = {value.buffer: value.layout.size for value in values}
    tasks = make(sizes)
    buffers = {buffer: aligned(size + job.target.lanes) for buffer, size in sizes.items()}
    for memory in buffers.values():
        memory.fill(0)
    addresses = {buffer: memory.ctypes.data for buffer, memory in buffers.items()}
    table = Table(tasks, addresses, job.to.threads, job.target)
    table.run()
    taken: list[float] = []
    while len(taken) < ROUNDS and sum(taken) < ENOUGH:
        start = time.perf_counter()
        table.run()
        taken.append(time.perf_counter() - start)
    return float(np.min(taken))
