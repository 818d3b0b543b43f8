"""How the three products of a convolution are cut into blocks: for the caches and for threads.

Panels of one depth block should stay in the first-level cache and a block's panels in the
second (256 KiB to 1 MiB on current processors); each thread should get an equal share.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from striate.ops._microkernel import tile_for

__all__ = ["Cut", "cut_forward", "cut_input_gradient", "cut_weight_gradient"]

PANEL_BYTES = 1024  # of depth in a panel: 256 float32 of 32 columns are 32 KiB
BLOCK_COLUMNS = 256
BLOCK_ROWS = 512
PACKED_BYTES = 512 * 1024


class Cut(NamedTuple):
    """A cut result: how many blocks, and their sizes as `_direct.read_blocks` takes them."""

    units: int
    blocks: NDArray[np.int64]


class Sizes(NamedTuple):
    """The sizes that matter for cutting; channels and maps are those of one group."""

    batch: int
    groups: int
    channels: int
    maps: int
    taps: int
    pixels: int
    itemsize: int


def up(value: int, step: int) -> int:
    """Round up to a multiple of `step`, which is also the least result."""
    return max(1, -(-value // step)) * step


def even(total: int, limit: int, parts: int, step: int) -> int:
    """Return the size of equal blocks of at most about `limit`, in a multiple of `parts`."""
    blocks = parts * max(1, -(-total // (parts * limit)))
    return up(-(-total // blocks), step)


def cut(result: tuple[int, int, int], block: tuple[int, int, int], itemsize: int) -> Cut:
    """Return the cut of (groups, rows, columns) into blocks of (rows, columns, depth)."""
    groups, rows, columns = result
    tile = tile_for(itemsize)
    count = groups * -(-rows // block[0]) * -(-columns // block[1])
    return Cut(count, np.array([*block, tile.rows, tile.lanes, tile.width], np.int64))


def cut_forward(s: Sizes, threads: int) -> Cut:
    """Cut Y by output positions; by maps where there are too few positions for all threads."""
    tile = tile_for(s.itemsize)
    total, inputs = s.batch * s.pixels, s.channels * s.taps
    depth = even(inputs, PANEL_BYTES // s.itemsize, 1, 1)
    share = -(-threads // s.groups)
    rows, parts = s.maps, share
    if total < 2 * tile.width * share:
        rows, parts = even(s.maps, s.maps, share, tile.rows), 1
    columns = even(total, BLOCK_COLUMNS, parts, tile.lanes)
    return cut((s.groups, s.maps, total), (min(rows, s.maps), columns, depth), s.itemsize)


def cut_input_gradient(s: Sizes, threads: int) -> Cut:
    """Cut dX by images, and by channels where there are too few images for all threads."""
    tile = tile_for(s.itemsize)
    images = max(1, min(s.batch, BLOCK_COLUMNS // s.pixels))
    shares = s.groups * max(1, -(-s.batch // images))
    channels = -(-s.channels // min(s.channels, -(-threads // shares)))
    step = up(PACKED_BYTES // (s.maps * s.itemsize), tile.width)
    step = min(step, 2 * BLOCK_COLUMNS)
    return cut((s.groups, s.channels, s.batch), (channels, images, step), s.itemsize)


def cut_weight_gradient(s: Sizes, threads: int) -> Cut:
    """Cut dW by inputs (channels and taps)."""
    tile = tile_for(s.itemsize)
    inputs = s.channels * s.taps
    rows = even(inputs, BLOCK_ROWS, -(-threads // s.groups), tile.rows)
    maps = even(s.maps, BLOCK_ROWS, 1, tile.width)
    depth = min(s.batch * s.pixels, BLOCK_COLUMNS // 2)
    return cut((s.groups, inputs, s.maps), (rows, maps, max(1, depth)), s.itemsize)
