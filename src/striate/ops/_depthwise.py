"""Depthwise convolution with small kernels, the outputs of a few rows in registers at a time.

A map of one channel takes few multiplications for each input, so that loads and stores decide.
The kernel's weights stay in registers; a register of outputs takes all its taps before it is
stored once, and a register of inputs is loaded once for all the rows of outputs that read it.

Where a register lies partly beyond the ends of a row, its loads and stores are masked: padding
is read as zero. A row of padding is a row of zeros.

An output starts from its bias and adds its taps in row-major order, wherever it lies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.geometry import Window
from striate.ops._extents import read_extents
from striate.ops._jit import inlined, kernel, numba
from striate.ops._microkernel import INDEX, INT32, TileWriter, cgutils, extending, ir, tile_for
from striate.ops._tile_rows import broadcast, lanes_inside, masked, pick
from striate.ops._transforms import Vector

__all__ = ["convolve", "number_of", "slide_rows", "slide_rows_in_python", "takes"]

Flat = NDArray[np.floating]
Numbers = NDArray[np.int64]
Case = tuple[int, int, int]  # kernel size, stride, rows of outputs
Load = Callable[[Any, int], Any]
Store = Callable[[Any, Any], None]

KERNELS, STRIDES = (3, 5), (1, 2)
ROWS = 4  # of outputs at a time: with the 25 weights of 5 x 5, all registers of AVX-512
CASES = 8  # more than any kernel size, stride or number of rows


def takes(window: Window) -> bool:
    """Tell whether depthwise convolution with this window can be computed here."""
    return (
        window.kernel in [(k, k) for k in KERNELS]
        and window.strides in [(s, s) for s in STRIDES]
        and window.dilations == (1, 1)
    )


@inlined
def number_of(kernel: int, stride: int, rows: int) -> int:
    """Return the number of a case of `slide_rows`."""
    return (kernel * CASES + stride) * CASES + rows


class RowsWriter(TileWriter):
    """Writes the loop along some rows of outputs into a block of LLVM IR."""

    def slide(self, case: Case, w: Any, lines: list[Any], out: list[Any], row: Any) -> None:
        """Write the loop over the registers of a row of outputs.

        `lines` and `out` point to the rows of inputs and outputs; `row` has the padding before
        the inputs, the number of inputs and of outputs, and the bias.
        """
        builder, lanes, (kernel, stride, _) = self.builder, self.tile.lanes, case
        before, size, width, bias = row
        weights = [self.broadcast(builder.gep(w, [INDEX(i)])) for i in range(kernel**2)]
        with cgutils.for_range_slice(builder, INDEX(0), width, INDEX(lanes)) as (j, _):
            at = builder.sub(builder.mul(j, INDEX(stride)), before)
            rest, left = builder.sub(size, at), builder.sub(width, j)

            def write(load: Load, store: Store) -> None:
                read = (self.taps(case, builder.gep(line, [at]), load) for line in lines)
                for total, line in zip(self.sums(case, weights, read, bias), out, strict=True):
                    store(total, builder.gep(line, [j]))

            span = kernel - 1 + stride * lanes
            inside = builder.icmp_signed(">=", at, INDEX(0))
            inside = builder.and_(inside, builder.icmp_signed(">=", rest, INDEX(span)))
            inside = builder.and_(inside, builder.icmp_signed(">=", left, INDEX(lanes)))
            with builder.if_else(inside) as (whole, partly):
                with whole:
                    write(lambda line, k: self.load(builder.gep(line, [INDEX(k)])), self.store)
                with partly:
                    lower = builder.neg(at)
                    mask = cache(lambda k: lanes_inside(builder, k, lanes, lower, rest))
                    last = lanes_inside(builder, 0, lanes, INDEX(0), left)
                    write(
                        lambda line, k: self.load_masked(builder.gep(line, [INDEX(k)]), mask(k)),
                        lambda value, place: self.store_masked(value, place, last),
                    )

    def taps(self, case: Case, line: Any, load: Load) -> list[Any]:
        """Return for each tap of a kernel's row the inputs that a register of outputs reads."""
        kernel, stride, _ = case
        lanes, found = self.tile.lanes, []
        for k in range(0, kernel, stride):
            loaded = [Vector(self.builder, load(line, k + p * lanes)) for p in range(stride)]
            for part in range(min(stride, kernel - k)):
                found.append(pick(loaded, range(part, stride * lanes, stride)).value)
        return found

    def sums(
        self, case: Case, weights: list[Any], read: Iterable[list[Any]], bias: Any
    ) -> list[Any]:
        """Return the registers of outputs; inputs are loaded row by row, just before their use."""
        kernel, stride, rows = case
        totals = [bias] * rows
        for i, line in enumerate(read):
            for k, r in product(range(kernel), range(rows)):
                if 0 <= (tap := i - r * stride) < kernel:
                    weight = weights[tap * kernel + k]
                    totals[r] = self.multiply_add(weight, line[k], totals[r])
        return totals

    def load_masked(self, address: Any, mask: Any) -> Any:
        pointer = self.builder.bitcast(address, self.vector.as_pointer())
        zero = ir.Constant(self.vector, [0.0] * self.tile.lanes)
        call = [pointer, INT32(self.alignment), mask, zero]
        return masked(self.builder, "load", self.vector, self.vector, call)

    def store_masked(self, value: Any, address: Any, mask: Any) -> None:
        pointer = self.builder.bitcast(address, self.vector.as_pointer())
        call = [value, pointer, INT32(self.alignment), mask]
        masked(self.builder, "store", self.vector, ir.VoidType(), call)


