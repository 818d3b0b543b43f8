"""Gradients of a convolution's weights by Winograd's transforms; the convolution's stride is 1.

Inputs are transformed as in `winograd`, and gradients of results by the adjoint of what makes
them; `winograd_adjoints` has the formulas. Tiles are done in rounds, so that transformed ones come
from the caches, and channels in parts, so that their sums take no more memory than they must::

    for a part of the channels:
        for a round of tiles:
            U = B^T d B,  V = A dY A^T,  S[p] += U[p]^T V[p] for each place p
        dW = G^T S G

Each sum has one order, whatever the number of threads.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from striate.ops.blocked.layout import Blocked, Place
from striate.ops.blocked.task import Task, Word
from striate.ops.blocked.weight_gradient import Convolved, multiply_outer
from striate.ops.blocked.weight_gradient_cut import (
    Groups,
    blocks_of_maps,
    chunks_of,
    groups_of,
    tiles_of,
)
from striate.ops.blocked.winograd import winograd_read
from striate.ops.blocked.winograd_forms import Forms
from striate.ops.blocked.winograd_gradient_plan import (
    Plan,
    channels_of,
    chunk,
    inputs,
    layout_of,
    plan,
)
from striate.ops.blocked.winograd_gradient_stages import (
    winograd_gradient_read,
    winograd_gradient_write,
)
from striate.ops.blocked.winograd_grid import Grid
from striate.ops.blocked.winograd_stages import GRID
from striate.ops.codegen import Target

__all__ = ["arena", "winograd_weight_gradient"]

PIECE = 16  # tiles of a block of work
BLOCKS = 16  # of work

Words = dict[str, Word]


def winograd_weight_gradient(
    target: Target, forms: Forms, of: Convolved, to: Place, buffer: str
) -> list[Task]:
    """Return the tasks that compute gradients (M, C, *kernel), in NumPy's order.

    Parameters
    ----------
    target : processor
    forms : what each axis is computed by
    of : what was convolved: a blocked value, with stride 1, in one group
    to : where the gradients go
    buffer : name of a buffer of the size that `arena` returns
    """
    p = plan(target, forms, of)
    steps, tasks = Steps(target, forms, of, p, buffer), []
    for part in p.parts:
        groups = groups_of(target, inputs(p, of, part), of.dy.layout.blocks)
        first = 0
        for count in p.rounds:
            tasks.append(steps.read(part, first, count))
            if len(p.rounds) > 1 or part.start == 0:  # else V is still there
                tasks.append(steps.read_gradient(first, count))
            tasks.append(steps.multiply(groups, count, begins=first == 0))
            first += count
        tasks.append(steps.write(part, groups, to))
    return tasks


def arena(target: Target, forms: Forms, of: Convolved) -> int:
    """Return the size of the buffer that `winograd_weight_gradient` needs, in float32 elements."""
    return plan(target, forms, of).size


@dataclass(frozen=True)
class Steps:
    """Makes the tasks of a gradient."""

    target: Target
    forms: Forms
    of: Convolved
    p: Plan
    buffer: str

    def read(self, part: range, first: int, count: int) -> Task:
        """Return the task that makes U."""
        x, over, at = layout_of(self.of), self.p.grid, self.of.source.place
        inset = sum(b * s for b, s in zip(self.of.before, x.strides, strict=True))
        steps = [form.dilation * stride for form, stride in zip(self.forms, x.strides, strict=True)]
        offsets = [sum(k * s for k, s in zip(piece, steps, strict=True)) for piece in self.p.pieces]
        table = [offset + b * x.plane for offset in offsets for b in part]
        words: Words = {
            **_grid(over),
            "x": at._replace(offset=at.offset - inset),
            "x_blocks": np.array(table, np.int64),
            **_steps("x", over, x),
            "u": Place(self.buffer, self.p.starts[0]),
            "u_plane": self.p.u_plane,
            "u_place": self.p.u_place,
            **_pieces(first, count),
        }
        kernel = winograd_read.kernel(self.target, m=over.m, n=over.n)
        work = 4 * count * over.places * len(table) * x.lanes
        return Task(kernel, words, len(table) * -(-count // PIECE), work, 2 * over.places * x.lanes)

    def read_gradient(self, first: int, count: int) -> Task:
        """Return the task that makes V."""
        y, over = self.of.dy.layout, self.p.grid
        words: Words = {
            **_grid(over),
            "dy": self.of.dy.origin,
            "dy_plane": y.plane,
            **_steps("dy", over, y),
            "v": Place(self.buffer, self.p.starts[1]),
            "v_plane": self.p.u_plane,
            "v_place": self.p.v_place,
            **_pieces(first, count),
        }
        kernel = winograd_gradient_read.kernel(self.target, m=over.m, n=over.n)
        work = 4 * count * over.places * y.blocks * y.lanes
        blocks = y.blocks * -(-count // PIECE)
        return Task(kernel, words, blocks, work, 2 * over.places * y.lanes)

    def multiply(self, groups: Groups, count: int, *, begins: bool) -> Task:
        """Return the task that adds the products of a round."""
        places, lanes = self.p.grid.places, self.target.lanes
        tiles = tiles_of(self.target, groups, lanes, self.p.u_plane)
        calls = len(tiles.units) // 4
        nothing = np.zeros((1, 2), np.int64)
        runs, chunks = chunks_of(nothing, count, (lanes, lanes), chunk(groups, lanes))
        each = -(-calls // -(-BLOCKS // places))
        parts = -(-calls // each)
        words: Words = {
            "x": Place(self.buffer, self.p.starts[0]),
            "dy": Place(self.buffer, self.p.starts[1]),
            "sums": Place(self.buffer, self.p.starts[2]),
            "units": tiles.units,
            "runs": runs,
            "chunks": chunks,
            "slices": np.array([0, len(chunks) - 1] * places, np.int64),
            "dy_plane": self.p.u_plane,
            "unit_count": calls,
            "units_each": each,
            "parts": parts,
            "x_slice": self.p.u_place,
            "dy_slice": self.p.v_place,
            "size": self.p.s_place,
            "begins": int(begins),
        }
        work = places * count * groups.rows[-1] * groups.blocks * lanes
        cut = f"{max(len(g.offsets) for g in groups.inputs)}x{max(groups.vectors)}"
        return Task(multiply_outer.kernel(self.target), words, places * parts, work, tile=cut)

    def write(self, part: range, groups: Groups, to: Place) -> Task:
        """Return the task that makes gradients of sums."""
        x, over, lanes = layout_of(self.of), self.p.grid, self.target.lanes
        steps = [prod(self.of.kernel[axis + 1 :]) for axis in range(len(self.forms))]
        taps = [sum(k * s for k, s in zip(piece, steps, strict=True)) for piece in self.p.pieces]
        row, column = (0, *steps)[-2:]
        if over.flipped:
            row, column = column, row
        channels = channels_of(x, part)
        maps = blocks_of_maps(groups, self.of.dy.layout.channels, self.of.depth, lanes)
        words: Words = {
            "sums": Place(self.buffer, self.p.starts[2]),
            "place": self.p.s_place,
            "blocks": np.array(maps, np.int64),
            "to": to._replace(offset=to.offset + part.start * lanes * prod(self.of.kernel)),
            "map": self.of.depth,
            "pieces": np.array(taps, np.int64),
            "taps": prod(self.of.kernel),
            "piece_count": len(taps),
            "piece_rows": channels,
            "channels": channels,
            "row_tap": row,
            "column_tap": column,
            "parts": len(part),
        }
        kernel = winograd_gradient_write.kernel(self.target, m=over.m, n=over.n)
        scratch = (over.places + prod(self.of.kernel) * lanes) * lanes
        work = 4 * over.places * len(taps) * channels * len(maps) * lanes
        return Task(kernel, words, len(maps) * len(part), work, scratch)


def _grid(over: Grid) -> Words:
    return {name: getattr(over, name) for name in GRID}


def _pieces(first: int, count: int) -> Words:
    return {"first": first, "count": count, "pieces": -(-count // PIECE), "piece": PIECE}


def _steps(name: str, over: Grid, at: Blocked) -> Words:
    depth, row, column = over.steps(at)
    sizes = {"image": at.image, "depth": depth, "row": row, "column": column}
    return {f"{name}_{axis}": size for axis, size in sizes.items()}
