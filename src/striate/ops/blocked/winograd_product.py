"""The microkernel of Winograd's products: tiles by registers of maps, kept in registers."""

from __future__ import annotations

import functools
import itertools

from striate.ops.codegen import Pointer, Target, Writer, library
from striate.ops.codegen.values import ADDRESS, I64, VOID, ir

__all__ = ["DEPTH", "LINE", "PRODUCT", "product", "rows_of", "vectors_of"]

PRODUCT = ir.FunctionType(VOID, [ADDRESS] * 4 + [I64] * 5)
"""x, weight, weights that are wanted next, y; and numbers: blocks of channels, from one block of
x to the next, blocks of each piece of the kernel, channels in the last block of each, from one
register of maps to the next."""

LINE = 16  # float32 elements of a line of the cache
DEPTH = 32  # channels added up at a time: a sum of sums rounds less than one long sum


@functools.cache
def product(target: Target, rows: int, vectors: int, lines: int) -> int:
    """Return the address of ``y[r, v] = sum over k of x[k, r] weight[k, v]``.

    Parameters
    ----------
    target : processor
    rows : tiles, which lie one after another
    vectors : registers of maps
    lines : how many lines of the weights that are wanted next to fetch for each channel
    """

    def write(module: object, symbol: str) -> None:
        writer = Writer(module, symbol, PRODUCT, target)
        write_product(writer, rows, vectors, lines)
        writer.builder.ret_void()

    name = f"winograd_product(rows={rows}, vectors={vectors}, lines={lines})"
    return library(target).address(name, write)


def write_product(w: Writer, rows: int, vectors: int, lines: int) -> None:
    """Write the microkernel; see `product`."""
    lanes = w.lanes
    x, weight, ahead, y, blocks, plane, each, last, y_plane = (w.argument(k) for k in range(9))
    zero = w.constant(0.0)
    sums = [[w.variable(zero) for _ in range(vectors)] for _ in range(rows)]
    weights, next_weights = w.variable(weight), w.variable(ahead)
    left = w.variable(each)  # blocks of a piece

    def add_products(at: Pointer) -> None:
        """Add the products of one channel: an outer product of tiles and maps."""
        row = weights.get()
        columns = [row.load(v * lanes) for v in range(vectors)]
        weights.set(row + vectors * lanes)
        soon = next_weights.get()
        for line in range(lines):
            w.prefetch(soon + line * LINE)
        next_weights.set(soon + lines * LINE)
        for r in range(rows):
            pixel = at.broadcast(r * lanes)
            for v in range(vectors):
                sums[r][v].set(pixel.multiply_add(columns[v], sums[r][v].get()))

    with w.loop(0, blocks, DEPTH // lanes) as first:
        for r, v in itertools.product(range(rows), range(vectors)):
            sums[r][v].set(zero)
        with w.loop(first, (first + DEPTH // lanes).least(blocks)) as b:
            block = x + b * plane
            rest = left.get()
            with w.loop(0, w.choose(rest > 1, lanes, last)) as c:
                add_products(block + c)
            left.set(w.choose(rest > 1, rest - 1, each))
        places = [(r, v, y_plane * v + r * lanes) for r in range(rows) for v in range(vectors)]
        with w.when(first > 0):
            for r, v, at in places:
                sums[r][v].set(sums[r][v].get() + y.load(at))
        for r, v, at in places:
            y.store(sums[r][v].get(), at)


def vectors_of(blocks: int) -> int:
    """Return how many registers of maps the microkernel takes at a time."""
    return min(2, blocks)


def rows_of(target: Target, vectors: int, tiles: int) -> int:
    """Return how many tiles the microkernel takes at a time.

    Their sums, the weights of one channel and a pixel fill the registers; tiles are shared out
    evenly among as few calls as possible.
    """
    free = target.registers - vectors - (1 if target.fused else 2)
    calls = -(-tiles // (free // vectors))
    return -(-tiles // calls)
