"""Resampling blocks of channels: each output is a sum of inputs with weights, axis by axis.

Tables give the inputs and their weights for each place of an axis, so that one kernel serves
nearest neighbours, linear and cubic interpolation, and whatever coordinates they take.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import ShapeError
from striate.ops.blocked.layout import Value
from striate.ops.blocked.rows import row_of, stride_names, strides
from striate.ops.blocked.task import Task, Word
from striate.ops.blocked.walk import cut_task, row_template, three, volume, walk
from striate.ops.codegen import Target, Vector, Writer

__all__ = ["resample"]

Matrix = NDArray[np.floating]


def resample(target: Target, source: Value, result: Value, axes: Sequence[Matrix]) -> Task:
    """Return what multiplies a value along each spatial axis by a matrix (outputs, inputs).

    Only elements of the matrices that are not 0 are read.

    Raises
    ------
    ShapeError
        If the matrices do not go from one value's sizes to the other's.
    """
    x, y = source.layout, result.layout
    shapes = tuple(matrix.shape for matrix in axes)
    if shapes != tuple(zip(y.spatial, x.spatial, strict=True)):
        raise ShapeError(f"matrices {shapes} do not go from {x.spatial} to {y.spatial}")
    taps = three([int(np.count_nonzero(m, axis=1).max(initial=1)) for m in axes], 1)
    tables = [_table(m, max(1, n)) for m, n in zip(axes, taps[3 - len(axes) :], strict=True)]
    none = (np.zeros((1, 1), np.int64), np.ones((1, 1), np.float32))
    tables = [none] * (3 - len(axes)) + tables
    v, out = volume(x), volume(y)
    steps = (*v.strides[:2], target.lanes)
    places = [index * step for (index, _), step in zip(tables, steps, strict=True)]
    plain = all(bool(np.all(weight == 1)) for _, weight in tables) and taps == (1, 1, 1)
    words: dict[str, Word] = {"x": source.origin, "y": result.origin, "batch": y.batch}
    words |= {"blocks": y.blocks} | dict(zip(("slices", "rows", "width"), out.sizes, strict=True))
    for name, place, (_, weight) in zip("dhw", places, tables, strict=True):
        words |= {f"{name}_places": np.ascontiguousarray(place, np.int64)}
        words |= {f"{name}_weights": np.ascontiguousarray(weight, np.float32)}
    words |= strides("x", x) | strides("y", y)
    kernel = resample_rows.kernel(target, taps=taps, plain=plain)
    rows = y.batch * y.blocks * out.sizes[0] * out.sizes[1]
    work = 4 * rows * out.sizes[2] * target.lanes * taps[0] * taps[1] * taps[2]
    return cut_task(kernel, words, rows, work)


def _table(matrix: Matrix, taps: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the inputs of each output and their weights; (outputs, taps) each."""
    places = np.zeros((len(matrix), taps), np.int64)
    weights = np.zeros((len(matrix), taps), np.float32)
    for row, place, weight in zip(matrix, places, weights, strict=True):
        found = np.flatnonzero(row)
        place[: len(found)] = found
        place[len(found) :] = found[-1] if len(found) else 0  # read again, times 0
        weight[: len(found)] = row[found]
    return places, weights


@row_template(
    *("x", "y", "batch", "blocks", "slices", "rows", "width"),
    *(f"{name}_{table}" for name in "dhw" for table in ("places", "weights")),
    *(*stride_names("x"), *stride_names("y")),
)
def resample_rows(w: Writer, a: Any, taps: tuple[int, int, int], plain: bool) -> None:
    """Write rows of outputs; `plain` where each is one input as it is."""
    tables = {name: w.pointer(getattr(a, f"{name}_places")) for name in "dhw"}
    weights = {name: w.pointer(getattr(a, f"{name}_weights")) for name in "dhw"}
    with walk(w, a, (a.batch, a.blocks, a.slices, a.rows)) as (n, b, d, h):
        zero = w.index(0)
        x, y = row_of(w, a, "x", (n, b, zero, zero)), row_of(w, a, "y", (n, b, d, h))
        rows = []
        for i in range(taps[0]):
            for j in range(taps[1]):
                place = w.word(tables["d"], d * taps[0] + i) + w.word(tables["h"], h * taps[1] + j)
                share = weights["d"].broadcast(d * taps[0] + i)
                rows.append((x + place, share * weights["h"].broadcast(h * taps[1] + j)))
        with w.loop(0, a.width) as column:
            total: Vector | None = None
            for k in range(taps[2]):
                at = w.word(tables["w"], column * taps[2] + k)
                if plain:
                    total = rows[0][0].load(at)
                    continue
                part: Vector | None = None
                for row, share in rows:
                    element = row.load(at)
                    part = element * share if part is None else element.multiply_add(share, part)
                assert part is not None
                weight = weights["w"].broadcast(column * taps[2] + k)
                total = part * weight if total is None else part.multiply_add(weight, total)
            assert total is not None
            y.store(total, column * w.lanes)
