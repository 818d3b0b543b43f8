"""One register-tiled matrix product, written as LLVM IR for the host's vector registers.

``C += A @ B`` for a tile of C that stays in registers while `depth` columns of A and rows of
B pass by. A is read element by element at any strides; B is a *panel*, whose rows lie one
after another, each `width` = `vectors * lanes` elements; C has contiguous rows. Arrays are
flat and positions are counted in elements, so that under ``NUMBA_DISABLE_JIT=1`` plain Python
with the same signature can take the kernel's place.

Accumulators start at zero and are added to C once, at the end. An element of C gets its
products in the order of `depth`, wherever it lies in a tile: how a matrix is cut into tiles
does not change the result.
"""

from __future__ import annotations

import importlib
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from striate.ops._jit import numba

__all__ = ["Tile", "copy_row", "multiply_tile", "tile_for"]

ir: Any = importlib.import_module("llvmlite.ir")
cgutils: Any = importlib.import_module("numba.core.cgutils")
cpu_target: Any = importlib.import_module("numba.core.registry").cpu_target
extending: Any = importlib.import_module("numba.extending")

INDEX, INT32 = ir.IntType(64), ir.IntType(32)
AHEAD = 256  # how many steps of depth before its use A is fetched: weights come from memory
CASES = 64  # a tile's case number is vectors * CASES + rows, and rows are fewer than this


class Tile(NamedTuple):
    """The part of C that one call keeps in registers: rows x (vectors x lanes)."""

    rows: int
    vectors: int
    lanes: int

    @property
    def width(self) -> int:
        """Elements in a row of the tile, and of a panel of B."""
        return self.vectors * self.lanes


