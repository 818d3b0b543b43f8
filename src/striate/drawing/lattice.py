"""One axis of a convolution arithmetic figure: the cells below, and where each window starts.

The cells have whole coordinates. A convolution or pooling lays input ``i`` at coordinate ``i``. A
transposed convolution is drawn as the convolution it amounts to: input ``i`` at ``i * stride``,
with zeros between, and a window that moves by one. Both are then the same picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from striate.geometry import Axis, TransposedAxis

__all__ = ["Cell", "Strip", "cell"]


class Cell(Enum):
    """What lies at a coordinate."""

    INPUT = "input"
    ZERO = "zero inserted between inputs"
    PADDING = "padding"
    OVERHANG = "past the padding, reached by ceil"


@dataclass(frozen=True, slots=True)
class Strip:
    """The cells [low, high) of one axis and the windows over them.

    Parameters
    ----------
    size, spacing : int
        Number of inputs and the distance between two of them.
    padded : (int, int)
        First coordinate of the padded input and the one after its last.
    starts : tuple of int
        First tap of each output's window.
    kernel, dilation : int
        Taps of a window and the distance between two of them.
    flipped : bool
        Whether the window's first tap has the kernel's last weight (a transposed convolution).
    """

    size: int
    spacing: int
    padded: tuple[int, int]
    starts: tuple[int, ...]
    kernel: int
    dilation: int
    flipped: bool

    @classmethod
    def of(cls, axis: Axis | TransposedAxis, size: int) -> Strip:
        """Return the strip of an axis for an input of `size`.

        >>> strip = Strip.of(Axis(3, stride=2, padding=(1, 1)), 5)
        >>> strip.low, strip.high, strip.starts
        (-1, 6, (-1, 1, 3))
        >>> strip = Strip.of(TransposedAxis(3, stride=2), 2)
        >>> strip.low, strip.high, strip.starts, [strip.kind(c).name for c in range(3)]
        (-2, 5, (-2, -1, 0, 1, 2), ['INPUT', 'ZERO', 'INPUT'])
        """
        outputs = axis.output_size(size)
        if isinstance(axis, Axis):
            starts = tuple(axis.taps(output)[0] for output in range(outputs))
            padded = (-axis.before, size + axis.after)
            return cls(size, 1, padded, starts, axis.kernel, axis.dilation, False)
        first = axis.before - axis.extent + 1
        starts = tuple(range(first, first + outputs))
        padded = (first, outputs + axis.before)
        return cls(size, axis.stride, padded, starts, axis.kernel, axis.dilation, True)

    @property
    def stretched(self) -> int:
        """Cells from the first input to the last, both included."""
        return (self.size - 1) * self.spacing + 1

    @property
    def extent(self) -> int:
        """Cells from a window's first tap to its last, both included."""
        return self.dilation * (self.kernel - 1) + 1

    @property
    def read(self) -> tuple[int, int]:
        """First coordinate of the first window, and the one after the last window."""
        return self.starts[0], self.starts[-1] + self.extent

    @property
    def low(self) -> int:
        """First coordinate of the picture."""
        return min(0, self.padded[0])

    @property
    def high(self) -> int:
        """The coordinate after the picture's last."""
        return max(self.stretched, self.padded[1], self.read[1])

    @property
    def dropped(self) -> tuple[range, range]:
        """Coordinates before the first window (cropped) and after the last (lost to floor)."""
        first, end = self.read
        return range(self.low, first), range(end, self.high)

    def taps(self, output: int) -> range:
        """Return the coordinates that `output` reads."""
        first = self.starts[output]
        return range(first, first + self.extent, self.dilation)

    def weight(self, tap: int) -> int:
        """Return which of the kernel's weights the window's `tap`-th tap has."""
        return self.kernel - 1 - tap if self.flipped else tap

    def kind(self, coordinate: int) -> Cell:
        """Return what lies at a coordinate."""
        if 0 <= coordinate < self.stretched:
            return Cell.ZERO if coordinate % self.spacing else Cell.INPUT
        inside = self.padded[0] <= coordinate < self.padded[1]
        return Cell.PADDING if inside else Cell.OVERHANG


def cell(rows: Strip, columns: Strip, row: int, column: int) -> Cell:
    """Return what lies at (row, column): the outermost of what the two axes say."""
    kinds = {rows.kind(row), columns.kind(column)}
    order = (Cell.OVERHANG, Cell.PADDING, Cell.ZERO, Cell.INPUT)
    return next(kind for kind in order if kind in kinds)
