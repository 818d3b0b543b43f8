"""Gradients of the data of depthwise convolutions, whose lanes are channels.

They are depthwise convolutions themselves, one for each phase of the stride: pixels that are equal
modulo the stride share their taps.
"""

from __future__ import annotations

from itertools import product
from math import inf, prod
from typing import NamedTuple

import numpy as np

from striate.errors import GeometryError
from striate.geometry import Axis, Window
from striate.ops.blocked.depthwise import WIDEST, arranged, plain_rows
from striate.ops.blocked.gather import gather, places_of
from striate.ops.blocked.layout import Place, Value
from striate.ops.blocked.phases import axis_phases
from striate.ops.blocked.pooling import tile_width
from striate.ops.blocked.rows import WINDOW, strides
from striate.ops.blocked.task import Task, Word, bits
from striate.ops.blocked.walk import cut_task, volume
from striate.ops.codegen import Target

__all__ = ["data_gradient", "padding_of"]


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
