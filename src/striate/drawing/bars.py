"""Scores of classes as horizontal bars, with the predicted and the true class marked."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from striate.drawing import palette
from striate.drawing.lettering import text_width, wrapped
from striate.drawing.scene import Line, Rectangle, Shape, Text

__all__ = ["CLASSES", "bars", "bars_width"]

CLASSES = 10  # at most; of more classes the best are shown
BAR, VALUE, MARKS = 96.0, 40.0, 48.0
LETTERS = 11.0


def bars(
    labels: Sequence[str],
    scores: Sequence[float],
    truth: int | None,
    x: float,
    y: float,
    height: float,
    scale: tuple[float, float] | None = None,
) -> Iterator[Shape]:
    """Yield a bar and its score for each class, in `height` pixels down from (x, y).

    Bars begin at zero, and `scale` is the least and the largest score that they can show; pictures
    side by side should share one. If left out it is that of these scores.

    The predicted class is green with a tick if it is the true one, red with a cross if not; the
    true class, if missed, is outlined and named. Of more than ten classes the ten best are shown,
    best first, the true one always among them.

    Examples
    --------
    >>> shapes = list(bars(["cat", "dog"], [0.2, 0.8], truth=0, x=0, y=0, height=40))
    >>> [shape.text for shape in shapes if isinstance(shape, Text)]
    ['cat', '0.20', 'true', 'dog', '0.80']
    """
    predicted, names = int(np.argmax(scores)), _names_width(labels)
    order = _order(scores, truth)
    pitch = min(height / len(order), 22.0)
    least, most = scale or (min(scores), max(scores))
    low, high = min(0.0, least), max(0.0, most)
    span = (high - low) or 1.0
    zero = x + names - BAR * low / span
    yield Line(((zero, y), (zero, y + pitch * len(order))), palette.AXIS)
    for row, index in enumerate(order):
        top = y + pitch * row
        middle = top + pitch / 2
        size = min(LETTERS, pitch * 0.85)
        name = wrapped(labels[index], size, names - 8, 1) or [""]
        yield Text(x + names - 8, middle + 0.35 * size, name[0], size, palette.INK, "end")
        length = BAR * abs(scores[index]) / span
        left = zero - length if scores[index] < 0 else zero
        wrong = truth is not None and predicted != truth
        fill = (
            palette.SERIES[5] if index != predicted else palette.WRONG if wrong else palette.RIGHT
        )
        faint = 1.0 if index == predicted else 0.45
        yield Rectangle(left, top + 0.15 * pitch, length, 0.7 * pitch, fill, opacity=faint)
        value = f"{scores[index]:{'.2f' if abs(scores[index]) < 1000 else '.1e'}}"
        column = x + names + BAR + VALUE
        yield Text(
            column, middle + 0.35 * size, value.replace("-", "−"), size, palette.QUIET, "end"
        )
        sign = column + 8
        if index == predicted and truth is not None:
            yield _cross_or_tick(sign, middle, wrong)
        elif index == truth:
            wide = max(length, 2.0)
            yield Rectangle(left, top + 0.15 * pitch, wide, 0.7 * pitch, None, palette.RIGHT, 1.5)
            yield Text(sign, middle + 0.35 * size, "true", size, palette.RIGHT)


def bars_width(labels: Sequence[str]) -> float:
    """Return how much room the bars of these classes take, marks included."""
    return _names_width(labels) + BAR + VALUE + MARKS


def _names_width(labels: Sequence[str]) -> float:
    longest = max(text_width(label, LETTERS) for label in labels)
    return math.ceil(min(max(longest, 16.0), 120.0)) + 10


def _order(scores: Sequence[float], truth: int | None) -> list[int]:
    if len(scores) <= CLASSES:
        return list(range(len(scores)))
    best = [int(i) for i in np.argsort(-np.asarray(scores), kind="stable")[:CLASSES]]
    return best if truth is None or truth in best else [*best[:-1], truth]


def _cross_or_tick(x: float, y: float, wrong: bool) -> Line:
    if wrong:
        points = ((x, y - 4), (x + 8, y + 4), (x + 4, y), (x + 8, y - 4), (x, y + 4))
        return Line(points, palette.WRONG, 2.0)
    return Line(((x, y), (x + 3, y + 4), (x + 9, y - 5)), palette.RIGHT, 2.0)
