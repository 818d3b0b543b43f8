"""Gradients of pooling.

The gradient of a largest element goes to the first of those equal in its window, and to the last
NaN if there is any, as in PyTorch: windows look for it again. Windows that share no pixel write
their pixels themselves; otherwise a plane is filled with zeros, and its windows add to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain, product
from math import inf, prod
from typing import Any

import numpy as np

from striate.geometry import Axis, Window
from striate.ops._reference import axis_counts
from striate.ops.blocked.expression import Expression
from striate.ops.blocked.lanes import choose_lanes
from striate.ops.blocked.layout import Value
from striate.ops.blocked.mapping import map_blocks
from striate.ops.blocked.pool import Winner
from striate.ops.blocked.pooling import inside_taps
from striate.ops.blocked.rows import row_of, stride_names, strides
from striate.ops.blocked.task import Task, Word
from striate.ops.blocked.walk import cut_task, row_template, volume, walk, zero
from striate.ops.codegen import Index, Pointer, Target, Vector, Writer

__all__ = ["average_pool_gradient", "global_average_gradient", "max_pool_gradient"]

MOST_TAPS = 16
"""Taps up to which those of a window are written out."""


def max_pool_gradient(
    target: Target, dy: Value, source: Value, dx: Value, window: Window, relu: bool = False
) -> list[Task]:
    """Return what writes the gradient of `max_pool`; dx is none of the others.

    With `relu`, x is what a ReLU returned, and dx the gradient of what it was given. A window as
    large as the image is global pooling.
    """
    return _tasks(target, dy, source, dx, window, True, "max", relu)


def average_pool_gradient(
    target: Target,
    dy: Value,
    dx: Value,
    window: Window,
    count_include_pad: bool = True,
    relu: Value | None = None,
) -> list[Task]:
    """Return what writes the gradient of `average_pool`; dx is none of the others.

    `relu` may be what was pooled, if that is what a ReLU returned: dx is then the gradient of what
    that was given.
    """
    gated = relu is not None
    return _tasks(target, dy, relu, dx, window, count_include_pad, "average", gated)


def global_average_gradient(
    target: Target, dy: Value, dx: Value, relu: Value | None = None
) -> list[Task]:
    """Return what writes the gradient of `global_average`; `relu` as above."""
    found: Expression = ("mul", 0, 1 / prod(dx.layout.spatial))
    if relu is None:
        return [map_blocks(target, found, [dy], dx)]
    return [map_blocks(target, ("gate", found, 1, 0.0, inf), [dy, relu], dx)]


def _tasks(
    target: Target,
    dy: Value,
    source: Value | None,
    dx: Value,
    window: Window,
    count_padding: bool,
    kind: str,
    relu: bool,
) -> list[Task]:
    x, y = dx.layout, dy.layout
    v, out = volume(x), volume(y)
    window = window.at(x.spatial)
    axes = (Axis(1),) * (3 - window.rank) + window.axes
    kernel = [axis.kernel for axis in axes]
    counts = axis_counts(v.sizes, Window(axes), out.sizes, count_padding)
    words: dict[str, Word] = {"g": dy.origin, "y": dx.origin, "batch": x.batch, "blocks": x.blocks}
    words |= {"x": 0 if source is None else source.origin}
    words |= strides("x", x if source is None else source.layout)
    words |= strides("y", x) | strides("g", y)
    words |= dict(zip(("slices", "rows", "width"), out.sizes, strict=True))
    words |= {"counts": np.array(list(chain(*counts)), np.float32)}
    constants = {"kind": kind, "relu": relu, "kernel": tuple(kernel)}
    work = x.batch * x.blocks * x.lanes * (4 * prod(v.sizes) + 4 * prod(out.sizes) * prod(kernel))
    covered = [o * k for o, k in zip(out.sizes, kernel, strict=True)]
    apart = all(a.stride == a.kernel and a.dilation == 1 and a.before == 0 for a in axes)
    fit = all(c <= size for c, size in zip(covered, v.sizes, strict=True))
    if apart and fit and prod(kernel) <= MOST_TAPS:
        rows = x.batch * x.blocks * out.sizes[0] * out.sizes[1]
        own = cut_task(gradient_apart.kernel(target, **constants), words, rows, work)
        return [own, *_uncovered(target, dx, covered[3 - window.rank :])]
    taps = [inside_taps(*sizes) for sizes in zip(axes, v.sizes, out.sizes, strict=True)]
    full = [o for o, (_, count) in enumerate(taps[2]) if count == kernel[2]]
    static = bool(full) and prod(kernel) <= MOST_TAPS
    begin, end = (full[0], full[-1] + 1) if static else (out.sizes[2], out.sizes[2])
    words |= {"taps": np.array(list(chain(*taps)), np.int64), "begin": begin, "end": end}
    words |= dict(zip(("x_slices", "x_rows", "x_width"), v.sizes, strict=True))
    steps = tuple(axis.dilation for axis in axes)
    of = gradient_planes.kernel(target, **constants, dilation=steps, static=static)
    return [cut_task(of, words, x.batch * x.blocks, work)]


def _uncovered(target: Target, dx: Value, covered: list[int]) -> list[Task]:
    """Return what fills the pixels with zeros that no window reads."""
    tasks, layout = [], dx.layout
    for axis, (size, end) in enumerate(zip(layout.spatial, covered, strict=True)):
        if end < size:
            spatial, before = list(layout.spatial), list(layout.before)
            spatial[axis], before[axis] = size - end, before[axis] + end
            rest = layout._replace(spatial=tuple(spatial), before=tuple(before))
            tasks.append(map_blocks(target, 0.0, [], dx._replace(layout=rest)))
    return tasks


SIZES = ("g", "x", "y", "batch", "blocks", "slices", "rows", "width", "counts")
PLACES = (*SIZES, *stride_names("g"), *stride_names("x"), *stride_names("y"))


def _gated(w: Writer, gradient: Vector, x: Vector) -> Vector:
    """Return the gradient where a ReLU's result is above 0, or NaN."""
    nothing = w.constant(0.0)
    return choose_lanes(w.builder.fcmp_unordered(">", x.value, nothing.value), gradient, nothing)


