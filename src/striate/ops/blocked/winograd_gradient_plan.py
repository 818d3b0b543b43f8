"""How Winograd's gradient of weights is cut: channels into parts, tiles into rounds."""

from __future__ import annotations

from itertools import accumulate, pairwise, product
from typing import NamedTuple

from striate.ops.blocked.layout import Blocked, Value
from striate.ops.blocked.weight_gradient import Convolved
from striate.ops.blocked.weight_gradient_cut import Groups, Inputs, evenly
from striate.ops.blocked.winograd_forms import Forms
from striate.ops.blocked.winograd_grid import Grid, grid
from striate.ops.blocked.winograd_plan import apart
from striate.ops.codegen import Target

__all__ = ["Plan", "channels_of", "chunk", "inputs", "layout_of", "plan"]

SECOND_LEVEL = 512 << 10  # bytes of U and V that are multiplied at a time, of one place
THIRD_LEVEL = 6 << 20  # bytes of U and V of a round
LEAST_TILES = 128  # of a round, so that reading and writing sums takes a small part of it
LEAST_CHUNK = 64  # tiles that are multiplied at a time
SUMS = 24 << 20  # bytes of the sums of a part of the channels
NEAR = 3 << 20  # of them, where V is no larger: they stay in the caches until they are written


class Plan(NamedTuple):
    """How a gradient is cut; sizes and steps count float32 elements.

    Attributes
    ----------
    grid, tiles : the tiles of an image, and how many there are of all images
    pieces : of the kernel: for each axis, the first tap of each
    parts : blocks of channels of each part
    rounds : tiles of each round
    u_plane : from one block of channels or maps to the next in a place of U or V
    u_place, v_place, s_place : from one place to the next
    """

    grid: Grid
    tiles: int
    pieces: tuple[tuple[int, ...], ...]
    parts: tuple[range, ...]
    rounds: tuple[int, ...]
    u_plane: int
    u_place: int
    v_place: int
    s_place: int

    @property
    def starts(self) -> tuple[int, int, int]:
        """Where U, V and the sums begin in the buffer."""
        places = self.grid.places
        return 0, places * self.u_place, places * (self.u_place + self.v_place)

    @property
    def size(self) -> int:
        """Elements of the buffer."""
        return self.grid.places * (self.u_place + self.v_place + self.s_place)


def plan(target: Target, forms: Forms, of: Convolved) -> Plan:
    """Return how a gradient is cut."""
    x, y, lanes = layout_of(of), of.dy.layout, target.lanes
    over = grid(forms, y)
    pieces = tuple(product(*(form.starts for form in forms)))
    tiles = y.batch * over.tiles
    wide = 4 * over.places * len(pieces) * y.blocks * lanes  # bytes of a channel's sums
    most = NEAR if 4 * over.places * tiles * y.blocks * lanes <= NEAR else SUMS
    ends = [0, *accumulate(evenly(x.blocks, min(x.blocks, -(-wide * x.channels // most))))]
    parts = tuple(range(begin, end) for begin, end in pairwise(ends))
    deep = len(pieces) * len(parts[0])
    each = 4 * over.places * lanes * (deep + y.blocks)
    rounds = evenly(tiles, -(-tiles // max(THIRD_LEVEL // each, LEAST_TILES)))
    plane = apart(rounds[0] * lanes)
    most = max(channels_of(x, part) for part in parts)
    return Plan(
        over,
        tiles,
        pieces,
        parts,
        tuple(rounds),
        plane,
        apart(deep * plane),
        apart(y.blocks * plane),
        apart(len(pieces) * most * y.blocks * lanes),
    )


def layout_of(of: Convolved) -> Blocked:
    """Return the layout of x, which is blocked."""
    assert isinstance(of.x, Value)
    return of.x.layout


def channels_of(x: Blocked, part: range) -> int:
    """Return how many channels a part has."""
    return min(x.channels - part.start * x.lanes, len(part) * x.lanes)


def inputs(p: Plan, of: Convolved, part: range) -> list[Inputs]:
    """Return the rows of U: of each piece of the kernel, the channels of a part."""
    x, runs = layout_of(of), []
    for number in range(len(p.pieces)):
        for b in part:
            count = min(x.lanes, x.channels - b * x.lanes)
            at = number * len(part) + b - part.start
            column = number * channels_of(x, part) + (b - part.start) * x.lanes
            runs.append(
                Inputs(at * p.u_plane, tuple(range(count)), tuple(range(column, column + count)))
            )
    return runs


def chunk(groups: Groups, lanes: int) -> int:
    """Return how many tiles are multiplied at a time."""
    return max(LEAST_CHUNK, SECOND_LEVEL // (4 * (groups.rows[-1] + groups.blocks * lanes)))