def _slide_rows(
    typing_context: Any,
    case: Any,
    w: Any,
    at: Any,
    x: Any,
    area: Any,
    padding: Any,
    y: Any,
    to: Any,
    bias: Any,
) -> Any:
    """Declare `slide_rows` to Numba: its signature, and the function that writes it."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        case, _, at, _, area, _, _, to, bias = arguments
        plane, first, height, before, size = cgutils.unpack_tuple(builder, area)
        start, width = cgutils.unpack_tuple(builder, to)
        w, x, padding, y = (
            context.make_array(signature.args[i])(context, builder, arguments[i]).data
            for i in (1, 3, 5, 6)
        )
        element = signature.args[6].dtype
        tile = tile_for(element.bitwidth // 8)
        writer = RowsWriter(builder, context.get_value_type(element), tile, (None, None, None))
        row = before, size, width, broadcast(builder, bias, tile.lanes)

        def line(i: int) -> Any:
            number = builder.add(first, INDEX(i))
            found = builder.gep(x, [builder.add(plane, builder.mul(number, size))])
            return builder.select(builder.icmp_unsigned("<", number, height), found, padding)

        done = builder.append_basic_block("done")
        switch = builder.switch(case, done)
        for each in product(KERNELS, STRIDES, range(1, ROWS + 1)):
            extent, stride, rows = each
            block = builder.append_basic_block("rows")
            switch.add_case(INDEX((extent * CASES + stride) * CASES + rows), block)
            builder.position_at_end(block)
            lines = [line(i) for i in range((rows - 1) * stride + extent)]
            places = [builder.add(start, builder.mul(width, INDEX(r))) for r in range(rows)]
            out = [builder.gep(y, [place]) for place in places]
            writer.slide(each, builder.gep(w, [at]), lines, out, row)
            builder.branch(done)
        builder.position_at_end(done)
        return context.get_dummy_value()

    index, pair = numba.types.int64, numba.types.UniTuple(numba.types.int64, 2)
    five = numba.types.UniTuple(index, 5)
    return numba.types.void(index, w, index, x, five, padding, y, pair, y.dtype), generate


def slide_rows_in_python(
    case: int,
    w: NDArray[Any],
    at: int,
    x: NDArray[Any],
    area: tuple[int, int, int, int, int],
    padding: NDArray[Any],
    y: NDArray[Any],
    to: tuple[int, int],
    bias: Any,
) -> None:
    """Compute a few neighbouring rows of outputs.

    Parameters
    ----------
    case : `number_of` kernel size, stride and rows
    w, at : the weights begin at ``w[at]``
    x, area : start of the plane, the first row that is read (negative in the padding), the
        plane's height, the padding before a row, and a row's size
    padding : a row of zeros
    y, to : start of the first row of outputs, and how many are in a row
    bias : what each output starts from
    """
    kernel, stride, rows = case // CASES**2, case // CASES % CASES, case % CASES
    (plane, first, height, before, size), (start, width) = area, to
    lines = np.zeros(
        ((rows - 1) * stride + kernel, before + size + width * stride + kernel), x.dtype
    )
    for number, line in enumerate(lines, first):
        inside = 0 <= number < height
        source = x[plane + number * size :][:size] if inside else padding[:size]
        line[before : before + size] = source
    for r in range(rows):
        row = np.full(width, bias, y.dtype)
        for i, k in product(range(kernel), range(kernel)):
            read = lines[r * stride + i, k:][: width * stride : stride]
            row += w[at + i * kernel + k] * read
        y[start + r * width :][:width] = row


slide_rows = slide_rows_in_python if numba.config.DISABLE_JIT else extending.intrinsic(_slide_rows)


@kernel
def convolve(
    x: Flat,
    weight: Flat,
    bias: Flat,
    y: Flat,
    extents: Numbers,
    share: int,
    start: int,
    stop: int,
) -> None:
    """y[n, m, o] = bias[m] + sum over i of weight[m, i] * x[n, m // maps, o * S + i - before].

    A block is `share` planes of outputs.
    """
    e = read_extents(extents)
    down, across, maps = e.second, e.third, e.groups * e.maps
    padding = np.zeros(across.size, y.dtype)
    for plane in range(start * share, min(stop * share, e.batch * maps)):
        m, source = plane % maps, plane // e.maps * down.size * across.size
        b = bias[m] if bias.size > 0 else y.dtype.type(0)
        for o in range(0, down.output, ROWS):
            case = number_of(across.kernel, across.stride, min(ROWS, down.output - o))
            first = o * down.stride - down.before
            area = source, first, down.size, across.before, across.size
            to = plane * e.pixels + o * across.output, across.output
            slide_rows(case, weight, m * e.taps, x, area, padding, y, to, b)
