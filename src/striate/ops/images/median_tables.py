"""Networks of large windows as tables, which a short loop follows: there is nothing to compile.

An entry names four places of memory: two numbers to compare, where the smaller goes and where the
larger goes. Places are bytes on from a column of the first line; those of numbers that are needed
only for a while lie beyond all lines, and move on with the column.
"""

from __future__ import annotations

import functools
import heapq
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from striate.ops.images.median_networks import Network
from striate.ops.images.median_programs import Program, Stage, program

__all__ = ["Tables", "skeleton", "tables"]


APART = 16  # entries between one that writes a number and one that reads it


class Tables(NamedTuple):
    """The stages of a program as tables.

    Attributes
    ----------
    entries : array of int32, shape (N, 4)
        The two numbers and the two results of each comparison.
    stages : array of int64, shape (S, 3)
        Of each stage the first entry, the entry after the last, and how many columns its
        results know of.
    places : how many registers lie beyond the lines
    """

    entries: NDArray[np.int32]
    stages: NDArray[np.int64]
    places: int


@functools.cache
def skeleton(rows: int, columns: int, tall: int) -> Program:
    """Return a program that copies rows to lines, and lines to results; tables do the rest."""
    inner = program(rows, columns, tall)
    reads = rows + tall - 1
    copies, last = Network(), Network()
    outputs = [copies.leaf(row) for row in range(reads)]
    return Program(
        tall,
        reads + inner.lines + tall,
        Stage(copies, outputs, 0, 0, 1),
        [],
        Stage(last, [last.leaf(0)], reads + inner.lines, 0, columns),
        apart=1,
    )


def tables(
    rows: int, columns: int, tall: int, line: int, step: int, register: int, beyond: int
) -> Tables:
    """Return the tables of a program.

    Parameters
    ----------
    rows, columns, tall : the program
    line, step : bytes from line to line, and from pixel to pixel
    register : bytes of a register
    beyond : bytes from the first line to the places beyond all
    """
    inner = program(rows, columns, tall)
    first = rows + tall - 1
    stages = [(inner.down, 0, first)]
    stages += [(stage, first + stage.source, first + stage.target) for stage in inner.across]
    stages.append((inner.last, first, first + inner.lines))
    entries: list[tuple[int, int, int, int]] = []
    bounds = []
    places = 0
    for stage, source, target in stages:
        start = len(entries)

        def leaf(number: int, shift: int, source: int = source) -> int:
            return (source + number) * line + shift * step

        def goal(number: int, target: int = target) -> int:
            return (target + number) * line

        one = _Entries(stage, leaf, goal, lambda place: beyond + place * register)
        entries += one.all()
        places = max(places, one.places)
        bounds.append((start, len(entries), stage.columns))
    return Tables(np.array(entries, np.int32), np.array(bounds, np.int64), places)


class _Entries:
    """The entries of a stage; place 0 beyond the lines takes what nobody needs."""

    def __init__(
        self,
        stage: Stage,
        leaf: Callable[[int, int], int],
        goal: Callable[[int], int],
        beyond: Callable[[int], int],
    ) -> None:
        self.nodes, self.stage = stage.network.nodes, stage
        self.goal, self.beyond = goal, beyond
        self.places, self.free = 1, list[int]()
        self.where: dict[int, int] = {}
        self.lent: dict[int, int] = {}
        self.left: dict[int, int] = {}
        self.live = stage.network.live(stage.outputs)
        for node in self.live:
            kind, a, b = self.nodes[node]
            if kind == "leaf":
                self.where[node] = leaf(a, b)
        self.goals = {node: number for number, node in enumerate(stage.outputs)}

    def all(self) -> list[tuple[int, int, int, int]]:
        """Return the entries in order."""
        pairs: dict[tuple[int, int], dict[str, int]] = {}
        for node in self.live:
            kind, a, b = self.nodes[node]
            if kind != "leaf":
                pairs.setdefault((a, b), {})[kind] = node
        pairs = {pair: pairs[pair] for pair in spaced(pairs)}
        for pair in pairs:
            for node in pair:
                self.left[node] = self.left.get(node, 0) + 1
        entries = []
        for (a, b), results in pairs.items():
            read = self.where[a], self.where[b]
            for node in (a, b):
                self._use(node)
            low, high = (self._put(results.get(kind)) for kind in ("least", "most"))
            entries.append((*read, low, high))
        for number, node in enumerate(self.stage.outputs):
            if self.where[node] != self.goal(number):  # a leaf, or a result asked for twice
                entries.append((self.where[node],) * 2 + (self.goal(number), self.beyond(0)))
        return entries

    def _use(self, node: int) -> None:
        self.left[node] -= 1
        if not self.left[node] and node in self.lent:
            self.free.append(self.lent.pop(node))

    def _put(self, node: int | None) -> int:
        if node is None:
            return self.beyond(0)
        if node in self.goals:
            self.where[node] = self.goal(self.goals[node])
        else:
            if not self.free:
                self.free.append(self.places)
                self.places += 1
            self.lent[node] = self.free.pop()
            self.where[node] = self.beyond(self.lent[node])
        return self.where[node]


def spaced(pairs: Mapping[tuple[int, int], Mapping[str, int]]) -> list[tuple[int, int]]:
    """Return the comparisons in an order in which none waits for those just before it."""
    maker = {node: pair for pair, results in pairs.items() for node in results.values()}
    users: dict[tuple[int, int], list[tuple[int, int]]] = {pair: [] for pair in pairs}
    waits = {}
    for pair in pairs:
        makers = {maker[node] for node in pair if node in maker}
        waits[pair] = len(makers)
        for one in makers:
            users[one].append(pair)
    age = {pair: number for number, pair in enumerate(pairs)}
    ready = [(age[pair], pair) for pair in pairs if not waits[pair]]
    soon: list[tuple[int, tuple[int, int]]] = []
    when: dict[tuple[int, int], int] = {}
    order: list[tuple[int, int]] = []
    while ready or soon:
        while soon and (soon[0][0] <= len(order) or not ready):
            pair = heapq.heappop(soon)[1]
            heapq.heappush(ready, (age[pair], pair))
        pair = heapq.heappop(ready)[1]
        order.append(pair)
        for user in users[pair]:
            waits[user] -= 1
            when[user] = len(order) + APART
            if not waits[user]:
                heapq.heappush(soon, (when[user], user))
    return order
