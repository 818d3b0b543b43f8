"""Contact sheets: pictures in equal cells, each with a title and a caption."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from striate.drawing import palette
from striate.drawing.lettering import wrapped
from striate.drawing.scene import Group, Picture, Rectangle, Scene, Shape, Text
from striate.errors import ParameterError, explained

__all__ = ["contact_sheet"]

MARGIN, GUTTER = 28.0, 20.0
TITLE, CAPTION, LEADING = 14.0, 11.5, 16.0
SHARPNESS = 2  # pixels kept for each pixel of the page: files are small, prints are sharp
Item = tuple[str, ArrayLike, str]


def contact_sheet(
    items: Sequence[Item], *, columns: int = 3, cell: int = 240, title: str = "Contact sheet"
) -> Scene:
    """Return a sheet of labelled pictures, left to right and down.

    Pictures keep their proportions. Small ones are enlarged by a whole number without smoothing,
    so that each of their pixels stays a square; large ones are averaged down.

    Parameters
    ----------
    items : sequence of (title, picture, caption)
        Pictures are (H, W) or (H, W, 3) uint8. Captions are wrapped to three lines.
    columns : int
        At least 1; no more than there are items.
    cell : int
        Width and greatest height of a picture on the page, 48 to 1024 pixels.
    title : str
        The sheet's heading.

    Raises
    ------
    ShapeError, ParameterError
        If a picture is no uint8 image, or a number is out of range.

    Examples
    --------
    >>> grey = np.full((4, 6), 128, np.uint8)
    >>> sheet = contact_sheet([("one", grey, "4x6"), ("two", grey, "4x6")], columns=2)
    >>> sheet.width, sheet.title
    (556.0, 'Contact sheet')
    """
    with explained("contact_sheet"):
        if not items:
            raise ParameterError("there are no pictures to lay out; give at least one")
        if columns < 1:
            raise ParameterError(f"columns must be at least 1, not {columns}")
        if not 48 <= cell <= 1024:
            raise ParameterError(f"cell must lie in 48 to 1024, not {cell}")
        pictures = [_fitted(Picture.of(array, 0, 0, 1, 1), cell) for _, array, _ in items]
    columns = min(columns, len(items))
    width = 2 * MARGIN + columns * cell + (columns - 1) * GUTTER
    heading = "".join(wrapped(title, 20.0, width - 2 * MARGIN, 1))
    shapes: list[Shape] = [Text(MARGIN, MARGIN + 16, heading, 20.0)]
    y = MARGIN + 44
    for first in range(0, len(items), columns):
        row = range(first, min(first + columns, len(items)))
        captions = [wrapped(items[i][2], CAPTION, cell) for i in row]
        tall = max(pictures[i].height for i in row)
        for place, i in enumerate(row):
            x = MARGIN + place * (cell + GUTTER)
            shapes += _entry(items[i][0], pictures[i], captions[place], (x, y, cell, tall))
        y += tall + 24 + LEADING * max(map(len, captions)) + GUTTER
    names = ", ".join(name for name, _, _ in items)
    description = f"{len(items)} pictures: {names}."
    return Scene(width, y - GUTTER + MARGIN, title, description, (Group(tuple(shapes)),))


def _entry(
    title: str, picture: Picture, caption: Sequence[str], room: tuple[float, float, int, float]
) -> Iterator[Shape]:
    x, y, cell, tall = room
    left, top = x + (cell - picture.width) // 2, y + (tall - picture.height) // 2
    yield Rectangle(x, y, cell, tall, "#f4f6f8")
    yield Picture(
        left, top, picture.width, picture.height, picture.rows, picture.columns, picture.pixels
    )
    yield Text(x, y + tall + 20, wrapped(title, TITLE, cell, 1)[0] if title else "", TITLE)
    for number, line in enumerate(caption):
        yield Text(x, y + tall + 38 + LEADING * number, line, CAPTION, palette.QUIET)


def _fitted(picture: Picture, cell: int) -> Picture:
    """Return the picture at the size it takes on the page, averaged down if it is large."""
    array: NDArray[np.uint8] = picture.array
    rows, columns = array.shape[:2]
    if max(rows, columns) <= cell:
        factor = cell // max(rows, columns)
        return Picture.of(array, 0, 0, columns * factor, rows * factor)
    shrink = cell / max(rows, columns)
    width, height = max(1, round(columns * shrink)), max(1, round(rows * shrink))
    if max(rows, columns) > SHARPNESS * cell:
        size = (width * SHARPNESS, height * SHARPNESS)
        image = Image.fromarray(array).resize(size, Image.Resampling.LANCZOS)
        array = np.asarray(image)
    return Picture.of(array, 0, 0, width, height)
