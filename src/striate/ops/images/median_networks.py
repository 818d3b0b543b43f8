"""Networks of minima and maxima that find the median of a window.

A network is a fixed list of minima and maxima of pairs, so lanes of registers go through it side
by side. Windows of neighbouring pixels share most of their work: columns are sorted once, two
sorted lists that lie next to each other are merged once for all windows that hold both, and
windows below each other share the rows that both see. A value that has too many values of its
window on one side to be the median is dropped as soon as that is known.

Sources: K. E. Batcher, "Sorting networks and their applications", AFIPS Spring Joint Computing
Conference, 1968 (merging); A. Adams, "Fast median filters using separable sorting networks", ACM
Transactions on Graphics 40(4), 2021 (sharing between windows in both directions).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

__all__ = ["Network", "Program", "Stage", "best_tall", "program"]

TALLS = (1, 2, 4, 8, 16)  # windows of a program below each other
ENOUGH = 1.1  # how much dearer a smaller program may be than the cheapest

Value = TypeVar("Value")


class Network:
    """Minima and maxima of pairs; values are numbers of nodes.

    Attributes
    ----------
    nodes : list of (str, int, int)
        ("leaf", line, shift), or ("least" or "most", node, node).
    """

    def __init__(self) -> None:
        self.nodes: list[tuple[str, int, int]] = []
        self._known: dict[tuple[str, int, int], int] = {}

    def leaf(self, line: int, shift: int = 0) -> int:
        """Return the value that lies so many pixels on in a line."""
        return self._node("leaf", line, shift)

    def least(self, a: int, b: int) -> int:
        """Return the smaller of two values."""
        return self._node("least", min(a, b), max(a, b))

    def most(self, a: int, b: int) -> int:
        """Return the larger of two values."""
        return self._node("most", min(a, b), max(a, b))

    def _node(self, kind: str, a: int, b: int) -> int:
        node = (kind, a, b)
        if node not in self._known:
            self._known[node] = len(self.nodes)
            self.nodes.append(node)
        return self._known[node]

    def live(self, outputs: Sequence[int]) -> list[int]:
        """Return the nodes that the outputs depend on, in order."""
        needed = set(outputs)
        for place in range(len(self.nodes) - 1, -1, -1):
            kind, a, b = self.nodes[place]
            if place in needed and kind != "leaf":
                needed.update((a, b))
        return sorted(needed)

    def cost(self, outputs: Sequence[int]) -> int:
        """Return how many minima and maxima the outputs take."""
        return sum(self.nodes[place][0] != "leaf" for place in self.live(outputs))

    def values(
        self,
        outputs: Sequence[int],
        load: Callable[[int, int], Value],
        least: Callable[[Value, Value], Value],
        most: Callable[[Value, Value], Value],
    ) -> list[Value]:
        """Return what the outputs are, of any kind of values."""
        known: dict[int, Value] = {}

        def value(place: int) -> Value:
            kind, a, b = self.nodes[place]
            if kind == "leaf":
                return load(a, b)
            return (least if kind == "least" else most)(known[a], known[b])

        for place in self.live(outputs):
            known[place] = value(place)
        return [known[place] for place in outputs]

    # sorting -----------------------------------------------------------------------------

    def sort(self, values: Sequence[int]) -> list[int]:
        """Return the values in order."""
        if len(values) < 2:
            return list(values)
        half = (len(values) + 1) // 2
        return self.merge(self.sort(values[:half]), self.sort(values[half:]))

    def merge(self, a: Sequence[int], b: Sequence[int]) -> list[int]:
        """Return the values of two sorted lists in order: Batcher's odd-even merge."""
        if not a or not b:
            return [*a, *b]
        if len(a) == len(b) == 1:
            return [self.least(a[0], b[0]), self.most(a[0], b[0])]
        even = self.merge(a[0::2], b[0::2])
        odd = self.merge(a[1::2], b[1::2])
        merged = even[:1]
        for low, high in zip(odd, even[1:], strict=False):
            merged += [self.least(low, high), self.most(low, high)]
        pairs = min(len(odd), len(even) - 1)
        return merged + odd[pairs:] + even[pairs + 1 :]

    def merged_part(self, a: Sequence[int], b: Sequence[int], low: int, high: int) -> list[int]:
        """Return places low ... high - 1 of the merged list."""
        while True:  # drop what is certainly before, or after, what is asked for
            before = [max(0, low - len(b)), max(0, low - len(a))]
            if not any(before) and len(a) <= high and len(b) <= high:
                break
            a, b = a[before[0] : high], b[before[1] : high]
            low, high = low - sum(before), high - sum(before)
        if high - low == 1:
            return [self._one_of(a, b, low)]
        return self.merge(a, b)[low:high]

    def _one_of(self, a: Sequence[int], b: Sequence[int], place: int) -> int:
        """Return one place of the merged list: the least, over all splits, of the largest."""
        chosen = None
        for count in range(max(0, place + 1 - len(b)), min(place + 1, len(a)) + 1):
            ends = [one[n - 1] for one, n in ((a, count), (b, place + 1 - count)) if n]
            largest = functools.reduce(self.most, ends)
            chosen = largest if chosen is None else self.least(chosen, largest)
        if chosen is None:
            raise ValueError(f"there is no place {place} among {len(a) + len(b)} values")
        return chosen


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
    count : how many values the part has in all
    """

    nodes: list[int]
    below: int
    count: int


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
        count = a.count + b.count
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
