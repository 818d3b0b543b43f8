"""A report as text: the table's cells, full or to a width, and the lines below them."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from striate.network.report import FieldSummary, Layer, Report

__all__ = [
    "COMPACT",
    "HEADER",
    "fitted_rows",
    "full_rows",
    "plain",
    "ruled",
    "scaled",
    "size_text",
    "summary",
    "three_digits",
    "width_of",
]

Row = tuple[str, ...]

HEADER = (
    "layer",
    "operator",
    "output",
    "parameters",
    "MACs",
    "activations",
    "field (size / stride from start)",
)
NUMBERS = {3, 4, 5}
COMPACT = ("layer", "operator", "output", "params", "MACs", "memory", "field")
SHORT = {
    "AveragePool": "AvgPool",
    "BatchNormalization": "BatchNorm",
    "ConvTranspose": "ConvTransp",
    "GlobalAveragePool": "GlobalAvg",
    "GlobalMaxPool": "GlobalMax",
}
DROPPED_FIRST = ("memory", "operator", "output", "params")


def full_rows(report: Report) -> list[Row]:
    """Return the header, and a row of exact numbers for each layer."""
    return [HEADER, *(_row(layer) for layer in report.layers)]


def fitted_rows(report: Report, width: int) -> list[Row]:
    """Return the full rows if they fit into `width` letters, a space apart; else compact ones.

    Compact rows have short headings and three digits of each number; while they are too wide
    still, the least important columns go. Layer, MACs and field stay, whatever the width.
    """
    rows = full_rows(report)
    if width_of(rows) <= width:
        return rows
    rows = [COMPACT, *(_compact_row(layer) for layer in report.layers)]
    for name in DROPPED_FIRST:
        if width_of(rows) <= width:
            break
        place = rows[0].index(name)
        rows = [row[:place] + row[place + 1 :] for row in rows]
    return rows


def width_of(rows: Sequence[Row], gap: int = 1) -> int:
    """Return how many letters wide a table of these rows is, with `gap` between its columns."""
    return sum(max(map(len, column)) + gap for column in zip(*rows, strict=True)) - gap


def plain(report: Report) -> str:
    """Return the whole report as text."""
    return ruled(report.title, full_rows(report), NUMBERS, summary(report))


def ruled(title: str, rows: Sequence[Row], numbers: Set[int], below: Sequence[str]) -> str:
    """Return a title, a table between rules, and lines below it.

    `rows` begin with the header; `numbers` are the columns that lie to the right.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            cell.rjust(width) if column in numbers else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    rule = "-" * max(map(len, lines))
    return "\n".join([title, lines[0], rule, *lines[1:], rule, *below])


def summary(report: Report) -> list[str]:
    """Return the lines below the table."""
    t = report.totals
    return [
        f"parameters   {t.parameters:,} ({size_text(t.parameter_bytes)} in float32)",
        f"MACs         {t.macs:,} ({scaled(t.macs)}; {scaled(t.flops)}FLOP)",
        f"units        {t.units:,} with the input's; {t.connections:,} connections, "
        "one of each bias included, for one example",
        f"activations  {size_text(t.activation_bytes)} kept for training, "
        f"{size_text(t.peak_activation_bytes)} at most at once for inference",
        f"counted as   {report.convention}",
        *(f"note         {note}" for note in report.notes),
    ]


def _row(layer: Layer) -> Row:
    return (
        layer.name,
        layer.operator,
        "x".join(map(str, layer.output_shape)),
        f"{layer.parameters:,}",
        f"{layer.macs:,}",
        size_text(layer.activation_bytes),
        _field(layer.field, " / "),
    )


def _compact_row(layer: Layer) -> Row:
    name, operator, output, _, _, memory, _ = _row(layer)
    parameters, macs = three_digits(layer.parameters), three_digits(layer.macs)
    short = SHORT.get(operator, operator)
    return name, short, output, parameters, macs, memory, _field(layer.field, "/")


def _field(field: Sequence[FieldSummary], by: str) -> str:
    """Return the field as text: once if all axes agree, else an axis after another."""
    texts = [
        f"{axis.size}{'' if axis.stride == 0 else f'{by}{axis.stride}'} from {axis.start}"
        + ("" if axis.aligned else " (misaligned)")
        for axis in field
    ]
    return texts[0] if len(set(texts)) == 1 else " x ".join(texts)


def scaled(count: int) -> str:
    """Return a count in thousands (k), millions (M) or billions (G)."""
    for unit, prefix in ((1e9, "G"), (1e6, "M")):
        if count >= unit:
            return f"{count / unit:.3f} {prefix}"
    return f"{count / 1e3:.3f} k"


def three_digits(count: int) -> str:
    """Return a count to three digits: 0, 999, 1.79k, 36.9k, 147k, 1.85G."""
    if count < 1000:
        return str(count)
    size = float(count)
    for prefix in "kMGT":
        size /= 1000
        if size < 999.5 or prefix == "T":
            break
    digits = 2 if size < 9.995 else 1 if size < 99.95 else 0
    return f"{size:.{digits}f}{prefix}"


def size_text(count: int) -> str:
    """Return bytes as people read them."""
    size = float(count)
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.2f} GiB"
