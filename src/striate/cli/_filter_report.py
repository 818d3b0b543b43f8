"""What ``striate filter`` says at its end, and what it would do."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

from striate.cli._filter_journal import NAME
from striate.cli._filter_plan import Job, Plan
from striate.cli._filter_work import Outcome
from striate.cli._text import visible
from striate.errors import StriateError, one_line

__all__ = ["report", "report_plan"]

ALIKE = 5  # files that are named one by one where the same is to be said of them


def report(name: str, plan: Plan, outcome: Outcome, *, as_json: bool) -> None:
    """Print the files written on stdout, and on stderr what a person should know."""
    told = [notice for written in outcome.written.values() for notice in written.notices]
    notices = [*plan.notices, *told]
    if as_json:
        files = [
            {**pair(job), "shape": list(result.shape), "dtype": result.dtype}
            for job, result in outcome.written.items()
        ]
        more = {"notices": notices, "left": outcome.left}
        print_json(name, "written", files, outcome.skipped, outcome.failed, **more)
    elif plan.folder is None or not (sys.stdout.isatty() and sys.stderr.isatty()):
        for job in outcome.written:
            print_path(job.target)
    if plan.folder is not None and sys.stderr.isatty():
        tell(summary(outcome))
    for notice in grouped(notices):
        tell(notice)
    tell_failed(outcome.failed, len(plan.jobs) + len(plan.failed))
    if plan.folder is not None and outcome.unnoted:
        tell(
            f"{plan.folder / NAME}: cannot be written ({reason(outcome.unnoted)}), so --resume "
            "would filter some of these files again"
        )
    if outcome.signal is not None:
        done = len(outcome.written) + len(outcome.skipped)
        tell(
            f"interrupted: {done} of {counted(len(plan.jobs))} done, {outcome.left} left; "
            "to go on, add --resume to the same command"
            if plan.folder is not None
            else f"interrupted: {plan.jobs[0].target} was not written"
        )


def report_plan(name: str, plan: Plan, skipped: list[Job], *, as_json: bool) -> None:
    """Print what would be done."""
    done = set(skipped)
    jobs = [job for job in plan.jobs if job not in done]
    if as_json:
        planned = [pair(job) for job in jobs]
        print_json(name, "planned", planned, skipped, plan.failed, notices=plan.notices)
    else:
        for job in jobs:
            print_path(job.source, " -> ", job.target)
    for notice in grouped(plan.notices):
        tell(notice)
    tell_failed(plan.failed, len(plan.jobs) + len(plan.failed))


def print_json(
    name: str,
    what: str,
    files: list[dict[str, Any]],
    skipped: list[Job],
    failed: Mapping[Path, Exception],
    **more: Any,
) -> None:
    """Print a run, or a plan of one, as JSON: in ASCII, whatever is in the files' names."""
    failures = [{"input": str(path), "error": explanation(path, failed[path])} for path in failed]
    result = {"filter": name, what: files, "skipped": [pair(job) for job in skipped]}
    typer.echo(json.dumps({**result, "failed": failures, **more}, indent=2))


def pair(job: Job) -> dict[str, str]:
    """Return a job's paths for JSON."""
    return {"input": str(job.source), "output": str(job.target)}


def print_path(*parts: Path | str) -> None:
    """Print paths on stdout as the system has them, which need not be text."""
    typer.echo(b"".join(map(os.fsencode, parts)))


def summary(outcome: Outcome) -> str:
    """Return how many files there were of each kind, and how fast it went."""
    kinds = {"skipped": outcome.skipped, "failed": outcome.failed}
    counts = [f"{len(files)} {kind}" for kind, files in kinds.items() if files]
    pixels = sum(written.pixels for written in outcome.written.values()) / 1e6
    speed = f", {pixels / outcome.seconds:.1f} megapixels/s" if pixels else ""
    files = ", ".join([f"{counted(len(outcome.written))} written", *counts])
    return f"{files} in {outcome.seconds:.1f} s{speed}"


def tell_failed(failed: Mapping[Path, Exception], total: int) -> None:
    """List on stderr what failed, and why; what fails alike, as once."""
    lines = [explanation(path, error) for path, error in failed.items()]
    shorter = grouped(lines)
    if failed:
        more = "" if len(shorter) == len(lines) else " (--json lists each)"
        tell(f"{len(failed)} of {counted(total)} failed{more}:")
    for line in shorter:
        typer.echo(f"  {visible(line)}", err=True)


def counted(files: int) -> str:
    """Return so many files in words.

    Examples
    --------
    >>> counted(1), counted(2)
    ('1 file', '2 files')
    """
    return f"{files} file{'' if files == 1 else 's'}"


def grouped(lines: Sequence[str]) -> list[str]:
    """Return lines that begin with a file's name, those that go on alike as one if they are many.

    Examples
    --------
    >>> grouped([*(f"{n}.png: full" for n in range(6)), "c.png: damaged"])
    ['6 files, the first 0.png: full', 'c.png: damaged']
    """
    alike: dict[str, list[str]] = {}
    for line in lines:
        alike.setdefault(line.partition(": ")[2] or line, []).append(line)
    result = []
    for line in lines:
        same = alike[line.partition(": ")[2] or line]
        if len(same) <= ALIKE:
            result.append(line)
        elif line is same[0]:
            result.append(f"{counted(len(same))}, the first {line}")
    return result


def explanation(path: Path, error: Exception) -> str:
    """Return why a file failed; where nobody foresaw it, what kind of error it was."""
    foreseen = isinstance(error, StriateError)
    return str(error) if foreseen else f"{path}: {type(error).__name__}: {one_line(error)}"


def reason(error: OSError) -> str:
    """Return what the system says of a file."""
    return error.strerror or one_line(error)


def tell(text: str) -> None:
    """Print a line of striate's own on stderr."""
    typer.echo(f"striate: {visible(text)}", err=True)
