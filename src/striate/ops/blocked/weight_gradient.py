"""Gradients of a convolution's weights, as sums of products over all pixels of all images.

``dW[m, c, tap] = sum over n and o of dy[n, m, o] x[n, c, o stride + tap dilation - before]``

Inputs, channels at taps, are multiplied by maps: an outer product for each pixel, whose sums the
microkernel keeps in registers. A chunk of pixels that fits the second-level cache meets all taps,
channels and maps before the next one. Blocks of work are slices of the pixels, with sums of their
own that are added in the end, or parts of the weights; shapes alone decide which. So each sum has
one order, whatever the number of threads.
"""

from __future__ import annotations

from itertools import chain, product
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from striate.ops.blocked.convolution import Source
from striate.ops.blocked.layout import Place, Value
from striate.ops.blocked.task import Task, Word
from striate.ops.blocked.weight_gradient_cut import (
    Groups,
    Inputs,
    blocks_of_maps,
    chunks_of,
    evenly,
    groups_of,
    tiles_of,
)
from striate.ops.blocked.weight_gradient_tile import OUTER
from striate.ops.blocked.weight_gradient_unpack import unpack
from striate.ops.codegen import Target, Writer, template

__all__ = ["Convolved", "arena", "cost", "multiply_outer", "weight_gradient"]

SECOND_LEVEL = 512 << 10  # bytes of x and dy in a chunk
LEAST_PIXELS, MOST_PIXELS = 128, 1024  # of a chunk: for the sums' sake, and for rounding's
BLOCKS = 16  # of work
SLICED = 1 << 21  # elements of the sums of all slices
TURN = 3.0  # cycles to put a register of sums into NumPy's order
UNIT = 4  # words of a call of the microkernel


class Convolved(NamedTuple):
    """What was convolved, and the gradient of the result.

    Attributes
    ----------
    x : the input, with as much padding around it as taps reach, filled with zeros; a `Source` may
        be planar
    channels : of x
    dy : gradient of the result; its padding is not read
    kernel, strides, dilations, before : of each axis; `before` is the padding before it
    groups : more than one if each has whole blocks of channels and of maps
    """

    x: Value | Source
    channels: int
    dy: Value
    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    before: tuple[int, ...]
    groups: int = 1

    @property
    def source(self) -> Source:
        """How x is read."""
        return Source.of(self.x) if isinstance(self.x, Value) else self.x

    @property
    def depth(self) -> int:
        """Weights of a map."""
        return self.channels // self.groups * prod(self.kernel)


class Plan(NamedTuple):
    """How a gradient is cut: groups of inputs and maps, pixels of a chunk, slices and parts."""

    groups: Groups
    chunk: int
    slices: int
    parts: int
    size: int


@template(
    *("x", "dy", "sums", "units", "runs", "chunks", "slices", "dy_plane"),
    *("unit_count", "units_each", "parts", "x_slice", "dy_slice", "size", "begins"),
)
def multiply_outer(w: Writer, a: Any) -> None:
    """Add products of inputs and maps: a block of work is some calls for a slice of pixels."""
    units, chunks, slices = (w.pointer(table) for table in (a.units, a.chunks, a.slices))
    with w.loop(w.begin, w.end) as block:
        number, start = block // a.parts, block % a.parts * a.units_each
        x = w.pointer(a.x) + number * a.x_slice
        dy = w.pointer(a.dy) + number * a.dy_slice
        sums = w.pointer(a.sums) + number * a.size
        begin = w.word(slices, number * 2)
        with w.loop(begin, w.word(slices, number * 2 + 1)) as chunk:
            first, end = w.word(chunks, chunk), w.word(chunks, chunk + 1)
            begins = w.choose(chunk.equals(begin), a.begins, 0)
            with w.loop(start, (start + a.units_each).least(a.unit_count)) as unit:
                at_x, at_dy, at_sums, tile = (w.word(units, unit * UNIT + k) for k in range(UNIT))
                pointers = x + at_x, dy + at_dy, sums + at_sums, w.pointer(a.runs)
                w.call(tile, OUTER, *pointers, first, end, a.dy_plane, begins)


