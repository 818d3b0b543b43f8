"""The tiles of a result that Winograd's convolution makes, and where they lie.

With a dilation of d, pixels that are equal modulo d make a convolution of their own, a phase of
the axis: its tiles have pixels that lie d apart.
"""

from __future__ import annotations

from typing import NamedTuple

from striate.ops.blocked.layout import Blocked
from striate.ops.blocked.winograd_forms import Form, Forms

__all__ = ["Grid", "grid"]


class Grid(NamedTuple):
    """The tiles of an image: those of a row of tiles follow each other, phase by phase.

    Attributes
    ----------
    m, n : outputs and inputs of a tile along rows and columns; 1 if an axis is not transformed
    flipped : whether rows lie along the last axis, and columns along the one before
    depths, height, width : the result's sizes; 1 for axes that it does not have
    rows, columns : numbers of tiles
    row_phases, column_phases : tiles of different phases alternate
    row_step, column_step : pixels from one of a tile to the next
    """

    m: tuple[int, int]
    n: tuple[int, int]
    flipped: bool
    depths: int
    height: int
    width: int
    rows: int
    columns: int
    row_phases: int
    column_phases: int
    row_step: int
    column_step: int

    @property
    def places(self) -> int:
        """Places of a transformed tile."""
        return self.n[0] * self.n[1]

    @property
    def tiles(self) -> int:
        """Tiles of an image."""
        return self.depths * self.rows * self.columns

    def steps(self, at: Blocked) -> tuple[int, int, int]:
        """Return the elements from one depth, row and column of a value to the next."""
        depth, row, column = (0, 0, *at.strides)[-3:]
        return (depth, column, row) if self.flipped else (depth, row, column)


def grid(forms: Forms, y: Blocked) -> Grid:
    """Return the tiles of a result; its last axis that is transformed makes the columns."""
    axes = list(zip((Form(1, 1, 1), *forms)[-2:], (1, *y.spatial)[-2:], strict=True))
    flipped = axes[1][0].n == 1
    if flipped:
        axes.reverse()
    (rows, height), (columns, width) = axes
    phases = min(rows.dilation, height), min(columns.dilation, width)
    return Grid(
        (rows.m, columns.m),
        (rows.n, columns.n),
        flipped,
        y.spatial[0] if len(forms) == 3 else 1,
        height,
        width,
        _tiles(rows, height),
        _tiles(columns, width),
        *phases,
        rows.dilation,
        columns.dilation,
    )


def _tiles(form: Form, size: int) -> int:
    """Return how many tiles an axis has; each phase as many as the first, which is longest."""
    longest = -(-size // form.dilation)
    return -(-longest // form.m) * min(form.dilation, size)
