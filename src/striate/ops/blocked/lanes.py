"""What kernels do across the lanes of registers: masks, transposes, sums of lanes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from striate.ops.codegen import Index, Pointer, Vector, Writer
from striate.ops.codegen.values import ADDRESS, I32, VOID, ir

__all__ = [
    "choose_lanes",
    "first_lanes",
    "load_first",
    "maximum",
    "maximum_of_lanes",
    "nan_in_either",
    "store_first",
    "sum_lanes",
    "transposed",
]

BIT = ir.IntType(1)


def first_lanes(w: Writer, count: Index) -> Any:
    """Return the mask of the first `count` lanes; any number, none if it is not positive."""
    kind = ir.VectorType(I32, w.lanes)
    places = ir.Constant(kind, list(range(w.lanes)))
    undefined = ir.Constant(kind, ir.Undefined)
    some = w.builder.trunc(count.least(w.lanes).value, I32)
    one = w.builder.insert_element(undefined, some, I32(0))
    all_counts = w.builder.shuffle_vector(one, undefined, ir.Constant(kind, [0] * w.lanes))
    return w.builder.icmp_signed("<", places, all_counts)


def choose_lanes(mask: Any, then: Vector, otherwise: Vector) -> Vector:
    """Take each lane from one of two registers."""
    return Vector(then.writer, then.writer.builder.select(mask, then.value, otherwise.value))


def load_first(w: Writer, pointer: Pointer, mask: Any, otherwise: float = 0.0) -> Vector:
    """Load the lanes of a mask, reading no others; those get a constant."""
    rest = w.constant(otherwise)
    kinds = [ADDRESS, I32, ir.VectorType(BIT, w.lanes), w.vector]
    function = _function(w, f"llvm.masked.load.v{w.lanes}f32.p0", w.vector, kinds)
    return Vector(w, w.builder.call(function, [pointer.value, I32(4), mask, rest.value]))


def store_first(w: Writer, pointer: Pointer, vector: Vector, mask: Any) -> None:
    """Store the lanes of a mask, and touch no others."""
    kinds = [w.vector, ADDRESS, I32, ir.VectorType(BIT, w.lanes)]
    function = _function(w, f"llvm.masked.store.v{w.lanes}f32.p0", VOID, kinds)
    w.builder.call(function, [vector.value, pointer.value, I32(4), mask])


def _function(w: Writer, name: str, result: Any, kinds: list[Any]) -> Any:
    found = w.module.globals.get(name)
    return found or ir.Function(w.module, ir.FunctionType(result, kinds), name)


def maximum(one: Vector, other: Vector) -> Vector:
    """Return the larger elements, and `other` where either is NaN: one instruction."""
    builder = one.writer.builder
    return choose_lanes(builder.fcmp_ordered(">", one.value, other.value), one, other)


def nan_in_either(one: Vector, other: Vector) -> Any:
    """Return the mask of the lanes in which one of two registers has NaN."""
    return one.writer.builder.fcmp_unordered("uno", one.value, other.value)


def _folded(vector: Vector, join: Callable[[Vector, Vector], Vector]) -> Vector:
    """Join all lanes, halves first; every lane gets the result."""
    lanes = vector.writer.lanes
    distance = lanes // 2
    while distance:
        places = [lane ^ distance for lane in range(lanes)]
        vector = join(vector, vector.shuffle(vector, places))
        distance //= 2
    return vector


def sum_lanes(vector: Vector) -> Vector:
    """Return the sum of all lanes, in every lane."""
    return _folded(vector, lambda one, other: one + other)


def maximum_of_lanes(vector: Vector) -> Vector:
    """Return the largest of all lanes, which hold no NaN, in every lane."""
    return _folded(vector, maximum)


def transposed(rows: Sequence[Vector]) -> list[Vector]:
    """Return the columns of as many registers as each has lanes.

    First 4 x 4 within the quarters, halves or whole of registers that instructions work in,
    then of these parts: each step is one instruction on every processor.
    """
    lanes = len(rows)
    parts = lanes // 4
    quads = [_four_by_four(rows[4 * g : 4 * g + 4]) for g in range(parts)]
    columns = [rows[0]] * lanes
    for j in range(4):
        for m, column in enumerate(_parts_turned([quads[g][j] for g in range(parts)])):
            columns[4 * m + j] = column
    return columns


def _four_by_four(rows: Sequence[Vector]) -> list[Vector]:
    """Transpose each four columns of four rows."""
    a, b, c, d = rows
    low, high = [0, 1], [2, 3]
    ab, cd = _woven(a, b, low), _woven(c, d, low)
    ab_high, cd_high = _woven(a, b, high), _woven(c, d, high)
    pairs = ((ab, cd), (ab_high, cd_high))
    return [_halves(x, y, half) for x, y in pairs for half in (0, 2)]


def _woven(one: Vector, other: Vector, which: Sequence[int]) -> Vector:
    """Take two lanes of each four in turn from either register."""
    lanes = one.writer.lanes
    places = [f + i + s for f in range(0, lanes, 4) for i in which for s in (0, lanes)]
    return one.shuffle(other, places)


def _halves(one: Vector, other: Vector, half: int) -> Vector:
    """Take the first or second half of each four lanes of one register, then of the other."""
    lanes = one.writer.lanes
    places = [f + half + i + s for f in range(0, lanes, 4) for s in (0, lanes) for i in (0, 1)]
    return one.shuffle(other, places)


def _parts_turned(vectors: list[Vector]) -> list[Vector]:
    """Transpose registers whose elements are parts of four lanes."""
    if len(vectors) == 1:
        return vectors
    if len(vectors) == 2:
        a, b = vectors
        return [_parts(a, b, (0, 2)), _parts(a, b, (1, 3))]
    a, b, c, d = vectors
    columns = []
    for half in ((0, 1, 4, 5), (2, 3, 6, 7)):
        ab, cd = _parts(a, b, half), _parts(c, d, half)
        columns += [_parts(ab, cd, (0, 2, 4, 6)), _parts(ab, cd, (1, 3, 5, 7))]
    return columns


def _parts(one: Vector, other: Vector, which: Sequence[int]) -> Vector:
    return one.shuffle(other, [4 * part + lane for part in which for lane in range(4)])