def weight_gradient(target: Target, of: Convolved, to: Place, buffer: str) -> list[Task]:
    """Return the tasks that compute gradients (M, C / groups, *kernel), in NumPy's order.

    Parameters
    ----------
    target : processor
    of : what was convolved
    to : where the gradients go
    buffer : name of a buffer of the size that `arena` returns
    """
    p, source, y = plan(target, of), of.source, of.dy.layout
    step = of.strides[-1] * source.strides[-1]
    tiles = tiles_of(target, p.groups, step, y.plane)
    units = np.tile(tiles.units.reshape(-1, UNIT), (of.groups, 1, 1))
    channels, maps = of.channels // of.groups, y.channels // of.groups
    number = np.arange(of.groups)[:, None]
    units[:, :, 0] += number * (channels // (1 if source.planar else y.lanes) * source.block)
    units[:, :, 1] += number * (p.groups.blocks * y.plane)
    units[:, :, 2] += number * tiles.size
    units = units.reshape(-1)
    runs, chunks = chunks_of(_rows(of), y.spatial[-1], (step, y.lanes), p.chunk)
    slices = _slices(len(chunks) - 1, p.slices)
    count = len(units) // UNIT
    words: dict[str, Word] = {
        "x": source.place,
        "dy": of.dy.origin,
        "sums": Place(buffer),
        "units": units,
        "runs": runs,
        "chunks": chunks,
        "slices": slices,
        "dy_plane": y.plane,
        "unit_count": count,
        "units_each": -(-count // p.parts),
        "parts": p.parts,
        "x_slice": 0,
        "dy_slice": 0,
        "size": p.size,
        "begins": 1,
    }
    work = y.batch * prod(y.spatial) * of.depth * y.channels
    cut = f"{max(len(g.offsets) for g in p.groups.inputs)}x{max(p.groups.vectors)}"
    blocks = len(slices) // 2 * p.parts
    places = blocks_of_maps(p.groups, maps, of.depth, y.lanes, of.groups)
    return [
        Task(multiply_outer.kernel(target), words, blocks, work, tile=cut),
        unpack(
            target,
            Place(buffer),
            places,
            p.groups.order,
            to,
            slices=len(slices) // 2,
            size=p.size,
        ),
    ]


def arena(target: Target, of: Convolved) -> int:
    """Return the size of the buffer that `weight_gradient` needs, in float32 elements."""
    p = plan(target, of)
    return p.slices * p.size


def plan(target: Target, of: Convolved) -> Plan:
    """Return how a gradient is cut."""
    source, y = of.source, of.dy.layout
    maps = y.channels // of.groups
    groups = groups_of(target, _inputs(of), -(-maps // y.lanes))
    size = of.groups * groups.rows[-1] * groups.blocks * y.lanes
    pixels = y.batch * prod(y.spatial)
    across = of.channels if source.planar else -(-of.channels // y.lanes) * y.lanes
    pixel = 4 * (across * prod(of.strides) + y.blocks * y.lanes)
    chunk = min(max(LEAST_PIXELS, SECOND_LEVEL // pixel), MOST_PIXELS)
    slices = max(1, min(BLOCKS, pixels // LEAST_PIXELS, SLICED // size))
    chunk = min(chunk, -(-pixels // slices))
    units = of.groups * len(groups.inputs) * len(groups.vectors)
    _, chunks = chunks_of(_rows(of), y.spatial[-1], (0, 0), chunk)
    slices = min(slices, len(chunks) - 1)
    parts = min(units, -(-BLOCKS // slices))
    parts = -(-units // -(-units // parts))
    return Plan(groups, chunk, slices, parts, size)


def cost(target: Target, of: Convolved) -> float:
    """Return about what a gradient costs, in multiply-adds: 2 registers of them in a cycle."""
    p, y = plan(target, of), of.dy.layout
    pixels = y.batch * prod(y.spatial)
    chunks = -(-pixels // p.chunk)
    each = pixels * p.groups.step + chunks * p.groups.call
    moved = (p.slices + 1) * p.size / y.lanes * TURN
    return (of.groups * each + moved) * 2 * y.lanes


def _inputs(of: Convolved) -> list[Inputs]:
    """Return the inputs of the first group of channels: those that are at fixed distances."""
    source, channels = of.source, of.channels // of.groups
    taps, width = prod(of.kernel), of.kernel[-1]
    lanes = 1 if source.planar else of.dy.layout.lanes
    along = of.dilations[-1] * source.strides[-1]
    inputs = []
    for number, tap in enumerate(product(*map(range, of.kernel[:-1]))):
        tap = (*tap, 0)
        places = zip(tap, of.dilations, of.before, source.strides, strict=True)
        at = sum((k * d - b) * s for k, d, b, s in places)
        for first in range(0, channels, lanes):
            base = at + first // lanes * source.block
            some = range(min(lanes, channels - first))
            column = first * taps + number * width
            each = [[(k * along + c, column + c * taps + k) for c in some] for k in range(width)]
            whole = len(some) * 2 > lanes > 1  # enough channels for groups of one tap
            for run in each if whole else [list(chain(*each))]:
                start = run[0][0]
                offsets = tuple(offset - start for offset, _ in run)
                inputs.append(Inputs(base + start, offsets, tuple(column for _, column in run)))
    return inputs


def _rows(of: Convolved) -> NDArray[np.int64]:
    """Return where each row of pixels begins in x and dy."""
    source, y = of.source, of.dy.layout
    table: NDArray[np.int64] = np.arange(y.batch)[:, None] * np.array([source.image, y.image])
    for axis, count in enumerate(y.spatial[:-1]):
        steps = np.array([of.strides[axis] * source.strides[axis], y.strides[axis]])
        table = (table[:, None] + np.arange(count)[:, None] * steps).reshape(-1, 2)
    return table


def _slices(chunks: int, slices: int) -> NDArray[np.int64]:
    """Return the first chunk of each slice, and the one after its last."""
    ends = np.cumsum([0, *evenly(chunks, min(slices, chunks))])
    return np.stack([ends[:-1], ends[1:]], axis=1).reshape(-1).astype(np.int64)
