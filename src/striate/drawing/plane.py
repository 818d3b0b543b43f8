"""A grid of cells seen from above and in front, in oblique projection."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from striate.drawing.scene import Line, Point, Polygon, Text

__all__ = ["Plane"]


@dataclass(frozen=True, slots=True)
class Plane:
    """Rows and columns of cells laid flat; the first row is the farthest.

    Parameters
    ----------
    x, y : float
        Where the far left corner of cell (`top`, `left`) lies.
    cell : float
        A cell's width in pixels.
    tilt, lean : float
        A cell's depth on the page, and how far its far edge is shifted right, as parts of `cell`.
    top, left : int
        Coordinates of the first row and column.
    """

    x: float
    y: float
    cell: float
    tilt: float
    lean: float
    top: int = 0
    left: int = 0

    @property
    def line(self) -> float:
        """The width of the lines between cells: thinner where cells are small."""
        return round(max(0.35, min(1.0, self.cell / 18)), 2)

    def point(self, row: float, column: float) -> Point:
        """Return where the corner (row, column) lies on the page."""
        down = row - self.top
        return (
            self.x + self.cell * (column - self.left - self.lean * down),
            self.y + self.cell * self.tilt * down,
        )

    def corners(self, row: float, column: float, rows: float, columns: float) -> tuple[Point, ...]:
        """Return the corners of a rectangle of cells, clockwise from the far left one."""
        return (
            self.point(row, column),
            self.point(row, column + columns),
            self.point(row + rows, column + columns),
            self.point(row + rows, column),
        )

    def grid(
        self, rows: tuple[int, int], columns: tuple[int, int], fill: str | None, stroke: str
    ) -> Iterator[Polygon | Line]:
        """Yield the cells [first, end) of rows and columns: one area and the lines between."""
        (r0, r1), (c0, c1) = rows, columns
        yield Polygon(self.corners(r0, c0, r1 - r0, c1 - c0), fill, stroke, self.line)
        for row in range(r0 + 1, r1):
            yield Line((self.point(row, c0), self.point(row, c1)), stroke, self.line)
        for column in range(c0 + 1, c1):
            yield Line((self.point(r0, column), self.point(r1, column)), stroke, self.line)

    def dashed(
        self, rows: tuple[int, int], columns: tuple[int, int], stroke: str
    ) -> Iterator[Line]:
        """Yield the lines of a grid, dashed, its outline included."""
        (r0, r1), (c0, c1) = rows, columns
        dash = max(1.5, self.cell / 11)
        for row in range(r0, r1 + 1):
            ends = (self.point(row, c0), self.point(row, c1))
            yield Line(ends, stroke, self.line, dashes=(dash, dash))
        for column in range(c0, c1 + 1):
            ends = (self.point(r0, column), self.point(r1, column))
            yield Line(ends, stroke, self.line, dashes=(dash, dash))

    def hatch(self, row: int, column: int, stroke: str) -> Iterator[Line]:
        """Yield three diagonals across a cell."""
        for a, b in (((0, 0.5), (0.5, 0)), ((0, 1), (1, 0)), ((0.5, 1), (1, 0.5))):
            yield Line(
                (self.point(row + a[0], column + a[1]), self.point(row + b[0], column + b[1])),
                stroke,
                self.line,
            )

    def text(self, row: int, column: int, text: str, size: float, fill: str) -> Text:
        """Return upright text in the middle of a cell."""
        x, y = self.point(row + 0.5, column + 0.5)
        return Text(x, y + 0.35 * size, text, size, fill, "middle")

    def corner_text(self, row: int, column: int, text: str, size: float, fill: str) -> Text:
        """Return upright text in the near right corner of a cell, as a subscript."""
        x, y = self.point(row + 0.92, column + 0.93)
        return Text(x, y, text, size, fill, "end")
