"""One filter on one image: checked against float64 in every library, then timed in turns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from math import isfinite
from statistics import median

import numpy as np
from numpy.typing import NDArray

from striate.cli.bench.filters.cases import SMALL, FilterCase
from striate.cli.bench.filters.engines import BESIDE, Engine, ours
from striate.cli.bench.measure import OURS, Entry, using_threads
from striate.cli.bench.peers.runner import Result, Runner, installed
from striate.cli.bench.turns import Spread, spread, take_turns
from striate.runtime.limits import Limits, measured_bandwidth

__all__ = ["FilterRow", "measured", "tolerance", "unit_of"]

TRIAL = 0.05  # seconds in which the settings of one library take turns, to find its best
FEW = 2  # rounds for libraries that are many times slower
WRONG = 0.05  # of the largest value: a result beyond this is that of another filter


@dataclass(frozen=True)
class FilterRow:
    """One case with one number of threads.

    Attributes
    ----------
    case, threads
        What was measured.
    entries : dict
        Library -> its time, error and setting, ours first.
    ratios : dict
        Library -> its time over ours, a ratio for each round and then median and quartiles. Above
        1, ours is faster.
    bound, share : str, float
        What bounds the case on this machine, and that least time over our time; "" and 0 for
        small images, which are bound by the call.
    """

    case: FilterCase
    threads: int
    entries: dict[str, Entry]
    ratios: dict[str, Spread] = field(default_factory=dict)
    bound: str = ""
    share: float = 0.0

    @property
    def seconds(self) -> float | None:
        """Our median time, if our result was right."""
        ours = self.entries[OURS].seconds
        return ours.median if ours else None

    @property
    def ratio(self) -> float | None:
        """OpenCV's time over ours."""
        return self.ratios[BESIDE].median if BESIDE in self.ratios else None

    @property
    def wrong(self) -> bool:
        """Whether our own result was no result."""
        return self.entries[OURS].seconds is None

    def inexact(self) -> Iterator[tuple[str, float]]:
        """Yield the libraries that were timed though their errors are larger than they may be."""
        for name, entry in self.entries.items():
            if entry.error is not None and entry.error > tolerance(self.case, name):
                yield name, entry.error


def tolerance(case: FilterCase, name: str) -> float:
    """Return which error a result may have, in the unit of `error`: see there."""
    if case.result_dtype == "float32":
        return 1e-6
    return 1e-6 if name == OURS else 1.0


def error(case: FilterCase, result: Result) -> float:
    """Return how far the checked strips of a result are from the float64 one.

    For floating point, the largest difference as a part of the largest value. For integers, in
    levels beyond the half that rounding takes: up to 0 is correctly rounded.
    """
    if isinstance(result, tuple) or result.shape != case.shape:
        return float("inf")
    exact = exact_strips(case)
    strips = np.concatenate([result[start:stop] for start, stop in case.strips])
    if strips.dtype.kind == "f" and case.result_dtype != "float32":
        strips = np.rint(strips)
    furthest = float(np.abs(strips - exact).max())
    found = furthest / largest(case) if case.result_dtype == "float32" else max(furthest - 0.5, 0.0)
    return found if isfinite(found) else float("inf")


def largest(case: FilterCase) -> float:
    """Return the largest value of the exact result."""
    return float(np.abs(exact_strips(case)).max())


@lru_cache(maxsize=32)  # all filters of an image: they come again with another number of threads
def exact_strips(case: FilterCase) -> NDArray[np.float64]:
    """Return what the case gives in float64, in its strips."""
    if installed("scipy"):
        from striate.cli.bench.filters.engines.scipy_ndimage import exact as filtered
    else:
        filtered = ours.defined
    reach = case.side // 2
    strips = []
    for start, stop in case.strips:
        first, last = max(0, start - reach), min(case.height, stop + reach)
        around = filtered(case, case.image[first:last].astype(np.float64))
        strips.append(around[start - first : stop - first])
    whole: NDArray[np.float64] = np.concatenate(strips)
    return whole


