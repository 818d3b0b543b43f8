"""Sums of weight gradients, inputs by maps, put into NumPy's order: maps by inputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.ops.blocked.lanes import first_lanes, store_first, transposed
from striate.ops.blocked.layout import Place
from striate.ops.blocked.task import Task, Word
from striate.ops.codegen import Index, Pointer, Target, Vector, Writer, template

__all__ = ["unpack", "write_turned"]

PIECE = 256  # inputs of a block of work
BLOCK = 4  # words of a block of maps


def write_turned(
    w: Writer, load: Callable[[Index], Vector], to: Pointer, pitch: Index, maps: Index, count: Index
) -> None:
    """Write so many rows, each a register of maps, as columns.

    Parameters
    ----------
    w : writer
    load : returns a row
    to : where the first column begins; rows beyond `count` are not written
    pitch : elements from one column to the next
    maps : how many columns to write
    count : rows
    """
    lanes = w.lanes
    with w.loop(0, count, lanes) as first:
        columns = transposed([load((first + k).least(count - 1)) for k in range(lanes)])
        here = to + first
        mask = first_lanes(w, count - first)
        for lane, column in enumerate(columns):
            with w.when(maps > lane):
                store_first(w, here + pitch * lane, column, mask)


@template("sums", "order", "blocks", "to", "slices", "slice", "pitch", "pieces", "piece")
def weight_gradient_unpack(w: Writer, a: Any) -> None:
    """Add up slices and turn them: a block of work is a piece of the inputs of a block of maps."""
    with w.loop(w.begin, w.end) as block:
        at, start = block // a.pieces * BLOCK, block % a.pieces * a.piece
        words = [w.word(w.pointer(a.blocks), at + k) for k in range(BLOCK)]
        place, wide, to, maps = words
        order = w.pointer(a.order)
        sums = w.pointer(a.sums) + place

        def load(row: Index) -> Vector:
            here = sums + w.word(order, start + row) * wide
            total = w.variable(here.load())
            with w.loop(1, a.slices) as number:
                total.set(total.get() + here.load(number * a.slice))
            result: Vector = total.get()
            return result

        target = w.pointer(a.to) + to + start
        write_turned(w, load, target, a.pitch, maps, (a.pitch - start).least(a.piece))


def unpack(
    target: Target,
    sums: Place,
    blocks: list[tuple[int, int, int, int]],
    order: NDArray[np.int64],
    to: Place,
    *,
    slices: int,
    size: int,
) -> Task:
    """Return the task that writes gradients.

    Parameters
    ----------
    target : processor
    sums : slices of sums, inputs by maps
    blocks : of each block of maps, where its sums begin, elements from one input to the next,
        where its gradients begin, and how many maps there are
    order : the place of each input of NumPy's order in that of the sums
    to : where gradients go
    slices, size : how many there are, added in their order, and the elements of each
    """
    pieces = -(-len(order) // PIECE)
    words: dict[str, Word] = {
        "sums": sums,
        "order": order,
        "blocks": np.array(blocks, np.int64),
        "to": to,
        "slices": slices,
        "slice": size,
        "pitch": len(order),
        "pieces": pieces,
        "piece": PIECE,
    }
    work = 4 * len(blocks) * target.lanes * len(order) * slices
    return Task(weight_gradient_unpack.kernel(target), words, len(blocks) * pieces, work)
