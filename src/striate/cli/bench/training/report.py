"""Steps, memory and passes as tables, as JSON and as a plot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import geometric_mean
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from striate.cli.bench.measure import OURS
from striate.cli.bench.report import (
    SCHEMA,
    coloured,
    empty_table,
    entry_json,
    spread_json,
    threads_text,
)
from striate.cli.bench.training.memory import MemoryRow
from striate.cli.bench.training.passes import PassRow
from striate.cli.bench.training.steps import PYTORCH, StepRow
from striate.drawing import bar_chart, write

__all__ = ["Results", "as_json", "plot", "print_results", "summaries"]


@dataclass
class Results:
    """What was measured so far."""

    steps: list[StepRow] = field(default_factory=list)
    memory: list[MemoryRow] = field(default_factory=list)
    passes: PassRow | None = None

    @property
    def wrong(self) -> bool:
        """Whether an answer of ours was wrong."""
        return any(row.wrong for row in self.steps) or bool(self.passes and self.passes.wrong)


def summaries(rows: Sequence[StepRow]) -> list[tuple[int, int, float, float, str]]:
    """Return threads (0 for all), rows, geometric mean and lowest of ratios, and where that is."""
    found = []
    counts = list(dict.fromkeys(row.threads for row in rows))
    for threads in counts if len(counts) == 1 else [*counts, 0]:
        timed = [
            (row.ratio.median, str(row.case))
            for row in rows
            if row.ratio and threads in (row.threads, 0)
        ]
        if timed:
            lowest, where = min(timed)
            mean = geometric_mean(ratio for ratio, _ in timed)
            found.append((threads, len(timed), mean, lowest, where))
    return found


def print_results(console: Console, results: Results) -> None:
    """Print a table of each part, the means, and what was refused."""
    if results.steps:
        console.print(_steps(results.steps))
        for threads, count, mean, lowest, where in summaries(results.steps):
            at = threads_text(threads) if threads else "all"
            line = f"{at}: {count} rows, mean {mean:.2f}, lowest {lowest:.2f} ({where})"
            console.print(line, highlight=False)
    if results.memory:
        console.print(_memory(results.memory))
    if results.passes:
        console.print(_passes(results.passes))
    for text in _refusals(results):
        console.print(escape(text), highlight=False, soft_wrap=True)


def _refusals(results: Results) -> Iterator[str]:
    entries = [(f"{r.case}, {threads_text(r.threads)}", r.entries) for r in results.steps]
    if results.passes:
        entries.append(("lenet-1989", results.passes.entries))
    for where, found in entries:
        for name, entry in found.items():
            if entry.seconds is None:
                yield f"{name} not timed on {where}: {entry.refused}"


def _steps(rows: Sequence[StepRow]) -> Table:
    title = (
        "A step of training: forward, loss, back, SGD with momentum. PyTorch's time as a ratio to "
        "ours: above 1, striate is faster"
    )
    names = ("ms", "quartiles", "limit", PYTORCH, "quartiles", "errors")
    table = empty_table(("network", "input", "threads"), names, title)
    table.add_column("PyTorch's best", no_wrap=True)
    for row in rows:
        about = row.case.name, row.case.size, str(row.threads)
        table.add_row(*about, *_step_cells(row))
    return table


def _step_cells(row: StepRow) -> list[str]:
    ours, theirs = row.entries[OURS], row.entries.get(PYTORCH)
    if ours.seconds is None:
        return ["wrong"]
    ms = [1e3 * value for value in (ours.seconds.median, ours.seconds.low, ours.seconds.high)]
    entries = [entry for entry in (ours, theirs) if entry and entry.error is not None]
    ratio = row.ratio
    return [
        f"{ms[0]:.2f}",
        f"{ms[1]:.2f} to {ms[2]:.2f}",
        f"{row.share:.0%}",
        coloured(ratio.median) if ratio else "-",
        f"{ratio.low:.2f} to {ratio.high:.2f}" if ratio else "",
        ", ".join(f"{entry.error:.0e}" for entry in entries),
        theirs.setting if theirs else "",
    ]


def _memory(rows: Sequence[MemoryRow]) -> Table:
    title = "Peak memory of a process that takes three steps, MB (imports alone)"
    names = (OURS, PYTORCH, "ratio")
    table = empty_table(("network", "input", "threads"), names, title)
    table.add_column("PyTorch's layout", no_wrap=True)
    for row in rows:
        cells = [
            f"{_megabytes(row.peaks.get(name))} ({_megabytes(row.imports.get(name))})"
            for name in (OURS, PYTORCH)
        ]
        ratio = coloured(row.ratio) if row.ratio else "-"
        about = row.case.name, row.case.size, str(row.threads)
        table.add_row(*about, *cells, ratio, row.layout)
    return table


def _megabytes(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"


def _passes(row: PassRow) -> Table:
    title = f"lenet-1989, one example a step, {row.steps} digits of {row.source}, 1 thread"
    whole = f"{row.passes} passes, s"
    table = empty_table(["engine"], ["us a step", "quartiles", whole, "ratio", "error"], title)
    table.add_column("setting", no_wrap=True)
    for name, entry in row.entries.items():
        if entry.seconds is None:
            table.add_row(name, "wrong")
            continue
        us = [1e6 * v for v in (entry.seconds.median, entry.seconds.low, entry.seconds.high)]
        ratio = coloured(row.ratio.median) if row.ratio and name != OURS else ""
        cells = f"{us[0]:.1f}", f"{us[1]:.1f} to {us[2]:.1f}", f"{row.whole(name):.2f}"
        table.add_row(name, *cells, ratio, f"{entry.error:.0e}", entry.setting)
    return table


def as_json(machine: dict[str, Any], results: Results) -> dict[str, Any]:
    """Return everything that was measured; times in milliseconds, memory in megabytes."""
    names = ("threads", "rows", "mean", "lowest", "where")
    return {
        "schema": SCHEMA,
        "job": "training",
        "machine": machine,
        "steps": [_step_json(row) for row in results.steps],
        "summary": [dict(zip(names, one, strict=True)) for one in summaries(results.steps)],
        "memory": [_memory_json(row) for row in results.memory],
        "lenet-1989": _pass_json(results.passes) if results.passes else None,
    }


def _step_json(row: StepRow) -> dict[str, Any]:
    return {
        "name": row.case.name,
        "shape": list(row.case.shape),
        "threads": row.threads,
        "macs": row.case.macs,
        "oracle": row.oracle,
        "engines": {name: entry_json(entry) for name, entry in row.entries.items()},
        "ratio": spread_json(row.ratio) if row.ratio else None,
        "share_of_limit": row.share,
    }


def _memory_json(row: MemoryRow) -> dict[str, Any]:
    return {
        "name": row.case.name,
        "shape": list(row.case.shape),
        "threads": row.threads,
        "peaks": row.peaks,
        "imports": row.imports,
        "layout": row.layout,
        "ratio": row.ratio,
    }


def _pass_json(row: PassRow) -> dict[str, Any]:
    return {
        "source": row.source,
        "steps": row.steps,
        "passes": row.passes,
        "engines": {name: entry_json(entry) for name, entry in row.entries.items()},
        "seconds": {name: row.whole(name) for name in row.entries},
        "ratio": spread_json(row.ratio) if row.ratio else None,
    }


def plot(path: Path, results: Results, title: str) -> None:
    """Draw the ratio to PyTorch of every step, of the pass, and of memory."""
    bars = [
        (f"{row.case}, {threads_text(row.threads)}", (r.median, r.low, r.high))
        for row in results.steps
        if (r := row.ratio)
    ]
    if results.passes and (ratio := results.passes.ratio):
        bars.append(("lenet-1989, 1x1x16x16, 1 thread", (ratio.median, ratio.low, ratio.high)))
    bars += [
        (f"{row.case}, memory", (found, found, found))
        for row in results.memory
        if (found := row.ratio)
    ]
    if bars:
        label = "PyTorch's time, or memory, over ours"
        write(path, bar_chart(bars, title=title, x_label=label, mark=1.0))
