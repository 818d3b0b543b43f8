"""A network's report on a terminal: a table that fits, and the lines below it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import typer

from striate.cli._text import visible

if TYPE_CHECKING:
    from striate.network import Network, Report

__all__ = ["print_report", "print_table", "with_times"]

INDENT = 13  # of what the lines below the table say


def print_report(report: Report, columns: Sequence[str] | None = None) -> None:
    """Print the report: a table on a terminal, its plain text anywhere else."""
    from rich.console import Console

    from striate.network.inspection.columns import is_number, left_out
    from striate.network.inspection.text import ruled

    console = Console()
    if not console.is_terminal:
        rows = report.rows(columns=columns)
        numbers = {place for place, heading in enumerate(rows[0]) if is_number(heading)}
        for line in ruled(report.title, rows, numbers, report.summary()).splitlines():
            typer.echo(visible(line))
        return
    header, *rows = report.rows(console.width, columns)
    dim = [layer.parameters + layer.frozen == 0 for layer in report.layers]
    print_table(list(header), rows, title=report.title, dim=dim)
    lines = report.summary()
    if missing := left_out(report, header, columns):
        lines.append(
            f"left out     {', '.join(missing)}: the terminal is too narrow, a pipe is not"
        )
    for line in lines:
        typer.echo(_wrapped(visible(line), console.width))


def _wrapped(line: str, width: int) -> str:
    import textwrap

    room = max(width, 2 * INDENT)
    return textwrap.fill(line, room, subsequent_indent=" " * INDENT, break_on_hyphens=False)


def print_table(
    header: list[str],
    rows: list[tuple[str, ...]],
    *,
    title: str | None = None,
    dim: list[bool] | None = None,
) -> None:
    """Print a table; `dim` tells which rows matter less."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from striate.network.inspection.columns import is_number
    from striate.network.inspection.text import width_of

    console = Console()
    gap = 2 if width_of([tuple(header), *rows], 2) <= console.width else 1
    heading = None if title is None else Text(visible(title))
    table = Table(
        title=heading, box=None, title_justify="left", padding=(0, gap, 0, 0), pad_edge=False
    )
    for name in header:
        right = is_number(name) or name == "GMACs"
        justify: Literal["right", "left"] = "right" if right else "left"
        table.add_column(name, justify=justify, overflow="fold")
    for row, faint in zip(rows, dim or [False] * len(rows), strict=True):
        cells = (Text(visible(cell)) for cell in row)
        table.add_row(*cells, style="dim" if faint else None)
    console.print(table)


def with_times(report: Report, network: Network) -> Report:
    """Return the report with the time of each layer, measured on zeros, in milliseconds.

    Layers that run as one part have its time together, under the name of the first.
    """
    import numpy as np

    import striate

    ready = network if network.has_weights else network.initialize(0)
    kinds = {value.name: value.kind for value in network.graph.inputs}
    inputs = {
        name: np.zeros(shape, np.float32 if kinds[name] == "float" else kinds[name])
        for name, shape in report.inputs
    }
    parts = striate.compile(ready).profile(inputs).steps
    groups: list[list[str]] = []
    seconds: list[float] = []
    for timed in parts:
        if timed.step.names or not groups:
            groups.append(list(timed.step.names))
            seconds.append(timed.seconds)
        else:  # a change of layout, for the part before it
            seconds[-1] += timed.seconds
    _add_folded(groups, network)
    macs = {layer.name: layer.macs for layer in report.layers}
    milliseconds: dict[str, float] = {}
    within: dict[str, str] = {}
    for names, spent in zip(groups, seconds, strict=True):
        known = [name for name in names if name in macs]
        if known:
            first = max(known, key=lambda name: macs[name])
            milliseconds[first] = milliseconds.get(first, 0.0) + 1e3 * spent
            within |= {name: first for name in known if name != first}
    return report.timed(milliseconds, within)


def _add_folded(groups: Sequence[list[str]], network: Network) -> None:
    """Add to each group the layers that were folded into its own, as into a normalisation."""
    home = {name: names for names in groups for name in names}
    readers = {name: node.name for node in network.graph.nodes for name in node.inputs}
    for node in reversed(network.graph.nodes):
        reader = readers.get(node.outputs[0])
        if node.name not in home and reader in home:
            home[node.name] = home[reader]
            home[reader].append(node.name)
