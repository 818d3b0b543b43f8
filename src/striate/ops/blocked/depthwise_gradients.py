"""Gradients of depthwise convolutions, whose lanes are channels throughout.

The gradient of the data is a depthwise convolution for each phase of the stride: pixels equal
modulo the stride share their taps. The gradient of the weights is a sum over all pixels, done
for a few rows of outputs at a time; these sums are added then, in one order.
"""

from __future__ import annotations

from itertools import product
from math import inf, prod
from typing import Any, NamedTuple

import numpy as np

from striate.errors import GeometryError
from striate.geometry import Axis, Window
from striate.ops.blocked.depthwise import WIDEST, arranged, plain_rows
from striate.ops.blocked.gather import gather, places_of
from striate.ops.blocked.layout import Blocked, Place, Value
from striate.ops.blocked.phases import axis_phases
from striate.ops.blocked.pooling import tile_width
from striate.ops.blocked.rows import WINDOW, check_padding, stride_names, strides, window_words
from striate.ops.blocked.task import Task, Word, bits
from striate.ops.blocked.walk import counted, cut_task, row_template, volume, walk
from striate.ops.codegen import Index, Pointer, Target, Writer
from striate.ops.codegen.values import Variable

__all__ = ["data_gradient", "padding_of", "weight_gradient", "weight_sums"]

PIXELS = 2048  # outputs whose products are summed before others
CHAINS = 8  # sums that do not wait for each other


class _Phase(NamedTuple):
    """Taps of an axis for every `stride`-th pixel from `first` on; the first reads `offset`."""

    pixels: int
    first: int
    offset: int
    dilation: int
    taps: tuple[int, ...]


def _phases(axis: Axis, size: int) -> list[_Phase]:
    found = []
    for pixels, first, taps in axis_phases(
        axis.kernel, axis.stride, axis.dilation, axis.before, size
    ):
        ordered = sorted(taps)
        offsets = [offset for offset, _ in ordered] or [0]
        dilation = offsets[1] - offsets[0] if len(offsets) > 1 else 1
        found.append(_Phase(pixels, first, offsets[0], dilation, tuple(k for _, k in ordered)))
    return found


