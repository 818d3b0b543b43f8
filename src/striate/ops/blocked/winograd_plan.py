"""How Winograd's convolution is cut into tasks and chunks of tiles."""

from __future__ import annotations

from itertools import pairwise
from math import prod
from typing import NamedTuple

from striate.ops.blocked.layout import Blocked
from striate.ops.blocked.winograd_forms import Forms
from striate.ops.blocked.winograd_grid import Grid, grid
from striate.ops.blocked.winograd_product import LINE, rows_of, vectors_of
from striate.ops.codegen import Target

__all__ = ["SECOND_LEVEL", "Plan", "apart", "arena", "plan"]

SECOND_LEVEL = 640 << 10  # bytes of the cache that a chunk of tiles fills
THIRD_LEVEL = 6 << 20  # bytes that the tiles of one round of tasks fill
FEW_WEIGHTS = 3 << 20  # bytes of weights that may be read again for each chunk
LEAST_CHUNK = 12  # tiles, for the microkernel to do as much as it can with each weight
LEAST_TILES = 56  # of a round, so that reading the weights takes a small part of it
PACKED = 5 << 20  # bytes of weights that are packed at run time right before they are used
PIECE = 16  # tiles of a block of work, where each stage is a task


class Plan(NamedTuple):
    """How a convolution is cut; sizes and steps count float32 elements.

    Attributes
    ----------
    grid, tiles : the tiles of an image, and how many there are of all images
    pieces, deep : of the kernel, and blocks of channels of all of them
    fused : whether one task does all stages
    chunk : tiles of a block of work if fused, else of a round of tasks
    strip, vectors, groups : tiles and registers of maps that the microkernel takes at a time,
        and groups of so many registers
    portions : groups of maps, of which one portion of weights after another is packed, where
        they are packed at run time
    u_plane, u_place, q_plane, q_place : from one block of channels to the next, and from one
        place to the next, in the transformed inputs and in the products
    u_size, q_size, spare : what they take up, and what the transforms need
    """

    grid: Grid
    tiles: int
    pieces: int
    deep: int
    fused: bool
    chunk: int
    strip: int
    vectors: int
    groups: int
    portions: tuple[range, ...]
    u_plane: int
    u_place: int
    q_plane: int
    q_place: int
    u_size: int
    q_size: int
    spare: int


def plan(target: Target, forms: Forms, x: Blocked, y: Blocked, threads: int) -> Plan:
    """Return how a convolution is cut."""
    over, lanes = grid(forms, y), target.lanes
    places, tiles = over.places, y.batch * over.tiles
    pieces = prod(len(form.starts) for form in forms)
    deep, vectors = pieces * x.blocks, vectors_of(y.blocks)
    weights = 4 * places * pieces * x.channels * y.blocks * lanes
    fused = weights <= FEW_WEIGHTS
    wide = vectors if fused else y.blocks
    each = 4 * places * lanes * (deep + wide)
    bounds = (SECOND_LEVEL, LEAST_CHUNK) if fused else (THIRD_LEVEL, LEAST_TILES)
    limit = max(bounds[0] // each, bounds[1])
    chunk = even(tiles, limit, threads if fused else 1)
    strip = rows_of(target, vectors, chunk)
    padded = -(-chunk // strip) * strip
    u_plane = padded * lanes
    u_place, q_place = (apart(blocks * u_plane) for blocks in (deep, wide))
    groups = -(-y.blocks // vectors)
    once = not fused and chunk == tiles  # else weights are used again: they stay where they are
    count = min(groups, -(-weights // PACKED)) if once else 1
    ends = [groups * number // count for number in range(count + 1)]
    return Plan(
        over, tiles, pieces, deep, fused, chunk,
        strip, vectors, groups, tuple(range(*ends) for ends in pairwise(ends)),
        u_plane, u_place, u_plane, q_place,
        places * u_place, places * q_place, 2 * places * lanes,
    )  # fmt: skip


def apart(size: int) -> int:
    """Return a step that is not less: an odd number of lines of the cache.

    A step of a power of two would put all places into a few sets of the cache.
    """
    lines = -(-size // LINE)
    return (lines + 1 - lines % 2) * LINE


def even(tiles: int, limit: int, threads: int) -> int:
    """Return how many tiles to take at a time so that all threads get as many."""
    chunks = -(-tiles // limit)
    if chunks > 1 or threads > 1:
        chunks = min(-(-chunks // threads) * threads, tiles)
    return -(-tiles // chunks)


def arena(target: Target, forms: Forms, x: Blocked, y: Blocked) -> tuple[int, int]:
    """Return the sizes of the two buffers that `tasks` needs, in float32 elements."""
    p = plan(target, forms, x, y, 1)  # only chunks in scratch depend on the threads
    return (0, 0) if p.fused else (p.u_size, p.q_size)
