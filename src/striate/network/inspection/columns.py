"""The columns of a report's table, and which of them fit into how many letters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from striate.errors import UnknownNameError
from striate.geometry.text import size_text
from striate.network.inspection.conventions import CONVENTIONS, convention
from striate.network.inspection.text import Row, bytes_text, three_digits, width_of

if TYPE_CHECKING:
    from striate.network.inspection.layers import FieldSummary, Layer
    from striate.network.inspection.report import Report

__all__ = ["COLUMNS", "Column", "chosen", "fitted_rows", "full_rows", "is_number", "left_out"]

Cell = Callable[["Layer"], str]

SHORT = {
    "AveragePool": "AvgPool",
    "BatchNormalization": "BatchNorm",
    "ConvTranspose": "ConvTransp",
    "GlobalAveragePool": "GlobalAvg",
    "GlobalMaxPool": "GlobalMax",
    "GroupNormalization": "GroupNorm",
    "InstanceNormalization": "InstNorm",
    "LayerNormalization": "LayerNorm",
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its headings and cells, full and short.

    `number` says that it lies to the right; `needed` that no width leaves it out.
    """

    name: str
    full: str
    short: str
    cell: Cell
    short_cell: Cell
    number: bool = False
    needed: bool = False


def _column(name: str, cell: Cell, short_cell: Cell | None = None, **more: str | bool) -> Column:
    full, short = str(more.pop("full", name)), str(more.pop("short", name))
    number, needed = bool(more.get("number")), bool(more.get("needed"))
    return Column(name, full, short, cell, short_cell or cell, number, needed)


def _parameters(layer: Layer, text: Callable[[int], str]) -> str:
    """Return the count: in brackets what is not trained, with a star what others read too."""
    count = text(layer.parameters)
    if layer.frozen:
        count = f"{count} ({text(layer.frozen)})" if layer.parameters else f"({text(layer.frozen)})"
    return f"{count}*" if layer.shared_with else count


def _exact(count: int) -> str:
    return f"{count:,}"


def _by(shape: Sequence[int]) -> str:
    return size_text(shape) or "scalar"


def _milliseconds(layer: Layer) -> str:
    if layer.milliseconds is None:
        return f"in {layer.timed_with}" if layer.timed_with else ""
    return f"{layer.milliseconds:.3f}"


def _field(fields: Sequence[FieldSummary], by: str, *, said: str = "") -> str:
    """Return the field as text: once if all axes agree, else an axis after another."""
    groups: dict[str, list[str]] = {}
    for axis in fields:
        stride = "" if axis.stride == 0 else f"{by}{axis.stride}"
        text = f"{axis.size}{stride} from {axis.start}"
        groups.setdefault(axis.input, []).append(text + " (misaligned)" * (not axis.aligned))
    alone = len(groups) < 2
    texts = [
        ("" if alone else f"{name}: ") + (each[0] if len(set(each)) == 1 else " x ".join(each))
        for name, each in groups.items()
    ]
    return "; ".join(texts) or said


def _padding(layer: Layer) -> str:
    texts = [f"{axis.before} + {axis.after}" for axis in layer.field]
    return texts[0] if len(set(texts)) == 1 else " x ".join(texts)


def _none(layer: Layer) -> str:
    return "none (see notes)" if layer.field_note else ""


def _moved(layer: Layer) -> str:
    return bytes_text(layer.read_bytes + layer.written_bytes)


