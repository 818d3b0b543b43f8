"""What image passes are told of an image: its size, its kinds of numbers, its edges."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from striate.ops.images.kinds import KINDS

__all__ = ["OUTSIDE", "Edges", "Layout", "Reach", "border_indices", "chunks", "edges"]

OUTSIDE = -1  # the index of a position that shows the constant instead of a pixel
ROUND = 64  # numbers that a chunk is a multiple of


class Layout(NamedTuple):
    """An image, its result and its border, as far as code and tables depend on them.

    Attributes
    ----------
    height, pixels, channels : rows, pixels of a row, numbers of a pixel
    source, result : NumPy's names of the dtypes
    border, fill : one of SciPy's five names, and what ``constant`` shows
    """

    height: int
    pixels: int
    channels: int
    source: str
    result: str
    border: str
    fill: float

    @property
    def width(self) -> int:
        """Numbers of a row."""
        return self.pixels * self.channels


class Reach(NamedTuple):
    """How far windows reach from their pixel, in pixels."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def sides(self) -> tuple[int, int]:
        """Rows and columns of the window."""
        return self.top + 1 + self.bottom, self.left + 1 + self.right


class Edges(NamedTuple):
    """The tables of an image's edges.

    Attributes
    ----------
    rows : array of int64, shape (top + height + bottom,)
        The row that each row of the padded image shows; -1 is the fill.
    halo : array of int64, shape ((left + right) * channels,)
        The number of a row that each number left and then right of it shows; -1 is the fill.
    fill : array of the image's dtype
        A row of the fill.
    """

    rows: NDArray[np.int64]
    halo: NDArray[np.int64]
    fill: NDArray[Any]


def border_indices(border: str, size: int, before: int, after: int) -> NDArray[np.intp]:
    """Return which pixel of an axis each position shows; -1 is the constant."""
    position = np.arange(-before, size + after)
    if border == "nearest":
        return np.clip(position, 0, size - 1)
    if border == "wrap":
        return position % size
    if border == "constant":
        return np.where((position >= 0) & (position < size), position, OUTSIDE)
    repeat = 1 if border == "reflect" else 0  # does the edge pixel appear twice?
    period = max(2 * (size - 1 + repeat), 1)  # one way and back
    phase = position % period
    return np.where(phase < size, phase, period - repeat - phase)


def edges(layout: Layout, reach: Reach) -> Edges:
    """Return the tables; the row must be wider than the reach, see `narrow`."""
    rows = border_indices(layout.border, layout.height, reach.top, reach.bottom)
    columns = border_indices(layout.border, layout.pixels, reach.left, reach.right)
    numbers = columns[:, None] * layout.channels + np.arange(layout.channels)
    numbers[columns < 0] = OUTSIDE
    halo = np.concatenate([numbers[: reach.left], numbers[numbers.shape[0] - reach.right :]])
    fill = np.empty(0, layout.source)
    if layout.border == "constant":
        fill = np.full(layout.width + ROUND, layout.fill, layout.source)
    return Edges(rows.astype(np.int64), halo.ravel().astype(np.int64), fill)


def narrow(layout: Layout, reach: Reach) -> bool:
    """Whether the halo of a row shows what does not lie in it, next to the edge."""
    return layout.pixels < 2 * (reach.left + reach.right) + 2


def fill_fits(layout: Layout) -> bool:
    """Whether a row of the image can show the fill."""
    kind = KINDS[layout.source]
    if layout.border != "constant" or kind.floating:
        return kind.size == 8 or layout.border != "constant" or _is_single(layout.fill)
    low, high = kind.limits
    return float(layout.fill).is_integer() and low <= layout.fill <= high


def _is_single(number: float) -> bool:
    with np.errstate(over="ignore"):
        return bool(float(np.float32(number)) == number or number != number)


def chunks(layout: Layout, reach: Reach, target: int) -> int:
    """Return how many numbers of a row to do at a time: about `target`.

    The first and the last chunk show what lies beyond the edges, so they are wider than that.
    """
    halo = (reach.left + reach.right + 1) * layout.channels
    target = max(target, 4 * halo)
    while target < layout.width:
        parts = -(-layout.width // target)
        size = rounded(-(-layout.width // parts))
        if (layout.width - 1) % size >= halo:  # what the last chunk holds, less one
            return size
        target += ROUND
    return rounded(layout.width)


def rounded(count: int) -> int:
    """Return the next multiple of `ROUND`."""
    return (count + ROUND - 1) // ROUND * ROUND
