"""Feature maps: what every layer of a network makes of a few examples, one row for each."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from striate.drawing import palette
from striate.drawing.bars import bars, bars_width
from striate.drawing.colour_map import diverging, grey
from striate.drawing.formula import times
from striate.drawing.lettering import text_width, wrapped
from striate.drawing.scene import Group, Line, Picture, Rectangle, Scene, Shape, Text
from striate.errors import ParameterError, ShapeError, explained

__all__ = ["Example", "feature_maps"]

MARGIN, APART, HEAD = 28.0, 30.0, 110.0
TALL = 128  # of a row's pictures
ROW = TALL + 46
SMALLEST, GAP = 16, 4  # of a map on the page, between maps
MAPS, UNITS = 48, 120  # of a layer, at most
SMALL = 12.0
Reals = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Example:
    """An input and all that a network made of it.

    Parameters
    ----------
    input : (H, W) or (H, W, 3) array
        Real numbers, or uint8 colours.
    layers : sequence of (name, array)
        (C, H, W) for C maps, (C,) for C units.
    scores : sequence of float
        One for each class; the largest is the prediction.
    truth : int, optional
        The true class.
    labels : sequence of str
        The classes' names; their numbers if left out.
    """

    input: ArrayLike
    layers: Sequence[tuple[str, ArrayLike]]
    scores: Sequence[float]
    truth: int | None = None
    labels: Sequence[str] = field(default=())


@dataclass(frozen=True, slots=True)
class Column:
    """One layer of all examples: where it stands and how large its maps are."""

    name: str
    note: str
    x: float
    shape: tuple[int, int]  # rows and columns of maps
    size: tuple[int, int]  # height and width of a map on the page
    most: float
    gap: int

    @property
    def width(self) -> float:
        """The column's width in pixels."""
        return self.shape[1] * (self.size[1] + self.gap) - self.gap


def feature_maps(
    rows: Sequence[Example], *, title: str = "What each layer makes of the input"
) -> Scene:
    """Return the feature maps of a few examples, one row each, with the scores at the end.

    Activations are blue below zero and orange above, to one scale for each layer, so that rows
    can be compared. Each value is a square of whole pixels wherever the layer is small enough;
    larger maps are averaged down. At most 48 maps and 120 units of a layer are shown, and the
    heading says of how many. Bars show the scores to one scale for all rows, with their numbers.
    The predicted class is ticked if right and crossed if wrong.

    Parameters
    ----------
    rows : sequence of Example
        All from one network: their layers have the same names and shapes.
    title : str
        The heading.

    Raises
    ------
    ShapeError
        If the examples' layers, scores or inputs do not fit each other.
    ParameterError
        If there are no examples, or a value is not finite.

    Examples
    --------
    >>> maps = np.linspace(-1, 1, 2 * 4 * 4).reshape(2, 4, 4)
    >>> seen = Example(np.zeros((8, 8)), [("H1", maps)], scores=[0.1, 0.9], truth=1)
    >>> feature_maps([seen]).description
    '1 example through H1. Example 1: true 1, predicted 1.'
    """
    with explained("feature_maps"):
        inputs, layers = _checked(rows)
    shown = Column(
        "input", times(inputs[0].shape[:2]), MARGIN, (1, 1), _zoom(inputs[0], TALL), 0, 0
    )
    columns = [shown]
    for (name, _), arrays in zip(rows[0].layers, layers, strict=True):
        columns.append(_column(name, arrays, columns[-1]))
    at = columns[-1].x + _room(columns[-1]) + APART
    shapes: list[Shape] = [Text(MARGIN, MARGIN + 16, title, 20.0)]
    for column in columns:
        shapes.append(Text(column.x, HEAD - 28, column.name, 13.0))
        shapes.append(Text(column.x, HEAD - 12, column.note, SMALL, palette.QUIET))
    shapes.append(Text(at, HEAD - 28, "output", 13.0))
    shapes.append(Text(at, HEAD - 12, f"{len(rows[0].scores)} classes", SMALL, palette.QUIET))
    low, high = (float(f([f(a) for a in inputs])) for f in (np.min, np.max))
    every = [float(score) for example in rows for score in example.scores]
    scores = (min(every), max(every))
    for i, example in enumerate(rows):
        y = HEAD + i * ROW
        shapes += _picture(inputs[i], columns[0], y, low, high)
        for column, arrays in zip(columns[1:], layers, strict=True):
            shapes += _maps(arrays[i], column, y)
        shapes += bars(_labels(example), example.scores, example.truth, at, y, TALL, scores)
        shapes.append(Text(MARGIN, y + TALL + 20, _verdict(example), SMALL, palette.QUIET))
    bottom = HEAD + len(rows) * ROW
    shapes += _scale(MARGIN, bottom)
    names = ", ".join(column.name for column in columns[1:])
    told = " ".join(f"Example {i + 1}: {_verdict(example)}." for i, example in enumerate(rows))
    description = f"{len(rows)} example{'s' * (len(rows) > 1)} through {names}. {told}"
    width = max(at + bars_width(_labels(rows[0])) + MARGIN, 2 * MARGIN + text_width(title, 20.0))
    return Scene(width, bottom + 34 + MARGIN, title, description, (Group(tuple(shapes)),))


