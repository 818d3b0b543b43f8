"""Winograd's transforms of tiles, as formulas and as code for the host's vector registers.

F(m x m, 3 x 3) computes m x m outputs of a 3 x 3 kernel from a tile of n x n inputs, n = m + 2,
with n x n multiplications instead of 9 m x m::

    Y = A^T [(G g G^T) * (B^T d B)] A        d: n x n inputs, g: 3 x 3 weights, Y: m x m outputs

where ``*`` multiplies element by element. For m = 2 (interpolation at 0, 1, -1, infinity)::

          1  0 -1  0         1    0    0
    B^T = 0  1  1  0     G = 1/2  1/2  1/2     A^T = 1 1  1  0
          0 -1  1  0         1/2 -1/2  1/2           0 1 -1 -1
          0  1  0 -1         0    0    1

and for m = 4, at 0, a, -a, b, -b, infinity with a = sqrt(1/2) and b = sqrt(2)::

          1  0 -5/2  0   1  0          1     0     0
          0 -b  -2   a   1  0        -2/3 -2a/3  -1/3            1  1   1   1   1  0
    B^T = 0  b  -2  -a   1  0    G = -2/3  2a/3  -1/3     A^T =  0  a  -a   b  -b  0
          0 -a -1/2  b   1  0         1/6   b/6   1/3            0 1/2 1/2  2   2  0
          0  a -1/2 -b   1  0         1/6  -b/6   1/3            0 a/2 -a/2 2b -2b 1
          0  1   0 -5/2  0  1          0     0     1

The paper takes 1 and 2 for a and b, which rounds about four times as much: powers of the points
scale the terms, and those of sqrt(1/2) and sqrt(2) lie around 1.

Each function below is one product with such a matrix, its common terms taken once. Its
arguments are arrays, or the registers of `Vector`, for which it writes machine code. Tiles lie
across the lanes: every operation works on as many tiles as a register has lanes.

Multiply and add may be fused into one instruction ("contract"); nothing else is rearranged, and
NaN and infinity go where the formulas send them.

Source: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2016, section 4,
arXiv:1509.09308; Barabasz, Anderson, Soodhalter and Gregg, "Error Analysis and Improving the
Accuracy of Winograd Convolution for Deep Neural Networks", 2018, arXiv:1803.10986, for points.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.ops._jit import numba
from striate.ops._microkernel import INDEX, INT32, extending, ir, tile_for

__all__ = ["TILES", "Vector", "Writer", "transform_input", "transform_output", "transform_weight"]

Numbers = Sequence[Any]
Formula = Callable[[Numbers], Numbers]

A, B = sqrt(1 / 2), sqrt(2)


def input_2(d: Numbers) -> Numbers:
    """Return B^T d for m = 2."""
    return d[0] - d[2], d[1] + d[2], d[2] - d[1], d[1] - d[3]


def input_4(d: Numbers) -> Numbers:
    """Return B^T d for m = 4."""
    even_a, odd_a = d[4] - d[2] * 2.0, (d[3] - d[1] * 2.0) * A
    even_b, odd_b = d[4] - d[2] * 0.5, (d[3] - d[1] * 0.5) * B
    first, last = d[0] + (d[4] - d[2] * 2.5), d[1] + (d[5] - d[3] * 2.5)
    return first, even_a + odd_a, even_a - odd_a, even_b + odd_b, even_b - odd_b, last


def weight_2(g: Numbers) -> Numbers:
    """Return G g for m = 2."""
    half, middle = (g[0] + g[2]) * 0.5, g[1] * 0.5
    return g[0], half + middle, half - middle, g[2]


def weight_4(g: Numbers) -> Numbers:
    """Return G g for m = 4."""
    even_a, odd_a = (g[0] + g[2] * 0.5) * (-2 / 3), g[1] * (-2 / 3 * A)
    even_b, odd_b = (g[0] + g[2] * 2.0) * (1 / 6), g[1] * (1 / 6 * B)
    return g[0], even_a + odd_a, even_a - odd_a, even_b + odd_b, even_b - odd_b, g[2]


def output_2(t: Numbers) -> Numbers:
    """Return A^T t for m = 2."""
    return t[0] + (t[1] + t[2]), (t[1] - t[2]) - t[3]


def output_4(t: Numbers) -> Numbers:
    """Return A^T t for m = 4."""
    even_a, odd_a = t[1] + t[2], (t[1] - t[2]) * A
    even_b, odd_b = t[3] + t[4], (t[3] - t[4]) * B
    third, last = even_a * 0.5 + even_b * 2.0, odd_a * 0.5 + odd_b * 2.0
    return t[0] + (even_a + even_b), odd_a + odd_b, third, last + t[5]


def both_axes(size: int, formula: Formula, d: Numbers) -> Numbers:
    """Apply a formula to the columns, then to the rows, of size x size numbers."""
    columns = [formula(d[k::size]) for k in range(size)]
    return [value for row in zip(*columns, strict=True) for value in formula(row)]


TILES = (2, 4)  # the values of m
INPUTS: dict[int, Formula] = {2: partial(both_axes, 4, input_2), 4: partial(both_axes, 6, input_4)}
WEIGHTS: dict[int, Formula] = {
    2: partial(both_axes, 3, weight_2),
    4: partial(both_axes, 3, weight_4),
}
OUTPUTS: dict[int, Formula] = {
    2: partial(both_axes, 4, output_2),
    4: partial(both_axes, 6, output_4),
}


class Vector:
    """A register of LLVM IR; arithmetic on it writes instructions."""

    def __init__(self, builder: Any, value: Any) -> None:
        self.builder = builder
        self.value = value

    def _join(self, instruction: str, other: Vector) -> Vector:
        write = getattr(self.builder, instruction)
        return Vector(self.builder, write(self.value, other.value, flags=("contract",)))

    def __add__(self, other: Vector) -> Vector:
        return self._join("fadd", other)

    def __sub__(self, other: Vector) -> Vector:
        return self._join("fsub", other)

    def __mul__(self, factor: float) -> Vector:
        kind = self.value.type
        constant = ir.Constant(kind, [ir.Constant(kind.element, factor)] * kind.count)
        return self._join("fmul", Vector(self.builder, constant))

    def shuffle(self, other: Vector, places: list[int]) -> Vector:
        """Take each lane from a place in this register and the other."""
        constant = ir.Constant(ir.VectorType(INT32, len(places)), places)
        return Vector(self.builder, self.builder.shuffle_vector(self.value, other.value, constant))


class Writer:
    """Writes an intrinsic that moves registers of one element type between flat arrays."""

    def __init__(self, context: Any, builder: Any, signature: Any, arguments: Any) -> None:
        self.context, self.builder = context, builder
        self.signature, self.arguments = signature, arguments

    def addresses(self, position: int, start: Any, lanes: int) -> Callable[[Any], Any]:
        """Return what finds registers in the array among the arguments, by their distance."""
        builder, kind = self.builder, self.signature.args[position]
        view = self.context.make_array(kind)(self.context, builder, self.arguments[position])
        vector = ir.VectorType(self.context.get_value_type(kind.dtype), lanes).as_pointer()
        return lambda distance: builder.bitcast(
            builder.gep(view.data, [builder.add(start, distance)]), vector
        )

    def bytes_of(self, position: int) -> int:
        """Return the size of an array's elements, which is also their alignment."""
        return int(self.signature.args[position].dtype.bitwidth) // 8

    def for_each_tile(self, m: Any, write: Callable[[int], None]) -> Any:
        """Write the code for each m, and the choice among them."""
        done = self.builder.append_basic_block("done")
        choice = self.builder.switch(m, done)
        for size in TILES:
            block = self.builder.append_basic_block(f"tiles{size}")
            choice.add_case(INDEX(size), block)
            self.builder.position_at_end(block)
            write(size)
            self.builder.branch(done)
        self.builder.position_at_end(done)
        return self.context.get_dummy_value()


