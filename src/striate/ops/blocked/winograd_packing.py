"""The weights of Winograd's convolution, transformed at run time: for weights that change.

A block of work is some channels of a register's width of maps. Their weights are transposed into
the thread's memory first, so that lanes are maps; then each channel's kernel is transformed, all
of it in registers. What no cache would hold goes straight to memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from striate.errors import ShapeError
from striate.ops.blocked.lanes import choose_lanes, first_lanes, load_first
from striate.ops.blocked.lanes import transposed as columns_of
from striate.ops.blocked.layout import Place
from striate.ops.blocked.task import Task, Word
from striate.ops.blocked.walk import cut_task, row_template, walk
from striate.ops.blocked.winograd_forms import Form, Forms
from striate.ops.blocked.winograd_product import LINE, vectors_of
from striate.ops.blocked.winograd_transforms import weight_matrix
from striate.ops.codegen import Index, Pointer, Target, Vector, Writer

__all__ = ["Unpacked", "pack_task", "packed_size"]

FAR = 12 << 20  # bytes of packed weights, of which few would be in the caches

Line = Sequence[Vector | None]
"""Elements of a kernel along an axis; None stands for zero."""


class Unpacked(NamedTuple):
    """Weights as a network has them, to be packed at run time.

    Attributes
    ----------
    place : where they lie, in NumPy's order
    shape : (M, C, *kernel), theirs
    transposed : whether the convolution is the one that gives the gradient of the data: from M
        channels to C maps, with the taps in reverse order
    """

    place: Place
    shape: tuple[int, ...]
    transposed: bool = False


def packed_size(
    target: Target, forms: Forms, shape: tuple[int, ...], *, transposed: bool = False
) -> int:
    """Return how many elements the packed weights of a layer take.

    Parameters
    ----------
    target, forms, shape, transposed : as for `pack_task`

    Examples
    --------
    >>> from striate.ops.blocked.winograd_forms import square
    >>> packed_size(Target.named("sse"), square(4, 3, 2), (6, 5, 3, 3))
    1440
    """
    maps, channels = _sizes(shape, transposed)
    places, pieces = prod(form.n for form in forms), prod(len(form.starts) for form in forms)
    return places * pieces * channels * -(-maps // target.lanes) * target.lanes


def pack_task(
    target: Target,
    forms: Forms,
    source: Place,
    shape: tuple[int, ...],
    result: Place,
    *,
    transposed: bool = False,
    some: range | None = None,
) -> Task:
    """Return what transforms weights, in the order that `winograd_weights.pack` describes.

    Parameters
    ----------
    target : processor
    forms : what each axis is computed by
    source : weights in NumPy's order
    shape : (M, C, *kernel), theirs
    result : `packed_size` elements, or for some maps their share
    transposed : pack the weights of the convolution that gives the gradient of the data: from M
        channels to C maps, with the taps in reverse order
    some : which maps of the convolution; by default all

    Raises
    ------
    ShapeError
        If the forms are for another kernel.

    Notes
    -----
    Computed in float32, each coefficient rounded once.
    """
    kernel = tuple(form.kernel for form in forms)
    if shape[2:] != kernel:
        raise ShapeError(f"the forms are for kernel {kernel}, not {shape[2:]}")
    maps, channels = _sizes(shape, transposed)
    some = some or range(maps)
    taps, lanes = prod(kernel), target.lanes
    blocks = -(-len(some) // lanes)
    pieces = prod(len(form.starts) for form in forms)
    to_map, to_channel = (taps, shape[1] * taps) if transposed else (shape[1] * taps, taps)
    first = source._replace(offset=source.offset + some.start * to_map)
    words: dict[str, Word] = {"x": first, "y": result, "maps": len(some), "channels": channels}
    words |= {"blocks": blocks, "parts": -(-channels // lanes)}
    words |= {
        "to_map": to_map,
        "to_channel": to_channel,
        "place": pieces * channels * blocks * lanes,
    }
    width = vectors_of(blocks)
    size = prod(form.n for form in forms) * pieces * channels * blocks * lanes
    streams = 4 * size > FAR and lanes == LINE and result.offset % LINE == 0
    how = pack_weights.kernel(
        target, forms=forms, transposed=transposed, width=width, streams=streams
    )
    rows = blocks * -(-channels // lanes)
    work = 4 * size
    scratch = _kernels(lanes, taps) + prod(form.n for form in forms) * pieces * _pitch(lanes)
    return cut_task(how, words, rows, work, scratch)


def _sizes(shape: tuple[int, ...], transposed: bool) -> tuple[int, int]:
    """Return the maps and the channels of the convolution."""
    return (shape[1], shape[0]) if transposed else (shape[0], shape[1])


@row_template(
    *("x", "y", "maps", "channels", "blocks", "parts", "to_map", "to_channel", "place"),
)
def pack_weights(
    w: Writer, a: Any, forms: tuple[Any, ...], transposed: bool, width: int, streams: bool
) -> None:
    """Write some channels of a register of maps, at all places."""
    forms = tuple(Form(*form) for form in forms)
    taps = prod(form.kernel for form in forms)
    pieces = list(product(*(_pieces(form) for form in forms)))
    kernel = [form.kernel for form in forms]
    with walk(w, a, (a.blocks, a.parts)) as (block, part):
        first, channel = block * w.lanes, part * w.lanes
        count = (a.channels - channel).least(w.lanes)
        x = w.pointer(a.x) + (first * a.to_map + channel * a.to_channel)
        rows = [x + a.to_map * (a.maps - first - 1).least(lane) for lane in range(w.lanes)]
        there = first_lanes(w, a.maps - first)
        if transposed:
            with w.loop(0, count) as c:
                starts = [row + c * a.to_channel for row in rows]
                _transpose(w, starts, w.index(taps), w.scratch + c * (taps * w.lanes), there)
        else:
            _transpose(w, rows, count * taps, w.scratch, there)
        group = block // width
        size = (a.blocks - group * width).least(width) * w.lanes
        to_piece = size * a.channels
        y = w.pointer(a.y) + group * (width * w.lanes * len(pieces)) * a.channels
        y = y + (block % width) * w.lanes
        stage = w.scratch + _kernels(w.lanes, taps)
        pitch = _pitch(w.lanes)
        with w.loop(0, count) as c:
            at = w.scratch + c * (taps * w.lanes)
            to = stage + c * w.lanes

            def element(tap: int, at: Pointer = at) -> Vector:
                return at.load((taps - 1 - tap if transposed else tap) * w.lanes)

            for number, piece in enumerate(pieces):
                for at_place, value in enumerate(_transformed(w, piece, kernel, element)):
                    to.store(value, (at_place * len(pieces) + number) * pitch)
        # Places lie far apart, so channels of one go there together.
        with w.loop(0, prod(form.n for form in forms)) as place, w.loop(0, len(pieces)) as which:
            at = stage + (place * len(pieces) + which) * pitch
            to = y + (place * a.place + which * to_piece + channel * size)
            with w.loop(0, count) as c:
                (to.stream if streams else to.store)(at.load(c * w.lanes), c * size)
    if streams:
        w.settle_streams()


def _kernels(lanes: int, taps: int) -> int:
    """Return the elements that weights take where lanes are maps; the last may be too many."""
    return lanes * (taps + 1) * lanes


def _pitch(lanes: int) -> int:
    """Return the elements from one place of transformed weights to the next."""
    return (lanes + 1) * lanes  # no power of two: those would share a few places of the cache


def _transpose(w: Writer, rows: list[Pointer], length: Index, to: Pointer, there: Any) -> None:
    """Write a register for each element of the rows; those of rows that are not there are 0."""
    nothing = w.constant(0.0)
    with w.loop(0, length, w.lanes) as first:
        mask = first_lanes(w, length - first)
        columns = columns_of([load_first(w, row + first, mask) for row in rows])
        for lane, column in enumerate(columns):
            to.store(choose_lanes(there, column, nothing), (first + lane) * w.lanes)


Piece = tuple[tuple[int, ...], NDArray[np.float64]]
"""Which elements of an axis a piece has (-1 for zeros before them), and what transforms them."""


def _pieces(form: Form) -> list[Piece]:
    matrix, taken, pieces = weight_matrix(form.m, form.r), 0, []
    for start in form.starts:
        elements = tuple(tap if tap >= taken else -1 for tap in range(start, start + form.r))
        pieces.append((elements, matrix))
        taken = start + form.r
    return pieces


def _transformed(
    w: Writer, piece: Sequence[Piece], kernel: Sequence[int], element: Callable[[int], Vector]
) -> list[Vector]:
    """Return a piece of a kernel, transformed along all axes, the last first."""

    def along(axes: int, tap: int) -> list[Vector | None]:
        if axes == len(kernel):
            return [element(tap)]
        elements, matrix = piece[axes]
        taps = [tap * kernel[axes] + one for one in elements]
        deeper = [
            along(axes + 1, place) if one >= 0 else None
            for one, place in zip(elements, taps, strict=True)
        ]
        inner = len(next(one for one in deeper if one is not None))
        lines = [
            _line([None if one is None else one[place] for one in deeper], matrix)
            for place in range(inner)
        ]
        return [line[place] for place in range(len(matrix)) for line in lines]

    return [w.constant(0.0) if one is None else one for one in along(0, 0)]


def _line(g: Line, matrix: NDArray[np.float64]) -> list[Vector | None]:
    """Return G g; what two points +p and -p share is computed once."""
    if len(matrix) == 1:
        return list(g)
    result = [g[0]]
    for row in matrix[1:-1:2]:
        even, odd = _weighted(row[::2], g[::2]), _weighted(row[1::2], g[1::2])
        if even is None or odd is None:
            result += [even, None] if odd is None else [odd, None]
            result[-1] = even if odd is None else _weighted([-1.0], [odd])
        else:
            result += [even + odd, even - odd]
    return [*result, g[-1]]


def _weighted(factors: Sequence[float], numbers: Line) -> Vector | None:
    """Return the sum of factors by numbers; None where all numbers are zeros."""
    total: Vector | None = None
    for factor, number in zip(factors, numbers, strict=True):
        if number is not None:
            term = number.writer.constant(float(factor))
            total = number * term if total is None else number.multiply_add(term, total)
    return total
