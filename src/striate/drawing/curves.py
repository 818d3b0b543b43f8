"""Line charts: a few named series over one pair of axes, as for training curves."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from striate.drawing import palette
from striate.drawing.lettering import text_width, wrapped
from striate.drawing.scene import Group, Line, Point, Polygon, Scene, Shape, Text
from striate.errors import ParameterError, explained

__all__ = ["curves", "ticks"]

WIDTH, HEIGHT = 600.0, 400.0
TOP, BOTTOM, RIGHT, LEGEND = 104.0, 52.0, 28.0, 62.0
SMALL = 12.0
DASHES: tuple[tuple[float, ...], ...] = ((), (7, 3), (2, 3), (9, 3, 2, 3))


def curves(
    series: Mapping[str, Sequence[Point]],
    *,
    title: str,
    x_label: str = "",
    y_label: str = "",
    y_from_zero: bool = False,
) -> Scene:
    """Return a line chart: a colour, a dash pattern and an entry of the legend for each series.

    Parameters
    ----------
    series : mapping of name to (x, y) points
        One to six series, in the order of their points. A point whose y is not finite breaks the
        line: a diverging loss is seen to stop.
    title, x_label, y_label : str
        The heading, and what the axes measure.
    y_from_zero : bool
        Begin the vertical axis at zero, as error rates deserve.

    Raises
    ------
    ParameterError
        If there are no points to draw, or more series than can be told apart.

    Examples
    --------
    >>> chart = curves({"train": [(1, 40.0), (2, 12.5), (3, 9.0)]}, title="Error, %")
    >>> chart.title
    'Error, %'
    """
    with explained("curves"):
        if not 1 <= len(series) <= len(palette.SERIES):
            raise ParameterError(
                f"a chart shows 1 to {len(palette.SERIES)} series, not {len(series)}"
            )
        seen = [p for points in series.values() for p in points if _finite(p)]
        if not seen:
            raise ParameterError("no series has a finite point to draw")
    xs = ticks(min(x for x, _ in seen), max(x for x, _ in seen))
    low = min(y for _, y in seen)
    ys = ticks(min(0.0, low) if y_from_zero else low, max(y for _, y in seen))
    left = 20 + max(text_width(_label(y, ys), SMALL) for y in ys) + 10
    legend, pushed = _names(list(series), left)
    height = HEIGHT + pushed
    frame = Frame((left, TOP + pushed, WIDTH - RIGHT, height - BOTTOM), xs, ys)
    shapes: list[Shape] = [Text(20, 34, _heading(title), 18.0), *frame.axes(x_label, y_label)]
    for i, points in enumerate(series.values()):
        shapes += frame.line(points, palette.SERIES[i], DASHES[i % len(DASHES)])
    shapes += legend
    names = ", ".join(series)
    last = "; ".join(f"{n} ends at {p[-1][1]:g}" for n, p in series.items() if p)
    description = f"A line chart of {names}: {y_label or 'value'} over {x_label or 'x'}. {last}."
    return Scene(WIDTH, height, title, description, (Group(tuple(shapes)),))


def ticks(low: float, high: float, count: int = 6) -> list[float]:
    """Return round numbers, about `count`, that reach from `low` or below to `high` or above.

    Examples
    --------
    >>> ticks(0, 23)
    [0.0, 5.0, 10.0, 15.0, 20.0, 25.0]
    """
    if high <= low:
        pad = abs(low) * 0.1 or 1.0
        low, high = low - pad, high + pad
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [i * step for i in range(first, last + 1)]


def _heading(title: str) -> str:
    return "".join(wrapped(title, 18.0, WIDTH - 40, 1))


class Frame:
    """The plotting area: where a point lies on the page, and its axes.

    Parameters
    ----------
    box : (left, top, right, bottom)
        On the page.
    xs, ys : list of float
        The ticks; the first and the last are the ends of the axes.
    """

    def __init__(
        self, box: tuple[float, float, float, float], xs: list[float], ys: list[float]
    ) -> None:
        self.box, self.xs, self.ys = box, xs, ys

    def point(self, x: float, y: float) -> Point:
        """Return where (x, y) lies on the page."""
        left, top, right, bottom = self.box
        across = (x - self.xs[0]) / (self.xs[-1] - self.xs[0])
        up = (y - self.ys[0]) / (self.ys[-1] - self.ys[0])
        return left + across * (right - left), bottom - up * (bottom - top)

    def axes(self, x_label: str, y_label: str) -> Iterator[Shape]:
        """Yield grid lines, ticks' numbers and the axes' names."""
        left, top, right, bottom = self.box
        for y in self.ys:
            at = self.point(self.xs[0], y)[1]
            colour = palette.AXIS if y == self.ys[0] else palette.GRID
            yield Line(((left, at), (right, at)), colour)
            yield Text(left - 8, at + 4, _label(y, self.ys), SMALL, palette.QUIET, "end")
        for x in self.xs:
            at = self.point(x, self.ys[0])[0]
            yield Line(((at, bottom), (at, bottom + 4)), palette.AXIS)
            yield Text(at, bottom + 19, _label(x, self.xs), SMALL, palette.QUIET, "middle")
        yield Text(right, bottom + 40, x_label, SMALL, palette.QUIET, "end")
        yield Text(left, top - 12, y_label, SMALL, palette.QUIET)

    def line(
        self, points: Sequence[Point], colour: str, dashes: tuple[float, ...]
    ) -> Iterator[Shape]:
        """Yield a series: its line, broken where a value is not finite, and its points if few."""
        run: list[Point] = []
        for point in [*points, (math.nan, math.nan)]:
            if _finite(point):
                run.append(self.point(*point))
                continue
            if len(run) > 1:
                yield Line(tuple(run), colour, 2.0, dashes=dashes)
            if run and (len(run) == 1 or len(points) <= 30):
                for x, y in run:
                    yield _dot(x, y, colour)
            run = []


def _dot(x: float, y: float, colour: str) -> Polygon:
    angles = [math.tau * i / 12 for i in range(12)]
    corners = tuple((x + 3 * math.cos(a), y + 3 * math.sin(a)) for a in angles)
    return Polygon(corners, colour)


def _finite(point: Point) -> bool:
    return math.isfinite(point[0]) and math.isfinite(point[1])


def _label(value: float, ticks: list[float]) -> str:
    decimals = max(0, -math.floor(math.log10(ticks[1] - ticks[0]) + 1e-9))
    return f"{value:.{decimals}f}".replace("-", "−") if decimals < 6 else f"{value:.3g}"


def _names(names: Sequence[str], left: float) -> tuple[list[Shape], float]:
    """Return the legend above the plot, in rows, and how far it pushes the plot down."""
    shapes: list[Shape] = []
    x, y = left, LEGEND
    for i, name in enumerate(names):
        label = wrapped(name, SMALL, WIDTH - RIGHT - left - 28, 1)[0] if name.strip() else ""
        wide = text_width(label, SMALL) + 48
        if x > left and x + wide - 20 > WIDTH - RIGHT:
            x, y = left, y + 18
        dashes = DASHES[i % len(DASHES)]
        shapes.append(Line(((x, y - 4), (x + 22, y - 4)), palette.SERIES[i], 2.0, dashes=dashes))
        shapes.append(Text(x + 28, y, label, SMALL))
        x += wide
    return shapes, y - LEGEND
