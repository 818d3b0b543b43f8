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

__all__ = [
    "TILES",
    "merge_columns",
    "split_row",
    "transform_input",
    "transform_output",
    "transform_weight",
]

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


def split(m: int, lanes: int, row: Numbers) -> Numbers:
    """Return the m + 2 columns of tiles whose first columns are m elements of a row apart."""
    return [pick(row, range(k, k + m * lanes, m)) for k in range(m + 2)]


def merge(m: int, lanes: int, columns: Numbers) -> Numbers:
    """Return a row of outputs from the m columns of the tiles."""
    order = [q % m * lanes + q // m for q in range(m * lanes)]
    return [pick(columns, order[at : at + lanes]) for at in range(0, m * lanes, lanes)]


def on_tiles(m: int, size: int, formulas: dict[int, Formula]) -> tuple[int, Formula]:
    """Return how many registers a transform of size x size tiles reads, and its formula."""
    return size * size, partial(both_axes, size, formulas[m])


Transform = Callable[[int, int], tuple[int, Formula]]  # of m and the number of lanes

TRANSFORMS: dict[str, Transform] = {
    "input": lambda m, lanes: on_tiles(m, m + 2, {2: input_2, 4: input_4}),
    "weight": lambda m, lanes: on_tiles(m, 3, {2: weight_2, 4: weight_4}),
    "output": lambda m, lanes: on_tiles(m, m + 2, {2: output_2, 4: output_4}),
    "split": lambda m, lanes: (m + 1, partial(split, m, lanes)),
    "merge": lambda m, lanes: (m, partial(merge, m, lanes)),
}
TILES = (2, 4)  # the values of m


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


def pick(vectors: Numbers, places: Sequence[int]) -> Any:
    """Return the elements at some places of vectors laid end to end."""
    if isinstance(vectors[0], np.ndarray):
        return np.concatenate(vectors)[list(places)]
    lanes = len(places)
    result = None
    for first in range(0, len(vectors), 2):
        start = first * lanes
        here = [start <= place < start + 2 * lanes for place in places]
        if not any(here):
            continue
        within = [place - start if mine else 0 for place, mine in zip(places, here, strict=True)]
        part = vectors[first].shuffle(vectors[min(first + 1, len(vectors) - 1)], within)
        kept = [lanes + i if mine else i for i, mine in enumerate(here)]
        result = part if result is None else result.shuffle(part, kept)
    return result


def write_transform(
    formulas: Transform, context: Any, builder: Any, signature: Any, arguments: Any
) -> Any:
    """Write the code of a transform for each m, and the choice among them."""
    m, source, start, step, target, at, apart = arguments
    lanes = tile_for(signature.args[4].dtype.bitwidth // 8).lanes

    def registers(position: int, array: Any, first: Any, step: Any) -> Callable[[int], Any]:
        kind = signature.args[position]
        data = context.make_array(kind)(context, builder, array).data
        vector = ir.VectorType(context.get_value_type(kind.dtype), lanes).as_pointer()

        def address(i: int) -> Any:
            place = builder.add(first, builder.mul(step, INDEX(i)))
            return builder.bitcast(builder.gep(data, [place]), vector)

        return address

    read, write = registers(1, source, start, step), registers(4, target, at, apart)
    alignments = [signature.args[i].dtype.bitwidth // 8 for i in (1, 4)]
    done = builder.append_basic_block("done")
    choice = builder.switch(m, done)
    for size in TILES:
        count, formula = formulas(size, lanes)
        block = builder.append_basic_block(f"tiles{size}")
        choice.add_case(INDEX(size), block)
        builder.position_at_end(block)
        loaded = [builder.load(read(i), align=alignments[0]) for i in range(count)]
        results = formula([Vector(builder, value) for value in loaded])
        for i, result in enumerate(results):
            to, value = write(i), result.value
            if value.type != to.type.pointee:
                value = builder.fptrunc(value, to.type.pointee)
            builder.store(value, to, align=alignments[1])
        builder.branch(done)
    builder.position_at_end(done)
    return context.get_dummy_value()


def compiled(name: str) -> Any:
    """Return a transform that kernels can call; see `interpreted`."""

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
        signature = numba.types.void(index, source, index, index, target, index, index)
        return signature, partial(write_transform, TRANSFORMS[name])

    return extending.intrinsic(declare)


def interpreted(name: str) -> Any:
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
        count, formula = TRANSFORMS[name](m, lanes)
        rows = [source[start + i * step :][:lanes] for i in range(count)]
        with np.errstate(all="ignore"):  # unused lanes hold anything
            for i, row in enumerate(formula(rows)):
                target[at + i * apart :][:lanes] = row

    return apply


written = interpreted if numba.config.DISABLE_JIT else compiled
transform_input, transform_output = written("input"), written("output")
transform_weight = written("weight")
split_row, merge_columns = written("split"), written("merge")
