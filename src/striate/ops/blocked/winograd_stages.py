"""The three stages of Winograd's convolution, as code to be written into kernels.

Tiles are numbered along the rows of the grid of each image; see `winograd_grid`. With p counting
the places of a transformed tile, and channels those of each piece of the kernel::

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
    *("depths", "height", "width", "rows", "columns"),
    *("row_phases", "column_phases", "row_step", "column_step"),
)
READ = (
    "x_blocks",  # table of offsets: for each piece of the kernel, of each block of channels
    *("x", "x_image", "x_depth", "x_row", "x_column"),
)
TRANSFORMED = ("u_plane", "u_place")
PRODUCTS = ("q_plane", "q_place")
MULTIPLY = (
    "strip",  # tiles that the microkernel takes at a time
    "vectors",  # registers of maps that it takes at a time
    "product",  # microkernel
    "last_product",  # that of the last group of maps
    "blocks",  # of channels of all pieces of the kernel
    "each",  # of a piece
    "last",  # channels in the last block of a piece
    "weight",
    "weight_place",  # from one p to the next
    "weight_group",  # from one group of maps to the next
    "weight_ahead",  # to the weights that are wanted next, which the calls of the microkernel
    "ahead_parts",  # fetch in parts
    "ahead_part",
    "groups",
)
WRITE = (
    *("y", "y_image", "y_plane", "y_depth", "y_row", "y_column"),
    *("residual", "residual_image", "residual_plane", "residual_depth", "residual_row"),
    *("residual_column", "bias", "low", "high"),
)


AHEAD = 16  # pixels


class Tile(NamedTuple):
    """A tile: its number among those at hand, its image and depth, and its first pixel."""

    number: Index
    image: Index
    depth: Index
    top: Index
    left: Index

    def within(self, image: Index, depth: Index, row: Index, column: Index) -> Index:
        """Return where a value has the tile's first pixel, which lies so many elements apart."""
        return self.image * image + self.depth * depth + self.top * row + self.left * column


