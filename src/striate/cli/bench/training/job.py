"""One run: steps, memory and passes, checked, measured and reported as it goes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import ceil
from pathlib import Path

from rich.console import Console

from striate.cli.bench.job import Settings, doubts, headline, wide_console
from striate.cli.bench.machine import describe, processors
from striate.cli.bench.peers import chosen_peers
from striate.cli.bench.report import SCHEMA, threads_text, write_json
from striate.cli.bench.training.cases import TrainingCase
from striate.cli.bench.training.checking import Check
from striate.cli.bench.training.markdown import write_markdown
from striate.cli.bench.training.memory import measured_memory
from striate.cli.bench.training.passes import examples, measured_pass
from striate.cli.bench.training.profiles import print_profile, profiled_step
from striate.cli.bench.training.report import Results, as_json, plot, print_results
from striate.cli.bench.training.steps import PYTORCH, measured_step
from striate.errors import UnknownNameError
from striate.runtime.limits import Limits, measured_limits

__all__ = ["PARTS", "run_profile", "run_training"]

PARTS = ("steps", "memory", "lenet-1989")
PEERS = {PYTORCH: ("pytorch", ("torch",))}


def run_training(
    cases: Sequence[TrainingCase],
    parts: Sequence[str],
    settings: Settings,
    tables: Path | None,
) -> int:
    """Measure, print, write; return the exit code: 1 if one of our answers was wrong.

    Parameters
    ----------
    cases : what is trained
    parts : some of `PARTS`; none for all
    settings : as asked for
    tables : where to write the results as the tables of a document

    Raises
    ------
    UnknownNameError
        If there is no such part or peer.
    """
    for part in parts:
        if part not in PARTS:
            raise UnknownNameError.of("part of training", part, PARTS)
    parts = parts or PARTS
    settings = settings.checked()
    there, absent = chosen_peers(settings.peers, PEERS)
    machine, console, results = describe(("torch",)), wide_console(), Results()
    console.print(headline(machine), highlight=False)
    if absent:
        console.print(f"not installed: {', '.join(absent)}; pip install 'striate\\[bench]'")

    def keep() -> None:  # after each row: an interrupted run keeps what it measured
        if settings.json is not None:
            write_json(settings.json, as_json(machine, results))

    beside = bool(there)
    with _told() as say:
        if "steps" in parts:
            limits = [measured_limits(count) for count in settings.threads]
            for line in doubts(machine, limits):
                console.print(line, highlight=False)
            _steps(cases, limits, settings, results, keep, say, beside)
        if "memory" in parts:
            for case in cases:
                say(f"{case}, memory: three steps each in new processes")
                most = max(settings.threads)
                results.memory.append(measured_memory(case, most, beside_torch=beside))
                keep()
        if "lenet-1989" in parts:
            say("lenet-1989: one example at a time")
            results.passes = measured_pass(examples(), beside_torch=beside)
            keep()
    print_results(console, results)
    if tables is not None:
        write_markdown(tables, results)
    if settings.plot is not None:
        plot(settings.plot, results, f"striate bench training: {machine['processor']}")
    return int(results.wrong)


@contextmanager
def _told() -> Iterator[Callable[[str], None]]:
    """Give what says on stderr what runs now: in place in a terminal, else line by line."""
    console = Console(stderr=True)
    with console.status("measuring") as status:
        if console.is_terminal:
            yield status.update
        else:
            yield lambda text: console.print(text, highlight=False, markup=False, soft_wrap=True)


def _steps(
    cases: Sequence[TrainingCase],
    limits: Sequence[Limits],
    settings: Settings,
    results: Results,
    keep: Callable[[], None],
    say: Callable[[str], None],
    beside: bool,
) -> None:
    for case in cases:
        check = Check(case)
        taken = ceil(check.seconds(measured_limits(processors())))
        say(f"{case}: what is right, by {check.oracle}: about {taken} s if nothing else runs")
        _ = check.exact
        for limit in limits:
            at = f"{case}, {threads_text(limit.threads)}"
            say(f"{at}: checked, then timed for {settings.seconds:g} s or {settings.rounds} rounds")
            about = case, check, limit, settings.seconds, settings.rounds
            results.steps.append(measured_step(*about, beside_torch=beside))
            keep()


def run_profile(case: TrainingCase, settings: Settings) -> int:
    """Print, and write as JSON, where the time of a step goes at each number of threads."""
    settings = settings.checked()
    machine, console = describe(()), wide_console()
    console.print(headline(machine), highlight=False)
    profiles = [profiled_step(case, count) for count in settings.threads]
    for profile in profiles:
        print_profile(console, profile)
    if settings.json is not None:
        content = {"schema": SCHEMA, "job": "training profile", "machine": machine}
        write_json(settings.json, {**content, "profiles": [p.as_json() for p in profiles]})
    return 0
