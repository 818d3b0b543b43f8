"""Legends: rows of swatches, each with what it means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from striate.drawing import palette
from striate.drawing.lettering import text_width
from striate.drawing.scene import Line, Rectangle, Shape, Text

__all__ = ["Key", "legend"]

SWATCH, GAP, APART, ROW, SIZE = 14.0, 7.0, 18.0, 24.0, 12.5


@dataclass(frozen=True, slots=True)
class Key:
    """One entry: a label and how its cells look."""

    label: str
    fill: str | None
    stroke: str
    dashed: bool = False
    hatched: bool = False

    @property
    def width(self) -> float:
        """The entry's width in pixels."""
        return SWATCH + GAP + text_width(self.label, SIZE)


def legend(keys: Sequence[Key], x: float, y: float, width: float) -> tuple[list[Shape], float]:
    """Return the shapes of a centred legend, and where the page goes on below it."""
    rows: list[list[Key]] = [[]]
    for key in keys:
        if rows[-1] and _width([*rows[-1], key]) > width:
            rows.append([])
        rows[-1].append(key)
    shapes: list[Shape] = []
    for row in rows:
        left = x + (width - _width(row)) / 2
        for key in row:
            shapes += _entry(key, left, y)
            left += key.width + APART
        y += ROW
    return shapes, y


def _width(row: Sequence[Key]) -> float:
    return sum(key.width for key in row) + APART * (len(row) - 1)


def _entry(key: Key, x: float, y: float) -> list[Shape]:
    shapes: list[Shape] = []
    right, bottom = x + SWATCH, y + SWATCH
    if key.dashed:
        corners = ((x, y), (right, y), (right, bottom), (x, bottom), (x, y))
        shapes.append(Line(corners, key.stroke, dashes=(3, 2.5)))
    else:
        shapes.append(Rectangle(x, y, SWATCH, SWATCH, key.fill, key.stroke))
    if key.hatched:
        half = SWATCH / 2
        shapes += [
            Line(((x, y + half), (x + half, y)), key.stroke),
            Line(((x, bottom), (right, y)), key.stroke),
            Line(((x + half, bottom), (right, y + half)), key.stroke),
        ]
    shapes.append(Text(right + GAP, bottom - 2.5, key.label, SIZE, palette.QUIET))
    return shapes
