"""The plots of report cards: curves with their spread, and bars, drawn by Matplotlib."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from striate.drawing import palette
from striate.errors import MissingExtraError, ParameterError
from striate.files import write_whole
from striate.training.recipes.spread import Spread

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Panel", "Series", "draw"]

WIDTH, HEIGHT = 5.2, 4.2  # of a panel, in inches
RESOLUTION = 110  # dots per inch
WIDE = 100  # times the least: on larger log axes only powers of ten have room
MARKERS = "osD^vP"
DASHES = ("--", ":", "-.")


@dataclass(frozen=True, slots=True)
class Series:
    """A curve or a row of bars: the mean at each x, and how far single runs lie from it.

    `xs` are numbers, or names for bars; `least` and `most` may be empty where there is no spread.

    Raises
    ------
    ParameterError
        If they are not equally many.
    """

    name: str
    xs: tuple[float, ...] | tuple[str, ...]
    ys: tuple[float, ...]
    least: tuple[float, ...] = ()
    most: tuple[float, ...] = ()

    @classmethod
    def of(
        cls, name: str, xs: tuple[float, ...] | tuple[str, ...], spreads: Iterable[Spread]
    ) -> Series:
        """Return the series of a spread at each x.

        Examples
        --------
        >>> Series.of("errors", (1.0, 2.0), [Spread([3, 5]), Spread([2, 2])]).ys
        (4.0, 2.0)
        """
        found = tuple(spreads)
        return cls(
            name,
            xs,
            tuple(spread.mean for spread in found),
            tuple(spread.least for spread in found),
            tuple(spread.most for spread in found),
        )

    @classmethod
    def by_pass(cls, name: str, courses: Iterable[Iterable[float]]) -> Series:
        """Return the series of some runs' values after each pass, from the first.

        Examples
        --------
        >>> Series.by_pass("loss", [[3.0, 1.0], [5.0, 1.0]]).ys
        (4.0, 1.0)
        """
        spreads = [Spread(values) for values in zip(*courses, strict=True)]
        return cls.of(name, tuple(map(float, range(1, len(spreads) + 1))), spreads)

    def __post_init__(self) -> None:
        count = len(self.xs)
        if len(self.ys) != count or len(self.least) not in (0, count):
            raise ParameterError(
                f"series {self.name!r}: {count} xs, {len(self.ys)} ys and {len(self.least)} bounds "
                "must be equally many, or no bounds at all"
            )
        if len(self.least) != len(self.most):
            raise ParameterError(
                f"series {self.name!r}: {len(self.least)} lower and {len(self.most)} upper bounds "
                "must be equally many"
            )


@dataclass(frozen=True, slots=True)
class Panel:
    """One pair of axes. `lines` are horizontal lines to compare with, by name: published figures.

    `kind` is "curves", or "bars", whose series are dots with whiskers: a name for each row.
    """

    title: str
    x_label: str
    y_label: str
    series: tuple[Series, ...]
    kind: Literal["curves", "bars"] = "curves"
    log_x: bool = False
    log_y: bool = False
    lines: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= len(self.series) <= len(palette.SERIES):
            raise ParameterError(
                f"panel {self.title!r}: 1 to {len(palette.SERIES)} series can be told apart, not "
                f"{len(self.series)}"
            )


def draw(panels: tuple[Panel, ...], path: Path) -> Path:
    """Write the panels side by side as a PNG file, two in a row, and return its path.

    Raises
    ------
    MissingExtraError
        If Matplotlib is missing.
    FileError
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtraError.of("matplotlib", "train", "the plot of a report card") from None
    columns = min(2, len(panels))
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(WIDTH * columns, HEIGHT * rows), dpi=RESOLUTION, layout="constrained")
    FigureCanvasAgg(figure)
    for place, panel in enumerate(panels):
        _fill(figure.add_subplot(rows, columns, place + 1), panel)
    image = io.BytesIO()
    figure.savefig(image, format="png", metadata={"Software": None})
    return write_whole(path, image.getvalue())


def _fill(axes: Axes, panel: Panel) -> None:
    (_bars if panel.kind == "bars" else _curves)(axes, panel)
    axes.set_title(panel.title, fontsize=11, loc="left", color=palette.INK, wrap=True)
    for spine in ("top", "right"):
        axes.spines[spine].set_visible(False)
    axes.tick_params(labelsize=9, colors=palette.QUIET)
    axes.xaxis.label.set_color(palette.INK)
    axes.yaxis.label.set_color(palette.INK)
    if len(panel.series) > 1 or panel.lines:
        if panel.kind == "bars":  # below, where no dot can be
            axes.legend(
                fontsize=8, frameon=False, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.13)
            )
        else:
            axes.legend(fontsize=8, frameon=False)


def _curves(axes: Axes, panel: Panel) -> None:
    for series, colour, marker in zip(panel.series, palette.SERIES, MARKERS, strict=False):
        axes.plot(
            series.xs, series.ys, color=colour, marker=marker, markersize=4, label=series.name
        )
        if series.least:
            axes.fill_between(series.xs, series.least, series.most, color=colour, alpha=0.15, lw=0)
    for (name, value), dash in zip(panel.lines, cycle(DASHES)):
        axes.axhline(value, color=palette.QUIET, linestyle=dash, linewidth=1, label=name)
    _scale(axes, panel)
    axes.grid(color=palette.GRID, linewidth=0.8)
    axes.set(xlabel=panel.x_label, ylabel=panel.y_label)


def _scale(axes: Axes, panel: Panel) -> None:
    """Put numbers that people read to the axes: 0.5, 1, 2, 5; 0.1, 1, 10 if there are many."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

    xs = [x for series in panel.series for x in series.xs if isinstance(x, float)]
    if panel.log_x:
        axes.set_xscale("log")
        axes.set_xticks(sorted(set(xs)), [f"{x:,.4g}" for x in sorted(set(xs))])
        axes.xaxis.set_minor_formatter(NullFormatter())
    elif xs and all(x == round(x) for x in xs):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if panel.log_y:
        axes.set_yscale("log")
        low, high = axes.get_ylim()
        subs = (1.0, 1.5, 2, 3, 4, 5, 6, 8) if high < WIDE * low else (1.0,)
        axes.yaxis.set_major_locator(LogLocator(subs=subs, numticks=12))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
    else:
        axes.set_ylim(bottom=0)


def _bars(axes: Axes, panel: Panel) -> None:
    """Draw a row for each name: a dot at the mean, a line from the least to the most."""
    names = list(dict.fromkeys(str(x) for series in panel.series for x in series.xs))
    gap = 0.7 / len(panel.series)
    for place, (series, colour, marker) in enumerate(
        zip(panel.series, palette.SERIES, MARKERS, strict=False)
    ):
        shift = (place - (len(panel.series) - 1) / 2) * gap
        rows = [names.index(str(x)) + shift for x in series.xs]
        if series.least:
            axes.hlines(rows, series.least, series.most, color=colour, linewidth=3, alpha=0.35)
        axes.scatter(
            series.ys, rows, color=colour, marker=marker, s=28, label=series.name, zorder=3
        )
    for (name, value), dash in zip(panel.lines, cycle(DASHES)):
        axes.axvline(value, color=palette.QUIET, linestyle=dash, linewidth=1, label=name)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    if panel.log_x:
        axes.set_xscale("log")
    else:
        axes.set_xlim(left=0)
    axes.grid(axis="x", color=palette.GRID, linewidth=0.8)
    axes.set(xlabel=panel.x_label, ylabel=panel.y_label)
