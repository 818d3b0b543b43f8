"""The page of a convolution arithmetic figure: where things lie, layer by layer."""

from __future__ import annotations

from collections.abc import Iterator

from striate.drawing import palette
from striate.drawing.figures import Figure
from striate.drawing.formula import size_formulas, times, window_words
from striate.drawing.lattice import Cell, cell
from striate.drawing.legend import Key, legend
from striate.drawing.lettering import text_width
from striate.drawing.plane import Plane
from striate.drawing.scene import Group, Line, Point, Polygon, Scene, Shape, Text
from striate.geometry import TransposedWindow, Window

__all__ = ["Sheet"]

WIDTH, MARGIN = 600.0, 28.0
INSIDE = WIDTH - 2 * MARGIN
LARGEST, TALLEST = 50.0, 380.0  # of a cell's width, of a plane's height on the page
AMOUNTS_TO = "drawn as the convolution it amounts to: stride 1, zeros between and around"
TITLE, BODY, SMALL = 20.0, 13.0, 12.0


class Sheet:
    """The layout of one figure, and its scene for each output.

    Parameters
    ----------
    figure : Figure
    window : Window or TransposedWindow
        The figure's, with "same" resolved: for the captions.
    """

    def __init__(self, figure: Figure, window: Window | TransposedWindow) -> None:
        self.figure = figure
        self.window = window
        named = f"{figure.operation[0].upper()}{figure.operation[1:]}"
        self.heading = named
        self.title = f"{named} of a {times(figure.input)} input: {window_words(window)}"
        self.results = _texts(figure) if figure.numbers else {}
        self._place()
        self._still = self._static_layers()

    def scene(self, row: int, column: int) -> Scene:
        """Return the scene in which the output (row, column) is computed."""
        still = self._still
        layers = (
            still["below"],
            Group(tuple(self._shading(row, column))),
            Group(tuple(self._beams(row, column))),
            still["values"],
            Group(tuple(self._weights(row, column))),
            still["above"],
            Group(tuple(self._result(row, column))),
            still["captions"],
            Group(tuple(self._sum(row, column))),
        )
        return Scene(WIDTH, self.height, self.title, self._description(), layers)

    def _place(self) -> None:
        """Choose the cells' size so that both planes fit, and stack planes and captions."""
        figure = self.figure
        rows = figure.rows.high - figure.rows.low
        columns = figure.columns.high - figure.columns.low
        high, wide = max(rows, figure.output[0]), max(columns, figure.output[1])
        tilt, lean = (0.66, 0.3) if figure.numbers else (0.56, 0.42)
        size = min(LARGEST, INSIDE / (wide + lean * high), TALLEST / (tilt * high))
        self.size = size
        top = MARGIN + (92 if figure.transposed else 76)
        self.above = self._centred(figure.output, top, size, tilt, lean)
        gap = max(34.0, 0.9 * size)
        start = top + size * tilt * figure.output[0] + gap
        below = self._centred((rows, columns), start, size, tilt, lean)
        self.below = Plane(below.x, below.y, size, tilt, lean, figure.rows.low, figure.columns.low)
        self.captions_at = start + size * tilt * rows + 22

    @staticmethod
    def _centred(
        shape: tuple[int, int], top: float, size: float, tilt: float, lean: float
    ) -> Plane:
        rows, columns = shape
        width = size * (columns + lean * rows)
        return Plane((WIDTH - width) / 2 + size * lean * rows, top, size, tilt, lean)

    def _static_layers(self) -> dict[str, Group]:
        captions = tuple(self._captions())
        return {
            "below": Group(tuple(self._cells())),
            "values": Group(tuple(self._values())),
            "above": Group(tuple(self._output())),
            "captions": Group(captions),
        }

    def _cells(self) -> Iterator[Shape]:
        """Yield the cells below: overhang, padding, zeros, inputs, and the hatching."""
        rows, columns, plane = self.figure.rows, self.figure.columns, self.below
        whole = (rows.low, rows.high), (columns.low, columns.high)
        padded = tuple(
            (max(s.low, s.padded[0]), min(s.high, max(s.padded[1], s.padded[0])))
            for s in (rows, columns)
        )
        if Cell.OVERHANG in self.figure.kinds:
            yield from plane.dashed(*whole, palette.OVERHANG)
        if Cell.PADDING in self.figure.kinds:
            (r0, r1), (c0, c1) = padded
            yield Polygon(plane.corners(r0, c0, r1 - r0, c1 - c0), "#ffffff")
            yield from plane.dashed((r0, r1), (c0, c1), palette.PADDING)
        stretched = (0, rows.stretched), (0, columns.stretched)
        if rows.spacing == columns.spacing == 1:
            yield from plane.grid(*stretched, palette.INPUT, palette.INPUT_LINE)
        else:
            yield from plane.grid(*stretched, "#ffffff", palette.ZERO_LINE)
            for i in range(0, rows.stretched, rows.spacing):
                for j in range(0, columns.stretched, columns.spacing):
                    corners = plane.corners(i, j, 1, 1)
                    yield Polygon(corners, palette.INPUT, palette.INPUT_LINE, plane.line)
        for i, j in self._dropped():
            yield Polygon(plane.corners(i, j, 1, 1), "#ffffff", opacity=0.45)
            yield from plane.hatch(i, j, palette.DROPPED)

    def _dropped(self) -> Iterator[tuple[int, int]]:
        rows, columns = self.figure.rows, self.figure.columns
        lost = [{i for part in strip.dropped for i in part} for strip in (rows, columns)]
        for i in range(rows.low, rows.high):
            for j in range(columns.low, columns.high):
                if i in lost[0] or j in lost[1]:
                    yield i, j

    def _shading(self, row: int, column: int) -> Iterator[Shape]:
        """Yield the window on the input: its taps shaded, its extent outlined."""
        figure, plane = self.figure, self.below
        for i, j in figure.taps(row, column):
            yield Polygon(
                plane.corners(i, j, 1, 1), palette.KERNEL, palette.INPUT, plane.line, 0.66
            )
        yield Polygon(self._footprint(row, column), None, palette.KERNEL, 2)

    def _footprint(self, row: int, column: int) -> tuple[Point, ...]:
        rows, columns = self.figure.rows, self.figure.columns
        return self.below.corners(
            rows.starts[row], columns.starts[column], rows.extent, columns.extent
        )

    def _values(self) -> Iterator[Text]:
        """Yield the numbers on the cells below; those of padding and zeros are quiet."""
        figure = self.figure
        if figure.numbers is None:
            return
        for i in range(figure.rows.low, figure.rows.high):
            for j in range(figure.columns.low, figure.columns.high):
                held = figure.held(i, j)
                if held is not None:
                    real = cell(figure.rows, figure.columns, i, j) is Cell.INPUT
                    colour = palette.INK if real else palette.DROPPED
                    yield self.below.text(i, j, str(held), self._letters(2), colour)

    def _letters(self, digits: int) -> float:
        return min(16.0, self.size * (0.36 if digits < 3 else 0.3))

    def _weights(self, row: int, column: int) -> Iterator[Text]:
        """Yield the window's numbers anew, light on its shade, the weights as subscripts."""
        figure, plane = self.figure, self.below
        if figure.numbers is None:
            return
        weights: list[int | None] = [None] * (figure.kernel[0] * figure.kernel[1])
        if not figure.pools:
            weights = list(figure.weights())
        for (i, j), weight in zip(figure.taps(row, column), weights, strict=True):
            held = figure.held(i, j)
            if held is not None:
                yield plane.text(i, j, str(held), self._letters(2), palette.LIGHT)
            if weight is not None:
                size = max(7.0, 0.62 * self._letters(2))
                yield plane.corner_text(i, j, str(weight), size, palette.WEIGHT)

    def _beams(self, row: int, column: int) -> Iterator[Shape]:
        """Yield what leads from the window to the output: a translucent shaft and its edges."""
        under = self._footprint(row, column)
        over = self.above.corners(row, column, 1, 1)
        for a, b in ((0, 1), (3, 0), (1, 2), (2, 3)):
            side = (under[a], under[b], over[b], over[a])
            yield Polygon(side, palette.KERNEL, opacity=0.07)
        for start, end in zip(under, over, strict=True):
            yield Line((start, end), palette.KERNEL, 1.2, 0.75)

    def _output(self) -> Iterator[Shape]:
        rows, columns = self.figure.output
        yield from self.above.grid((0, rows), (0, columns), palette.OUTPUT, palette.OUTPUT_LINE)

    def _result(self, row: int, column: int) -> Iterator[Shape]:
        """Yield the output in work and, in a figure with numbers, all results so far."""
        corners = self.above.corners(row, column, 1, 1)
        yield Polygon(corners, palette.OUTPUT_NOW, palette.OUTPUT_NOW, 1.5)
        figure = self.figure
        if figure.numbers is None:
            return
        for i, j in figure.steps:
            if (i, j) > (row, column):
                return
            text = self.results[i, j]
            colour = palette.LIGHT if (i, j) == (row, column) else palette.INK
            yield self.above.text(i, j, text, self._letters(len(text)), colour)

    def _captions(self) -> Iterator[Shape]:
        """Yield heading, labels, size formula and legend, and find the page's height."""
        figure = self.figure
        yield Text(MARGIN, MARGIN + 16, self.heading, TITLE)
        words = _signs(window_words(self.window))
        size = min(BODY, BODY * INSIDE / text_width(words, BODY))
        yield Text(MARGIN, MARGIN + 38, words, size, palette.QUIET)
        if figure.transposed:
            yield Text(MARGIN, MARGIN + 57, AMOUNTS_TO, SMALL, palette.QUIET)
        x, y = WIDTH / 2, self.captions_at
        if figure.numbers:
            self.sum_at = y + 8
            y += 34
        for lines in size_formulas(self.window, figure.input):
            for line in lines:
                yield Text(x, y + 8, _signs(line.strip()), BODY, palette.INK, "middle")
                y += 20
        y += 18
        shapes, y = legend(list(self._keys()), MARGIN, y, INSIDE)
        yield from shapes
        self.height = float(round(y + MARGIN - 8))

    def _keys(self) -> Iterator[Key]:
        figure = self.figure
        kinds = figure.kinds
        yield Key(f"output {times(figure.output)}", palette.OUTPUT, palette.OUTPUT_LINE)
        yield Key(f"input {times(figure.input)}", palette.INPUT, palette.INPUT_LINE)
        name = "window" if figure.pools else "kernel"
        turned = ", reversed" if figure.transposed and figure.numbers else ""
        yield Key(f"{name} {times(figure.kernel)}{turned}", "#5f95cf", palette.KERNEL)
        if Cell.ZERO in kinds:
            yield Key("zeros between", "#ffffff", palette.ZERO_LINE)
        if Cell.PADDING in kinds:
            around = "zeros around: D(K − 1) − padding" if figure.transposed else "padding"
            yield Key(around, None, palette.PADDING, dashed=True)
        if Cell.OVERHANG in kinds:
            yield Key("past the padding (ceil)", None, palette.OVERHANG, dashed=True)
        dropped = [sum(map(len, strip.dropped)) for strip in (figure.rows, figure.columns)]
        if any(dropped):
            names = [
                f"{n} {w}{'s' * (n > 1)}"
                for n, w in zip(dropped, ("row", "column"), strict=True)
                if n
            ]
            cause = "cut by padding" if figure.transposed else "never read (floor)"
            yield Key(f"{cause}: {', '.join(names)}", "#ffffff", palette.DROPPED, hatched=True)

    def _sum(self, row: int, column: int) -> Iterator[Text]:
        """Yield the arithmetic of the output in work."""
        if self.figure.numbers is None:
            return
        text = _elided(_signs(self.figure.sum(row, column)))
        yield Text(WIDTH / 2, self.sum_at, text, SMALL, palette.KERNEL, "middle")

    def _description(self) -> str:
        figure = self.figure
        formulas = "; ".join(" ".join(lines) for lines in size_formulas(self.window, figure.input))
        return (
            f"The {times(figure.output)} output lies above, the {times(figure.input)} input below. "
            f"A window of {times(figure.kernel)} cells moves over the input, "
            f"one output at a time. {' '.join(formulas.split())}"
        )


def _texts(figure: Figure) -> dict[tuple[int, int], str]:
    """Return the results as cells show them: whole, or else all with one decimal."""
    values = {place: figure.value(*place) for place in figure.steps}
    whole = all(value.denominator == 1 for value in values.values())
    return {at: str(value) if whole else f"{float(value):.1f}" for at, value in values.items()}


def _elided(text: str) -> str:
    """Return a sum that fits on its line: of a long one, terms in the middle are left out."""
    between = ", " if ", " in text else " + "
    terms = text.split(between)
    left, right = terms[: len(terms) // 2], terms[len(terms) // 2 :]
    while text_width(text, SMALL) > INSIDE and len(left) > 1:
        left, right = left[:-1], right[1:] if len(right) > len(left) else right
        text = between.join([*left, "…", *right])
    return text


def _signs(text: str) -> str:
    return text.replace(" - ", " − ")