def _share(w: Writer, a: Any, kind: str, d: Index, h: Index) -> Any:
    """Return what gives one of its elements' share of the gradient of an output in a row."""
    counts = w.pointer(a.counts)
    outer = counts.broadcast(d) * counts.broadcast(a.slices + h)

    def share(dy: Vector, column: Index) -> Vector:
        if kind == "max":
            return dy
        return dy / (outer * counts.broadcast(a.slices + a.rows + column))

    return share


@row_template(*PLACES)
def gradient_apart(w: Writer, a: Any, kind: str, relu: bool, kernel: tuple[int, int, int]) -> None:
    """Write the pixels of rows of windows."""
    with walk(w, a, (a.batch, a.blocks, a.slices, a.rows)) as (n, b, d, h):
        g = row_of(w, a, "g", (n, b, d, h))
        corner = (n, b, d * kernel[0], h * kernel[1])
        x, y = (row_of(w, a, name, corner) for name in "xy")
        share = _share(w, a, kind, d, h)
        taps = list(product(*map(range, kernel)))
        with w.loop(0, a.width) as column:
            first = column * (kernel[2] * w.lanes)

            def at(row: Pointer, name: str, tap: Any, first: Index = first) -> Pointer:
                slices, rows = getattr(a, f"{name}_slice"), getattr(a, f"{name}_row")
                there: Pointer = row + (slices * tap[0] + rows * tap[1] + first + tap[2] * w.lanes)
                return there

            dy = share(g.load(column * w.lanes), column)
            needed = kind == "max" or relu
            elements = [at(x, "x", tap).load() for tap in taps] if needed else []
            winner = Winner(w)
            if kind == "max":
                for place, element in enumerate(elements):
                    winner.see(element, w.index(place))
            for place, tap in enumerate(taps):
                found = winner.share(dy, w.index(place)) if kind == "max" else dy
                if relu:
                    found = _gated(w, found, elements[place])
                at(y, "y", tap).store(found)


Taps = Callable[[str], Iterator[tuple[Index, Index]]]
"""What repeats for the taps of a window of a value: their number and their offset."""


def _offset(w: Writer, a: Any, name: str, tap: Sequence[Index | int]) -> Index:
    """Return how far a tap lies from the first pixel of its window."""
    d, h, across = (w.index(t) if isinstance(t, int) else t for t in tap)
    outer: Index = d * getattr(a, f"{name}_slice") + h * getattr(a, f"{name}_row")
    return outer + across * w.lanes


