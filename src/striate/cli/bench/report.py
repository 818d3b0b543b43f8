"""Rows as a table, as JSON, and as a plot."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from statistics import geometric_mean
from typing import Any

from rich.console import Console
from rich.table import Table

from striate.cli.bench.measure import OURS, Entry, Row
from striate.cli.bench.turns import Spread
from striate.drawing import Scene, bar_chart, write
from striate.files import write_whole
from striate.runtime.limits import Limits

__all__ = [
    "SCHEMA",
    "as_json",
    "coloured",
    "empty_table",
    "entry_json",
    "limits_json",
    "markdown_table",
    "plot",
    "print_rows",
    "spread_json",
    "threads_text",
    "write_json",
]

SCHEMA = 1
PYTORCH = "PyTorch"


def as_json(
    job: str,
    machine: dict[str, Any],
    limits: Sequence[Limits],
    absent: Sequence[str],
    rows: Sequence[Row],
) -> dict[str, Any]:
    """Return everything that was measured; times in milliseconds."""
    return {
        "schema": SCHEMA,
        "job": job,
        "machine": machine,
        "limits": limits_json(limits),
        "absent": list(absent),
        "rows": [_row(row) for row in rows],
        "summary": [
            {"threads": threads, "kind": kind, **dict(zip(FIGURES, figures, strict=True))}
            for threads, kind, *figures in summary(rows)
        ],
    }


def limits_json(limits: Sequence[Limits]) -> list[dict[str, float]]:
    """Return the limits of the machine at each number of threads."""
    return [
        {"threads": one.threads, "gflops": one.gflops, "gigabytes_per_second": one.gigabytes}
        for one in limits
    ]


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write it whole."""
    write_whole(path, json.dumps(content, indent=2) + "\n")


def _row(row: Row) -> dict[str, Any]:
    best = row.best_peer
    return {
        "name": row.name,
        "kind": row.kind,
        "shape": list(row.shape),
        "threads": row.threads,
        "macs": row.macs,
        "bytes": row.bytes,
        "oracle": row.oracle,
        "engines": {name: entry_json(entry) for name, entry in row.entries.items()},
        "ratios": {name: spread_json(ratio) for name, ratio in row.ratios.items()},
        "best_peer": best,
        "ratio_to_best": spread_json(row.ratios[best]) if best else None,
        "bound": row.bound,
        "share_of_limit": row.share,
    }


def entry_json(entry: Entry) -> dict[str, Any]:
    """Return what one engine did, in milliseconds."""
    if entry.seconds is None:
        return {"refused": entry.refused}
    seconds = {k: v * 1e3 for k, v in spread_json(entry.seconds).items()}
    return {"setting": entry.setting, "error": entry.error, "milliseconds": seconds}


def spread_json(value: Spread) -> dict[str, float]:
    """Return a median and its quartiles by name."""
    return {"median": value.median, "low": value.low, "high": value.high}


FIGURES = ("rows", "mean_to_best", "lowest_to_best", "mean_to_pytorch")


def summary(rows: Sequence[Row]) -> list[tuple[Any, ...]]:
    """Return threads, kind, rows, geometric mean and lowest ratio to the best, mean to PyTorch."""
    groups: dict[tuple[int, str], list[Row]] = {}
    for row in rows:
        if row.best_peer is not None:
            groups.setdefault((row.threads, row.kind), []).append(row)
    result = []
    for (threads, kind), group in groups.items():
        best = [row.ratios[row.best_peer].median for row in group if row.best_peer]
        torch = [row.ratios[PYTORCH].median for row in group if PYTORCH in row.ratios]
        mean = geometric_mean(torch) if torch else None
        result.append((threads, kind, len(group), geometric_mean(best), min(best), mean))
    return result


