"""Bar charts: named numbers as horizontal bars, each with the range it varied in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isfinite

from striate.drawing import palette
from striate.drawing.curves import ticks
from striate.drawing.lettering import text_width, wrapped
from striate.drawing.scene import Group, Line, Rectangle, Scene, Shape, Text
from striate.errors import ParameterError, explained

__all__ = ["bar_chart"]

Bar = tuple[str, tuple[float, float, float]]
TOP, BOTTOM, PITCH, PLOT, NUMBER = 62.0, 46.0, 20.0, 420.0, 52.0
LETTERS = 11.0


def bar_chart(
    bars: Sequence[Bar], *, title: str, x_label: str = "", mark: float | None = None
) -> Scene:
    """Return horizontal bars from zero, in the order given, with their ranges as whiskers.

    Parameters
    ----------
    bars : sequence of (name, (value, low, high))
        Finite, at least 0, and low <= value <= high.
    title, x_label : str
        The heading, and what the axis measures.
    mark : float, optional
        A line across all bars; those that reach it are green, the others red.

    Raises
    ------
    ParameterError
        If there are no bars, or numbers that cannot be drawn.

    Examples
    --------
    >>> scene = bar_chart([("3x3", (1.5, 1.4, 1.7)), ("1x1", (0.9, 0.8, 1.0))], title="", mark=1)
    >>> [shape.text for shape in scene.layers[0].shapes if isinstance(shape, Text)][-4:]
    ['3x3', '1.50', '1x1', '0.90']
    """
    with explained("bar_chart"):
        _check(bars)
    numbers = [number for _, numbers in bars for number in numbers]
    xs = ticks(0.0, max(*numbers, mark or 0.0, 1e-9))
    longest = max(text_width(name, LETTERS) for name, _ in bars)
    left = 24 + min(longest, 360.0)
    bottom = TOP + PITCH * len(bars)
    scale = PLOT / xs[-1]
    shapes: list[Shape] = [Text(16, 32, title, 18.0)]
    for x in xs:
        at = left + x * scale
        shapes.append(Line(((at, TOP), (at, bottom)), palette.GRID if x else palette.AXIS))
        shapes.append(Text(at, bottom + 16, f"{x:g}", LETTERS, palette.QUIET, "middle"))
    shapes.append(Text(left + PLOT, bottom + 34, x_label, LETTERS, palette.QUIET, "end"))
    if mark is not None:
        at = left + mark * scale
        shapes.append(Line(((at, TOP - 6), (at, bottom)), palette.INK, 1.5, dashes=(4, 3)))
    for place, bar in enumerate(bars):
        shapes += _drawn(bar, left, TOP + PITCH * place, scale, mark)
    described = "; ".join(f"{name}: {value:.2f}" for name, (value, _, _) in bars)
    description = f"A bar chart of {x_label or 'values'}. {described}."
    width = left + PLOT + NUMBER
    return Scene(width, bottom + BOTTOM, title, description, (Group(tuple(shapes)),))


def _check(bars: Sequence[Bar]) -> None:
    if not bars:
        raise ParameterError("there are no bars to draw")
    for name, (value, low, high) in bars:
        if not (0 <= low <= value <= high and isfinite(high)):
            raise ParameterError(
                f"{name!r} is {value} in {low} to {high}: numbers must be finite, at least 0 and "
                "in order"
            )


def _drawn(bar: Bar, left: float, top: float, scale: float, mark: float | None) -> Iterator[Shape]:
    name, (value, low, high) = bar
    middle = top + PITCH / 2
    fill = palette.SERIES[0]
    if mark is not None:
        fill = palette.RIGHT if value >= mark else palette.WRONG
    label = wrapped(name, LETTERS, left - 20, 1) or [""]
    yield Text(left - 8, middle + 4, label[0], LETTERS, palette.INK, "end")
    yield Rectangle(left, top + 4, value * scale, PITCH - 8, fill, opacity=0.75)
    ends = left + low * scale, left + high * scale
    yield Line(((ends[0], middle), (ends[1], middle)), palette.INK)
    for end in ends:
        yield Line(((end, middle - 3), (end, middle + 3)), palette.INK)
    number = left + max(value, high) * scale + 6
    yield Text(number, middle + 4, f"{value:.2f}", LETTERS, palette.QUIET)
