"""Rows of images to the columns of Winograd's tiles, and back; every second element of a row.

A row of an image is read into registers and dealt out so that neighbouring tiles lie in
neighbouring lanes. Loads and stores touch only the part of a row that exists: what lies beyond
is read as zero, which is padding, and not written.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.ops._jit import numba
from striate.ops._microkernel import INDEX, INT32, cgutils, extending, ir, tile_for
from striate.ops._transforms import Vector, Writer

__all__ = ["copy_second", "merge_row", "split_row"]

Vectors = Sequence[Any]


def pick(vectors: Vectors, places: Sequence[int]) -> Any:
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


def split(m: int, lanes: int, row: Vectors) -> Vectors:
    """Return the m + 2 columns of tiles whose first columns are m elements of a row apart."""
    return [pick(row, range(k, k + m * lanes, m)) for k in range(m + 2)]


def merge(m: int, lanes: int, columns: Vectors) -> Vectors:
    """Return a row of outputs from the m columns of the tiles."""
    order = [q % m * lanes + q // m for q in range(m * lanes)]
    return [pick(columns, order[at : at + lanes]) for at in range(0, m * lanes, lanes)]


def broadcast(builder: Any, scalar: Any, lanes: int) -> Any:
    """Return a register with one value in every lane."""
    undefined = ir.Constant(ir.VectorType(scalar.type, lanes), ir.Undefined)
    one = builder.insert_element(undefined, scalar, INT32(0))
    return builder.shuffle_vector(
        one, undefined, ir.Constant(ir.VectorType(INT32, lanes), [0] * lanes)
    )


def lanes_inside(builder: Any, first: int, lanes: int, lower: Any, upper: Any) -> Any:
    """Return the mask of the lanes, numbered from `first`, from `lower` up to before `upper`."""
    kind = ir.VectorType(INT32, lanes)
    numbers = ir.Constant(kind, list(range(first, first + lanes)))
    low, high = (broadcast(builder, builder.trunc(x, INT32), lanes) for x in (lower, upper))
    above = builder.icmp_signed(">=", numbers, low)
    return builder.and_(above, builder.icmp_signed("<", numbers, high))


def masked(builder: Any, action: str, kind: Any, result: Any, arguments: list[Any]) -> Any:
    """Call LLVM's load or store of the lanes of a mask."""
    bits = 64 if isinstance(kind.element, ir.DoubleType) else 32
    name = f"llvm.masked.{action}.v{kind.count}f{bits}.p0"
    signature = ir.FunctionType(result, [argument.type for argument in arguments])
    function = cgutils.get_or_insert_function(builder.module, signature, name)
    return builder.call(function, arguments)


def _split_row(
    typing_context: Any, m: Any, x: Any, start: Any, inside: Any, d: Any, at: Any, apart: Any
) -> Any:
    """Declare `split_row` to Numba: its signature, and the function that writes it."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        m, _, start, inside, _, at, apart = arguments
        writer = Writer(context, builder, signature, arguments)
        size = writer.bytes_of(4)
        lanes = tile_for(size).lanes
        read, place = writer.addresses(1, start, lanes), writer.addresses(4, at, lanes)
        lower, upper = cgutils.unpack_tuple(builder, inside)

        def write(tile: int) -> None:
            row = []
            for first in range(0, (tile + 1) * lanes, lanes):
                address = read(INDEX(first))
                kind = address.type.pointee
                mask = lanes_inside(builder, first, lanes, lower, upper)
                zero = ir.Constant(kind, [0.0] * lanes)
                call = [address, INT32(size), mask, zero]
                row.append(Vector(builder, masked(builder, "load", kind, kind, call)))
            for k, column in enumerate(split(tile, lanes, row)):
                builder.store(column.value, place(builder.mul(apart, INDEX(k))), align=size)

        return writer.for_each_tile(m, write)

    index, pair = numba.types.int64, numba.types.UniTuple(numba.types.int64, 2)
    return numba.types.void(index, x, index, pair, d, index, index), generate


def split_row_in_python(
    m: int,
    x: NDArray[Any],
    start: int,
    inside: tuple[int, int],
    d: NDArray[Any],
    at: int,
    apart: int,
) -> None:
    """Deal a row of inputs out to the m + 2 columns of as many tiles as a register has lanes.

    Parameters
    ----------
    x, start : the row's first element is ``x[start]``
    inside : first and last number, within the row, of the elements to be read; others are zero
    d, at, apart : column k is written from ``d[at + k * apart]`` on
    """
    lanes = tile_for(d.itemsize).lanes
    row = np.zeros((m + 1) * lanes, x.dtype)
    lower, upper = max(0, inside[0]), min(len(row), inside[1])
    if lower < upper:
        row[lower:upper] = x[start + lower : start + upper]
    for k, column in enumerate(split(m, lanes, np.split(row, m + 1))):
        d[at + k * apart :][:lanes] = column


def _merge_row(
    typing_context: Any,
    m: Any,
    s: Any,
    start: Any,
    step: Any,
    y: Any,
    at: Any,
    count: Any,
    bias: Any,
) -> Any:
    """Declare `merge_row` to Numba: its signature, and the function that writes it."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        m, _, start, step, _, at, count, bias = arguments
        writer = Writer(context, builder, signature, arguments)
        size = writer.bytes_of(4)
        lanes = tile_for(size).lanes
        read, place = writer.addresses(1, start, lanes), writer.addresses(4, at, lanes)
        added = broadcast(builder, bias, lanes)

        def write(tile: int) -> None:
            found = [read(builder.mul(step, INDEX(k))) for k in range(tile)]
            columns = [Vector(builder, builder.load(address, align=size)) for address in found]
            for i, vector in enumerate(merge(tile, lanes, columns)):
                value = builder.fadd(vector.value, added)
                mask = lanes_inside(builder, i * lanes, lanes, INDEX(0), count)
                call = [value, place(INDEX(i * lanes)), INT32(size), mask]
                masked(builder, "store", value.type, ir.VoidType(), call)

        return writer.for_each_tile(m, write)

    index = numba.types.int64
    return numba.types.void(index, s, index, index, y, index, index, y.dtype), generate