def print_rows(console: Console, rows: Sequence[Row], limits: Sequence[Limits]) -> None:
    """Print a table for each number of threads, the means, and what refused or went wrong."""
    peers = list(dict.fromkeys(n for row in rows for n in row.entries if n != OURS))
    for limit in limits:
        chosen = [row for row in rows if row.threads == limit.threads]
        if chosen:
            console.print(_table(chosen, peers, limit))
            console.print()
    if any(row.ratios for row in rows):
        console.print(_means(rows))
    for row in rows:
        for name, entry in row.entries.items():
            if entry.seconds is None:
                place = f"{row.name}, batch {row.shape[0]}, {threads_text(row.threads)}"
                console.print(f"{name} not timed on {place}: {entry.refused}", highlight=False)


def threads_text(count: int) -> str:
    """Return ``1 thread``, ``2 threads``."""
    return f"{count} thread{'s' * (count > 1)}"


def empty_table(texts: Sequence[str], numbers: Sequence[str], title: str | None = None) -> Table:
    """Return a table whose first columns hold texts, and the others numbers."""
    table = Table(title=title, box=None, title_justify="left", padding=(0, 2, 0, 0))
    for name in texts:
        table.add_column(name, no_wrap=True)
    for name in numbers:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def markdown_table(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    """Return a table of a document."""
    lines = [head, ["---"] * len(head), *body]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _table(rows: Sequence[Row], peers: Sequence[str], limit: Limits) -> Table:
    title = (
        f"{threads_text(limit.threads)}; the machine: {limit.gflops:.0f} GFLOP/s in cache, "
        f"{limit.gigabytes:.0f} GB/s. Times of peers as ratios to ours: above 1, striate is faster"
    )
    texts = ("kind", "layer" if rows[0].kind != "network" else "network")
    numbers = ["batch", "ms", "quartiles", "limit", *peers, "best peer", "quartiles", "error"]
    table = empty_table(texts, numbers, title)
    for row in rows:
        table.add_row(row.kind, row.name, str(row.shape[0]), *_cells(row, peers))
    return table


def _cells(row: Row, peers: Sequence[str]) -> list[str]:
    ours = row.entries[OURS]
    if ours.seconds is None or ours.error is None:
        return ["wrong", *[""] * (len(peers) + 5)]
    ms = [value * 1e3 for value in (ours.seconds.median, ours.seconds.low, ours.seconds.high)]
    ratios = [f"{row.ratios[p].median:.2f}" if p in row.ratios else "-" for p in peers]
    best = row.ratios[row.best_peer] if row.best_peer else None
    return [
        f"{ms[0]:.3f}",
        f"{ms[1]:.3f} to {ms[2]:.3f}",
        f"{row.share:.0%} {'m' if row.bound == 'memory' else 'f'}",
        *ratios,
        coloured(best.median) if best else "-",
        f"{best.low:.2f} to {best.high:.2f}" if best else "",
        f"{ours.error:.0e}",
    ]


def coloured(ratio: float) -> str:
    """Return a ratio, green if ours is no slower."""
    colour = "green" if ratio >= 1 else "red"
    return f"[{colour}]{ratio:.2f}[/{colour}]"


def _means(rows: Sequence[Row]) -> Table:
    numbers = ("threads", "rows", "mean to best", "lowest to best", "mean to PyTorch")
    table = empty_table(["kind"], numbers)
    for threads, kind, count, mean, lowest, torch in summary(rows):
        last = f"{torch:.2f}" if torch else "-"
        table.add_row(kind, str(threads), str(count), f"{mean:.2f}", f"{lowest:.2f}", last)
    return table


def plot(path: Path, rows: Sequence[Row], title: str) -> None:
    """Draw the ratio to the best peer of every row, with its quartiles."""
    write(path, ratio_chart(rows, title))


def ratio_chart(rows: Sequence[Row], title: str) -> Scene:
    """Return the bars; rows without a peer are left out."""
    bars = [
        (
            f"{row.name}, batch {row.shape[0]}, {threads_text(row.threads)}",
            (ratio.median, ratio.low, ratio.high),
        )
        for row in rows
        if row.best_peer and (ratio := row.ratios[row.best_peer])
    ]
    return bar_chart(bars, title=title, x_label="times as fast as the best peer", mark=1.0)
