"""``striate inspect``: shapes, parameters, costs and receptive fields of a network, by layer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from striate.network import Report

__all__ = ["inspect", "print_report"]

NUMBERS = {"parameters", "params", "MACs", "GMACs", "activations", "memory"}
INDENT = 13  # of what the lines below the table say


def inspect(
    model: Annotated[
        str | None,
        typer.Argument(help="a network's name, as --list prints them", show_default=False),
    ] = None,
    input_shape: Annotated[
        str | None,
        typer.Option(
            "--input",
            metavar="NxCxHxW",
            help="examples, channels, then each axis, as 1x3x224x224; the network's own if left "
            "out, with one example",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON and nothing else")] = False,
    layer: Annotated[
        str | None,
        typer.Option("--explain", metavar="LAYER", help="print the arithmetic of one layer"),
    ] = None,
    listing: Annotated[
        bool, typer.Option("--list", help="list the networks, with parameters and GMACs")
    ] = False,
) -> None:
    """Count a network layer by layer: shapes, parameters, costs, fields.

    No weights are needed. A field is written size / stride from start:
    how many input elements an output sees along an axis, how far apart
    neighbouring outputs see, and where the first one begins, negative in
    the padding. Narrow terminals get rounded numbers and fewer columns.

    Examples: striate inspect vgg16;
    striate inspect vgg16 --explain conv3_1;
    striate inspect all-cnn-c --input 8x3x64x64 --json
    """
    if listing:
        _refuse_beside("--list", {"a model": model, "--input": input_shape, "--explain": layer})
        _list(as_json)
        return
    import striate
    from striate.errors import ParameterError
    from striate.network import explain

    if model is None:
        raise ParameterError("inspect: no model given; name one of striate inspect --list")
    network = striate.load(model)
    shape = None if input_shape is None else _sizes(input_shape)
    if layer is not None:
        _refuse_beside("--explain", {"--json": as_json})
        typer.echo("\n".join(explain(network, layer, shape)))
        return
    report = striate.inspect(network, shape)
    if as_json:
        typer.echo(report.to_json())
    else:
        print_report(report)


def _refuse_beside(option: str, others: dict[str, object]) -> None:
    from striate.errors import ParameterError

    for name, value in others.items():
        if value:
            raise ParameterError(f"inspect: {option} cannot go with {name}; leave one of them out")


def _sizes(text: str) -> tuple[int, ...]:
    """Return (1, 3, 224, 224) for 1x3x224x224."""
    from striate.errors import ParameterError

    if not re.fullmatch(r"[0-9]+([x×][0-9]+)+", text.lower()):
        raise ParameterError(
            f"--input is {text!r}; it must be whole numbers joined by x: examples, channels, then "
            "each axis, as in 1x3x224x224"
        )
    return tuple(int(size) for size in re.split("[x×]", text.lower()))


def _list(as_json: bool) -> None:
    import json

    from striate.network import inspect, zoo

    totals = {name: inspect(zoo.load(name)).totals for name in zoo.names()}
    if as_json:
        rows = [{"name": n, "parameters": t.parameters, "macs": t.macs} for n, t in totals.items()]
        typer.echo(json.dumps(rows, indent=2))
        return
    _table(
        ["network", "parameters", "GMACs"],
        [(name, f"{t.parameters:,}", f"{t.macs / 1e9:.6f}") for name, t in totals.items()],
    )


def print_report(report: Report) -> None:
    """Print the report: a table on a terminal, its plain text anywhere else."""
    from rich.console import Console

    if not Console().is_terminal:
        typer.echo(str(report))
        return
    console = Console()
    header, *rows = report.rows(console.width)
    dim = [layer.parameters == 0 for layer in report.layers]
    _table(list(header), rows, title=report.title, dim=dim)
    for line in [*report.summary(), *_left_out(header)]:
        typer.echo(_wrapped(line, console.width))


def _left_out(header: tuple[str, ...]) -> list[str]:
    """Return the line that says which columns the terminal is too narrow for."""
    from striate.network.report_text import COMPACT, HEADER

    missing = [name for name in COMPACT if name not in header]
    if header == HEADER or not missing:
        return []
    return [f"left out     {', '.join(missing)}: the terminal is too narrow, a pipe is not"]


def _wrapped(line: str, width: int) -> str:
    import textwrap

    room = max(width, 2 * INDENT)
    return textwrap.fill(line, room, subsequent_indent=" " * INDENT, break_on_hyphens=False)


def _table(
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

    from striate.network.report_text import width_of

    console = Console()
    gap = 2 if width_of([tuple(header), *rows], 2) <= console.width else 1
    table = Table(
        title=title, box=None, title_justify="left", padding=(0, gap, 0, 0), pad_edge=False
    )
    for name in header:
        justify: Literal["right", "left"] = "right" if name in NUMBERS else "left"
        table.add_column(name, justify=justify, overflow="fold")
    for row, faint in zip(rows, dim or [False] * len(rows), strict=True):
        table.add_row(*map(Text, row), style="dim" if faint else None)
    console.print(table)