def _checked(rows: Sequence[Example]) -> tuple[list[Reals], list[list[Reals]]]:
    """Return the inputs, and for each layer its arrays, after checking that they fit."""
    if not rows:
        raise ParameterError("there are no examples to draw; give at least one")
    inputs = [np.asarray(example.input, np.float64) for example in rows]
    for image in inputs:
        if image.ndim not in (2, 3) or image.shape[2:] not in ((), (3,)) or image.size == 0:
            raise ShapeError(f"an input is (H, W) or (H, W, 3) and not empty, not {image.shape}")
        _finite("the input", image)
    kinds = [
        [("input", np.shape(example.input)), ("scores", np.shape(example.scores))]
        + [(name, np.shape(array)) for name, array in example.layers]
        for example in rows
    ]
    for i, kind in enumerate(kinds):
        if kind != kinds[0]:
            raise ShapeError(f"example {i} has {kind} but example 0 has {kinds[0]}")
    for example in rows:
        _finite("the output", np.asarray(example.scores, np.float64))
        _check_classes(example)
    layers = []
    for place, (name, _) in enumerate(rows[0].layers):
        arrays = [np.asarray(example.layers[place][1], np.float64) for example in rows]
        if arrays[0].ndim not in (1, 3) or arrays[0].size == 0:
            raise ShapeError(
                f"layer {name!r} must be (C, H, W) maps or (C,) units and not empty, "
                f"not {arrays[0].shape}"
            )
        for array in arrays:
            _finite(f"layer {name!r}", array)
        layers.append(arrays)
    return inputs, layers


def _check_classes(example: Example) -> None:
    count = len(example.scores)
    if count == 0:
        raise ShapeError("an example has no scores; give one for each class")
    if example.labels and len(example.labels) != count:
        raise ShapeError(f"{len(example.labels)} labels do not fit {count} scores")
    if example.truth is not None and not 0 <= example.truth < count:
        raise ParameterError(f"truth must lie in 0 to {count - 1}, not {example.truth}")


def _finite(name: str, array: Reals) -> None:
    if not np.isfinite(array).all():
        raise ParameterError(f"{name} has values that are not finite, which have no colour")


def _zoom(image: Reals, room: int) -> tuple[int, int]:
    """Return an image's height and width on the page: a whole multiple where it fits."""
    rows, columns = image.shape[:2]
    factor = room // max(rows, columns)
    if factor:
        return rows * factor, columns * factor
    shrink = room / max(rows, columns)
    return max(1, round(rows * shrink)), max(1, round(columns * shrink))