def compiled(formulas: dict[int, Formula], size: Callable[[int], int]) -> Any:
    """Return a transform that kernels can call; see `interpreted`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        m, _, start, step, _, at, apart = arguments
        writer = Writer(context, builder, signature, arguments)
        lanes = tile_for(writer.bytes_of(4)).lanes
        read, place = writer.addresses(1, start, lanes), writer.addresses(4, at, lanes)

        def write(tile: int) -> None:
            found = [read(builder.mul(step, INDEX(i))) for i in range(size(tile) ** 2)]
            loaded = [builder.load(address, align=writer.bytes_of(1)) for address in found]
            for i, result in enumerate(
                formulas[tile]([Vector(builder, value) for value in loaded])
            ):
                to, value = place(builder.mul(apart, INDEX(i))), result.value
                if value.type != to.type.pointee:
                    value = builder.fptrunc(value, to.type.pointee)
                builder.store(value, to, align=writer.bytes_of(4))

        return writer.for_each_tile(m, write)

    def declare(
        typing_context: Any,
        m: Any,
        source: Any,
        start: Any,
        step: Any,
        target: Any,
        at: Any,
        apart: Any,
    ) -> Any:
        index = numba.types.int64
        return numba.types.void(index, source, index, index, target, index, index), generate

    return extending.intrinsic(declare)


def interpreted(formulas: dict[int, Formula], size: Callable[[int], int]) -> Any:
    """Return a transform of as many tiles as a register has lanes, in Python.

    Its arguments are m; an array, the place of the first register and how far apart registers
    lie; and the same for the results.
    """

    def apply(
        m: int,
        source: NDArray[Any],
        start: int,
        step: int,
        target: NDArray[Any],
        at: int,
        apart: int,
    ) -> None:
        lanes = tile_for(target.itemsize).lanes
        rows = [source[start + i * step :][:lanes] for i in range(size(m) ** 2)]
        with np.errstate(all="ignore"):  # unused lanes hold anything
            for i, row in enumerate(formulas[m](rows)):
                target[at + i * apart :][:lanes] = row

    return apply


written = interpreted if numba.config.DISABLE_JIT else compiled
transform_input = written(INPUTS, lambda m: m + 2)
transform_weight = written(WEIGHTS, lambda m: 3)
transform_output = written(OUTPUTS, lambda m: m + 2)
