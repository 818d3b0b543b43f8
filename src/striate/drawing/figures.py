"""What a convolution arithmetic figure shows: an operation, its geometry, and perhaps numbers.

The numbers are computed here in plain Python from the geometry's taps, exactly, in integers and
fractions: a figure needs no kernels.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from striate.drawing.lattice import Cell, Strip, cell
from striate.errors import ParameterError, ShapeError

__all__ = ["OPERATIONS", "Figure", "Numbers"]

OPERATIONS = ("convolution", "max pooling", "average pooling", "transposed convolution")
Rows = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Numbers:
    """The input's values and the kernel's weights (empty for pooling), rows of whole numbers."""

    input: Rows
    kernel: Rows = ()

    @classmethod
    def of(cls, values: Sequence[Sequence[int]], weights: Sequence[Sequence[int]] = ()) -> Numbers:
        """Return the numbers of two rectangular tables of whole numbers."""
        tables = [tuple(tuple(map(int, row)) for row in table) for table in (values, weights)]
        for name, table in zip(("input", "kernel"), tables, strict=True):
            if len({len(row) for row in table}) > 1:
                raise ShapeError(f"the {name}'s rows differ in length: {[len(r) for r in table]}")
        return cls(*tables)

    @classmethod
    def seeded(cls, shape: tuple[int, int], kernel: tuple[int, int], seed: int) -> Numbers:
        """Return small numbers drawn at random: the same seed gives the same numbers.

        >>> Numbers.seeded((1, 4), (1, 2), seed=0)
        Numbers(input=((3, 3, 0, 2),), kernel=((2, 1),))
        """
        source = random.Random(seed)
        tables = [
            tuple(tuple(source.randint(0, top) for _ in range(columns)) for _ in range(rows))
            for (rows, columns), top in ((shape, 3), (kernel, 2))
        ]
        return cls(*tables)


@dataclass(frozen=True, slots=True)
class Figure:
    """An operation over two axes, rows and columns.

    Examples
    --------
    >>> from striate.geometry import Axis
    >>> strip = Strip.of(Axis(2, stride=2), 4)
    >>> table = Numbers.of([[1, 2, 3, 4], [5, 6, 7, 8], [0, 0, 0, 0], [1, 1, 1, 2]])
    >>> figure = Figure("max pooling", strip, strip, table)
    >>> [[int(figure.value(row, column)) for column in range(2)] for row in range(2)]
    [[6, 8], [1, 2]]
    """

    operation: str
    rows: Strip
    columns: Strip
    numbers: Numbers | None = None

    def __post_init__(self) -> None:
        if self.operation not in OPERATIONS:
            raise ParameterError(
                f"operation must be one of {', '.join(OPERATIONS)}, not {self.operation!r}"
            )
        if self.numbers is None:
            return
        wanted = {"input": self.input, "kernel": (0, 0) if self.pools else self.kernel}
        for name, shape in wanted.items():
            table: Rows = getattr(self.numbers, name)
            given = (len(table), len(table[0]) if table else 0)
            if given != shape and not (name == "kernel" and self.pools):
                raise ShapeError(
                    f"the numbers of the {name} are {given[0]}x{given[1]} "
                    f"but the {name} is {shape[0]}x{shape[1]}"
                )

    @property
    def pools(self) -> bool:
        """Whether the window has no weights."""
        return self.operation.endswith("pooling")

    @property
    def transposed(self) -> bool:
        """Whether inputs are spread apart."""
        return self.operation.startswith("transposed")

    @property
    def input(self) -> tuple[int, int]:
        """The input's rows and columns."""
        return self.rows.size, self.columns.size

    @property
    def kernel(self) -> tuple[int, int]:
        """The kernel's rows and columns."""
        return self.rows.kernel, self.columns.kernel

    @property
    def output(self) -> tuple[int, int]:
        """The output's rows and columns."""
        return len(self.rows.starts), len(self.columns.starts)

    @property
    def steps(self) -> list[tuple[int, int]]:
        """The output positions in the order in which the window visits them."""
        rows, columns = self.output
        return [(row, column) for row in range(rows) for column in range(columns)]

    @property
    def kinds(self) -> set[Cell]:
        """What the cells below are, all of them together."""
        rows = {self.rows.kind(i) for i in range(self.rows.low, self.rows.high)}
        columns = {self.columns.kind(i) for i in range(self.columns.low, self.columns.high)}
        return rows | columns

    def taps(self, row: int, column: int) -> Iterator[tuple[int, int]]:
        """Yield the (row, column) coordinates that an output reads, the window's rows in turn."""
        for i in self.rows.taps(row):
            for j in self.columns.taps(column):
                yield i, j

    def held(self, row: int, column: int) -> int | None:
        """Return the value at a coordinate: zero where inserted or padded, None where nothing is.

        The padding of max pooling is minus infinity, which is nothing: it never wins.
        """
        kind = cell(self.rows, self.columns, row, column)
        if kind is Cell.INPUT:
            numbers = self._numbers
            return numbers.input[row // self.rows.spacing][column // self.columns.spacing]
        return None if kind is Cell.OVERHANG or self.operation == "max pooling" else 0

    def weights(self) -> list[int]:
        """Return the kernel's weights in the order of a window's taps."""
        table = self._numbers.kernel
        return [
            table[self.rows.weight(i)][self.columns.weight(j)]
            for i in range(self.rows.kernel)
            for j in range(self.columns.kernel)
        ]

    def value(self, row: int, column: int) -> Fraction:
        """Return an output's value, exactly."""
        held = [self.held(i, j) for i, j in self.taps(row, column)]
        real = [value for value in held if value is not None]
        if not self.pools:
            pairs = zip(held, self.weights(), strict=True)
            return Fraction(sum((value or 0) * weight for value, weight in pairs))
        if not real:
            raise ParameterError(
                f"output ({row}, {column}) reads padding alone, which has no maximum or average: "
                "use less padding"
            )
        if self.operation == "max pooling":
            return Fraction(max(real))
        return Fraction(sum(real), len(real))

    def sum(self, row: int, column: int) -> str:
        """Return how an output's value comes about, as a line of arithmetic."""
        held = [self.held(i, j) for i, j in self.taps(row, column)]
        value = self.value(row, column)
        if self.operation == "max pooling":
            return f"max({', '.join(str(v) for v in held if v is not None)}) = {value}"
        if self.pools:
            real = [v for v in held if v is not None]
            exact = f"{sum(real)}/{len(real)}"
            return f"({' + '.join(map(str, real))})/{len(real)} = {exact}{_decimal(value)}"
        pairs = zip(held, self.weights(), strict=True)
        return " + ".join(f"{v or 0}·{w}" for v, w in pairs) + f" = {value}"

    @property
    def _numbers(self) -> Numbers:
        if self.numbers is None:
            raise ParameterError("the figure has no numbers; give it some with numbers=")
        return self.numbers


def _decimal(value: Fraction) -> str:
    if value.denominator == 1:
        return f" = {value}"
    exact = (value * 100).denominator == 1
    return f" {'=' if exact else '≈'} {float(value):.2f}".rstrip("0")
