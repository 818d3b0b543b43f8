"""Chapter 2: VGG-16, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

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
    computed = {
        "parameters": f"{report.totals.parameters:,}",
        "GFLOP": f"{convolutions / 1e9:.2f} in convolutions, {gflop:.2f} in all",
        "receptive field of pool5": f"{pool5.size}, stride {pool5.stride}, padding {-pool5.start}",
    }
    print_report(report)
    rows = [("", "published", "computed")]
    rows += [(name, PUBLISHED[name], computed[name]) for name in PUBLISHED]
    print_rows(console, rows)
    body = table(rows) + "<br>" + table(report.rows(), numbers=frozenset({3, 4, 5}))
    lead = (
        "Output shapes, parameters, multiply-adds (MACs), activation memory and receptive field "
        "(size / stride from first pixel) of every layer, counted from the graph alone. "
        f"The convention: {report.convention}."
    )
    return Chapter("VGG-16, inspected", lead, body)


def print_rows(console: Console, rows: Sequence[Sequence[str]]) -> None:
    """Print rows of text as a table; the first is the header."""
    from rich.table import Table

    shown = Table(*rows[0])
    for row in rows[1:]:
        shown.add_row(*row)
    console.print(shown)
