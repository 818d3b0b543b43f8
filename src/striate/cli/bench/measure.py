"""One case: checked against float64 in every engine, then timed in turns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import isfinite
from os import environ
from statistics import median

import numpy as np

import striate
from striate.cli.bench.case import Case
from striate.cli.bench.files import FileCase
from striate.cli.bench.peers import Peer, Runner
from striate.cli.bench.peers.runner import Result, installed
from striate.cli.bench.turns import Spread, spread, take_turns
from striate.runtime.limits import Limits

__all__ = ["OURS", "TOLERANCE", "Entry", "Row", "measured"]

OURS = "striate"
TOLERANCE = 1e-4  # of the largest output: beyond this a result is wrong, and not worth a time
TRIAL = 0.05  # seconds in which the settings of one peer take turns, to find its best


@dataclass(frozen=True, slots=True)
class Entry:
    """What one engine did: its best setting, its error, its seconds; or why there are none."""

    setting: str = ""
    error: float | None = None
    seconds: Spread | None = None
    refused: str = ""


@dataclass(frozen=True)
class Row:
    """One case at one number of threads; its arrays are gone.

    Attributes
    ----------
    name, kind, shape, macs, bytes
        Those of the case.
    entries : dict
        Engine -> `Entry`, ours first.
    ratios : dict
        Peer -> its time over ours, a ratio for each round and then median and quartiles, so that
        what slows a whole round down does not count. Above 1, ours is faster.
    bound, share : str, float
        What bounds the case on this machine, and that least time over our time. Methods that
        multiply less, such as Winograd's, can exceed 1.
    oracle : str
        What computed the float64 result.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    macs: int
    bytes: int
    threads: int
    entries: dict[str, Entry]
    ratios: dict[str, Spread] = field(default_factory=dict)
    bound: str = ""
    share: float = 0.0
    oracle: str = ""

    @property
    def best_peer(self) -> str | None:
        """The fastest peer, if any ran."""
        return min(self.ratios, key=lambda name: self.ratios[name].median, default=None)

    @property
    def wrong(self) -> bool:
        """Whether our own result was no result."""
        return self.entries[OURS].seconds is None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A runner that computed the right result."""

    runner: Runner
    error: float


def measured(
    case: Case, threads: int, peers: Sequence[Peer], limits: Limits, seconds: float, rounds: int
) -> Row:
    """Return the row of one case: check, find each peer's best setting, then take turns."""
    with using_threads(threads):
        exact, oracle = _exact(case)
        chosen: dict[str, Candidate] = {}
        entries: dict[str, Entry] = {}
        for name, runners in [(OURS, _ours), *((p.NAME, p.runners) for p in peers)]:
            found = _best(runners(case, threads), exact)
            if isinstance(found, Candidate):
                chosen[name] = found
            entries[name] = found if isinstance(found, Entry) else Entry()
        about = (case.name, case.kind, case.shape, case.macs, case.bytes, threads, entries)
        if OURS not in chosen:
            return Row(*about, oracle=oracle)
        names = list(chosen)
        turns = take_turns([chosen[name].runner.run for name in names], seconds, rounds)
    times = dict(zip(names, turns, strict=True))
    for name, candidate in chosen.items():
        entries[name] = Entry(candidate.runner.setting, candidate.error, spread(times[name]))
    ratios = {
        name: spread([a / b for a, b in zip(times[name], times[OURS], strict=True)])
        for name in names[1:]
    }
    bound, least = limits.bound(case.macs, case.bytes)
    return Row(*about, ratios, bound, least / median(times[OURS]), oracle)


def _ours(case: Case, threads: int) -> Iterator[Runner]:
    """Yield the compiled network, called with an array; threads are those of the environment."""
    program = striate.compile(case.network)
    inputs = tuple(case.inputs.values())
    last: list[Result] = []

    def run() -> None:
        last[:] = [program(*inputs)]

    yield Runner("compiled", run, lambda: last[0])


def _exact(case: Case) -> tuple[Result, str]:
    if isinstance(case, FileCase):
        exactly = striate.compile(case.network, dtype=np.float64)
        given = (a.astype(np.float64) if a.dtype == np.float32 else a for a in case.inputs.values())
        return exactly(*given), "striate in float64"
    if installed("torch"):
        from striate.cli.bench.peers.pytorch import exact

        return exact(case), "PyTorch in float64"
    return striate.compile(case.network, dtype=np.float64)(case.x.astype(np.float64)), (
        "striate in float64: PyTorch is not installed"
    )


def _best(runners: Iterator[Runner], exact: Result) -> Candidate | Entry:
    """Return the fastest of the settings that compute the right result, or why there is none."""
    candidates: list[Candidate] = []
    reasons: list[str] = []
    try:
        for runner in runners:
            runner.run()
            error = _error(runner.result(), exact)
            if error <= TOLERANCE:
                candidates.append(Candidate(runner, error))
            else:
                reasons.append(f"{runner.setting}: error {error:.1e} of the largest output")
    except Exception as failure:  # engines raise what they like; the report repeats it
        reasons.append(f"{type(failure).__name__}: {' '.join(str(failure).split())[:200]}")
    if not candidates:
        return Entry(refused="; ".join(reasons))
    if len(candidates) == 1:
        return candidates[0]
    times = take_turns([c.runner.run for c in candidates], TRIAL * len(candidates), rounds=3)
    return candidates[min(range(len(times)), key=lambda i: min(times[i]))]


def _error(result: Result, exact: Result) -> float:
    """Return the largest error relative to the largest number of an output.

    Infinity if there are others, or of other shapes.
    """
    if isinstance(result, tuple) and isinstance(exact, tuple) and len(result) == len(exact):
        return max(map(_error, result, exact))
    if isinstance(result, tuple) or isinstance(exact, tuple) or result.shape != exact.shape:
        return float("inf")
    largest = float(np.abs(exact).max())
    error = float(np.abs(result - exact).max()) / (largest or 1.0)
    return error if isfinite(error) else float("inf")


@contextmanager
def using_threads(threads: int) -> Iterator[None]:
    """Let striate use this many threads inside."""
    name = "STRIATE_NUM_THREADS"
    before = environ.get(name)
    environ[name] = str(threads)
    try:
        yield
    finally:
        if before is None:
            del environ[name]
        else:
            environ[name] = before
