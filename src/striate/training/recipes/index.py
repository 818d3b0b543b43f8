"""The page that lists all report cards of a folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from striate.errors import FileError
from striate.files import write_whole
from striate.training.recipes.registry import RECIPES
from striate.training.recipes.wording import duration_text
from striate.training.wording import count_text

__all__ = ["write_index"]

HEAD = """# Papers' experiments, repeated

Each card sets what a paper prints beside what is computed from its networks and what was
measured here. `striate reproduce` lists the recipes; `striate reproduce NAME --publish FOLDER`
writes a card, its data as JSON, its plot, and this page.
"""


def write_index(folder: Path) -> Path:
    """Write index.md, which lists the cards that lie in the folder, and return its path.

    Raises
    ------
    FileError
        If a card cannot be read.
    """
    cards = [_read(path) for path in sorted(folder.glob("*.json"))]
    order = list(RECIPES)
    cards.sort(key=lambda card: (_place(order, card["name"]), card["name"]))
    rows = [
        f"| [{card['name']}]({card['name']}.md) | {card['source']} | {card['shows']} "
        f"| {count_text(card['cost']['runs'], 'run')}, {duration_text(card['cost']['seconds'])} |"
        for card in cards
    ]
    table = "\n".join(
        ["| recipe | paper | what it shows | cost |", "| --- | --- | --- | --- |", *rows]
    )
    names = "\n".join(card["name"] for card in cards)
    pages = f"```{{toctree}}\n:hidden:\n\n{names}\n```\n"
    return write_whole(folder / "index.md", f"{HEAD}\n{table}\n\n{pages}")


def _place(order: list[str], name: str) -> int:
    return order.index(name) if name in order else len(order)


def _read(path: Path) -> dict[str, Any]:
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
        found = {name: card[name] for name in ("name", "source", "shows", "cost")}
        found["cost"] = {name: float(card["cost"][name]) for name in ("runs", "seconds")}
        found["cost"]["runs"] = int(found["cost"]["runs"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise FileError(
            f"{path}: is no report card ({type(error).__name__}: {error}); take it away"
        ) from None
    return found
