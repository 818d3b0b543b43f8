"""How the medians of windows come out of networks of minima and maxima.

Windows of neighbouring pixels share most of their work: columns are sorted once, two sorted lists
that lie next to each other are merged once for all windows that hold both, and windows below each
other share the rows that both see. A value that has too many values of its window on one side to
be the median is dropped as soon as that is known.

Source: A. Adams, "Fast median filters using separable sorting networks", ACM Transactions on
Graphics 40(4), 2021 (sharing between windows in both directions).
"""

from __future__ import annotations

import functools
from typing import NamedTuple

from striate.ops.images.median_networks import Network

__all__ = ["Program", "Stage", "best_tall", "program"]

TALLS = (1, 2, 4, 8)  # windows of a program below each other
ENOUGH = 1.1  # how much dearer a smaller program may be than the cheapest


class Stage(NamedTuple):
    """A network over whole rows.

    Attributes
    ----------
    network, outputs : what is computed
    source : the line that the leaves are counted from, where they are lines
    target : the line that the outputs are counted from, where they go to lines
    columns : how many columns each output knows of
    """

    network: Network
    outputs: list[int]
    source: int
    target: int
    columns: int


class Program(NamedTuple):
    """How the medians of some windows below each other are found.

    Attributes
    ----------
    tall : how many windows
    lines : how many lines the stages write and read
    down : what each column of pixels is turned into; leaves are rows
    across : what lines are turned into lines by, in order; leaves are lines, shifted
    last : what medians come from; leaves are lines, shifted
    apart : with how many lines between `last` begins again for the next window; 0: it does all
    """

    tall: int
    lines: int
    down: Stage
    across: list[Stage]
    last: Stage
    apart: int

    @property
    def cost(self) -> float:
        """Minima and maxima for each median."""
        stages = [self.down, *self.across, self.last]
        costs = [stage.network.cost(stage.outputs) for stage in stages]
        if self.apart:
            costs[-1] *= self.tall
        return sum(costs) / self.tall


class Part(NamedTuple):
    """The values of a part of a window that may be its median, in order.

    Attributes
    ----------
    nodes : the values
    below : how many values of the part are before them
    total : how many values the part has in all
    """

    nodes: list[int]
    below: int
    total: int


@functools.cache
def program(rows: int, columns: int, tall: int) -> Program:
    """Return the program for `tall` windows of `rows` x `columns` pixels below each other."""
    return _three(tall) if rows == columns == 3 else _Builder(rows, columns, tall).program()


@functools.cache
def best_tall(rows: int, columns: int, height: int) -> int:
    """Return how many windows below each other share best, of at most `height`."""
    if rows == columns == 3:
        return min(height, 4)
    talls = [tall for tall in TALLS if tall <= min(height, rows)]
    costs = [program(rows, columns, tall).cost for tall in talls]
    enough = ENOUGH * min(costs)
    return next(tall for tall, cost in zip(talls, costs, strict=True) if cost <= enough)


def _three(tall: int) -> Program:
    """Return the program for 3 x 3 pixels: the median of three columns' least, middle, largest."""
    down, last = Network(), Network()
    columns: list[int] = []
    for row in range(tall):
        first = row if row % 2 else row + 1  # two rows that two windows share, sorted once
        pair = down.sort([down.leaf(first), down.leaf(first + 1)])
        other = down.leaf(row + 2 if row % 2 else row)
        columns += down.merge([other], pair)
    low, middle, high = ([last.leaf(place, shift) for shift in range(3)] for place in range(3))
    three = [
        functools.reduce(last.most, low),
        last.sort(middle)[1],
        functools.reduce(last.least, high),
    ]
    result = [last.sort(three)[1]]
    return Program(
        tall, 3 * tall, Stage(down, columns, 0, 0, 1), [], Stage(last, result, 0, 0, 3), apart=3
    )