def merge_row_in_python(
    m: int,
    s: NDArray[Any],
    start: int,
    step: int,
    y: NDArray[Any],
    at: int,
    count: int,
    bias: Any,
) -> None:
    """Put the m columns of as many tiles as a register has lanes together to a row of outputs.

    Parameters
    ----------
    s, start, step : column k is read from ``s[start + k * step]`` on
    y, at, count : the row's first element is ``y[at]``; no more than `count` are written
    bias : what is added to each output
    """
    lanes = tile_for(y.itemsize).lanes
    columns = [s[start + k * step :][:lanes] for k in range(m)]
    row = np.concatenate(merge(m, lanes, columns))[:count] + bias
    y[at : at + len(row)] = row


def _copy_second(typing_context: Any, x: Any, start: Any, inside: Any, panel: Any, at: Any) -> Any:
    """Declare `copy_second` to Numba: its signature, and the function that writes it."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _, start, inside, _, at = arguments
        writer = Writer(context, builder, signature, arguments)
        size = writer.bytes_of(3)
        tile = tile_for(size)
        read, place = writer.addresses(0, start, tile.lanes), writer.addresses(3, at, tile.lanes)
        lower, upper = cgutils.unpack_tuple(builder, inside)
        for first in range(0, tile.width, tile.lanes):
            pair = []
            for place_in_row in (2 * first, 2 * first + tile.lanes):
                address = read(INDEX(place_in_row))
                kind = address.type.pointee
                mask = lanes_inside(builder, place_in_row, tile.lanes, lower, upper)
                zero = ir.Constant(kind, [0.0] * tile.lanes)
                call = [address, INT32(size), mask, zero]
                pair.append(Vector(builder, masked(builder, "load", kind, kind, call)))
            every_second = pick(pair, range(0, 2 * tile.lanes, 2))
            builder.store(every_second.value, place(INDEX(first)), align=size)
        return context.get_dummy_value()

    index, pair = numba.types.int64, numba.types.UniTuple(numba.types.int64, 2)
    return numba.types.void(x, index, pair, panel, index), generate


def copy_second_in_python(
    x: NDArray[Any], start: int, inside: tuple[int, int], panel: NDArray[Any], at: int
) -> None:
    """Copy every second element of a row, as many as a panel's row has.

    Parameters
    ----------
    x, start : the row's first element is ``x[start]``
    inside : first and last number, within the row, of the elements to be read; others are zero
    panel, at : where the copies are written
    """
    width = tile_for(panel.itemsize).width
    row = np.zeros(2 * width, x.dtype)
    lower, upper = max(0, inside[0]), min(len(row), inside[1])
    if lower < upper:
        row[lower:upper] = x[start + lower : start + upper]
    panel[at : at + width] = row[::2]


if numba.config.DISABLE_JIT:
    split_row, merge_row = split_row_in_python, merge_row_in_python
    copy_second = copy_second_in_python
else:
    split_row, merge_row = extending.intrinsic(_split_row), extending.intrinsic(_merge_row)
    copy_second = extending.intrinsic(_copy_second)
