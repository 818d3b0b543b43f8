"""How a weight gradient is cut: inputs and maps into tiles of the microkernel, pixels into chunks.

An input here is what a weight is multiplied by: one channel at one tap. A group of inputs lies
within one block of channels and one row of the kernel, so that the distances between them are
the same for all groups.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from striate.ops.blocked.weight_gradient_tile import most_rows, outer
from striate.ops.codegen import Target

__all__ = [
    "Groups",
    "Inputs",
    "Tiles",
    "blocks_of_maps",
    "chunks_of",
    "evenly",
    "groups_of",
    "tiles_of",
]

Table = NDArray[np.int64]

MOST_VECTORS = 6
LATENCY = 4.0  # cycles of a multiply-add; two begin in each
STEP = 0.5  # cycles that a pixel takes besides its products
CALL, SUM = 30.0, 2.0  # cycles of a call of the microkernel, and for each register of sums


class Inputs(NamedTuple):
    """Inputs at fixed distances: those that groups are made of.

    Attributes
    ----------
    base : where the first lies, in elements from a pixel
    offsets : of all of them, from there
    columns : the place of each among the weights of a map
    """

    base: int
    offsets: tuple[int, ...]
    columns: tuple[int, ...]


class Groups(NamedTuple):
    """Inputs in groups, and maps in groups of registers."""

    inputs: tuple[Inputs, ...]
    vectors: tuple[int, ...]

    @property
    def rows(self) -> tuple[int, ...]:
        """The first input of each group, and the one after the last, in their order."""
        return (0, *accumulate(len(group.offsets) for group in self.inputs))

    @property
    def blocks(self) -> int:
        """Registers of maps."""
        return sum(self.vectors)

    @property
    def step(self) -> float:
        """About how many cycles a pixel takes."""
        rows = Counter(len(group.offsets) for group in self.inputs)
        return sum(n * _step(r, v) for r, n in rows.items() for v in self.vectors)

    @property
    def call(self) -> float:
        """About how many cycles a chunk of pixels takes besides."""
        return len(self.inputs) * len(self.vectors) * CALL + self.rows[-1] * self.blocks * SUM

    @property
    def order(self) -> Table:
        """The place of each weight of a map in the order of the groups."""
        columns = [column for group in self.inputs for column in group.columns]
        return np.argsort(np.array(columns)).astype(np.int64)


def groups_of(target: Target, runs: Sequence[Inputs], blocks: int) -> Groups:
    """Return the fastest cut of inputs, of which a group takes some of one run, and of maps."""
    sizes = Counter(len(run.offsets) for run in runs)

    def cycles(parts: Sequence[int]) -> float:
        most = most_rows(target, parts[0])
        rows = [(r, n) for size, n in sizes.items() for r in evenly(size, -(-size // most))]
        return sum(n * _step(r, v) for r, n in rows for v in parts)

    cuts = [evenly(blocks, -(-blocks // v)) for v in range(1, min(MOST_VECTORS, blocks) + 1)]
    vectors = min(cuts, key=cycles)
    most = most_rows(target, vectors[0])
    return Groups(tuple(part for run in runs for part in _cut(run, most)), tuple(vectors))


def _step(rows: int, vectors: int) -> float:
    """Return the cycles that a tile takes for a pixel: products, loads, or waiting for sums."""
    return max(rows * vectors / 2, (rows + vectors) / 2, LATENCY) + STEP


def _cut(run: Inputs, most: int) -> Iterable[Inputs]:
    start = 0
    for rows in evenly(len(run.offsets), -(-len(run.offsets) // most)):
        some = slice(start, start + rows)
        base, start = run.offsets[start], start + rows
        offsets = tuple(offset - base for offset in run.offsets[some])
        yield Inputs(run.base + base, offsets, run.columns[some])


def evenly(size: int, parts: int) -> list[int]:
    """Return the sizes of parts that differ by one at most, the larger first."""
    each, more = divmod(size, parts)
    return [each + 1] * more + [each] * (parts - more)


class Tiles(NamedTuple):
    """What microkernels are called with.

    Attributes
    ----------
    units : (calls * 4,) where x, dy and the sums of each call begin, and its microkernel
    size : elements of all sums: for each group of maps, inputs by maps
    """

    units: Table
    size: int


def tiles_of(target: Target, groups: Groups, step: int, plane: int) -> Tiles:
    """Return the calls, those of a group of maps one after another.

    `step` counts elements of x from one pixel to the next, and `plane` those of dy from one
    register of maps to the next.
    """
    units: list[int] = []
    rows, first = groups.rows, 0
    for vectors in groups.vectors:
        at = first * rows[-1]
        for row, group in zip(rows, groups.inputs, strict=False):
            sums = (at + row * vectors) * target.lanes
            address = outer(target, group.offsets, vectors, step)
            units += [group.base, first * plane, sums, address]
        first += vectors
    return Tiles(np.array(units, np.int64), first * rows[-1] * target.lanes)


def blocks_of_maps(
    groups: Groups, maps: int, depth: int, lanes: int, count: int = 1
) -> list[tuple[int, int, int, int]]:
    """Return where the sums of each block of maps lie, and where its gradients go.

    That is where the sums begin, elements from one input to the next, where the gradients begin,
    and how many maps there are. There are `count` times `maps` maps, of `depth` weights each.
    """
    result, rows = [], groups.rows[-1]
    for number in range(count):
        first = 0
        for vectors in groups.vectors:
            at = (number * groups.blocks + first) * rows
            for v in range(vectors):
                start = (first + v) * lanes
                to = (number * maps + start) * depth
                result.append(((at + v) * lanes, vectors * lanes, to, min(lanes, maps - start)))
            first += vectors
    return result


def chunks_of(
    starts: NDArray[np.int64], width: int, steps: tuple[int, int], most: int
) -> tuple[Table, Table]:
    """Return runs of pixels, and the first run of each chunk and the one after the last.

    Parameters
    ----------
    starts : (rows, 2) where each row of pixels begins in x and in dy
    width : pixels of a row
    steps : elements from one of them to the next in x and in dy
    most : pixels in a chunk
    """
    pieces = evenly(width, -(-width // most))
    firsts = np.array([0, *accumulate(pieces)][:-1])
    runs = np.empty((len(starts), len(pieces), 3), np.int64)
    runs[:, :, :2] = starts[:, None] + firsts[None, :, None] * np.array(steps)
    runs[:, :, 2] = pieces
    each = max(1, most // pieces[0])
    count = len(starts) * len(pieces)
    sizes = evenly(count, -(-count // each))
    return runs.reshape(-1), np.array([0, *accumulate(sizes)], np.int64)