class _Builder:
    """Builds the program for some windows below each other.

    A strip is some rows that windows share; windows of a program are halved again and again, and
    each half adds to what all have in common the strip that it alone sees.
    """

    def __init__(self, rows: int, columns: int, tall: int) -> None:
        self.rows, self.columns, self.tall = rows, columns, tall
        self.size = rows * columns
        self.middle = self.size // 2
        self.down, self.last = Network(), Network()
        self.across: list[Stage] = []
        self.first: dict[tuple[int, int], dict[int, int]] = {}

    def program(self) -> Program:
        """Return the program."""
        core = (self.tall - 1, self.rows)
        outputs: list[int] = []
        strips = list(dict.fromkeys([core, *self._strips(0, self.tall)]))
        for strip in strips:
            self.first[strip] = {1: len(outputs)}
            outputs += self.down.sort([self.down.leaf(row) for row in range(*strip)])
        lines = len(outputs)
        for strip in strips:
            lines = self._levels(strip, lines)
        results = self._medians(0, self.tall, self._across(core))
        return Program(
            self.tall,
            lines,
            Stage(self.down, outputs, 0, 0, 1),
            self.across,
            Stage(self.last, results, 0, 0, self.columns),
            apart=0,
        )

    def _halves(self, begin: int, end: int) -> list[tuple[tuple[int, int], tuple[int, int]]]:
        """Return the halves of windows begin ... end - 1, and the strip that each sees alone."""
        half = (begin + end) // 2
        return [
            ((begin, half), (half - 1, end - 1)),
            ((half, end), (begin + self.rows, half + self.rows)),
        ]

    def _strips(self, begin: int, end: int) -> list[tuple[int, int]]:
        if end - begin == 1:
            return []
        found = []
        for windows, strip in self._halves(begin, end):
            found += [strip, *self._strips(*windows)]
        return found

    def _levels(self, strip: tuple[int, int], lines: int) -> int:
        """Merge the lists of 2, 4, ... columns of a strip that several windows across share."""
        height, columns = strip[1] - strip[0], 1
        while 4 * columns <= self.columns:
            network, count = Network(), height * columns
            lists = [[network.leaf(n, shift) for n in range(count)] for shift in (0, columns)]
            source = self.first[strip][columns]
            columns *= 2
            self.across.append(Stage(network, network.merge(*lists), source, lines, columns))
            self.first[strip][columns] = lines
            lines += 2 * count
        return lines

    def _across(self, strip: tuple[int, int]) -> Part:
        """Return all columns of a strip, in order."""
        place, part = self.columns, Part([], 0, 0)
        columns = 1
        while place > 0:
            if self.columns & columns:
                place -= columns
                part = self._joined(self._run(strip, columns, place), part)
            columns *= 2
        return part

    def _run(self, strip: tuple[int, int], columns: int, shift: int) -> Part:
        """Return some columns of a strip, a power of two of them."""
        known = self.first[strip]
        if columns not in known:
            half = columns // 2
            return self._joined(self._run(strip, half, shift), self._run(strip, half, shift + half))
        count = (strip[1] - strip[0]) * columns
        nodes = [self.last.leaf(known[columns] + place, shift) for place in range(count)]
        return self._joined(Part(nodes, 0, count), Part([], 0, 0))

    def _joined(self, a: Part, b: Part) -> Part:
        """Return two parts as one, without what cannot be the median any more."""
        count = a.total + b.total
        low = max(0, self.middle - (self.size - count))
        high = min(count, self.middle + 1)
        gone = a.below + b.below
        nodes = self.last.merged_part(a.nodes, b.nodes, low - gone, high - gone)
        return Part(nodes, low, count)

    def _medians(self, begin: int, end: int, part: Part) -> list[int]:
        """Return the medians of windows begin ... end - 1, which have a part in common."""
        if end - begin == 1:
            return part.nodes
        medians = []
        for windows, strip in self._halves(begin, end):
            medians += self._medians(*windows, self._joined(part, self._across(strip)))
        return medians
