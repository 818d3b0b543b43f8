"""The first result of a new process: with kernels to compile, and with kernels kept."""

from __future__ import annotations

import json
import os
import tempfile
import time
from dataclasses import dataclass
from statistics import median
from typing import Any

from striate.cli.bench.processes import answer_of, peak_megabytes
from striate.cli.bench.turns import Spread, spread
from striate.network import Network, zoo

__all__ = ["Start", "cold_starts", "first_result"]

CHILD = "from striate.cli.bench.starts import first_result; first_result({name!r}, {batch})"
BEGUN = "STRIATE_BENCH_BEGUN"


@dataclass(frozen=True, slots=True)
class Start:
    """Seconds from the start of a process to its first result, and its parts (medians).

    `starting` is Python and ``import striate``; `first` is to import the engine, compile the
    network and run it once. Making weights is neither: they would be read from a file.
    """

    cache: str
    runs: int
    total: Spread
    starting: float
    first: float
    peak_megabytes: float | None


def first_result(name: str, batch: int) -> None:
    """Print, as JSON, how long this process took to its first result of a network of the zoo."""
    import numpy as np

    import striate

    starting = time.time() - float(os.environ[BEGUN])
    graph = zoo.load(name).graph
    weights = {p.name: np.full(p.shape, 0.01, np.float32) for p in graph.parameters}
    network = Network(graph, weights)
    x = np.ones((batch, *(size or 1 for size in network.input_shape[1:])), np.float32)
    begun = time.perf_counter()
    striate.compile(network)(x)
    first = time.perf_counter() - begun
    print(json.dumps({"starting": starting, "first": first, "peak": peak_megabytes()}))


def cold_starts(name: str, batch: int, threads: int, runs: int) -> list[Start]:
    """Return the starts with an empty cache, and then with what they left behind.

    Raises
    ------
    ProcessError
        If the new process fails; the message ends with its last line.
    """
    found: dict[str, list[dict[str, Any]]] = {"empty": [], "kept": []}
    for _ in range(runs):
        with tempfile.TemporaryDirectory(prefix="striate-bench-") as cache:
            for kind in ("empty", "kept"):
                found[kind].append(_child(name, batch, threads, cache))
    return [_start(kind, results) for kind, results in found.items()]


def _child(name: str, batch: int, threads: int, cache: str) -> dict[str, Any]:
    environment = {"STRIATE_CACHE": cache, "STRIATE_NUM_THREADS": str(threads)}
    return answer_of(
        CHILD.format(name=name, batch=batch),
        f"the first result of {name} never came",
        **environment,
        **{BEGUN: repr(time.time())},
    )


def _start(cache: str, results: list[dict[str, Any]]) -> Start:
    total = spread([result["starting"] + result["first"] for result in results])
    starting, first = (median(result[part] for result in results) for part in ("starting", "first"))
    peaks = [result["peak"] for result in results if result["peak"] is not None]
    return Start(cache, len(results), total, starting, first, max(peaks, default=None))
