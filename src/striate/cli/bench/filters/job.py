"""One run: every filter on every image at every number of threads, printed as it goes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from striate.cli.bench.filters.cases import FilterCase, Group
from striate.cli.bench.filters.engines import BESIDE, Engine, present_engines
from striate.cli.bench.filters.markdown import write_markdown
from striate.cli.bench.filters.measure import FilterRow, measured
from striate.cli.bench.filters.report import as_json, heading, line, plot, print_end
from striate.cli.bench.job import Settings, doubts, headline, wide_console
from striate.cli.bench.machine import describe
from striate.cli.bench.report import threads_text, write_json
from striate.runtime.limits import Limits, measured_limits

__all__ = ["run_filters"]

PACKAGES = ("opencv-python-headless", "scipy", "scikit-image", "pillow", "kornia", "torch")
LIGHT = 640 * 480  # numbers of an image on which the slow libraries are timed too, unless asked


def run_filters(
    groups: Sequence[Group], settings: Settings, *, everywhere: bool, tables: Path | None
) -> int:
    """Measure, print, write; return the exit code: 1 if one of our results was wrong.

    However it ends, it prints the means of the rows that were finished.

    Parameters
    ----------
    groups : the tables
    settings : as asked for
    everywhere : whether all peers are timed on all images; otherwise those asked for by name are,
        or OpenCV, and the others on small grey images and on one thread alone
    tables : where to write the rows as the tables of a document
    """
    settings = settings.checked()
    engines, absent = present_engines(settings.peers)
    console = wide_console()
    machine = describe(PACKAGES)
    limits = [measured_limits(threads) for threads in settings.threads]
    for text in _opening(machine, limits, absent):
        console.print(text, highlight=False, soft_wrap=True)
    everywhere = everywhere or settings.peers is not None
    planned = [(group, limit) for group in groups for limit in limits]
    count = sum(len(group.cases) for group, _ in planned)
    rows: list[FilterRow] = []
    try:
        with _progress(console) as progress:
            bar = progress.add_task("", total=count)
            for group, limit in planned:
                console.print(heading(group, limit), highlight=False, soft_wrap=True)
                for case in group.cases:
                    progress.update(bar, description=case.name)
                    chosen = engines if everywhere else _usual(engines, case, limit)
                    rows.append(measured(case, chosen, limit, settings.seconds, settings.rounds))
                    console.print(line(rows[-1]), highlight=False, soft_wrap=True)
                    progress.advance(bar)
                    if settings.json is not None:  # an interrupted run keeps what it measured
                        write_json(settings.json, as_json(machine, limits, absent, rows, count))
    finally:
        print_end(console, rows)
    if tables is not None:
        write_markdown(tables, rows)
    if settings.plot is not None:
        plot(settings.plot, rows, f"striate bench filters: {machine['processor']}")
    return int(any(row.wrong for row in rows))


def _opening(
    machine: dict[str, Any], limits: Sequence[Limits], absent: Sequence[str]
) -> Iterator[str]:
    """Yield what is said before the first row."""
    yield headline(machine)
    if absent:
        yield f"not installed: {', '.join(absent)}; pip install 'striate\\[bench]'"
    for one in limits:
        yield (
            f"{threads_text(one.threads)}: {one.gflops:.0f} GFLOP/s in registers, "
            f"{one.gigabytes:.0f} GB/s of memory"
        )
    yield from doubts(machine, limits)
    yield f"Times of {BESIDE} and of others as ratios to ours: above 1, striate is faster"
    yield "Limit: the share of what memory (m) or multiply-adds (f) allow, whichever bounds a row"


def _progress(console: Console) -> Progress:
    """Return a bar below the rows, or on stderr where the rows go to a file."""
    return Progress(
        TextColumn("{task.description:<14}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console if console.is_terminal else Console(stderr=True),
        redirect_stdout=False,
        transient=True,
    )


def _usual(engines: Sequence[Engine], case: FilterCase, limit: Limits) -> list[Engine]:
    """Return OpenCV, and the slow ones where they take little time."""
    light = limit.threads == 1 and case.prepared and case.values <= LIGHT
    return [engine for engine in engines if light or engine.NAME == BESIDE]