class Stages(NamedTuple):
    """Writes the stages for tiles of m outputs and n inputs, with the arguments of a kernel."""

    w: Writer
    a: Any
    m: tuple[int, int]
    n: tuple[int, int]

    @property
    def places(self) -> int:
        """Places of a transformed tile."""
        return self.n[0] * self.n[1]

    @property
    def spare(self) -> int:
        """Elements of scratch that the stages need."""
        return 2 * self.places * self.w.lanes

    @contextmanager
    def tiles(self, first: Index, count: Index) -> Iterator[Tile]:
        """Repeat what is written inside for some tiles."""
        w, a, columns = self.w, self.a, self.a.columns
        end = first + count
        with w.loop(first // columns, (end - 1) // columns + 1) as line:
            start = line * columns
            begin = w.choose(first > start, first - start, 0)
            row, plane = line % a.rows, line // a.rows
            top = row // a.row_phases * (a.row_step * self.m[0]) + row % a.row_phases
            step, phases = a.column_step * self.m[1], a.column_phases
            with w.loop(begin, (end - start).least(columns)) as column:
                left = column // phases * step + column % phases
                number = start + column - first
                yield Tile(number, plane // a.depths, plane % a.depths, top, left)

    def inside(self, tile: Tile) -> tuple[Index, Index]:
        """Return how many rows and columns of a tile's outputs there are."""
        a = self.a
        below = (a.height - tile.top + (a.row_step - 1)) // a.row_step
        across = (a.width - tile.left + (a.column_step - 1)) // a.column_step
        return below.least(self.m[0]), across.least(self.m[1])

    def read(self, block: Index, first: Index, count: Index, u: Pointer, spare: Pointer) -> None:
        """U = B^T d B for one block of channels; `u` is where it begins for p = 0."""
        w, a, lanes = self.w, self.a, self.w.lanes
        x = w.pointer(a.x) + w.word(w.pointer(a.x_blocks), block)
        down, along = a.x_row * a.row_step, a.x_column * a.column_step
        staged = spare + self.places * lanes
        with self.tiles(first, count) as tile:
            at = x + tile.within(a.x_image, a.x_depth, a.x_row, a.x_column)
            source, pitch, step = w.variable(at), w.variable(down), w.variable(along)
            beyond = tile.left + a.column_step * (self.m[1] - 1) >= a.width
            if self.n[0] > 1:
                below = tile.top + a.row_step * (self.m[0] - 1) >= a.height
                beyond = w.builder.or_(beyond, below)
            with w.when(beyond):
                self._stage(at, down, along, tile, staged)
                source.set(staged)
                pitch.set(w.index(self.n[1] * lanes))
                step.set(w.index(lanes))
            self._transform(source.get(), pitch.get(), step.get(), u + tile.number * lanes, spare)

    def _stage(self, at: Pointer, down: Index, along: Index, tile: Tile, staged: Pointer) -> None:
        """Copy a tile at the edge, with its last row and column instead of those beyond."""
        w, (lines, n), lanes = self.w, self.n, self.w.lanes
        below, across = self.inside(tile)
        with w.loop(0, lines) as i:
            line = at + i.least(below + (lines - self.m[0] - 1)) * down
            with w.loop(0, n) as k:
                pixel = line.load(k.least(across + (n - self.m[1] - 1)) * along)
                staged.store(pixel, (i * n + k) * lanes)

    def _transform(
        self, source: Pointer, pitch: Index, step: Index, u: Pointer, half: Pointer
    ) -> None:
        w, (lines, n), lanes, place = self.w, self.n, self.w.lanes, self.a.u_place
        if lines > 1:
            with w.loop(0, n) as k:
                column = source + k * step
                d = [column.load(pitch * line) for line in range(lines)]
                for line in range(lines):
                    w.prefetch(column + pitch * line + AHEAD * lanes, 1)
                for line, value in enumerate(transform_input(lines, d)):
                    (half + k * lanes).store(value, line * n * lanes)
            source, step = half, w.index(lanes)
        with w.loop(0, lines) as i:
            row = source + i * (n * lanes)
            d = [row.load(step * number) for number in range(n)]
            to = u + i * n * place
            for number, value in enumerate(transform_input(n, d)):
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
            sizes = a.blocks, a.u_plane, a.each, a.last, a.q_plane
            w.call(address, PRODUCT, source + at, weight, soon, to + at, *sizes)

    def write(self, block: Index, first: Index, count: Index, q: Pointer, spare: Pointer) -> None:
        """Y = A^T Q A for one block of maps; `q` is where it begins for p = 0."""
        w, a, m, lanes = self.w, self.a, self.m[1], self.w.lanes
        y = w.pointer(a.y) + block * a.y_plane
        residual = w.pointer(a.residual)
        bias = (w.pointer(a.bias) + block * lanes).load()
        bounds = w.float_of(a.low), w.float_of(a.high)
        down, along = a.y_row * a.row_step, a.y_column * a.column_step
        other_down = a.residual_row * a.row_step
        other_along = a.residual_column * a.column_step
        with self.tiles(first, count) as tile:
            source = q + tile.number * lanes
            if self.n[0] > 1:
                self._add_columns(source, spare)
            below, across = self.inside(tile)
            to = y + tile.within(a.y_image, a.y_depth, a.y_row, a.y_column)
            # An offset rather than an address: it means nothing where there is no residual.
            other = block * a.residual_plane + tile.within(
                a.residual_image, a.residual_depth, a.residual_row, a.residual_column
            )
            with w.loop(0, below) as i:
                line, there = to + i * down, other + i * other_down
                for j in range(m):
                    w.prefetch(line + along * j + AHEAD * lanes, 1, True)
                t = self._row(i, source, spare)
                values = [v + bias for v in transform_output(m, t)]
                steps = along, other_along
                with w.when(across >= m):
                    self._finish(values, line, residual, there, steps, bounds)
                with w.when(across < m):
                    for j, value in enumerate(values[:-1]):
                        with w.when(across > j):
                            at = line + along * j, residual, there + other_along * j
                            self._finish([value], *at, steps, bounds)

    def _add_columns(self, q: Pointer, half: Pointer) -> None:
        """Transform the columns of a tile of Q."""
        w, (lines, n), lanes, place = self.w, self.n, self.w.lanes, self.a.q_place
        with w.loop(0, n) as k:
            column = q + k * place
            t = [column.load(place * (i * n)) for i in range(lines)]
            for i, value in enumerate(transform_output(self.m[0], t)):
                (half + k * lanes).store(value, i * n * lanes)

    def _row(self, i: Index, q: Pointer, half: Pointer) -> list[Vector]:
        n = self.n[1]
        if self.n[0] == 1:
            return [q.load(self.a.q_place * k) for k in range(n)]
        row = half + i * (n * self.w.lanes)
        return [row.load(k * self.w.lanes) for k in range(n)]

    def _finish(
        self,
        values: list[Vector],
        to: Pointer,
        residual: Pointer,
        there: Index,
        steps: tuple[Index, Index],
        bounds: tuple[Vector, Vector],
    ) -> None:
        """Add the residual, clip and store neighbouring outputs."""
        w = self.w
        results = [w.variable(value) for value in values]
        with w.when_not(residual.is_null()):
            for j, result in enumerate(results):
                result.set(result.get() + residual.load(there + steps[1] * j))
        for j, result in enumerate(results):
            to.store(result.get().clip(*bounds), steps[0] * j)
