"""Where the time of a program goes: its parts timed one by one, beside their limits."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from statistics import median

from striate.geometry.text import size_text
from striate.network.inspection.text import ruled, scaled
from striate.runtime.plan_report import PlanReport, PlanStep, limits_text
from striate.runtime.steps import Array

__all__ = ["ProfileReport", "ProfileStep", "profiled"]

SECONDS = 0.5  # that a profile takes, but for large networks
RESOLUTION = 1e-7  # seconds: about shorter parts the clock does not tell rates
FEWEST, MOST = 3, 1000  # passes, unless a number is given
HEADER = (
    *("part", "operator", "method", "output"),
    *("us", "share", "GFLOP/s", "GB/s", "of limit", "bound by"),
)
NUMBERS = {4, 5, 6, 7, 8}


@dataclass(frozen=True, slots=True)
class ProfileStep:
    """A part of a program with its time.

    Attributes
    ----------
    step : the part, as planned
    seconds : median of its times
    share : of the sum of all parts
    gflops : 1e9 operations a second, by the definition's multiply-adds
    gigabytes : 1e9 bytes a second: values read and written and weights, once each
    of_limit : the least time that the machine's limits allow, over its time; more than 1 where
        a method multiplies less than the definition, or values come from caches

    The rates are 0 for parts that are too short to tell.
    """

    step: PlanStep
    seconds: float
    share: float
    gflops: float
    gigabytes: float
    of_limit: float


@dataclass(frozen=True, slots=True)
class ProfileReport:
    """What `Program.profile` returns; `str()` of it is a table.

    `passes` are how often everything ran; `seconds` is the sum of the parts, `undivided` the median
    time of calls that were not timed part by part, in turns with those that were. `call_seconds`,
    what calling one part by itself takes, is taken off the time of each part of machine code.
    """

    plan: PlanReport
    steps: tuple[ProfileStep, ...]
    passes: int
    seconds: float
    undivided: float
    call_seconds: float

    def to_json(self) -> str:
        """Return the profile as JSON: the plan with times in seconds."""
        return json.dumps(asdict(self), indent=2)

    def rows(self) -> list[tuple[str, ...]]:
        """Return the table's cells as text: a header, then a row for each part."""
        return [HEADER, *(_row(step) for step in self.steps)]

    def summary(self) -> list[str]:
        """Return the lines below the table."""
        t = self.plan.totals
        rate = 1e-9 * t.flops / self.undivided
        return [
            f"parts      {1e3 * self.seconds:.3f} ms, the sum of medians of {self.passes} passes, "
            f"less {1e6 * self.call_seconds:.1f} us each for calling them one by one",
            f"undivided  {1e3 * self.undivided:.3f} ms for a call; {rate:.1f} GFLOP/s, "
            f"{t.seconds / self.undivided:.0%} of the limit",
            f"MACs       {t.macs:,} ({scaled(t.macs)}; {scaled(t.flops)}FLOP)",
            f"limits     {limits_text(self.plan.limits)}",
        ]

    def __str__(self) -> str:
        return ruled(self.plan.title, self.rows(), NUMBERS, self.summary())


def _row(timed: ProfileStep) -> tuple[str, ...]:
    step = timed.step
    return (
        step.name,
        step.operator,
        step.method,
        size_text(step.output_shape),
        f"{1e6 * timed.seconds:.2f}",
        f"{timed.share:.1%}",
        f"{timed.gflops:.1f}" if timed.gflops else "-",
        f"{timed.gigabytes:.1f}" if timed.gigabytes else "-",
        f"{timed.of_limit:.0%}" if timed.of_limit else "-",
        step.bound,
    )


def profiled(
    plan: PlanReport,
    run: Callable[[], object],
    timed: Callable[[], tuple[list[Array], list[float]]],
    repeats: int | None,
    calling: Callable[[], float] = float,
) -> ProfileReport:
    """Return the profile: passes timed by parts, in turns with undivided ones.

    `calling` returns the seconds that each part takes only because it is timed by itself.
    """
    run()
    timed()  # both find their memory and their threads
    parts: list[list[float]] = []
    whole: list[float] = []
    calls: list[float] = []
    end = time.perf_counter() + SECONDS
    while _more(len(whole), end, repeats):
        start = time.perf_counter()
        run()
        whole.append(time.perf_counter() - start)
        parts.append(timed()[1])
        calls.append(calling())
    call = min(calls)  # what is taken off is no more than what was added
    medians = [median(taken) for taken in zip(*parts, strict=True)]
    medians = [
        taken if step.in_python else max(taken - call, 0.0)
        for step, taken in zip(plan.steps, medians, strict=True)
    ]
    total = sum(medians)
    pairs = zip(plan.steps, medians, strict=True)
    steps = tuple(_profile_step(step, seconds, total) for step, seconds in pairs)
    return ProfileReport(plan, steps, len(whole), total, median(whole), call)


def _more(done: int, end: float, repeats: int | None) -> bool:
    if repeats is not None:
        return done < repeats
    return done < FEWEST or (done < MOST and time.perf_counter() < end)


def _profile_step(step: PlanStep, seconds: float, total: float) -> ProfileStep:
    known = seconds >= RESOLUTION
    rates = (1e-9 * step.flops, 1e-9 * step.bytes, step.seconds) if known else (0.0, 0.0, 0.0)
    shares = (rate / max(seconds, RESOLUTION) for rate in rates)
    return ProfileStep(step, seconds, seconds / max(total, RESOLUTION), *shares)
