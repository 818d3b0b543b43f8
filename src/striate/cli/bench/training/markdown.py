"""Steps, memory and passes as the tables of a document."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from striate.cli.bench.measure import OURS
from striate.cli.bench.report import markdown_table, threads_text
from striate.cli.bench.training.memory import MemoryRow
from striate.cli.bench.training.passes import PassRow
from striate.cli.bench.training.report import Results, summaries
from striate.cli.bench.training.steps import PYTORCH, StepRow
from striate.files import write_whole

__all__ = ["as_markdown", "write_markdown"]


def write_markdown(path: Path, results: Results) -> None:
    """Write the tables whole."""
    write_whole(path, as_markdown(results))


def as_markdown(results: Results) -> str:
    """Return a table for each part that was measured, and the means."""
    return "\n\n".join(_parts(results)) + "\n"


def _parts(results: Results) -> Iterator[str]:
    if results.steps:
        yield _steps(results.steps)
    for threads, count, mean, lowest, where in summaries(results.steps):
        at = threads_text(threads) if threads else "All"
        yield f"{at}: geometric mean of {count} rows {mean:.2f}, lowest {lowest:.2f} ({where})."
    if results.memory:
        yield _memory(results.memory)
    if results.passes:
        yield _passes(results.passes)


def _steps(rows: Sequence[StepRow]) -> str:
    counts = list(dict.fromkeys(row.threads for row in rows))
    cases = list(dict.fromkeys(row.case for row in rows))
    found = {(row.case, row.threads): row for row in rows}
    head = ["network", "batch"]
    for count in counts:
        at = threads_text(count)
        head += [f"{OURS}, {at}, ms", f"{PYTORCH}, {at}, ms", f"ratio, {at}"]
    body = []
    for case in cases:
        cells = [case.name, case.size]
        for count in counts:
            row = found.get((case, count))
            cells += _step_cells(row) if row else ["", "", ""]
        body.append(cells)
    return markdown_table(head, body)


def _step_cells(row: StepRow) -> list[str]:
    times = [_time(row, name) for name in (OURS, PYTORCH)]
    ratio = row.ratio
    text = f"**{ratio.median:.2f}** ({ratio.low:.2f} to {ratio.high:.2f})" if ratio else "-"
    return [*times, text]


def _time(row: StepRow, name: str) -> str:
    entry = row.entries.get(name)
    if entry is None or entry.seconds is None:
        return "wrong" if name == OURS else "-"
    ms = 1e3 * entry.seconds.median
    return f"{ms:.0f}" if ms >= 100 else f"{ms:.3g}"


def _memory(rows: Sequence[MemoryRow]) -> str:
    head = ("network", "batch", f"{OURS}, MB", f"{PYTORCH}, MB", "ratio", "imports alone, MB")
    body = []
    for row in rows:
        peaks = [_megabytes(row.peaks.get(name)) for name in (OURS, PYTORCH)]
        imports = " / ".join(_megabytes(row.imports.get(name)) for name in (OURS, PYTORCH))
        ratio = f"{row.ratio:.2f}" if row.ratio else "-"
        body.append([row.case.name, row.case.size, *peaks, ratio, imports])
    return markdown_table(head, body)


def _megabytes(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}"


def _passes(row: PassRow) -> str:
    head = (
        f"lenet-1989, {row.steps:,} digits of {row.source}",
        *("µs a step", "s a pass", f"s for {row.passes} passes", "ratio"),
    )
    body = []
    for name, entry in row.entries.items():
        if entry.seconds is None:
            body.append([name, "wrong", "", "", ""])
            continue
        one = entry.seconds.median
        ratio = f"{row.ratio.median:.1f}" if row.ratio and name != OURS else ""
        times = f"{one * 1e6:.1f}", f"{one * row.steps:.3g}", f"{one * row.steps * row.passes:.3g}"
        body.append([name, *times, ratio])
    return markdown_table(head, body)
