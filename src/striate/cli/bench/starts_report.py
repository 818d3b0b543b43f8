"""Cold starts as a table and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from striate.cli.bench.machine import describe, processors
from striate.cli.bench.report import SCHEMA, empty_table, write_json
from striate.cli.bench.starts import Start, cold_starts
from striate.network import zoo

__all__ = ["report_cold_starts"]


def report_cold_starts(
    network: str, batch: int, threads: int | None, runs: int, json_file: Path | None
) -> None:
    """Measure, print, write."""
    zoo.load(network)  # an unknown name is said before any process starts
    count = threads or processors()
    with Console(stderr=True).status(f"starting {network} in new processes"):
        starts = cold_starts(network, batch, count, runs)
    Console().print(_table(f"{network}, batch {batch}, {count} threads", starts))
    if json_file is not None:
        content = {"schema": SCHEMA, "job": "cold", "machine": describe(()), "network": network}
        counts = {"batch": batch, "threads": count}
        write_json(json_file, {**content, **counts, "starts": [asdict(start) for start in starts]})


def _table(title: str, starts: list[Start]) -> Table:
    numbers = ("seconds", "quartiles", "starting", "first result", "peak MB")
    table = empty_table(["cache"], numbers, title)
    for start in starts:
        total = start.total
        table.add_row(
            start.cache,
            f"{total.median:.2f}",
            f"{total.low:.2f} to {total.high:.2f}",
            f"{start.starting:.2f}",
            f"{start.first:.2f}",
            "-" if start.peak_megabytes is None else f"{start.peak_megabytes:.0f}",
        )
    return table
