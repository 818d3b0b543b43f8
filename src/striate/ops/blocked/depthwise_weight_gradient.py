"""Gradients of depthwise convolutions' weights: sums over all pixels, whose lanes are channels.

The products of a few rows of outputs are summed for all taps that fit the registers. The sums of
such parts are added then, in one order.
"""

from __future__ import annotations

from math import prod
from typing import Any

from striate.geometry import Axis, Window
from striate.ops.blocked.depthwise import WIDEST
from striate.ops.blocked.layout import Blocked, Place, Value
from striate.ops.blocked.pooling import tile_width
from striate.ops.blocked.rows import WINDOW, check_padding, stride_names, window_words
from striate.ops.blocked.task import Task, Word
from striate.ops.blocked.walk import counted, cut_task, row_template, walk
from striate.ops.codegen import Index, Pointer, Target, Writer
from striate.ops.codegen.values import Variable

__all__ = ["weight_gradient", "weight_sums"]

PIXELS = 2048  # outputs whose products are summed before others
CHAINS = 8  # sums that do not wait for each other


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