def _written_out(w: Writer, a: Any, kernel: Sequence[int], dilation: Sequence[int]) -> Taps:
    """Return the taps of windows that lie inside, one after another."""

    def taps(name: str) -> Iterator[tuple[Index, Index]]:
        for place, tap in enumerate(product(*map(range, kernel))):
            steps = [t * step for t, step in zip(tap, dilation, strict=True)]
            yield w.index(place), _offset(w, a, name, steps)

    return taps


def _looped(w: Writer, a: Any, counts: Sequence[Index], dilation: Sequence[int]) -> Taps:
    """Return so many taps along each axis, in loops."""

    def taps(name: str) -> Iterator[tuple[Index, Index]]:
        with w.loop(0, counts[0]) as d, w.loop(0, counts[1]) as h, w.loop(0, counts[2]) as t:
            steps = [i * step for i, step in zip((d, h, t), dilation, strict=True)]
            yield (d * counts[1] + h) * counts[2] + t, _offset(w, a, name, steps)

    return taps


@row_template(*PLACES, "taps", "begin", "end", "x_slices", "x_rows", "x_width")
def gradient_planes(
    w: Writer,
    a: Any,
    kind: str,
    relu: bool,
    kernel: tuple[int, int, int],
    dilation: tuple[int, int, int],
    static: bool,
) -> None:
    """Write planes; if `static`, windows that lie inside are written out."""
    table = w.pointer(a.taps)
    with walk(w, a, (a.batch, a.blocks)) as (n, b):
        nothing = w.index(0)
        for_all = (n, b, nothing, nothing)
        x_plane, y_plane, g_plane = (row_of(w, a, name, for_all) for name in "xyg")
        with w.loop(0, a.x_slices) as d, w.loop(0, a.x_rows) as h:
            zero(w, y_plane + (d * a.y_slice + h * a.y_row), a.x_width)
        with w.loop(0, a.slices) as d, w.loop(0, a.rows) as h:
            firsts = [w.word(table, d * 2), w.word(table, (a.slices + h) * 2)]
            counts = [w.word(table, d * 2 + 1), w.word(table, (a.slices + h) * 2 + 1)]
            x = x_plane + (firsts[0] * a.x_slice + firsts[1] * a.x_row)
            y = y_plane + (firsts[0] * a.y_slice + firsts[1] * a.y_row)
            g = g_plane + (d * a.g_slice + h * a.g_row)
            share = _share(w, a, kind, d, h)

            def window(
                column: Index,
                taps: Taps,
                x: Pointer = x,
                y: Pointer = y,
                g: Pointer = g,
                share: Any = share,
            ) -> None:
                """Give an output's gradient to its window; `taps` repeats for what it reads."""
                dy = share(g.load(column * w.lanes), column)
                at = w.word(table, (a.slices + a.rows + column) * 2) * w.lanes
                winner = Winner(w)
                if kind == "max":
                    for place, tap in taps("x"):
                        winner.see((x + at + tap).load(), place)
                for place, tap in taps("y"):
                    to = y + at + tap
                    to.store(to.load() + (winner.share(dy, place) if kind == "max" else dy))

            begin, end = a.begin, a.end
            if static:
                full = w.builder.and_(counts[0].equals(kernel[0]), counts[1].equals(kernel[1]))
                begin, end = (w.choose(full, each, a.width) for each in (begin, end))
                written = _written_out(w, a, kernel, dilation)
                with w.loop(begin, end) as column:
                    window(column, written)
            for first, last in ((nothing, begin), (end, a.width)):
                with w.loop(first, last) as column:
                    across = w.word(table, (a.slices + a.rows + column) * 2 + 1)
                    window(column, _looped(w, a, (*counts, across), dilation))
        if relu:
            with w.loop(0, a.x_slices) as d, w.loop(0, a.x_rows) as h:
                x, y = (row_of(w, a, name, (n, b, d, h)) for name in "xy")
                with w.loop(0, a.x_width) as pixel:
                    at = pixel * w.lanes
                    y.store(_gated(w, y.load(at), x.load(at)), at)
