"""One run of the bench: every case at every number of threads, reported as it goes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from striate.cli.bench.case import Case
from striate.cli.bench.machine import describe, processors
from striate.cli.bench.measure import Row, measured
from striate.cli.bench.peers import Peer, present_peers
from striate.cli.bench.report import as_json, plot, print_rows, write_json
from striate.drawing import check_suffix
from striate.errors import ParameterError
from striate.runtime.limits import Limits, measured_limits

__all__ = ["Settings", "doubts", "headline", "run_job", "wide_console"]

WIDE = 200  # columns where nobody looks at a terminal
ALONE = 0.75  # of so many times one thread's multiply-adds, if nothing else runs


@dataclass(frozen=True)
class Settings:
    """What was asked for on the command line."""

    threads: Sequence[int]
    peers: Sequence[str] | None
    seconds: float
    rounds: int
    json: Path | None
    plot: Path | None

    def checked(self) -> Settings:
        """Return these with the default numbers of threads: one, and all processors.

        Raises
        ------
        ParameterError
            If a number is out of range, before anything is measured.
        """
        available = processors()
        threads = tuple(dict.fromkeys(self.threads or (1, available)))
        if not all(1 <= count <= available for count in threads):
            raise ParameterError(
                f"--threads must lie in 1 to {available}, the processors here, "
                f"not {', '.join(map(str, threads))}: more would take turns on one processor"
            )
        if self.plot is not None:
            check_suffix(self.plot)
        return Settings(threads, self.peers, self.seconds, self.rounds, self.json, self.plot)


def run_job(job: str, cases: Iterable[Case], settings: Settings) -> int:
    """Measure, print, write; return the exit code: 1 if one of our results was wrong."""
    settings = settings.checked()
    peers, absent = present_peers(settings.peers)
    console = wide_console()
    machine = describe(("torch", "onnxruntime", "openvino", "ncnn"))
    console.print(headline(machine), highlight=False)
    if absent:
        console.print(f"not installed: {', '.join(absent)}; pip install 'striate[bench]'")
    limits = [measured_limits(threads) for threads in settings.threads]
    for line in doubts(machine, limits):
        console.print(line, highlight=False)
    rows: list[Row] = []
    for row in _measured(cases, peers, limits, settings):
        rows.append(row)
        if settings.json is not None:  # after each row: an interrupted run keeps what it measured
            write_json(settings.json, as_json(job, machine, limits, absent, rows))
    print_rows(console, rows, limits)
    if settings.plot is not None and any(row.ratios for row in rows):
        plot(settings.plot, rows, f"striate bench {job}: {machine['processor']}")
    return int(any(row.wrong for row in rows))


def _measured(
    cases: Iterable[Case],
    peers: Sequence[Peer],
    limits: Sequence[Limits],
    settings: Settings,
) -> Iterator[Row]:
    progress = Console(stderr=True)
    with progress.status("measuring") as status:
        for case in cases:
            for limit in limits:
                status.update(f"{case.name}, batch {case.shape[0]}, threads {limit.threads}")
                yield measured(case, limit.threads, peers, limit, settings.seconds, settings.rounds)


def doubts(machine: dict[str, Any], limits: Sequence[Limits]) -> Iterator[str]:
    """Yield a warning if the machine is busy, and for each number of threads it does not give."""
    load = machine["load"]
    if load and load[0] > machine["processors"]:
        yield (
            f"load {load[0]} on {machine['processors']} processors: others compute here too, which "
            "slows long calls more than short ones, so no row can be trusted"
        )
    alone = {limit.threads: limit.gflops for limit in limits}.get(1)
    for limit in limits:
        if alone and limit.gflops < ALONE * limit.threads * alone:
            yield (
                f"{limit.threads} threads reach {limit.gflops / alone:.1f} times what one does: "
                "something else runs on this machine, and their rows cannot be trusted"
            )


def wide_console() -> Console:
    """Return where results are printed: tables are not folded in a file."""
    console = Console()
    return console if console.is_terminal else Console(width=WIDE)


def headline(machine: dict[str, Any]) -> str:
    """Return the lines that say on what was measured."""
    versions = machine["versions"].items()
    known = ", ".join(f"{name} {version}" for name, version in versions if version)
    return (
        f"{machine['processor']} ({machine['llvm']}), {machine['processors']} processors, "
        f"{' '.join(machine['features'])}; load {machine['load']}\n"
        f"Python {machine['python']}, {known}"
    )
