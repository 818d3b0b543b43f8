"""Winograd's convolution F(m x m, 3 x 3) of blocked values; stride and dilation are 1.

A tile of m x m outputs takes n x n multiplications, n = m + 2, for each channel and map instead
of 9 m x m; see `winograd_transforms` for the formulas and `winograd_stages` for the three stages.

Where weights are few, a block of work is a chunk of tiles, which goes through all stages while
it is in the second-level cache. Where weights are many, each stage is a task of its own for as
many tiles as the third-level cache holds, so that the weights are read once.

Each output is computed in one order, however the work is cut.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.ops.blocked.layout import Blocked, Place, Value
from striate.ops.blocked.task import Task, Word, bits
from striate.ops.blocked.winograd_plan import PIECE, Plan, arena, cost, plan
from striate.ops.blocked.winograd_product import LINE, product
from striate.ops.blocked.winograd_stages import (
    GRID,
    MULTIPLY,
    PRODUCTS,
    READ,
    TRANSFORMED,
    WRITE,
    Stages,
)
from striate.ops.blocked.winograd_weights import pack
from striate.ops.codegen import Target, Writer, template

__all__ = ["arena", "cost", "pack", "tasks"]

Words = dict[str, Word]


@template(
    *GRID, *READ, *TRANSFORMED, *MULTIPLY, *PRODUCTS, *WRITE, "tiles", "chunk", "u_size", "maps"
)
def winograd_tiles(w: Writer, a: Any, m: int, rank: int) -> None:
    """Do all stages: a block of work is a chunk of tiles."""
    stages = Stages(w, a, m, rank)
    spare, u = w.scratch, w.scratch + stages.spare
    q = u + a.u_size
    with w.loop(w.begin, w.end) as block:
        first = block * a.chunk
        count = (a.tiles - first).least(a.chunk)
        with w.loop(0, a.blocks) as b:
            stages.read(b, first, count, u + b * a.u_plane, spare)
        with w.loop(0, a.groups) as group:
            with w.loop(0, stages.places) as p:
                stages.multiply(p, group, count, u, q)
            start = group * a.vectors
            with w.loop(start, (start + a.vectors).least(a.maps)) as b:
                stages.write(b, first, count, q + (b - start) * a.q_plane, spare)


@template(*GRID, *READ, *TRANSFORMED, "u", "first", "count", "pieces", "piece")
def winograd_read(w: Writer, a: Any, m: int, rank: int) -> None:
    """Transform tiles of inputs: a block of work is a piece of the tiles, for some channels."""
    stages = Stages(w, a, m, rank)
    with w.loop(w.begin, w.end) as block:
        b, start = block // a.pieces, block % a.pieces * a.piece
        u = w.pointer(a.u) + b * a.u_plane + start * w.lanes
        count = (a.count - start).least(a.piece)
        stages.read(b, a.first + start, count, u, w.scratch)


@template(*TRANSFORMED, *MULTIPLY, *PRODUCTS, "u", "q", "count")
def winograd_multiply(w: Writer, a: Any) -> None:
    """Multiply transformed tiles by weights: a block of work is one place and group of maps."""
    stages = Stages(w, a, 0, 0)
    with w.loop(w.begin, w.end) as block:
        p, group = block // a.groups, block % a.groups
        q = w.pointer(a.q) + group * a.vectors * a.q_plane
        stages.multiply(p, group, a.count, w.pointer(a.u), q)


@template(*GRID, *PRODUCTS, *WRITE, "q", "first", "count", "pieces", "piece")
def winograd_write(w: Writer, a: Any, m: int, rank: int) -> None:
    """Transform products to outputs: a block of work is a piece of the tiles, for some maps."""
    stages = Stages(w, a, m, rank)
    with w.loop(w.begin, w.end) as block:
        b, start = block // a.pieces, block % a.pieces * a.piece
        q = w.pointer(a.q) + b * a.q_plane + start * w.lanes
        count = (a.count - start).least(a.piece)
        stages.write(b, a.first + start, count, q, w.scratch)


def tasks(
    target: Target,
    m: int,
    source: Value,
    result: Value,
    packed: NDArray[np.float32],
    bias: NDArray[np.float32] | None = None,
    residual: Value | None = None,
    low: float = -np.inf,
    high: float = np.inf,
    *,
    padding_before: tuple[int, ...],
    buffers: tuple[str, str],
    threads: int = 1,
) -> list[Task]:
    """Return the tasks of a convolution.

    Parameters
    ----------
    target : processor
    m : outputs of a tile along each axis: 2, 4 or 6
    source, result : (N, C, ...) and (N, M, ...) with one or two spatial axes; the source has at
        least the convolution's padding around it
    packed : weights from `pack`
    bias : (blocks * lanes of the result,), or none
    residual : what is added to the result before it is clipped, or none; it may be the result
    low, high : bounds of the result
    padding_before : the convolution's padding before the first pixel of each axis
    buffers : names of two buffers for transformed tiles, whose sizes `arena` returns
    threads : how many threads the work is cut for; it changes no result
    """
    p = plan(target, m, source.layout, result.layout, threads)
    y = result.layout
    if bias is None:
        bias = np.zeros(y.blocks * target.lanes, np.float32)
    grid: Words = {"rows": p.rows, "columns": p.columns, "height": p.height, "width": p.width}
    transformed: Words = {"u_plane": p.u_plane, "u_place": p.u_place}
    products: Words = {"q_plane": p.q_plane, "q_place": p.q_place}
    read = grid | transformed | _read(source, padding_before)
    multiply = transformed | products | _multiply(target, p, source.layout, y, packed)
    write = grid | products | _write(result, residual)
    write |= {"bias": bias, "low": bits(low), "high": bits(high)}
    work = p.places * source.layout.channels * y.blocks * target.lanes  # of one tile
    kind, cut = {"m": m, "rank": p.rank}, f"{p.strip}x{p.vectors}"
    if p.fused:
        sizes: Words = {"tiles": p.tiles, "chunk": p.chunk, "u_size": p.u_size, "maps": y.blocks}
        kernel = winograd_tiles.kernel(target, **kind)
        chunks, scratch = -(-p.tiles // p.chunk), p.u_size + p.q_size + p.spare
        words = read | multiply | write | sizes
        return [Task(kernel, words, chunks, p.tiles * work, scratch, tile=cut)]
    u: Words = {"u": Place(buffers[0])}
    q: Words = {"q": Place(buffers[1])}
    result_tasks = []
    for first in range(0, p.tiles, p.chunk):
        count = min(p.chunk, p.tiles - first)
        pieces = -(-count // PIECE)
        some: Words = {"first": first, "count": count, "pieces": pieces, "piece": PIECE}
        moved = [4 * count * p.places * blocks for blocks in (source.layout.blocks, y.blocks)]
        result_tasks += [
            Task(
                winograd_read.kernel(target, **kind),
                read | u | some,
                source.layout.blocks * pieces,
                moved[0] * target.lanes,
                p.spare,
            ),
            Task(
                winograd_multiply.kernel(target),
                multiply | u | q | {"count": count},
                p.places * p.groups,
                count * work,
                tile=cut,
            ),
            Task(
                winograd_write.kernel(target, **kind),
                write | q | some,
                y.blocks * pieces,
                moved[1] * target.lanes,
                p.spare,
            ),
        ]
    return result_tasks


def _read(source: Value, padding_before: tuple[int, ...]) -> Words:
    x = source.layout
    inset = sum(b * s for b, s in zip(padding_before, x.strides, strict=True))
    return {
        "x": Place(source.buffer, x.origin - inset),
        "x_image": x.image,
        "x_plane": x.plane,
        "x_row": x.strides[0] if len(x.strides) == 2 else 0,
    }


def _multiply(
    target: Target, p: Plan, x: Blocked, y: Blocked, packed: NDArray[np.float32]
) -> Words:
    lines = -(-p.vectors * target.lanes // LINE)
    each = -(-lines // -(-p.chunk // p.strip))
    group = x.channels * p.vectors * target.lanes
    rest = y.blocks - (p.groups - 1) * p.vectors
    return {
        "strip": p.strip,
        "vectors": p.vectors,
        "product": product(target, p.strip, p.vectors, each),
        "last_product": product(target, p.strip, rest, each),
        "blocks": x.blocks,
        "last": x.channels - (x.blocks - 1) * target.lanes,
        "weight": packed,
        "weight_place": packed.shape[1],
        "weight_group": group,
        "weight_ahead": packed.shape[1] if p.fused else group,
        "ahead_parts": -(-lines // each),
        "ahead_part": x.channels * each * LINE,
        "groups": p.groups,
    }


def _write(result: Value, residual: Value | None) -> Words:
    words: Words = {}
    for name, value in (("y", result), ("residual", residual)):
        at = result.layout if value is None else value.layout
        words |= {
            name: 0 if value is None else value.origin,
            f"{name}_image": at.image,
            f"{name}_plane": at.plane,
            f"{name}_row": at.strides[0] if len(at.strides) == 2 else 0,
        }
    return words
