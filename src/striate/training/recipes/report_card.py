"""A paper's figures beside those that come out here: Markdown, JSON and a picture."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from striate.errors import FileError, ParameterError
from striate.files import write_whole
from striate.training.recipes.plots import Panel, draw
from striate.training.recipes.wording import duration_text
from striate.training.wording import count_text

__all__ = ["SCHEMA", "Assumption", "Figure", "ReportCard", "Table", "folder_made"]

SCHEMA = 1
HEADER = ("figure", "published", "computed", "measured")


@dataclass(frozen=True, slots=True)
class Assumption:
    """What a paper leaves open or cannot be had, and what is done instead."""

    subject: str
    paper: str
    here: str

    def __str__(self) -> str:
        return f"{self.subject}: the paper {self.paper}; here {self.here}."


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the card; "" where there is nothing to say.

    `published` is what the paper prints, `computed` follows from the graph and the data without
    training, `measured` came out of these runs.
    """

    name: str
    published: str
    computed: str = ""
    measured: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under a heading; `note` says how to read them.

    Raises
    ------
    ParameterError
        If a row has more or fewer cells than the header.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.header):
                raise ParameterError(
                    f"table {self.title!r}: row {row} has {count_text(len(row), 'cell')}, but the "
                    f"header {len(self.header)}: they must be equally many"
                )


@dataclass(frozen=True, eq=False)
class ReportCard:
    """An experiment repeated; `str()` of it is text for a terminal.

    Attributes
    ----------
    name : str
        The recipe's, and the stem of the card's files.
    title, source, shows : str
        What was repeated, the paper with section and table, what the experiment shows.
    figures : tuple of Figure
        Published, computed and measured, side by side.
    tables : tuple of Table
        What does not fit into that.
    panels : tuple of Panel
        The plot's.
    assumptions : tuple of Assumption
    notes : tuple of str
        What else a reader must know: what the budget leaves out, what is not shown and why.
    settings : mapping
        Of the whole: budget, seeds, data, device; as JSON has them.
    machine : mapping
        See `recipes.machine.describe`.
    trials : tuple of mappings
        Name, settings, result and seconds of each run, as JSON has them.
    """

    name: str
    title: str
    source: str
    shows: str = ""
    figures: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = ()
    panels: tuple[Panel, ...] = ()
    assumptions: tuple[Assumption, ...] = ()
    notes: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    machine: Mapping[str, Any] = field(default_factory=dict)
    trials: tuple[Mapping[str, Any], ...] = ()

    @property
    def seconds(self) -> float:
        """What all runs took together."""
        return float(sum(trial["seconds"] for trial in self.trials))

    def rows(self) -> list[tuple[str, ...]]:
        """Return the table of figures: a header, then a row for each."""
        return [HEADER, *((f.name, f.published, f.computed, f.measured) for f in self.figures)]

    def to_json(self) -> str:
        """Return all of the card as JSON; its layout is that of `SCHEMA`."""
        card = {
            "schema": SCHEMA,
            "name": self.name,
            "title": self.title,
            "source": self.source,
            "shows": self.shows,
            "settings": dict(self.settings),
            "figures": [asdict(figure) for figure in self.figures],
            "tables": [asdict(table) for table in self.tables],
            "panels": [asdict(panel) for panel in self.panels],
            "assumptions": [asdict(assumption) for assumption in self.assumptions],
            "notes": list(self.notes),
            "machine": dict(self.machine),
            "cost": {"seconds": self.seconds, "runs": len(self.trials)},
            "trials": [dict(trial) for trial in self.trials],
        }
        return json.dumps(card, indent=2, ensure_ascii=False) + "\n"

    def to_markdown(self) -> str:
        """Return the card as a page; its picture is named, not held."""
        parts = [f"# {self.title}", f"{self.source}.", _sentence(self.shows)]
        parts += [_markdown(HEADER, tuple(self.rows()[1:]))] if self.figures else []
        for table in self.tables:
            parts += [f"## {table.title}", _markdown(table.header, table.rows), table.note]
        if self.panels:
            titles = "; ".join(panel.title for panel in self.panels)
            parts.append(f"![{titles}]({self.name}.png)")
        if self.assumptions:
            parts.append("## What the paper leaves open")
            parts.append("\n".join(f"- {a}" for a in self.assumptions))
        if self.notes:
            parts += ["## Notes", "\n".join(f"- {note}" for note in self.notes)]
        parts += ["## How it was made", "\n".join(f"- {line}" for line in self.making())]
        return "\n\n".join(part for part in parts if part) + "\n"

    def making(self) -> list[str]:
        """Return lines on the command, the cost, the machine and the versions."""
        lines = [f"`striate reproduce {self.name}`{_options(self.settings)}"]
        if self.trials:
            lines.append(
                f"{count_text(len(self.trials), 'run')}, {duration_text(self.seconds)} together"
            )
        if self.machine:
            m = self.machine
            versions = ", ".join(f"{n} {v}" for n, v in m["versions"].items() if v)
            lines.append(
                f"{m['processor']}, {count_text(m['processors'], 'processor')} usable, "
                f"device {m['device']}, threads: {m['threads']}"
            )
            lines.append(f"{m['system']}, Python {m['python']}, {versions}")
        return lines

    def write(self, folder: Path) -> list[Path]:
        """Write NAME.md, NAME.json and, where there is something to plot, NAME.png; return them.

        Raises
        ------
        FileError
        MissingExtraError
            If Matplotlib is missing.
        """
        folder_made(folder, "publish, --publish")
        picture = [draw(self.panels, folder / f"{self.name}.png")] if self.panels else []
        return [
            write_whole(folder / f"{self.name}.md", self.to_markdown()),
            write_whole(folder / f"{self.name}.json", self.to_json()),
            *picture,
        ]

    def __str__(self) -> str:
        parts = [self.title, self.source]
        if self.figures:
            parts.append(_ruled(self.rows()))
        for table in self.tables:
            parts += ["", table.title, _ruled([table.header, *table.rows])]
        return "\n".join([*parts, *map(str, self.assumptions), *self.notes])


def folder_made(folder: Path, option: str) -> Path:
    """Make a folder that `option` has named, unless it is there, and return it.

    Raises
    ------
    FileError
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(
            f"{folder}: no folder can be made there ({error.strerror}); choose another ({option})"
        ) from None
    return folder


def _sentence(text: str) -> str:
    """Return a phrase with a capital letter and a full stop."""
    return f"{text[0].upper()}{text[1:]}." if text else ""


def _options(settings: Mapping[str, Any]) -> str:
    shown = ", ".join(f"{name} {value}" for name, value in settings.items() if value is not None)
    return f" with {shown}" if shown else ""


def _markdown(header: tuple[str, ...], rows: tuple[tuple[str, ...], ...]) -> str:
    """Return a table in Markdown: text to the left, numbers to the right."""
    right = [_numbers([row[column] for row in rows]) for column in range(len(header))]
    rule = ["---:" if numbers else "---" for numbers in right]
    lines = [header, rule, *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines
    )


def _ruled(rows: list[tuple[str, ...]]) -> str:
    """Return a table as text: columns as wide as they need to be."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip()
        for row in rows
    ]
    rule = "-" * max(map(len, lines))
    return "\n".join([lines[0], rule, *lines[1:], rule])


def _numbers(cells: list[str]) -> bool:
    """Tell whether a column holds numbers: all that is in it begins with a digit or a sign."""
    filled = [cell for cell in cells if cell]
    return bool(filled) and all(cell[0].isdigit() or cell[0] in "+-" for cell in filled)
