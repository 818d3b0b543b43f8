"""A paper's figures beside those that come out here."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from striate.training.evaluation import Evaluation
from striate.training.result import Result

__all__ = ["Assumption", "Figure", "ReportCard"]


@dataclass(frozen=True, slots=True)
class Assumption:
    """What a paper leaves open or cannot be had, and what is done instead."""

    subject: str
    paper: str
    here: str


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the card; "" where there is nothing to say.

    `published` is what the paper prints, `computed` follows from the graph and the data without
    training, `measured` came out of this run.
    """

    name: str
    published: str
    computed: str = ""
    measured: str = ""


@dataclass(frozen=True, eq=False)
class ReportCard:
    """An experiment repeated; `str()` of it is a table.

    Attributes
    ----------
    title, source : str
        What was repeated, and the paper.
    figures : tuple of Figure
    assumptions : tuple of Assumption
    result : Result
        The trained network and its history.
    test : Evaluation
        Of the trained network on the test examples.
    """

    title: str
    source: str
    figures: tuple[Figure, ...]
    assumptions: tuple[Assumption, ...]
    result: Result
    test: Evaluation

    def rows(self) -> list[tuple[str, str, str, str]]:
        """Return the table's cells: a header, then a row for each figure."""
        header = ("figure", "published", "computed", "measured")
        return [header, *((f.name, f.published, f.computed, f.measured) for f in self.figures)]

    def notes(self) -> list[str]:
        """Return the assumptions as sentences."""
        return [f"{a.subject}: the paper {a.paper}; here {a.here}." for a in self.assumptions]

    def to_json(self) -> str:
        """Return figures, assumptions, settings and history as JSON."""
        card: dict[str, Any] = {
            "title": self.title,
            "source": self.source,
            "figures": [asdict(figure) for figure in self.figures],
            "assumptions": [asdict(assumption) for assumption in self.assumptions],
            "settings": asdict(self.result.settings),
            "history": [asdict(epoch) for epoch in self.result.history],
        }
        return json.dumps(card, indent=2)

    def __str__(self) -> str:
        rows = self.rows()
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        lines = [
            "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip()
            for row in rows
        ]
        rule = "-" * max(map(len, lines))
        return "\n".join([self.title, self.source, lines[0], rule, *lines[1:], rule, *self.notes()])
