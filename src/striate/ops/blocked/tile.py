"""The microkernel: a few pixels by a few registers of output channels, kept in registers.

``y[r, v] = clip(bias[v] + sum over k of x[k, r] weight[k, v] + residual[r, v])``

where k counts blocks of input channels, taps of the kernel and channels of a block, in this
order; r counts pixels that lie a fixed step apart, and v registers of output channels. Long sums
are summed in parts, which rounds less; short ones start from the bias. The sum of each output has
one order, whatever tile it is in: how a layer is cut changes no result.

Channels beyond those of the layer are never read: what lies in their lanes does not matter.
"""

from __future__ import annotations

import functools
from itertools import chain

from striate.ops.blocked.expression import Form, written
from striate.ops.codegen import Index, Pointer, Target, Vector, Writer, library
from striate.ops.codegen.values import ADDRESS, VOID, ir

__all__ = ["CONTEXT", "TILE", "tile"]

TILE = ir.FunctionType(VOID, [ADDRESS] * 6)
"""x, weight, bias, residual or null, y, context."""

CONTEXT = (
    "taps",  # table of offsets of x
    "tap_count",
    "blocks",  # of input channels
    "block_stride",  # from one block of x to the next
    "run",  # blocks, or taps where planar, in a partial sum
    "last",  # channels in the last block
    "y_plane",  # from one register of output channels to the next
    "residual_plane",
    "ahead",  # how far ahead weights are fetched: to those of the next group of maps
    "low",  # bits of the float32 bounds
    "high",
)


LINE = 16  # float32 elements of a line of the cache


@functools.cache
def tile(
    target: Target,
    rows: int,
    vectors: int,
    step: int,
    out: int = 1,
    planar: bool = False,
    short: bool = False,
    after: Form = 0,
    numbers: int = 0,
) -> int:
    """Return the address of a microkernel.

    Parameters
    ----------
    target : processor
    rows : pixels
    vectors : registers of output channels
    step : elements of x from one pixel to the next
    out : pixels of y, and of the residual, from one to the next
    planar : whether each tap is of a single channel; there is one block then
    short : whether sums are taken in one part
    after : what becomes of each element at last, an expression's form with so many `numbers`,
        whose bits follow the other words of the context
    """
    form = f"step={step}, out={out}, planar={planar}, short={short}"
    form += f", after={after}" if after != 0 else ""
    name = f"tile(rows={rows}, vectors={vectors}, {form})"

    def write(module: object, symbol: str) -> None:
        writer = Writer(module, symbol, TILE, target)
        write_tile(writer, rows, vectors, (step, out * target.lanes), planar, short)
        if after != 0:
            _write_after(writer, rows, vectors, out * target.lanes, after, numbers)
        writer.builder.ret_void()

    return library(target).address(name, write)


def write_tile(
    w: Writer, rows: int, vectors: int, steps: tuple[int, int], planar: bool, short: bool
) -> None:
    """Write the microkernel; `steps` are those of x and of y in elements."""
    step, out = steps
    x, weight, bias, residual, y, table = (w.argument(place) for place in range(6))
    context = {name: w.word(table, place) for place, name in enumerate(CONTEXT)}
    lanes = w.lanes
    zero = w.constant(0.0)
    totals = [[w.variable(bias.load(v * lanes)) for v in range(vectors)] for _ in range(rows)]
    sums = totals
    if not short:
        sums = [[w.variable(zero) for _ in range(vectors)] for _ in range(rows)]
    weights = w.variable(weight)
    taps = w.pointer(context["taps"])

    def add_products(at: Pointer) -> None:
        """Add the products of one channel: an outer product of pixels and maps."""
        row = weights.get()
        columns = [row.load(v * lanes) for v in range(vectors)]
        weights.set(row + vectors * lanes)
        for line in range(0, vectors * lanes, LINE):
            w.prefetch(row + (context["ahead"] + line))
        for r in range(rows):
            pixel = at.broadcast(r * step)
            for v in range(vectors):
                sums[r][v].set(pixel.multiply_add(columns[v], sums[r][v].get()))

    def add_block(b: Index) -> None:
        """Add the products of a block of channels for all taps."""
        count = w.choose(b < context["blocks"] - 1, lanes, context["last"])
        block = x + b * context["block_stride"]
        for r in range(rows, 2 * rows):  # the next tile's
            w.prefetch(block + r * step)
        with w.loop(0, context["tap_count"]) as t:
            at = block + w.word(taps, t)
            with w.loop(0, count) as c:
                add_products(at + c)

    with w.when_not(residual.is_null()):
        for r in range(rows):
            for v in range(vectors):
                w.prefetch(residual + (context["residual_plane"] * v + r * out))
    for r in range(rows):
        for v in range(vectors):
            w.prefetch(y + (context["y_plane"] * v + r * out), to_write=True)
    everything = context["tap_count"] if planar else context["blocks"]

    def add_part(first: Index | int, end: Index) -> None:
        with w.loop(first, end) as number:
            if planar:
                add_products(x + w.word(taps, number))
            else:
                add_block(number)

    if short:
        add_part(0, everything)
    else:
        with w.loop(0, (everything + (context["run"] - 1)) // context["run"]) as part:
            first = part * context["run"]
            add_part(first, (first + context["run"]).least(everything))
            for whole, partial in zip(chain(*totals), chain(*sums), strict=True):
                whole.set(whole.get() + partial.get())
                partial.set(zero)

    with w.when_not(residual.is_null()):
        for r in range(rows):
            for v in range(vectors):
                other = residual.load(context["residual_plane"] * v + r * out)
                totals[r][v].set(totals[r][v].get() + other)
    low, high = w.float_of(context["low"]), w.float_of(context["high"])
    for r in range(rows):
        for v in range(vectors):
            total: Vector = totals[r][v].get()
            y.store(total.clip(low, high), context["y_plane"] * v + r * out)


def _write_after(w: Writer, rows: int, vectors: int, out: int, after: Form, numbers: int) -> None:
    """Write what becomes of each element of a tile, which is in the cache now."""
    y, table = w.argument(4), w.argument(5)
    given = [w.float_of(w.word(table, len(CONTEXT) + place)) for place in range(numbers)]
    plane = w.word(table, CONTEXT.index("y_plane"))
    with w.loop(0, rows) as r:
        at = y + r * out
        for v in range(vectors):
            at.store(written(after, [at.load(plane * v)], given), plane * v)
