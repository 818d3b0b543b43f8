"""Winograd's convolution F(m x m, r x r) of blocked values; its stride is 1.

A tile of m x m outputs takes n x n multiplications, n = m + r - 1, for each channel and map
instead of (r m)^2; see `winograd_transforms` for the formulas, `winograd_forms` for the kernels
that they compute, and `winograd_stages` for the three stages.

Where weights are few, a block of work is a chunk of tiles, which goes through all stages while
it is in the second-level cache. Where weights are many, each stage is a task of its own for as
many tiles as the third-level cache holds, so that the weights are read once. Those that are packed
at run time and used only once are packed in portions, which that cache holds as well.

Each output is computed in one order, however the work is cut.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.ops.blocked.layout import Blocked, Place, Value
from striate.ops.blocked.task import Task, Word, bits
from striate.ops.blocked.winograd_cost import cost
from striate.ops.blocked.winograd_forms import Forms, forms_of, square
from striate.ops.blocked.winograd_grid import Grid
from striate.ops.blocked.winograd_packing import Unpacked, pack_task
from striate.ops.blocked.winograd_plan import PIECE, Plan, arena, plan
from striate.ops.blocked.winograd_product import LINE
from striate.ops.blocked.winograd_product import product as microkernel
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

__all__ = ["Forms", "Unpacked", "arena", "cost", "forms_of", "pack", "portion", "square", "tasks"]

Words = dict[str, Word]
Pair = tuple[int, int]


@template(
    *(*GRID, *READ, *TRANSFORMED, *MULTIPLY, *PRODUCTS, *WRITE),
    *("tiles", "chunk", "u_size", "maps"),
)
def winograd_tiles(w: Writer, a: Any, m: Pair, n: Pair) -> None:
    """Do all stages: a block of work is a chunk of tiles."""
    stages = Stages(w, a, m, n)
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
def winograd_read(w: Writer, a: Any, m: Pair, n: Pair) -> None:
    """Transform tiles of inputs: a block of work is a piece of the tiles, for some channels."""
    stages = Stages(w, a, m, n)
    with w.loop(w.begin, w.end) as block:
        b, start = block // a.pieces, block % a.pieces * a.piece
        u = w.pointer(a.u) + b * a.u_plane + start * w.lanes
        count = (a.count - start).least(a.piece)
        stages.read(b, a.first + start, count, u, w.scratch)


@template(*TRANSFORMED, *MULTIPLY, *PRODUCTS, "u", "q", "count")
def winograd_multiply(w: Writer, a: Any) -> None:
    """Multiply transformed tiles by weights: a block of work is one place and group of maps."""
    stages = Stages(w, a, (0, 0), (0, 0))
    with w.loop(w.begin, w.end) as block:
        p, group = block // a.groups, block % a.groups
        q = w.pointer(a.q) + group * a.vectors * a.q_plane
        stages.multiply(p, group, a.count, w.pointer(a.u), q)


@template(*GRID, *PRODUCTS, *WRITE, "q", "first", "count", "pieces", "piece")
def winograd_write(w: Writer, a: Any, m: Pair, n: Pair) -> None:
    """Transform products to outputs: a block of work is a piece of the tiles, for some maps."""
    stages = Stages(w, a, m, n)
    with w.loop(w.begin, w.end) as block:
        b, start = block // a.pieces, block % a.pieces * a.piece
        q = w.pointer(a.q) + b * a.q_plane + start * w.lanes
        count = (a.count - start).least(a.piece)
        stages.write(b, a.first + start, count, q, w.scratch)


def tasks(
    target: Target,
    forms: Forms,
    source: Value,
    result: Value,
    packed: NDArray[np.float32] | Unpacked,
    bias: NDArray[np.float32] | Place | None = None,
    residual: Value | None = None,
    low: float = -np.inf,
    high: float = np.inf,
    *,
    padding_before: tuple[int, ...],
    buffers: tuple[str, str, str],
    threads: int = 1,
) -> list[Task]:
    """Return the tasks of a convolution.

    Parameters
    ----------
    target : processor
    forms : what each axis is computed by
    source, result : (N, C, ...) and (N, M, ...) with one to three spatial axes; the source has at
        least the convolution's padding around it
    packed : weights from `pack`, or such that are packed by tasks
    bias : (blocks * lanes of the result,), or where it will be, or none
    residual : what is added to the result before it is clipped, or none; it may be the result
    low, high : bounds of the result
    padding_before : the convolution's padding before the first pixel of each axis
    buffers : names of two buffers for transformed tiles, whose sizes `arena` returns, and of one
        for weights that tasks pack, whose size `portion` returns
    threads : how many threads the work is cut for; it changes no result
    """
    p = plan(target, forms, source.layout, result.layout, threads)
    y, over = result.layout, p.grid
    if bias is None:
        bias = np.zeros(y.blocks * target.lanes, np.float32)
    grid: Words = {name: getattr(over, name) for name in GRID}
    transformed: Words = {"u_plane": p.u_plane, "u_place": p.u_place}
    products: Words = {"q_plane": p.q_plane, "q_place": p.q_place}
    read = grid | transformed | _read(over, forms, source, padding_before)
    weights = Place(buffers[2]) if isinstance(packed, Unpacked) else packed
    groups = range(p.groups)

    def packing(some: range) -> list[Task]:
        if not isinstance(packed, Unpacked):
            return []
        wide = p.vectors * target.lanes
        maps = range(some.start * wide, min(some.stop * wide, y.channels))
        place, shape, transposed = packed
        to = Place(buffers[2])
        return [pack_task(target, forms, place, shape, to, transposed=transposed, some=maps)]

    def multiply(some: range) -> Words:
        more = _multiply(target, p, source.layout, y, some)
        return transformed | products | more | {"weight": weights}

    write = grid | products | _write(over, result, residual)
    write |= {"bias": bias, "low": bits(low), "high": bits(high)}
    work = over.places * p.pieces * source.layout.channels * y.blocks * target.lanes  # of one tile
    kind, cut = {"m": over.m, "n": over.n}, f"{p.strip}x{p.vectors}"
    if p.fused:
        sizes: Words = {"tiles": p.tiles, "chunk": p.chunk, "u_size": p.u_size, "maps": y.blocks}
        kernel = winograd_tiles.kernel(target, **kind)
        chunks, scratch = -(-p.tiles // p.chunk), p.u_size + p.q_size + p.spare
        words = read | multiply(groups) | write | sizes
        return [*packing(groups), Task(kernel, words, chunks, p.tiles * work, scratch, tile=cut)]
    u: Words = {"u": Place(buffers[0])}
    q: Words = {"q": Place(buffers[1])}
    result_tasks = []
    for first in range(0, p.tiles, p.chunk):
        count = min(p.chunk, p.tiles - first)
        pieces = -(-count // PIECE)
        some: Words = {"first": first, "count": count, "pieces": pieces, "piece": PIECE}
        moved = [4 * count * over.places * blocks for blocks in (p.deep, y.blocks)]
        result_tasks += [
            Task(
                winograd_read.kernel(target, **kind),
                read | u | some,
                p.deep * pieces,
                moved[0] * target.lanes,
                p.spare,
            ),
        ]
        for portion in p.portions if packing(groups) else (groups,):
            start = Place(buffers[1], portion.start * p.vectors * p.q_plane)
            result_tasks += packing(portion) if first == 0 else []
            result_tasks.append(
                Task(
                    winograd_multiply.kernel(target),
                    multiply(portion) | u | {"q": start, "count": count},
                    over.places * len(portion),
                    count * work * len(portion) // p.groups,
                    tile=cut,
                )
            )
        result_tasks += [
            Task(
                winograd_write.kernel(target, **kind),
                write | q | some,
                y.blocks * pieces,
                moved[1] * target.lanes,
                p.spare,
            ),
        ]
    return result_tasks


def portion(target: Target, forms: Forms, x: Blocked, y: Blocked) -> int:
    """Return the size of the buffer for weights that tasks pack, in float32 elements."""
    p = plan(target, forms, x, y, 1)
    most = max(map(len, p.portions)) * p.vectors
    return p.grid.places * p.pieces * x.channels * min(most, y.blocks) * target.lanes


def _read(over: Grid, forms: Forms, source: Value, padding_before: tuple[int, ...]) -> Words:
    x = source.layout
    inset = sum(b * s for b, s in zip(padding_before, x.strides, strict=True))
    axes = [
        [start * form.dilation * stride for start in form.starts]
        for form, stride in zip(forms, x.strides, strict=True)
    ]
    blocks = [sum(piece) + b * x.plane for piece in product(*axes) for b in range(x.blocks)]
    words: Words = {
        "x": Place(source.buffer, x.origin - inset),
        "x_blocks": np.array(blocks, np.int64),
    }
    return words | _steps("x", over, x)


def _multiply(target: Target, p: Plan, x: Blocked, y: Blocked, groups: range) -> Words:
    """Return how some groups of maps are multiplied by weights, which are those alone."""
    lines = -(-p.vectors * target.lanes // LINE)
    each = -(-lines // -(-p.chunk // p.strip))
    channels = p.pieces * x.channels
    group = channels * p.vectors * target.lanes
    blocks = min(groups.stop * p.vectors, y.blocks) - groups.start * p.vectors
    rest = blocks - (len(groups) - 1) * p.vectors
    place = channels * blocks * target.lanes
    return {
        "strip": p.strip,
        "vectors": p.vectors,
        "product": microkernel(target, p.strip, p.vectors, each),
        "last_product": microkernel(target, p.strip, rest, each),
        "blocks": p.deep,
        "each": x.blocks,
        "last": x.channels - (x.blocks - 1) * target.lanes,
        "weight_place": place,
        "weight_group": group,
        "weight_ahead": place if p.fused else group,
        "ahead_parts": -(-lines // each),
        "ahead_part": channels * each * LINE,
        "groups": len(groups),
    }


def _write(over: Grid, result: Value, residual: Value | None) -> Words:
    words: Words = {}
    for name, value in (("y", result), ("residual", residual)):
        at = result.layout if value is None else value.layout
        words |= {name: 0 if value is None else value.origin, f"{name}_plane": at.plane}
        words |= _steps(name, over, at)
    return words


def _steps(name: str, over: Grid, at: Blocked) -> Words:
    depth, row, column = over.steps(at)
    sizes = {"image": at.image, "depth": depth, "row": row, "column": column}
    return {f"{name}_{axis}": size for axis, size in sizes.items()}