def padding_of(
    window: Window, x: tuple[int, ...], y: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the padding before and after that the gradient of the result must have, of zeros.

    Parameters
    ----------
    window : the convolution's
    x, y : spatial sizes of what it reads and writes

    Examples
    --------
    >>> padding_of(Window.parse(3, stride=2, padding=1, rank=2), (8, 8), (4, 4))
    ((0, 0), (1, 1))
    """
    before, after = [], []
    for axis, size, outputs in zip(window.at(x).axes, x, y, strict=True):
        some = [p for p in _phases(axis, size) if p.taps]
        ends = [p.offset + (len(p.taps) - 1) * p.dilation + p.pixels - outputs for p in some]
        before.append(max(0, *(-p.offset for p in some)) if some else 0)
        after.append(max(0, *ends) if some else 0)
    return tuple(before), tuple(after)


def data_gradient(
    target: Target, dy: Value, dx: Value, weight: Place, window: Window, packed: str
) -> list[Task]:
    """Return what writes the gradient of what a depthwise convolution read.

    Parameters
    ----------
    target : processor
    dy : gradient of the result, with the padding that `padding_of` returns
    dx : what is written, without its padding
    weight : (C, 1, *kernel) in NumPy's order
    window : the convolution's
    packed : a buffer of as many elements as the kernel has taps, times C in whole blocks

    Raises
    ------
    GeometryError
        If there is too little padding.
    """
    x, y = dx.layout, dy.layout
    window = window.at(x.spatial)
    before, after = padding_of(window, x.spatial, y.spatial)
    if any(a > b for a, b in zip(before + after, y.before + y.after, strict=True)):
        raise GeometryError(
            f"the gradient of the data reads {before} pixels before and {after} after a gradient "
            f"that has {y.before} and {y.after}"
        )
    numbers = places_of((x.channels, *window.kernel))
    axes = zip(window.axes, x.spatial, strict=True)
    index, tasks = [], []
    at = 0
    for phase in product(*(_phases(axis, size) for axis, size in axes)):
        some = numbers[np.ix_(range(x.channels), *(axis.taps for axis in phase))]
        tasks.append(_phase_task(target, dy, dx, phase, window.strides, Place(packed, at)))
        index.append(arranged(target, some).ravel())
        at += index[-1].size
    return [gather(target, weight, np.concatenate(index), Place(packed)), *tasks]


def _phase_task(
    target: Target,
    dy: Value,
    dx: Value,
    phase: tuple[_Phase, ...],
    steps: tuple[int, ...],
    weight: Place,
) -> Task:
    x, y = dx.layout, dy.layout
    none = (_Phase(1, 0, 0, 1, (0,)),) * (3 - len(phase))
    d, h, w = none + phase
    out_d, out_h, out_w = (1,) * (3 - len(steps)) + steps
    read, write = volume(y), volume(x)
    taps = len(w.taps) if 0 < len(w.taps) <= WIDEST else 1
    tile = tile_width(w.pixels, target.registers // 2)
    offsets = (d.offset, h.offset, w.offset)
    inset = sum(o * s for o, s in zip(offsets, read.strides, strict=True))
    first = sum(p.first * s for p, s in zip((d, h, w), write.strides, strict=True))
    sizes = (d.pixels, h.pixels, w.pixels, len(d.taps), len(h.taps), len(w.taps) // taps)
    steps_of_taps = (d.dilation * read.strides[0], h.dilation * read.strides[1])
    all_taps = prod(len(one.taps) for one in (d, h, w))
    words: dict[str, Word] = {
        "x": Place(dy.buffer, y.origin + inset),
        "y": Place(dx.buffer, x.origin + first),
        "weight": weight,
        "bias": np.zeros(x.blocks * x.lanes, np.float32),
        "all_taps": all_taps,
        "batch": x.batch,
        "blocks": x.blocks,
        "low": bits(-inf),
        "high": bits(inf),
        **dict(zip(WINDOW, sizes + steps_of_taps, strict=True)),
        **strides("x", y),
        **strides("y", x, out_d, out_h),
    }
    constants = {"taps": taps, "stride": 1, "dilation": w.dilation, "out": out_w}
    constants |= {"tile": tile, "rest": (w.pixels - 1) % tile + 1}
    rows = x.batch * x.blocks * d.pixels * h.pixels
    work = rows * w.pixels * target.lanes * max(4, all_taps)
    return cut_task(plain_rows.kernel(target, **constants), words, rows, work, tile=f"{tile}x1")


def weight_sums(source: Value, result: Blocked, window: Window) -> int:
    """Return how many elements the buffer of `weight_gradient` has."""
    x = source.layout
    return _parts(result)[1] * x.blocks * prod(window.kernel) * x.lanes


def _parts(y: Blocked) -> tuple[int, int]:
    """Return the rows of outputs in a part, and how many parts there are."""
    rows = y.batch * prod(y.spatial[:-1])
    each = min(rows, max(1, PIXELS // y.spatial[-1]))
    return each, -(-rows // each)


def weight_gradient(
    target: Target, source: Value, dy: Value, window: Window, sums: str, result: Place
) -> list[Task]:
    """Return what writes the gradient of a depthwise convolution's weights.

    Parameters
    ----------
    target : processor
    source : what was convolved, with the convolution's padding
    dy : gradient of the result, of as many channels
    window : the convolution's
    sums : a buffer of `weight_sums` elements
    result : (C, 1, *kernel) in NumPy's order

    Raises
    ------
    GeometryError
        If the source has less padding than the window reads.
    """
    x, y = source.layout, dy.layout
    window = window.at(x.spatial)
    check_padding(x, y.spatial, window)
    axes = (Axis(1),) * (3 - window.rank) + window.axes
    taps = axes[2].kernel if axes[2].kernel <= WIDEST else 1
    most = target.registers - 6
    together = taps == axes[2].kernel and axes[1].kernel * taps <= most
    lines = axes[1].kernel if together else 1
    chains = min(4, max(1, min(CHAINS, most) // (lines * taps)))
    width = y.spatial[-1]
    tile = tile_width(width, 8)
    inset, described = window_words(x, y, axes, taps)
    each, parts = _parts(y)
    all_taps = prod(window.kernel)
    words: dict[str, Word] = {
        "x": Place(source.buffer, x.origin - inset),
        "y": dy.origin,
        "sums": Place(sums),
        "all_taps": all_taps,
        "batch": x.batch,
        "blocks": x.blocks,
        "parts": parts,
        "rows_each": each,
        **described,
    }
    words["height"] = axes[1].kernel // lines
    constants = {"taps": taps, "lines": lines, "stride": axes[2].stride, "chains": chains}
    constants |= {"dilation": axes[2].dilation, "tile": tile, "rest": (width - 1) % tile + 1}
    work = x.batch * x.blocks * x.lanes * prod(y.spatial) * all_taps
    rows = parts * x.blocks
    kernel = sum_products.kernel(target, **constants)
    ends: dict[str, Word] = {"x": Place(sums), "y": result, "parts": parts, "blocks": x.blocks}
    ends |= {"all_taps": all_taps, "channels": x.channels}
    total = 4 * rows * all_taps * x.lanes
    return [
        cut_task(kernel, words, rows, work, tile=f"{lines * taps}x{chains}"),
        cut_task(add_parts.kernel(target), ends, x.blocks, total),
    ]


@row_template(
    *("x", "y", "sums", "all_taps", "batch", "blocks", "parts", "rows_each"),
    *(*WINDOW, *stride_names("x"), *stride_names("y")),
)
def sum_products(
    w: Writer, a: Any, *, lines: int, taps: int, chains: int, **constants: int
) -> None:
    """Write the sums of some rows of outputs, for a block of channels."""
    all_rows = a.batch * a.slices * a.rows
    with walk(w, a, (a.parts, a.blocks)) as (part, block):
        to = w.variable(w.pointer(a.sums) + (part * a.blocks + block) * a.all_taps * w.lanes)
        first = part * a.rows_each
        ends = first, (first + a.rows_each).least(all_rows)
        with w.loop(0, a.depth) as d, w.loop(0, a.height) as h, w.loop(0, a.row_parts) as k:
            tap = d * a.d_tap + h * a.h_tap * lines + k * (constants["dilation"] * w.lanes)
            zero = w.constant(0.0)
            sums = [[w.variable(zero) for _ in range(lines * taps)] for _ in range(chains)]
            with counted(w, *ends, (a.batch, a.slices, a.rows)) as (n, z, r):
                at = n * a.x_image + block * a.x_plane + z * a.x_slice + r * a.x_row
                x = w.pointer(a.x) + at + tap
                at = n * a.y_image + block * a.y_plane + z * a.y_slice + r * a.y_row
                _add_row(w, a, x, w.pointer(a.y) + at, sums, lines, taps, **constants)
            for number in range(lines * taps):
                total = sums[0][number].get()
                for chain in sums[1:]:
                    total = total + chain[number].get()
                to.get().store(total, number * w.lanes)
            to.set(to.get() + lines * taps * w.lanes)


def _add_row(
    w: Writer,
    a: Any,
    x: Pointer,
    y: Pointer,
    sums: list[list[Variable]],
    lines: int,
    taps: int,
    *,
    stride: int,
    dilation: int,
    tile: int,
    rest: int,
) -> None:
    """Add the products of a row of outputs with what each tap reads."""

    def add(first: Index, pixels: int) -> None:
        factors = [y.load((first + t) * w.lanes) for t in range(pixels)]
        for line in range(lines):
            row = x + (a.h_tap * line + first * (stride * w.lanes))
            uses: dict[int, list[tuple[int, int]]] = {}
            for t in range(pixels):
                for k in range(taps):
                    uses.setdefault(t * stride + k * dilation, []).append((t, k))
            for pixel in sorted(uses):
                element = row.load(pixel * w.lanes)
                for t, k in uses[pixel]:
                    total = sums[t % len(sums)][line * taps + k]
                    total.set(element.multiply_add(factors[t], total.get()))

    whole = a.width - rest
    with w.loop(0, whole, tile) as first:
        add(first, tile)
    add(whole, rest)


@row_template("x", "y", "parts", "blocks", "all_taps", "channels")
def add_parts(w: Writer, a: Any) -> None:
    """Write the sums of all parts, a block of channels after the other."""
    with walk(w, a, (a.blocks,)) as (block,), w.loop(0, a.all_taps) as tap:
        total = w.variable(w.constant(0.0))
        with w.loop(0, a.parts) as part:
            place = ((part * a.blocks + block) * a.all_taps + tap) * w.lanes
            total.set(total.get() + (w.pointer(a.x) + place).load())
        whole, first = total.get(), block * w.lanes
        for lane in range(w.lanes):
            with w.when(first + lane < a.channels):
                to = w.pointer(a.y) + ((first + lane) * a.all_taps + tap)
                to.put_scalar(whole.lane(lane))