COLUMNS = {
    column.name: column
    for column in (
        _column("layer", lambda x: x.name, needed=True),
        _column("operator", lambda x: x.operator, lambda x: SHORT.get(x.operator, x.operator)),
        _column("input", lambda x: ", ".join(map(_by, x.input_shapes))),
        _column("output", lambda x: ", ".join(map(_by, x.output_shapes))),
        _column("kind", lambda x: x.kind),
        _column(
            "parameters",
            lambda x: _parameters(x, _exact),
            lambda x: _parameters(x, three_digits),
            short="params",
            number=True,
        ),
        _column(
            "macs",
            lambda x: _exact(x.macs),
            lambda x: three_digits(x.macs),
            full="MACs",
            short="MACs",
            number=True,
            needed=True,
        ),
        _column(
            "counted",
            lambda x: _exact(x.counted),
            lambda x: three_digits(x.counted),
            number=True,
            needed=True,
        ),
        _column("units", lambda x: _exact(x.units), lambda x: three_digits(x.units), number=True),
        _column(
            "connections",
            lambda x: _exact(x.connections),
            lambda x: three_digits(x.connections),
            number=True,
        ),
        _column(
            "activations", lambda x: bytes_text(x.activation_bytes), short="memory", number=True
        ),
        _column("alive", lambda x: bytes_text(x.alive_bytes), number=True),
        _column("moved", _moved, number=True),
        _column(
            "intensity",
            lambda x: f"{x.intensity:.2f}",
            full="FLOP/B",
            short="FLOP/B",
            number=True,
        ),
        _column(
            "field",
            lambda x: _field(x.field, " / ", said=_none(x)),
            lambda x: _field(x.field, "/", said="none" * bool(x.field_note)),
            full="field (size / stride from start)",
            needed=True,
        ),
        _column("padding", _padding),
        _column(
            "time",
            _milliseconds,
            lambda x: "-" if x.timed_with else _milliseconds(x),
            full="ms",
            short="ms",
            number=True,
            needed=True,
        ),
        _column("shared", lambda x: ", ".join(x.shared_with)),
        _column("note", lambda x: x.counted_as),
    )
}
"""All columns, in the order in which a table has them if not told another."""

DEFAULT = ("layer", "operator", "output", "parameters", "macs", "activations", "field")
DROPPED_FIRST = ("activations", "operator", "output", "parameters")


def chosen(report: Report, columns: Sequence[str] | None = None) -> list[Column]:
    """Return the columns that a report shows.

    Those named; or else the usual ones, with what the report's convention counts in place of
    multiply-adds, and with times where they were measured.

    Raises
    ------
    UnknownNameError
        If there is no such column.
    """
    if columns is not None:
        for name in columns:
            if name not in COLUMNS:
                raise UnknownNameError.of("column", name, COLUMNS)
        return [_titled(COLUMNS[name], report) for name in columns]
    names = [*DEFAULT]
    if report.convention != "macs":
        names[names.index("macs")] = "counted"
    if report.totals.milliseconds is not None:
        names.insert(names.index("field"), "time")
    return [_titled(COLUMNS[name], report) for name in names]


def _titled(column: Column, report: Report) -> Column:
    if column.name != "counted":
        return column
    title = convention(report.convention).title
    return Column("counted", title, title, column.cell, column.short_cell, True, True)


def full_rows(report: Report, columns: Sequence[str] | None = None) -> list[Row]:
    """Return the header, and a row of exact numbers for each layer."""
    some = chosen(report, columns)
    header = tuple(column.full for column in some)
    return [header, *(tuple(column.cell(layer) for column in some) for layer in report.layers)]


def fitted_rows(report: Report, width: int, columns: Sequence[str] | None = None) -> list[Row]:
    """Return the full rows if they fit into `width` letters, a space apart; else compact ones.

    Compact rows have short headings and three digits of each number; while they are too wide
    still, the least important columns go, unless they were named. Layer, MACs and field stay,
    whatever the width.
    """
    rows = full_rows(report, columns)
    if width_of(rows) <= width:
        return rows
    some = chosen(report, columns)
    while True:
        rows = [tuple(column.short for column in some)]
        rows += [tuple(column.short_cell(layer) for column in some) for layer in report.layers]
        going = [name for name in DROPPED_FIRST if name in [column.name for column in some]]
        if width_of(rows) <= width or columns is not None or not going:
            return rows
        some = [column for column in some if column.name != going[0]]


def is_number(heading: str) -> bool:
    """Tell whether the column of a heading lies to the right."""
    if any(heading == way.title for way in CONVENTIONS.values()):
        return True
    return any(c.number for c in COLUMNS.values() if heading in (c.full, c.short))


def left_out(report: Report, header: Row, columns: Sequence[str] | None = None) -> list[str]:
    """Return the short headings that a fitted table lacks."""
    some = chosen(report, columns)
    if header == tuple(column.full for column in some):
        return []
    return [column.short for column in some if column.short not in header]