def _column(name: str, arrays: Sequence[Reals], before: Column) -> Column:
    x = before.x + _room(before) + APART
    most = max(float(np.abs(array).max()) for array in arrays)
    shape = arrays[0].shape
    many = shape[0]
    if len(shape) == 1:
        shown = min(many, UNITS)
        note = f"{shown} of {many} units" if shown < many else f"{many} units"
        side = 10 if shown > 12 else 14
        down = min(shown, (TALL + 1) // (side + 1))
        across = -(-shown // down)
        return Column(name, note, x, (-(-shown // across), across), (side, side), most, 1)
    shown = min(many, MAPS)
    count = f"{shown} of {many} maps" if shown < many else f"{many} map{'s' * (many > 1)}"
    down = min(round(math.sqrt(0.75 * shown)) or 1, (TALL + GAP) // (SMALLEST + GAP))
    size = _zoom(arrays[0][0], (TALL - (down - 1) * GAP) // down)
    note = f"{count}, {times(shape[1:])}"
    return Column(name, note, x, (down, -(-shown // down)), size, most, GAP)


def _room(column: Column) -> float:
    """Return the width of a column or of its heading, whichever is wider."""
    heading = max(text_width(column.note, SMALL), text_width(column.name, 13.0))
    return max(column.width, math.ceil(heading))


def _picture(image: Reals, column: Column, y: float, low: float, high: float) -> Iterator[Shape]:
    height, width = column.size
    yield Picture.of(grey(_reduced(image, height, width), low, high), column.x, y, width, height)


def _maps(array: Reals, column: Column, y: float) -> Iterator[Shape]:
    """Yield the maps of a layer, row by row; units go down each column in turn."""
    (down, across), (height, width) = column.shape, column.size
    for i in range(min(len(array), down * across, MAPS if array.ndim == 3 else UNITS)):
        row, place = divmod(i, across) if array.ndim == 3 else (i % down, i // down)
        x = column.x + place * (width + column.gap)
        top = y + row * (height + column.gap)
        values = array[i] if array.ndim == 3 else array[i].reshape(1, 1)
        colours = diverging(_reduced(values, height, width), column.most)
        yield Picture.of(colours, x, top, width, height)
        if array.ndim == 3:
            yield Rectangle(x, top, width, height, None, palette.FRAME, 0.75)


def _reduced(values: Reals, height: int, width: int) -> Reals:
    """Return the array no larger than the page's pixels, each the mean of those it covers."""
    for axis, size in ((0, height), (1, width)):
        length = values.shape[axis]
        if length > size:
            edges = np.linspace(0, length, size + 1).astype(int)
            sums = np.add.reduceat(values, edges[:-1], axis=axis)
            counts = np.diff(edges).reshape([-1 if a == axis else 1 for a in range(values.ndim)])
            values = sums / counts
    return values


def _labels(example: Example) -> list[str]:
    return [str(label) for label in example.labels or range(len(example.scores))]


def _verdict(example: Example) -> str:
    labels = _labels(example)
    said = labels[int(np.argmax(example.scores))]
    if example.truth is None:
        return f"predicted {said}"
    return f"true {labels[example.truth]}, predicted {said}"


def _scale(x: float, y: float) -> Iterator[Shape]:
    """Yield the key to the colours."""
    ramp = diverging(np.linspace(-1, 1, 65)[None, :], 1.0)
    yield Picture.of(ramp, x, y, 130, 10)
    yield Rectangle(x, y, 130, 10, None, palette.FRAME, 0.75)
    for part, name in enumerate(("−", "0", "+")):
        yield Text(x + 65 * part, y + 25, name, SMALL, palette.QUIET, "middle")
    yield Line(((x + 65, y + 10), (x + 65, y + 13)), palette.AXIS)
    note = "activations, to each layer's largest"
    yield Text(x + 146, y + 10, wrapped(note, SMALL, 400)[0], SMALL, palette.QUIET)
