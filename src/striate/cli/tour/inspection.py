"""Chapter 2: VGG-16, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

import typer

from striate.cli.tour.page import Chapter, table

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["inspected_vgg"]

PUBLISHED = {
    "parameters": "138 M (Simonyan and Zisserman, table 2)",
    "GFLOP": "30.71 (Araujo et al. 2019)",
    "receptive field of pool5": "212, stride 32, padding 90 (Araujo et al. 2019)",
}


def inspected_vgg(console: Console) -> Chapter:
    """Print and return VGG-16's table of layers, with its totals beside published ones."""
    import striate
    from striate.cli.inspect import print_report

    report = striate.inspect(striate.load("vgg16"), input_shape=(1, 3, 224, 224))
    pool5 = next(layer for layer in report.layers if layer.name == "pool5").field[0]
    convolutions = sum(layer.flops for layer in report.layers if layer.operator == "Conv")
    gflop = report.totals.flops / 1e9
    biases = sum(layer.units for layer in report.layers if layer.operator == "Conv")
    computed = {
        "parameters": f"{report.totals.parameters:,}",
        "GFLOP": f"{(convolutions + biases) / 1e9:.2f} in convolutions with their biases",
        "receptive field of pool5": f"{pool5.size}, stride {pool5.stride}, padding {-pool5.start}",
    }
    print_report(report)
    rows = [("", "published", "computed")]
    rows += [(name, PUBLISHED[name], computed[name]) for name in PUBLISHED]
    print_rows(console, rows)
    note = (
        f"Two for each multiply-add make {convolutions / 1e9:.2f} GFLOP in convolutions and "
        f"{gflop:.2f} in all. With the {biases / 1e6:.2f} M additions of their biases, the "
        f"convolutions come to the published figure: {(convolutions + biases) / 1e9:.3f}."
    )
    typer.echo(note)
    totals = [line.partition("  ") for line in report.summary()]
    items = "".join(f"<li><b>{escape(name)}</b>: {escape(text)}</li>" for name, _, text in totals)
    body = table(rows) + f"<p>{escape(note)}</p><ul>{items}</ul>"
    body += table(report.rows(), numbers=frozenset({3, 4, 5}))
    lead = (
        "Output shapes, parameters, multiply-adds (MACs), activation memory and receptive field "
        "(size / stride from first pixel) of every layer, counted from the graph alone. "
    )
    return Chapter("VGG-16, inspected", lead, body)


def print_rows(console: Console, rows: Sequence[Sequence[str]]) -> None:
    """Print rows of text as a table; the first is the header."""
    from rich.table import Table
    from rich.text import Text

    shown = Table(*rows[0])
    for row in rows[1:]:
        shown.add_row(*map(Text, row))
    console.print(shown)