def tile_for(itemsize: int) -> Tile:
    """Return the tile for elements of `itemsize` bytes on the processor Numba compiles for.

    A tile takes rows * vectors registers, B `vectors` more, and one holds the element of A.
    """
    triple, _, features = cpu_target.target_context.codegen().magic_tuple()
    have = set(features.split(","))
    if "+avx512f" in have:  # 32 registers of 64 bytes
        return Tile(8, 2, 64 // itemsize)
    if "+avx2" in have and "+fma" in have:  # 16 registers of 32 bytes
        return Tile(6, 2, 32 // itemsize)
    if triple.startswith(("aarch64", "arm64")):  # 32 registers of 16 bytes
        return Tile(6, 4, 16 // itemsize)
    return Tile(6, 2, 16 // itemsize)  # 16 registers of 16 bytes


def has_fused_multiply_add() -> bool:
    """Tell whether the processor multiplies and adds in one instruction."""
    triple, _, features = cpu_target.target_context.codegen().magic_tuple()
    return triple.startswith(("aarch64", "arm64")) or "+fma" in features.split(",")


class TileWriter:
    """Writes the loop for one tile size into a block of LLVM IR."""

    def __init__(self, builder: Any, scalar: Any, tile: Tile, strides: tuple[Any, ...]) -> None:
        self.builder = builder
        self.tile = tile
        self.vector = ir.VectorType(scalar, tile.lanes)
        self.alignment = 8 if isinstance(scalar, ir.DoubleType) else 4
        self.a_row, self.a_step, self.c_row = strides
        self.fused = None
        if has_fused_multiply_add():
            signature = ir.FunctionType(self.vector, [self.vector] * 3)
            name = f"llvm.fma.v{tile.lanes}f{8 * self.alignment}"
            self.fused = cgutils.get_or_insert_function(builder.module, signature, name)

    def load(self, address: Any) -> Any:
        vector = self.builder.load(self.builder.bitcast(address, self.vector.as_pointer()))
        vector.align = self.alignment
        return vector

    def store(self, vector: Any, address: Any) -> None:
        pointer = self.builder.bitcast(address, self.vector.as_pointer())
        self.builder.store(vector, pointer).align = self.alignment

    def broadcast(self, address: Any) -> Any:
        undefined = ir.Constant(self.vector, ir.Undefined)
        one = self.builder.insert_element(undefined, self.builder.load(address), INT32(0))
        lanes = ir.Constant(ir.VectorType(INT32, self.tile.lanes), [0] * self.tile.lanes)
        return self.builder.shuffle_vector(one, undefined, lanes)

    def prefetch(self, address: Any) -> None:
        """Fetch what lies at an address, if there is such a one, into the second-level cache."""
        byte = ir.IntType(8).as_pointer()
        signature = ir.FunctionType(ir.VoidType(), [byte, INT32, INT32, INT32])
        function = cgutils.get_or_insert_function(
            self.builder.module, signature, "llvm.prefetch.p0"
        )
        read, second_level, data = INT32(0), INT32(2), INT32(1)
        where = self.builder.bitcast(address, byte)
        self.builder.call(function, [where, read, second_level, data])

    def multiply_add(self, a: Any, b: Any, total: Any) -> Any:
        if self.fused is not None:
            return self.builder.call(self.fused, [a, b, total])
        return self.builder.fadd(self.builder.fmul(a, b), total)

    def vectors_at(self, address: Any, count: int) -> list[Any]:
        lanes = self.tile.lanes
        return [self.builder.gep(address, [INDEX(v * lanes)]) for v in range(count)]

    def write(self, a: Any, b: Any, c: Any, depth: Any, rows: int, vectors: int) -> None:
        """Write ``C += A @ B`` for a tile of `rows` x `vectors`; the builder stands after it."""
        builder, entry = self.builder, self.builder.block
        # Every third row has a pointer of its own and the next two are found from it: a pointer
        # for each row would not fit into the general registers.
        starts = [builder.gep(a, [builder.mul(self.a_row, INDEX(r))]) for r in range(0, rows, 3)]
        zero = ir.Constant(self.vector, [0.0] * self.tile.lanes)
        loop, after = builder.append_basic_block("depth"), builder.append_basic_block("store")
        builder.branch(loop)
        builder.position_at_end(loop)

        def carried(first: Any) -> Any:
            value = builder.phi(first.type)
            value.add_incoming(first, entry)
            return value

        k, b_row = carried(INDEX(0)), carried(b)
        a_rows = [carried(start) for start in starts]
        totals = [[carried(zero) for _ in range(vectors)] for _ in range(rows)]
        b_vectors = [self.load(address) for address in self.vectors_at(b_row, vectors)]
        self.prefetch(builder.gep(a_rows[0], [builder.mul(self.a_step, INDEX(AHEAD))]))
        sums = []
        for r, row in enumerate(totals):
            address = builder.gep(a_rows[r // 3], [builder.mul(self.a_row, INDEX(r % 3))])
            a_value = self.broadcast(address)
            sums.append(
                [self.multiply_add(a_value, b, t) for b, t in zip(b_vectors, row, strict=True)]
            )
        next_k = builder.add(k, INDEX(1))
        k.add_incoming(next_k, loop)
        b_row.add_incoming(builder.gep(b_row, [INDEX(self.tile.width)]), loop)
        for a_pointer in a_rows:
            a_pointer.add_incoming(builder.gep(a_pointer, [self.a_step]), loop)
        for row, row_sums in zip(totals, sums, strict=True):
            for total, value in zip(row, row_sums, strict=True):
                total.add_incoming(value, loop)
        builder.cbranch(builder.icmp_signed("<", next_k, depth), loop, after)

        builder.position_at_end(after)
        for r, row_sums in enumerate(sums):
            c_start = builder.gep(c, [builder.mul(self.c_row, INDEX(r))])
            for value, address in zip(row_sums, self.vectors_at(c_start, vectors), strict=True):
                pointer = builder.bitcast(address, self.vector.as_pointer())
                builder.store(
                    builder.fadd(self.load(address), value), pointer
                ).align = self.alignment


def _multiply_tile(
    typing_context: Any, a: Any, at: Any, b: Any, b_start: Any, c: Any, at_c: Any, sizes: Any
) -> Any:
    """Declare `multiply_tile` to Numba: its signature, and the function that writes it."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        a, at, b, b_start, c, at_c, sizes = arguments
        a_start, a_row, a_step = cgutils.unpack_tuple(builder, at)
        c_start, c_row = cgutils.unpack_tuple(builder, at_c)
        depth, rows, vectors = cgutils.unpack_tuple(builder, sizes)

        def pointer(position: int, array: Any, start: Any) -> Any:
            view = context.make_array(signature.args[position])(context, builder, array)
            return builder.gep(view.data, [start])

        pointers = pointer(0, a, a_start), pointer(2, b, b_start), pointer(4, c, c_start)
        scalar = context.get_value_type(signature.args[4].dtype)
        tile = tile_for(signature.args[4].dtype.bitwidth // 8)
        writer = TileWriter(builder, scalar, tile, (a_row, a_step, c_row))
        done = builder.append_basic_block("done")
        case = builder.add(builder.mul(vectors, INDEX(CASES)), rows)
        choose = builder.switch(case, done)
        for count in range(1, tile.vectors + 1):
            for height in range(1, tile.rows + 1):
                block = builder.append_basic_block(f"tile{height}x{count}")
                choose.add_case(INDEX(count * CASES + height), block)
                builder.position_at_end(block)
                writer.write(*pointers, depth, height, count)
                builder.branch(done)
        builder.position_at_end(done)
        return context.get_dummy_value()

    index = numba.types.int64
    pair, triple = numba.types.UniTuple(index, 2), numba.types.UniTuple(index, 3)
    return numba.types.void(a, triple, b, index, c, pair, triple), generate


def multiply_tile_in_python(
    a: NDArray[Any],
    at: tuple[int, int, int],
    b: NDArray[Any],
    b_start: int,
    c: NDArray[Any],
    at_c: tuple[int, int],
    sizes: tuple[int, int, int],
) -> None:
    """Add A @ B to a tile of C.

    Parameters
    ----------
    a, b, c : 1-D arrays of one floating dtype
    at : (start, row stride, depth stride) of A
    b_start : start of the panel in B
    at_c : (start, row stride) of C
    sizes : (depth, rows, vectors); depth at least 1, rows and vectors at most the tile's
    """
    a_start, a_row, a_step = at
    c_start, c_row = at_c
    depth, rows, vectors = sizes
    tile = tile_for(c.itemsize)
    panel = b[b_start : b_start + depth * tile.width].reshape(depth, tile.width)
    panel = panel[:, : vectors * tile.lanes]
    with np.errstate(all="ignore"):  # unused lanes hold anything
        for r in range(rows):
            row_of_a = a[a_start + r * a_row + a_step * np.arange(depth)]
            start = c_start + r * c_row
            c[start : start + vectors * tile.lanes] += row_of_a @ panel


def _copy_row(typing_context: Any, source: Any, start: Any, target: Any, at: Any) -> Any:
    """Declare `copy_row` to Numba: its signature, and the function that writes it."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        source, start, target, at = arguments
        views = [
            context.make_array(signature.args[i])(context, builder, array)
            for i, array in ((0, source), (2, target))
        ]
        element = signature.args[2].dtype
        tile = tile_for(element.bitwidth // 8)
        writer = TileWriter(builder, context.get_value_type(element), tile, (None, None, None))
        addresses = writer.vectors_at(builder.gep(views[0].data, [start]), tile.vectors)
        vectors = [writer.load(address) for address in addresses]
        targets = writer.vectors_at(builder.gep(views[1].data, [at]), tile.vectors)
        for vector, address in zip(vectors, targets, strict=True):
            writer.store(vector, address)
        return context.get_dummy_value()

    index = numba.types.int64
    return numba.types.void(source, index, target, index), generate


def copy_row_in_python(source: NDArray[Any], start: int, target: NDArray[Any], at: int) -> None:
    """Copy as many elements as a panel's row has, from ``source[start]`` to ``target[at]``."""
    width = tile_for(target.itemsize).width
    target[at : at + width] = source[start : start + width]


if numba.config.DISABLE_JIT:
    multiply_tile, copy_row = multiply_tile_in_python, copy_row_in_python
else:
    multiply_tile = extending.intrinsic(_multiply_tile)
    copy_row = extending.intrinsic(_copy_row)
