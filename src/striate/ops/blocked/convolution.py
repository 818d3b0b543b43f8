"""Direct convolution, and its transpose, on blocked values: sums of products, nothing else.

Every output is one sum over channels and taps, done by the microkernel of `tile` without any
copy of patches: a tap is an offset of the input. Tables say where each row of outputs, each tile
of a row and each group of maps lies, so one step serves any number of axes, strides, dilation,
groups, and the phases of a transposed convolution.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.ops.blocked.expression import Expression, form_of
from striate.ops.blocked.layout import Blocked, Place, Value
from striate.ops.blocked.planes import PlaneTiling
from striate.ops.blocked.task import Task, Word, bits
from striate.ops.blocked.tile import TILE
from striate.ops.blocked.tiling import Cut, Tiling
from striate.ops.codegen import Target, Writer, template

__all__ = ["Source", "Sweep", "direct"]

Table = NDArray[np.int64]
SHARE = 200_000  # multiply-adds of a block: handing one to a thread takes a fraction of that
PARTIAL = 512  # products in a partial sum, if a block of channels has no more
NEAR = 1024  # elements that weights are fetched ahead, if the next group's would not fit
PRIVATE = 512 << 10  # bytes of a second-level cache that we count upon


@dataclass(frozen=True)
class Sweep:
    """How outputs lie and what they read, along each axis.

    Output i of axis a lies at ``first[a] + i * out[a]`` and its tap t reads the input's position
    ``i * step[a] + offset``, where `taps` lists the offsets of each tap: one for each axis.
    """

    counts: tuple[int, ...]
    step: tuple[int, ...]
    first: tuple[int, ...]
    out: tuple[int, ...]
    taps: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Source:
    """What a convolution reads.

    Attributes
    ----------
    place : where the pixel (0, 0, ...) of the first channel lies, behind its padding
    image : elements from one example to the next
    strides : elements from one pixel to the next along each axis
    block : elements from one block of channels to the next
    planar : whether each channel is a plane of its own, as in NumPy's order
    """

    place: Place
    image: int
    strides: tuple[int, ...]
    block: int
    planar: bool = False

    @classmethod
    def of(cls, value: Value) -> Source:
        """Return how to read a blocked value."""
        at = value.layout
        return cls(value.origin, at.image, at.strides, at.plane)


@template(
    *("x", "weight", "bias", "residual", "y", "context", "groups", "rows", "columns"),
    *("group_count", "groups_each", "column_count", "units", "units_each", "tiles"),
)
def convolve(w: Writer, a: Any) -> None:
    """Do blocks of work: some groups of maps for some tiles of pixels."""
    groups, rows, columns, tiles = (
        w.pointer(table) for table in (a.groups, a.rows, a.columns, a.tiles)
    )
    parts = (a.group_count + (a.groups_each - 1)) // a.groups_each
    with w.loop(w.begin, w.end) as block:
        first_group = (block % parts) * a.groups_each
        first_unit = (block // parts) * a.units_each
        with w.loop(first_group, (first_group + a.groups_each).least(a.group_count)) as g:
            offsets = [w.word(groups, g * 6 + place) for place in range(6)]
            x_group, weight_group, bias_group, y_group, residual_group, size = offsets
            with w.loop(first_unit, (first_unit + a.units_each).least(a.units)) as unit:
                row, column = (unit // a.column_count) * 3, (unit % a.column_count) * 2
                along_x, along_y = w.word(columns, column), w.word(columns, column + 1)
                x = w.word(rows, row) + along_x + x_group
                y = w.word(rows, row + 1) + along_y + y_group
                other = w.word(rows, row + 2) + along_y + residual_group
                residual = w.choose(a.residual.equals(0), 0, a.residual + other * 4)
                w.call(
                    w.word(tiles, size),
                    TILE,
                    w.pointer(a.x) + x,
                    w.pointer(a.weight) + weight_group,
                    w.pointer(a.bias) + bias_group,
                    w.pointer(residual),
                    w.pointer(a.y) + y,
                    w.pointer(a.context),
                )
    w.settle_streams()


def direct(
    target: Target,
    source: Source,
    result: Value,
    sweep: Sweep,
    tiling: Tiling | PlaneTiling,
    weights: NDArray[np.float32] | Place,
    bias: NDArray[np.float32] | Place,
    *,
    residual: Value | NDArray[np.float32] | None = None,
    low: float = -np.inf,
    high: float = np.inf,
    after: Expression = 0,
) -> Task:
    """Return the task that computes the outputs of one sweep.

    Parameters
    ----------
    source, result : what is read, which has all the padding that the taps reach, and written
    sweep : where outputs lie and what they read
    tiling : how maps and pixels are cut; it packed the `weights`, an array or where they will be
    bias : one number for each lane of the result's blocks; an array, or where it will be
    residual : added before the bounds; a value, or an array in the layout of one example
    low, high : bounds of the result
    after : an expression of operand 0: what becomes of each element then, on blocked values
    """
    maps, y = tiling.maps, result.layout
    there, out = sweep.step[-1] * source.strides[-1], sweep.out[-1]
    sizes = tiling.sizes
    taps = [sum(o * s for o, s in zip(tap, source.strides, strict=True)) for tap in sweep.taps]
    blocks, last = (1, 1) if isinstance(tiling, PlaneTiling) or source.planar else tiling.blocks
    if source.planar:
        taps = [tap + channel * source.block for channel in range(tiling.channels) for tap in taps]
    other, other_word = _residual(residual, y)
    tap_table = np.array(taps, np.int64)
    run = PARTIAL if source.planar else max(1, PARTIAL // (y.lanes * max(len(taps), 1)))
    short = run >= (len(taps) if source.planar else blocks)
    form, numbers = form_of(after)
    how = target, there, out, source.planar, short
    if isinstance(tiling, Tiling):
        tiles = np.array(tiling.tiles(*how, form, len(numbers)), np.int64)
    else:
        tiles = np.array(tiling.tiles(*how), np.int64)
    sizes_of_x = len(taps), blocks, source.block, run, last
    ahead = _ahead(tiling, len(sweep.taps))
    planes = y.plane, other.plane
    ends = bits(low), bits(high), *map(bits, numbers)
    words = (tap_table.ctypes.data, *sizes_of_x, *planes, ahead, *ends)
    context = np.array(words, np.int64)
    own = (tiling.channels if source.planar else blocks) * source.block  # of one group
    groups, at_weight = [], 0
    for number, vectors in enumerate(tiling.vectors):
        block = tiling.starts[number]
        from_x = block * y.lanes // maps * own if tiling.groups > 1 else 0
        groups += [from_x, at_weight, block * y.lanes, block * y.plane, block * other.plane]
        groups.append(sizes.index(vectors))
        at_weight += tiling.depth(len(sweep.taps)) * vectors * y.lanes
    rows = _row_table(sweep, source, y, other)
    columns = _column_table(sweep, source, tiling.rows, y.lanes)
    tables = [np.array(groups, np.int64), rows, columns, tiles]
    units, each, groups_each = _cut(tiling, len(rows) // 3, len(columns) // 2, 4 * at_weight)
    pieces = -(-units // each) * -(-len(tiling.vectors) // groups_each)
    arguments: dict[str, Word] = {
        "x": source.place,
        "weight": weights,
        "bias": bias,
        "residual": other_word,
        "y": result.origin,
        "context": context,
        **dict(zip(("groups", "rows", "columns", "tiles"), tables, strict=True)),
        "group_count": len(tiling.vectors),
        "groups_each": groups_each,
        "column_count": len(columns) // 2,
        "units": units,
        "units_each": each,
    }
    pixels = y.batch * prod(sweep.counts)
    work = pixels * tiling.all_maps * tiling.channels * max(len(sweep.taps), 1)
    keep = (tap_table, context, *tables)
    cut = f"{tiling.rows}x{max(tiling.vectors)}"
    return Task(convolve.kernel(target), arguments, pieces, work, keep=keep, tile=cut)


def _ahead(tiling: Cut, taps: int) -> int:
    """Return how many elements before their use weights are fetched.

    While one group of maps is done those of the next come into the cache, if both fit in.
    """
    group = tiling.depth(taps) * tiling.vectors[0] * tiling.lanes
    return group if 8 * group <= PRIVATE else NEAR


def _residual(residual: Value | NDArray[np.float32] | None, y: Blocked) -> tuple[Blocked, Word]:
    """Return the layout and the word of what is added: examples share an array."""
    if isinstance(residual, Value):
        return residual.layout, residual.origin
    none = (0,) * len(y.spatial)
    at = Blocked(0, y.channels, y.spatial, none, none, y.lanes, 0, y.blocks)
    return at, 0 if residual is None else residual


def _row_table(sweep: Sweep, source: Source, y: Blocked, other: Blocked) -> Table:
    """Return, for each row of outputs, where it begins in x, in y and in the residual."""
    shared = 0 if other.batch == 0 else other.image
    examples = np.arange(y.batch)[:, None] * np.array([source.image, y.image, shared])
    table = examples
    for axis in range(len(sweep.counts) - 1):
        i = np.arange(sweep.counts[axis])
        at_y = sweep.first[axis] + i * sweep.out[axis]
        along = np.stack(
            [
                i * sweep.step[axis] * source.strides[axis],
                at_y * y.strides[axis],
                at_y * other.strides[axis],
            ],
            axis=1,
        )
        table = (table[:, None, :] + along[None]).reshape(-1, 3)
    first = sweep.first[-1] * y.lanes
    return np.ascontiguousarray(table + np.array([0, first, first])).reshape(-1).astype(np.int64)


def _column_table(sweep: Sweep, source: Source, rows: int, lanes: int) -> Table:
    """Return where each tile of a row begins in x and y; the last may overlap the one before."""
    count = sweep.counts[-1]
    starts = [min(start, count - rows) for start in range(0, count, rows)]
    along = [(s * sweep.step[-1] * source.strides[-1], s * sweep.out[-1] * lanes) for s in starts]
    return np.array(along, np.int64).reshape(-1)


def _cut(
    tiling: Tiling | PlaneTiling, rows: int, columns: int, weight_bytes: int
) -> tuple[int, int, int]:
    """Return the tiles of pixels in all, those of a block, and the groups of a block.

    Weights that fit into the cache are used from there, group after group, for some rows at a
    time; larger ones are read once, for as many pixels as there are.
    """
    units = rows * columns
    groups = len(tiling.vectors)
    if tiling.pixels_first:
        enough = -(-SHARE // max(1, tiling.rows * weight_bytes // 4))
        return units, max(1, min(enough, units // 8)), groups
    if weight_bytes <= PRIVATE:
        each = max(1, min(-(-units // 8), max(columns, 16)))
        return units, each, groups
    return units, max(1, -(-units // max(1, -(-16 // groups)))), 1


def window_sweep(
    counts: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int],
    kernel: Sequence[int],
    before: Sequence[int],
) -> Sweep:
    """Return the sweep of a convolution."""
    taps = tuple(
        tuple(k * d - b for k, d, b in zip(position, dilations, before, strict=True))
        for position in product(*map(range, kernel))
    )
    ones, zeros = (1,) * len(kernel), (0,) * len(kernel)
    return Sweep(tuple(counts), tuple(strides), zeros, ones, taps)
