"""Rows as the tables of a document."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from striate.cli.bench.filters.cases import FilterCase
from striate.cli.bench.filters.engines import BESIDE
from striate.cli.bench.filters.measure import FilterRow
from striate.cli.bench.filters.report import (
    Summary,
    bound_letter,
    colours,
    is_small,
    summaries,
)
from striate.cli.bench.measure import OURS
from striate.cli.bench.report import markdown_table, threads_text
from striate.files import write_whole

__all__ = ["as_markdown", "write_markdown"]


def write_markdown(path: Path, rows: Sequence[FilterRow]) -> None:
    """Write the tables whole."""
    write_whole(path, as_markdown(rows))


def as_markdown(rows: Sequence[FilterRow]) -> str:
    """Return the means, each ratio with its limit, small images, and the other libraries."""
    large = [row for row in rows if not is_small(row.case)]
    small = [row for row in rows if is_small(row.case)]
    parts = [_means(rows)]
    for (dtype, threads), group in groupby(sorted(large, key=_table_key), _table_key):
        parts.append(f"{dtype}, {threads_text(threads)}\n\n{_ratios(list(group))}")
    parts += [part for part in (_small(small), *_others(rows)) if part]
    return "\n\n".join(parts) + "\n"


def _table_key(row: FilterRow) -> tuple[str, int]:
    return row.case.dtype, row.threads


def _means(rows: Sequence[FilterRow]) -> str:
    head = ("images", "rows", "mean", "lowest", "magnitude", "box 31 / box 3", "the lowest is")
    return markdown_table(head, [_mean(one) for one in summaries(rows)])


def _mean(one: Summary) -> list[str]:
    shared = [one.dtype]
    if one.width:
        shared = [f"{one.width}x{one.height}", one.dtype, threads_text(one.threads)]
    numbers = (one.mean, one.lowest, one.magnitude, one.boxes)
    return [
        " ".join(shared[:2]) + "".join(f", {text}" for text in shared[2:]),
        str(one.rows),
        *(f"{number:.2f}" if number else "-" for number in numbers),
        one.where,
    ]


def _ratios(rows: Sequence[FilterRow]) -> str:
    """Return one line a filter and one column an image: the ratio, and the share of the limit."""
    images = list(dict.fromkeys(_image(row.case) for row in rows))
    names = list(dict.fromkeys(row.case.name for row in rows))
    cells = {(row.case.name, _image(row.case)): _cell(row) for row in rows}
    body = [[name, *(cells.get((name, image), "") for image in images)] for name in names]
    return markdown_table(["filter", *images], body)


def _image(case: FilterCase) -> str:
    return f"{case.width}x{case.height} {colours(case.channels)}"


def _cell(row: FilterRow) -> str:
    if row.seconds is None:
        return "wrong"
    ratio = f"{row.ratio:.2f}" if row.ratio else "-"
    return f"{ratio} ({row.share:.0%} {bound_letter(row)})"


def _small(rows: Sequence[FilterRow]) -> str:
    """Return microseconds a call, ours and OpenCV's, into a result that is there and a new one."""
    columns = list(dict.fromkeys(_small_column(row) for row in rows))
    names = list(dict.fromkeys(_small_name(row) for row in rows))
    cells = {
        (_small_name(row), _small_column(row)): " / ".join(
            _microseconds(row, name) for name in (OURS, BESIDE)
        )
        for row in rows
    }
    body = [[name, *(cells.get((name, column), "") for column in columns)] for name in names]
    head = markdown_table(["filter", *columns], body)
    return f"Microseconds a call, {OURS} / {BESIDE}\n\n{head}" if body else ""


def _small_name(row: FilterRow) -> str:
    return f"{row.case.name}, {_image(row.case)} {row.case.dtype}"


def _small_column(row: FilterRow) -> str:
    return f"{'result there' if row.case.prepared else 'new result'}, {threads_text(row.threads)}"


def _microseconds(row: FilterRow, name: str) -> str:
    entry = row.entries.get(name)
    return f"{entry.seconds.median * 1e6:.1f}" if entry and entry.seconds else "-"


def _others(rows: Sequence[FilterRow]) -> Iterator[str]:
    """Yield how the other libraries compare with ours, for each image where they were timed."""
    timed = [row for row in rows if set(row.ratios) - {BESIDE}]
    for about, group in groupby(timed, _about):
        chosen = list(group)
        names = list(dict.fromkeys(name for row in chosen for name in row.ratios))
        body = [
            [r.case.name, *(f"{r.ratios[n].median:.2f}" if n in r.ratios else "-" for n in names)]
            for r in chosen
        ]
        yield f"{about}\n\n{markdown_table(['time over ours', *names], body)}"


def _about(row: FilterRow) -> str:
    return f"{_image(row.case)} {row.case.dtype}, {threads_text(row.threads)}"
