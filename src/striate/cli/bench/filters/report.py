"""Rows as lines while they come, their means as a table, and all of it as JSON and as a plot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import geometric_mean
from typing import Any

from rich.console import Console
from rich.markup import escape

from striate.cli.bench.filters.cases import MEAN_KINDS, SMALL, FilterCase, Group
from striate.cli.bench.filters.engines import BESIDE
from striate.cli.bench.filters.measure import FilterRow, unit_of
from striate.cli.bench.measure import OURS
from striate.cli.bench.report import (
    SCHEMA,
    coloured,
    entry_json,
    limits_json,
    spread_json,
    threads_text,
)
from striate.drawing import bar_chart, write
from striate.runtime.limits import Limits

__all__ = [
    "Summary",
    "as_json",
    "bound_letter",
    "colours",
    "heading",
    "is_small",
    "line",
    "place",
    "plot",
    "print_end",
    "summaries",
]


def heading(group: Group, limits: Limits) -> str:
    """Return the lines above the rows of one table."""
    unit = "us" if is_small(group.cases[0]) else "ms"
    columns = (
        f"{'':<24}{unit:>9}  {'quartiles':>19}  {'limit':>6}  {BESIDE:>6}  {'quartiles':>12}  "
        f"{'error':>6}"
    )
    return (
        f"\n[bold]{group.width}x{group.height} {colours(group.channels)} {group.dtype}, "
        f"{threads_text(limits.threads)}[/bold]\n{columns}"
    )


def line(row: FilterRow) -> str:
    """Return one row: our time, the share of the limit, OpenCV's time over ours, and others'."""
    case, ours = row.case, row.entries[OURS]
    name = case.name + ("" if case.prepared else ", new result")
    if ours.seconds is None or ours.error is None:
        return f"{name:<24}[red]wrong[/red]: {escape(ours.refused)}"
    unit = 1e6 if is_small(case) else 1e3
    ms = [value * unit for value in (ours.seconds.median, ours.seconds.low, ours.seconds.high)]
    limit = f"{row.share:.0%} {bound_letter(row)}" if row.bound else ""
    found = row.ratios.get(BESIDE)
    quartiles = f"{found.low:.2f} to {found.high:.2f}" if found else ""
    others = (f"{n} {r.median:.1f}" for n, r in row.ratios.items() if n != BESIDE)
    return (
        f"{name:<24}{ms[0]:9.3f}  {ms[1]:8.3f} to {ms[2]:7.3f}  {limit:>6}{padded(row.ratio, 8)}  "
        f"{quartiles:>12}  {ours.error:6.0e}  {'  '.join(others)}"
    )


@dataclass(frozen=True)
class Summary:
    """Means of the rows of one size, dtype and number of threads, grey and colour.

    Attributes
    ----------
    width, height, dtype, threads
        What they share; 0 where they share it not.
    rows : int
        How many count in the mean: box, Gaussian, general, Sobel and Laplacian.
    mean, lowest : float
        Geometric mean and lowest of OpenCV's time over ours.
    where : str
        The row with the lowest.
    magnitude : float or None
        The mean of the same ratio for the magnitude of Sobel.
    boxes : float or None
        Our time for box 31 over that for box 3, the largest.
    """

    width: int
    height: int
    dtype: str
    threads: int
    rows: int
    mean: float
    lowest: float
    where: str
    magnitude: float | None = None
    boxes: float | None = None


def summaries(rows: Sequence[FilterRow]) -> list[Summary]:
    """Return the means of each size, dtype and number of threads, then of each dtype."""
    found: list[Summary] = []
    keys = dict.fromkeys((r.case.width, r.case.height, r.case.dtype, r.threads) for r in rows)
    for width, height, dtype, threads in keys:
        chosen = [
            row
            for row in rows
            if (row.case.width, row.case.height) == (width, height)
            and (row.case.dtype, row.threads) == (dtype, threads)
        ]
        found += _summary((width, height, dtype, threads), chosen)
    large = [row for row in rows if not is_small(row.case)]
    for dtype in dict.fromkeys(row.case.dtype for row in large):
        found += _summary((0, 0, dtype, 0), [row for row in large if row.case.dtype == dtype])
    return found


def _summary(key: tuple[int, int, str, int], rows: Sequence[FilterRow]) -> Iterator[Summary]:
    counted = [row for row in rows if row.case.kind in MEAN_KINDS and row.ratio]
    if not counted:
        return
    lowest = min(counted, key=lambda row: row.ratio or 0.0)
    ratios = [row.ratio for row in counted if row.ratio]
    magnitudes = [row.ratio for row in rows if row.case.kind == "magnitude" and row.ratio]
    yield Summary(
        *key,
        len(counted),
        geometric_mean(ratios),
        min(ratios),
        place(lowest),
        geometric_mean(magnitudes) if magnitudes else None,
        max(_box_ratios(rows), default=None),
    )


def _box_ratios(rows: Sequence[FilterRow]) -> Iterator[float]:
    """Yield our time for box 31 over that for box 3, for each image and number of threads."""
    times = {(r.case, r.threads): r.seconds for r in rows if r.case.kind == "box" and r.seconds}
    for (case, threads), large in times.items():
        if case.number == 31:
            about = (case.width, case.height, case.channels, case.dtype, case.prepared)
            small = times.get((FilterCase("box", 3, *about), threads))
            if small:
                yield large / small


def print_end(console: Console, rows: Sequence[FilterRow]) -> None:
    """Print the means, and what was refused, wrong, or less exact than it may be."""
    found = summaries(rows)
    if found:
        names = ("rows", 5), ("mean", 9), ("lowest", 9), ("magnitude", 11), ("box 31/3", 10)
        columns = "".join(f"{name:>{width}}" for name, width in names)
        title = f"\n[bold]Means of {BESIDE}'s time over ours[/bold]\n{'':<30}{columns}"
        console.print(f"{title}  the lowest is", highlight=False, soft_wrap=True)
    for one in found:
        console.print(_mean_line(one), highlight=False, soft_wrap=True)
    for row in rows:
        for name, entry in row.entries.items():
            if entry.seconds is None:
                text = f"{name} not timed on {place(row)}: {entry.refused}"
                console.print(escape(text), highlight=False, soft_wrap=True)
    for text in _inexact(rows):
        console.print(text, highlight=False, soft_wrap=True)


def _inexact(rows: Sequence[FilterRow]) -> Iterator[str]:
    """Yield for each library, filter and dtype how far it is off, at the worst."""
    worst: dict[tuple[str, str, str], tuple[float, str]] = {}
    for row in rows:
        for name, off in row.inexact():
            key = (name, row.case.name, row.case.dtype)
            worst[key] = max(worst.get(key, (0.0, "")), (off, unit_of(row.case)))
    for (name, filtered, dtype), (off, unit) in worst.items():
        yield f"{name} is timed on {filtered} {dtype} though it is off by {off:.1e} {unit}"


def _mean_line(one: Summary) -> str:
    """Return one line of means."""
    images = "all"
    if one.width:
        images = f"{one.width}x{one.height}, {threads_text(one.threads)}"
    ratios = padded(one.mean, 9) + padded(one.lowest, 9) + padded(one.magnitude, 11)
    boxes = f"{one.boxes:.2f}" if one.boxes else "-"
    return f"{one.dtype:<8} {images:<21}{one.rows:>5}{ratios}{boxes:>10}  {one.where}"


def padded(ratio: float | None, width: int) -> str:
    """Return a ratio in its colour, or a dash, right in a column."""
    if ratio is None:
        return f"{'-':>{width}}"
    return " " * (width - len(f"{ratio:.2f}")) + coloured(ratio)


def as_json(
    machine: dict[str, Any],
    limits: Sequence[Limits],
    absent: Sequence[str],
    rows: Sequence[FilterRow],
    planned: int,
) -> dict[str, Any]:
    """Return everything that was measured, of `planned` rows; times in milliseconds."""
    return {
        "schema": SCHEMA,
        "job": "filters",
        "machine": machine,
        "limits": limits_json(limits),
        "absent": list(absent),
        "planned": planned,
        "rows": [_row(row) for row in rows],
        "summary": [asdict(one) for one in summaries(rows)],
    }


def _row(row: FilterRow) -> dict[str, Any]:
    case = row.case
    return {
        "name": case.name,
        "kind": case.kind,
        "size": [case.width, case.height],
        "channels": case.channels,
        "dtype": case.dtype,
        "result_dtype": case.result_dtype,
        "prepared": case.prepared,
        "threads": row.threads,
        "macs": case.macs,
        "bytes": case.bytes,
        "error_unit": unit_of(case),
        "engines": {name: entry_json(entry) for name, entry in row.entries.items()},
        "ratios": {name: spread_json(ratio) for name, ratio in row.ratios.items()},
        "bound": row.bound or None,
        "share_of_limit": row.share or None,
    }


def plot(path: Path, rows: Sequence[FilterRow], title: str) -> None:
    """Draw for each filter and dtype the mean ratio to OpenCV, from the lowest to the highest."""
    groups: dict[str, list[float]] = {}
    for row in rows:
        if row.ratio and not is_small(row.case):
            groups.setdefault(f"{row.case.name}, {row.case.dtype}", []).append(row.ratio)
    bars = [
        (name, (geometric_mean(ratios), min(ratios), max(ratios)))
        for name, ratios in sorted(groups.items(), key=lambda item: item[0].split(", ")[1])
    ]
    if bars:
        write(path, bar_chart(bars, title=title, x_label=f"times as fast as {BESIDE}", mark=1.0))


def place(row: FilterRow) -> str:
    """Return what a row measured, in words."""
    case = row.case
    about = f"{case.name}, {case.width}x{case.height} {colours(case.channels)} {case.dtype}"
    return f"{about}, {threads_text(row.threads)}" + ("" if case.prepared else ", new result")


def bound_letter(row: FilterRow) -> str:
    """Return m for memory and f for multiply-adds, as in the other reports."""
    return "m" if row.bound == "memory" else "f"


def colours(channels: int) -> str:
    """Return grey or colour."""
    return "grey" if channels == 1 else "colour"


def is_small(case: FilterCase) -> bool:
    """Whether times are told in microseconds a call."""
    return case.width * case.height <= SMALL[0] * SMALL[1]
