"""A report as text: a table between rules, the lines below it, and numbers as people read them."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from striate.network.inspection.report import Report

__all__ = [
    "Row",
    "bytes_text",
    "ruled",
    "scaled",
    "summary",
    "three_digits",
    "width_of",
]

Row = tuple[str, ...]


def width_of(rows: Sequence[Row], gap: int = 1) -> int:
    """Return how many letters wide a table of these rows is, with `gap` between its columns."""
    return sum(max(map(len, column)) + gap for column in zip(*rows, strict=True)) - gap


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
    t, way = report.totals, report.convention
    rest = [f"{count:,} {what}" for count, what in _not_trained(report) if count]
    lines = [
        f"parameters   {t.parameters:,}{''.join(f' and {text}' for text in rest)} "
        f"({bytes_text(t.parameter_bytes)} in float32)",
        f"MACs         {t.macs:,} ({scaled(t.macs)}; {scaled(t.flops)}FLOP)",
        f"units        {t.units:,} with the input's; {t.connections:,} connections, "
        "one of each bias included, for one example",
        f"moved        {bytes_text(t.read_bytes)} read and {bytes_text(t.written_bytes)} written, "
        f"{t.intensity:.2f} FLOP for each byte",
        f"inference    {bytes_text(t.peak_activation_bytes)} of activations at most"
        + (f", in {t.peak_layer}: {_some(t.peak_alive)}" if t.peak_layer else ""),
        *_training(report),
        *_shared(report),
    ]
    if t.milliseconds is not None:
        lines.append(f"time         {t.milliseconds:.3f} ms, the sum of the layers' medians")
    counted = "" if way == "macs" else f"{t.counted:,} ({scaled(t.counted).rstrip()}), "
    lines.append(f"counted as   {counted}{report.counted_as}")
    return [*lines, *(f"note         {note}" for note in report.notes)]


def _not_trained(report: Report) -> list[tuple[int, str]]:
    t = report.totals
    return [(t.frozen, "frozen"), (t.buffers, "running statistics")]


def _training(report: Report) -> list[str]:
    t = report.totals.training
    if not t.gradients:
        return [f"training     {bytes_text(t.kept)} of activations kept; nothing is trained"]
    totals = ", ".join(f"{bytes_text(size)} ({name})" for name, size in t.total.items())
    return [
        f"training     {bytes_text(t.kept)} of activations kept; {bytes_text(t.peak)} at most with "
        f"their gradients, in {t.layer}; with parameters, gradients and state {totals}"
    ]


def _shared(report: Report) -> list[str]:
    groups: dict[frozenset[str], tuple[str, ...]] = {}
    for layer in report.layers:
        names = (layer.name, *layer.shared_with)
        if layer.shared_with:
            groups.setdefault(frozenset(names), names)
    return [
        f"shared *     {', '.join(names)} read the same parameters, counted once"
        for names in groups.values()
    ]


def _some(names: Sequence[str], most: int = 4) -> str:
    """Return the names, the largest few if they are many."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def scaled(count: int) -> str:
    """Return a count as it is, or in thousands (k), millions (M), billions (G) or more (T).

    >>> scaled(0), scaled(1500), scaled(61_585_538_000_000)
    ('0 ', '1.500 k', '61.586 T')
    """
    for unit, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= unit:
            return f"{count / unit:.3f} {prefix}"
    return f"{count} "


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


def bytes_text(count: int) -> str:
    """Return bytes as people read them."""
    size = float(count)
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.2f} GiB"
