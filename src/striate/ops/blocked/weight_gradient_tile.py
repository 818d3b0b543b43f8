"""The microkernel of weight gradients: a few inputs by a few registers of maps.

``sums[r, v] += sum over pixels of x[pixel, r] dy[pixel, v]``

where r counts inputs at fixed distances from a pixel, channels or taps or both, and v registers
of maps. All sums stay in registers while it goes through the pixels of a chunk, so each is a sum
of sums, which rounds less than a long one.
"""

from __future__ import annotations

import functools
import itertools

from striate.ops.codegen import Target, Writer, library
from striate.ops.codegen.values import ADDRESS, I64, VOID, ir

__all__ = ["OUTER", "RUN", "most_rows", "outer"]

OUTER = ir.FunctionType(VOID, [ADDRESS] * 4 + [I64] * 4)
"""x, dy, sums, table of runs; and numbers: the first run and the one after the last, elements
from one register of dy to the next, whether the sums begin here."""

RUN = 3
"""Words of a run of pixels that lie side by side: where it begins in x and dy, and how many."""

AHEAD = 64  # pixels that x is fetched ahead: far enough for it to come from memory


@functools.cache
def outer(target: Target, offsets: tuple[int, ...], vectors: int, step: int) -> int:
    """Return the address of the microkernel.

    Parameters
    ----------
    target : processor
    offsets : elements from a pixel of x to each of its inputs
    vectors : registers of maps
    step : elements of x from one pixel to the next
    """

    def write(module: object, symbol: str) -> None:
        writer = Writer(module, symbol, OUTER, target)
        write_outer(writer, offsets, vectors, step)
        writer.builder.ret_void()

    name = f"weight_gradient_tile(offsets={offsets}, vectors={vectors}, step={step})"
    return library(target).address(name, write)


def write_outer(w: Writer, offsets: tuple[int, ...], vectors: int, step: int) -> None:
    """Write the microkernel; see `outer`."""
    x, dy, sums, runs, first, end, plane, begins = (w.argument(place) for place in range(8))
    lanes, zero = w.lanes, w.constant(0.0)
    places = list(itertools.product(range(len(offsets)), range(vectors)))
    totals = {place: w.variable(zero) for place in places}
    for r, v in places:
        w.prefetch(sums + (r * vectors + v) * lanes, to_write=True)
    with w.loop(first, end) as run:
        source = x + w.word(runs, run * RUN)
        gradient = dy + w.word(runs, run * RUN + 1)
        with w.loop(0, w.word(runs, run * RUN + 2)) as pixel:
            at, there = source + pixel * step, gradient + pixel * lanes
            w.prefetch(at + AHEAD * step, 1)
            columns = [there.load(plane * v) for v in range(vectors)]
            for r, offset in enumerate(offsets):
                number = at.broadcast(offset)
                for v in range(vectors):
                    total = totals[r, v]
                    total.set(number.multiply_add(columns[v], total.get()))
    with w.when(begins.equals(0)):
        for r, v in places:
            before = sums.load((r * vectors + v) * lanes)
            totals[r, v].set(before + totals[r, v].get())
    for r, v in places:
        sums.store(totals[r, v].get(), (r * vectors + v) * lanes)


def most_rows(target: Target, vectors: int) -> int:
    """Return how many inputs the registers have room for, beside dy and one input."""
    return (target.registers - vectors - (1 if target.fused else 2)) // vectors