def measured(
    case: FilterCase,
    engines: Sequence[Engine],
    limits: Limits,
    seconds: float,
    rounds: int,
) -> FilterRow:
    """Return one row: check, find the best settings, then take turns, the slow ones fewer."""
    threads = limits.threads
    with using_threads(threads):
        entries: dict[str, Entry] = {}
        chosen: dict[str, Runner] = {}
        for name, make in [(OURS, ours.runners), *((e.NAME, e.runners) for e in engines)]:
            found = _best(name, case, partial(make, case, threads))
            if isinstance(found, Entry):
                entries[name] = found
            elif found is not None:
                chosen[name], off = found
                entries[name] = Entry(chosen[name].setting, off)
        if OURS not in chosen:
            return FilterRow(case, threads, entries)
        quick = [name for name in chosen if name in (OURS, BESIDE)]
        slow = [OURS, *(name for name in chosen if name not in quick)]
        times = _timed({name: chosen[name] for name in quick}, seconds, rounds)
        later = _timed({name: chosen[name] for name in slow}, 0.0, FEW) if slow[1:] else {}
    ratios: dict[str, Spread] = {}
    for taken in (times, later):
        for name in taken:
            if name != OURS:
                pairs = zip(taken[name], taken[OURS], strict=True)
                ratios[name] = spread([theirs / our for theirs, our in pairs])
    for name, values in {**later, **times}.items():
        entries[name] = Entry(chosen[name].setting, entries[name].error, spread(values))
    bound, least = least_time(case, limits)
    return FilterRow(case, threads, entries, ratios, bound, least / median(times[OURS]))


def _timed(runners: dict[str, Runner], seconds: float, rounds: int) -> dict[str, list[float]]:
    taken = take_turns([runner.run for runner in runners.values()], seconds, rounds)
    return dict(zip(runners, taken, strict=True))


def least_time(case: FilterCase, limits: Limits) -> tuple[str, float]:
    """Return what bounds a case, and the seconds that it takes at least.

    Memory: each pixel read and written once, at the rate of changing an array of so many bytes in
    place. Multiply-adds: those of `FilterCase.macs`; bytes fit twice into a register of what
    float32 fill, as numbers of 16 bits.
    """
    if case.width * case.height <= SMALL[0] * SMALL[1]:
        return "", 0.0
    memory = 1e-9 * case.bytes / measured_bandwidth(limits.threads, case.bytes)
    lanes = 2 if case.dtype == "uint8" else 1
    arithmetic = 2e-9 * case.macs / (lanes * limits.gflops)
    return ("multiply-adds", arithmetic) if arithmetic >= memory else ("memory", memory)


def _best(
    name: str, case: FilterCase, runners: Callable[[], Iterator[Runner]]
) -> tuple[Runner, float] | Entry | None:
    """Return the fastest setting and its error, or why there is none; None: no such filter.

    A setting that is right goes before any that is not.
    """
    found: list[tuple[Runner, float]] = []
    reasons: list[str] = []
    allowed = tolerance(case, name)
    most = allowed if name == OURS else max(allowed, WRONG * _worth(case))
    try:
        for runner in runners():
            runner.run()
            off = error(case, runner.result())
            if off <= most:
                found.append((runner, off))
            else:
                reasons.append(f"{runner.setting}: error {off:.1e} {unit_of(case)}")
    except Exception as failure:  # libraries raise what they like; the report repeats it
        reasons.append(f"{type(failure).__name__}: {' '.join(str(failure).split())[:200]}")
    if not found:
        return Entry(refused="; ".join(reasons)) if reasons else None
    right = [one for one in found if one[1] <= allowed] or found
    if len(right) == 1:
        return right[0]
    times = take_turns([runner.run for runner, _ in right], TRIAL * len(right), rounds=3)
    return right[min(range(len(times)), key=lambda i: min(times[i]))]


def _worth(case: FilterCase) -> float:
    """Return the largest value, in the unit of errors."""
    return 1.0 if case.result_dtype == "float32" else largest(case)


def unit_of(case: FilterCase) -> str:
    """Return what errors are counted in."""
    return "of the largest value" if case.result_dtype == "float32" else "levels"
