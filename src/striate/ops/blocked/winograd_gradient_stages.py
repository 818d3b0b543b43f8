"""The stages of Winograd's gradient of weights that are its own; see `winograd_gradient`.

With p counting the places of a transformed tile::

    V[p, block of maps, tile, lane] = A dY A^T
    dW = G^T S G        from the sums S[p, input, map] of products U[p, input] V[p, map]
"""

from __future__ import annotations

from typing import Any

from striate.ops.blocked.weight_gradient_unpack import write_turned
from striate.ops.blocked.winograd_adjoints import transform_gradient, transform_products
from striate.ops.blocked.winograd_stages import GRID, Stages, Tile
from striate.ops.codegen import Index, Pointer, Vector, Writer, template

__all__ = ["BLOCK", "winograd_gradient_read", "winograd_gradient_write"]

BLOCK = 4  # words of a block of maps
Pair = tuple[int, int]


@template(
    *GRID,
    *("dy", "dy_image", "dy_plane", "dy_depth", "dy_row", "dy_column"),
    *("v", "v_plane", "v_place", "first", "count", "pieces", "piece"),
)
def winograd_gradient_read(w: Writer, a: Any, m: Pair, n: Pair) -> None:
    """Transform tiles of dy: a block of work is a piece of the tiles, for some maps."""
    stages, lanes = Stages(w, a, m, n), w.lanes
    half, staged = w.scratch, w.scratch + n[0] * n[1] * lanes
    with w.loop(w.begin, w.end) as block:
        b, start = block // a.pieces, block % a.pieces * a.piece
        dy = w.pointer(a.dy) + b * a.dy_plane
        v = w.pointer(a.v) + b * a.v_plane + start * lanes
        with stages.tiles(a.first + start, (a.count - start).least(a.piece)) as tile:
            down, along = a.dy_row * a.row_step, a.dy_column * a.column_step
            at = dy + tile.within(a.dy_image, a.dy_depth, a.dy_row, a.dy_column)
            source, pitch, step = w.variable(at), w.variable(down), w.variable(along)
            below, across = stages.inside(tile)
            with w.when(w.builder.or_(below < m[0], across < m[1])):
                _stage(w, at, (down, along), (below, across), m, staged)
                source.set(staged)
                pitch.set(w.index(m[1] * lanes))
                step.set(w.index(lanes))
            _transform(w, source.get(), (pitch.get(), step.get()), m, n, half, v, a.v_place, tile)


def _stage(
    w: Writer, at: Pointer, steps: tuple[Index, Index], inside: tuple[Index, Index], m: Pair,
    staged: Pointer,
) -> None:  # fmt: skip
    """Copy a tile at the edge, with zeros beyond."""
    for place in range(m[0] * m[1]):
        staged.store(w.constant(0.0), place * w.lanes)
    with w.loop(0, inside[0]) as i, w.loop(0, inside[1]) as k:
        staged.store(at.load(steps[0] * i + steps[1] * k), (i * m[1] + k) * w.lanes)


def _transform(
    w: Writer, source: Pointer, steps: tuple[Index, Index], m: Pair, n: Pair, half: Pointer,
    v: Pointer, place: Index, tile: Tile,
) -> None:  # fmt: skip
    """V = A dY A^T."""
    lanes, to = w.lanes, v + tile.number * w.lanes
    if n[0] > 1:
        with w.loop(0, m[1]) as k:
            column = source + k * steps[1]
            values = transform_gradient(n[0], [column.load(steps[0] * i) for i in range(m[0])])
            for line, value in enumerate(values):
                (half + k * lanes).store(value, line * m[1] * lanes)
        source, steps = half, (w.index(m[1] * lanes), w.index(lanes))
    with w.loop(0, n[0]) as i:
        row = source + i * steps[0]
        values = transform_gradient(n[1], [row.load(steps[1] * k) for k in range(m[1])])
        for number, value in enumerate(values):
            (to + i * n[1] * place).store(value, place * number)


@template(
    *("sums", "place", "blocks", "to", "map", "pieces", "taps", "piece_count", "piece_rows"),
    *("channels", "row_tap", "column_tap", "parts"),
)
def winograd_gradient_write(w: Writer, a: Any, m: Pair, n: Pair) -> None:
    """DW = G^T S G: a block of work is a register of channels for one of maps."""
    lanes, r = w.lanes, (n[0] - m[0] + 1, n[1] - m[1] + 1)
    half, turned = w.scratch, w.scratch + n[0] * n[1] * lanes
    with w.loop(w.begin, w.end) as block:
        at, first = block // a.parts * BLOCK, block % a.parts * lanes
        place, wide, to, maps = (w.word(w.pointer(a.blocks), at + k) for k in range(BLOCK))
        count = (a.channels - first).least(lanes)
        with w.loop(0, a.piece_count) as piece, w.loop(0, count) as c:
            row = piece * a.piece_rows + first + c
            sums = w.pointer(a.sums) + place + row * wide
            tap = w.word(w.pointer(a.pieces), piece) + c * a.taps
            _reduce(w, sums, a.place, n, r, half)
            with w.loop(0, r[0]) as i:
                line = half + i * (n[1] * lanes)
                values = transform_products(r[1], [line.load(k * lanes) for k in range(n[1])])
                here = turned + (tap + i * a.row_tap) * lanes
                for k, value in enumerate(values):
                    here.store(value, a.column_tap * (k * lanes))

        def load(row: Index) -> Vector:
            return turned.load(row * lanes)

        begin = w.pointer(a.to) + to + first * a.taps
        write_turned(w, load, begin, a.map, maps, count * a.taps)


def _reduce(w: Writer, sums: Pointer, place: Index, n: Pair, r: Pair, half: Pointer) -> None:
    """Transform the columns of a tile of sums."""
    with w.loop(0, n[1]) as k:
        column = sums + k * place
        values = [column.load(place * (i * n[1])) for i in range(n[0])]
        for i, value in enumerate(transform_products(r[0], values)):
            (half + k * w.lanes).store(value, i * n[1] * w.lanes)
