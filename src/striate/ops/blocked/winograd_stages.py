"""The three stages of Winograd's convolution, as code to be written into kernels.

Tiles are numbered along the rows of the grid of each image. With n = m + 2 and p counting the
n x n places of a transformed tile (n along a single axis)::

    U[p, input block, tile, lane] = B^T d B
    Q[p, output block, tile, lane] = sum over channels of W[p, channel, map] U[p, channel, tile]
    Y = A^T Q A

All work on as many channels as a register has lanes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from striate.ops.blocked.winograd_product import PRODUCT
from striate.ops.blocked.winograd_transforms import transform_input, transform_output
from striate.ops.codegen import Index, Pointer, Vector, Writer

__all__ = ["GRID", "MULTIPLY", "PRODUCTS", "READ", "TRANSFORMED", "WRITE", "Stages"]

GRID = (
    "rows",  # of tiles, in an image
    "columns",
    "height",  # of the result
    "width",
)
READ = ("x", "x_image", "x_plane", "x_row")
TRANSFORMED = ("u_plane", "u_place")
PRODUCTS = ("q_plane", "q_place")
MULTIPLY = (
    "strip",  # tiles that the microkernel takes at a time
    "vectors",  # registers of maps that it takes at a time
    "product",  # microkernel
    "last_product",  # that of the last group of maps
    "blocks",  # of input channels
    "last",  # channels in the last block
    "weight",
    "weight_place",  # from one p to the next
    "weight_group",  # from one group of maps to the next
    "weight_ahead",  # to the weights that are wanted next, which the calls of the microkernel
    "ahead_parts",  # fetch in parts
    "ahead_part",
    "groups",
)
WRITE = (
    *("y", "y_image", "y_plane", "y_row", "residual", "residual_image", "residual_plane"),
    *("residual_row", "bias", "low", "high"),
)


AHEAD = 16  # pixels


class Tile(NamedTuple):
    """A tile: its number among those at hand, its image, and its first row and column."""

    number: Index
    image: Index
    top: Index
    left: Index


class Stages(NamedTuple):
    """Writes the stages for tiles of m along `rank` axes, with the arguments of a kernel."""

    w: Writer
    a: Any
    m: int
    rank: int

    @property
    def n(self) -> int:
        """Inputs along an axis of a tile."""
        return self.m + 2

    @property
    def lines(self) -> int:
        """Rows of a tile of inputs."""
        return self.n if self.rank == 2 else 1

    @property
    def places(self) -> int:
        """Places of a transformed tile."""
        return self.lines * self.n

    @property
    def spare(self) -> int:
        """Elements of scratch that the stages need."""
        return 2 * self.places * self.w.lanes

    @contextmanager
    def tiles(self, first: Index, count: Index) -> Iterator[Tile]:
        """Repeat what is written inside for some tiles."""
        w, rows, columns = self.w, self.a.rows, self.a.columns
        end = first + count
        with w.loop(first // columns, (end - 1) // columns + 1) as line:
            start = line * columns
            begin = w.choose(first > start, first - start, 0)
            top = line % rows * self.m
            with w.loop(begin, (end - start).least(columns)) as column:
                number = start + column - first
                yield Tile(number, line // rows, top, column * self.m)

    def read(self, block: Index, first: Index, count: Index, u: Pointer, spare: Pointer) -> None:
        """U = B^T d B for one block of channels; `u` is where it begins for p = 0."""
        w, a, n, lanes = self.w, self.a, self.n, self.w.lanes
        x = w.pointer(a.x) + block * a.x_plane
        staged = spare + self.lines * n * lanes
        with self.tiles(first, count) as tile:
            image = x + tile.image * a.x_image
            source = w.variable(image + tile.top * a.x_row + tile.left * lanes)
            pitch = w.variable(a.x_row)
            beyond = tile.left + self.m > a.width
            if self.rank == 2:
                beyond = w.builder.or_(beyond, tile.top + self.m > a.height)
            with w.when(beyond):
                self._stage(image, tile, staged)
                source.set(staged)
                pitch.set(w.index(n * lanes))
            self._transform(source.get(), pitch.get(), u + tile.number * lanes, spare)

    def _stage(self, image: Pointer, tile: Tile, staged: Pointer) -> None:
        """Copy a tile at the edge, with the last row and column instead of those beyond."""
        w, a, lanes = self.w, self.a, self.w.lanes
        with w.loop(0, self.lines) as i:
            row = (tile.top + i).least(a.height + 1) if self.rank == 2 else w.index(0)
            line = image + row * a.x_row
            with w.loop(0, self.n) as k:
                at = (tile.left + k).least(a.width + 1) * lanes
                staged.store(line.load(at), (i * self.n + k) * lanes)

    def _transform(self, source: Pointer, pitch: Index, u: Pointer, half: Pointer) -> None:
        w, n, m, lanes, place = self.w, self.n, self.m, self.w.lanes, self.a.u_place
        if self.rank == 2:
            with w.loop(0, n) as k:
                column = source + k * lanes
                d = [column.load(pitch * line) for line in range(n)]
                for line in range(n):
                    w.prefetch(column + pitch * line + AHEAD * lanes, 1)
                for line, value in enumerate(transform_input(m, d)):
                    (half + k * lanes).store(value, line * n * lanes)
            source = half
        with w.loop(0, self.lines) as i:
            row = source + i * (n * lanes)
            d = [row.load(number * lanes) for number in range(n)]
            to = u + i * n * place
            for number, value in enumerate(transform_input(m, d)):
                to.store(value, place * number)

    def multiply(self, p: Index, group: Index, count: Index, u: Pointer, q: Pointer) -> None:
        """Q[p] = W[p] U[p] for a group of maps; `q` is where that of the group begins."""
        w, a, lanes = self.w, self.a, self.w.lanes
        weight = w.pointer(a.weight) + p * a.weight_place + group * a.weight_group
        address = w.choose(group < a.groups - 1, a.product, a.last_product)
        source, to = u + p * a.u_place, q + p * a.q_place
        ahead = weight + a.weight_ahead
        with w.loop(0, (count + a.strip - 1) // a.strip) as s:
            at = s * (a.strip * lanes)
            soon = ahead + s % a.ahead_parts * a.ahead_part
            arguments = source + at, weight, soon, to + at, a.blocks, a.u_plane, a.last, a.q_plane
            w.call(address, PRODUCT, *arguments)

    def write(self, block: Index, first: Index, count: Index, q: Pointer, spare: Pointer) -> None:
        """Y = A^T Q A for one block of maps; `q` is where it begins for p = 0."""
        w, a, m, lanes = self.w, self.a, self.m, self.w.lanes
        y = w.pointer(a.y) + block * a.y_plane
        residual = w.pointer(a.residual)
        bias = (w.pointer(a.bias) + block * lanes).load()
        bounds = w.float_of(a.low), w.float_of(a.high)
        with self.tiles(first, count) as tile:
            source = q + tile.number * lanes
            if self.rank == 2:
                self._add_columns(source, spare)
                below = (a.height - tile.top).least(m)
            else:
                below = w.index(1)
            across = (a.width - tile.left).least(m)
            to = y + tile.image * a.y_image + tile.top * a.y_row + tile.left * lanes
            # An offset rather than an address: it means nothing where there is no residual.
            other = (
                block * a.residual_plane
                + tile.image * a.residual_image
                + tile.top * a.residual_row
                + tile.left * lanes
            )
            with w.loop(0, below) as i:
                for j in range(m):
                    w.prefetch(to + i * a.y_row + (AHEAD + j) * lanes, 1, True)
                t = self._row(i, source, spare)
                values = [v + bias for v in transform_output(m, t)]
                line, there = to + i * a.y_row, other + i * a.residual_row
                with w.when(across >= m):
                    self._finish(values, line, residual, there, bounds)
                with w.when(across < m):
                    for j, value in enumerate(values[:-1]):
                        with w.when(across > j):
                            at = there + j * lanes
                            self._finish([value], line + j * lanes, residual, at, bounds)

    def _add_columns(self, q: Pointer, half: Pointer) -> None:
        """Transform the columns of a tile of Q."""
        w, n, lanes, place = self.w, self.n, self.w.lanes, self.a.q_place
        with w.loop(0, n) as k:
            column = q + k * place
            t = [column.load(place * (i * n)) for i in range(n)]
            for i, value in enumerate(transform_output(self.m, t)):
                (half + k * lanes).store(value, i * n * lanes)

    def _row(self, i: Index, q: Pointer, half: Pointer) -> list[Vector]:
        if self.rank == 1:
            return [q.load(self.a.q_place * k) for k in range(self.n)]
        row = half + i * (self.n * self.w.lanes)
        return [row.load(k * self.w.lanes) for k in range(self.n)]

    def _finish(
        self,
        values: list[Vector],
        to: Pointer,
        residual: Pointer,
        there: Index,
        bounds: tuple[Vector, Vector],
    ) -> None:
        """Add the residual, clip and store neighbouring outputs."""
        w = self.w
        results = [w.variable(value) for value in values]
        with w.when_not(residual.is_null()):
            for j, result in enumerate(results):
                result.set(result.get() + residual.load(there + j * w.lanes))
        for j, result in enumerate(results):
            to.store(result.get().clip(*bounds), j * w.lanes)
