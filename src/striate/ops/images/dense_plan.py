"""Correlation with any matrix: the pass for an image and its weights."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from striate.ops.images.calls import Pass, host
from striate.ops.images.careful import DOUBTFUL, SLACK, error_of_sums, finest
from striate.ops.images.dense import MARGIN, dense
from striate.ops.images.edges import ROUND, Layout, Reach, edges, rounded
from striate.ops.images.kinds import KINDS

__all__ = ["dense_pass", "sums_for"]

Values = NDArray[np.float64]

UNROLLED = 25  # weights up to which loops over them are unrolled, and all are added in a row
CHUNK = 2048  # numbers of a row at a time
BAND = 64  # rows of a tile, about
BLOCKS = {"sse": (4, 2), "neon": (4, 4), "avx2": (4, 2), "avx512": (4, 4)}
LOOPED = {"sse": (2, 2), "neon": (4, 3), "avx2": (3, 2), "avx512": (4, 3)}
STREAMED = 4_000_000  # bytes of a result from which it is written past the caches


def dense_pass(
    layout: Layout,
    reach: Reach,
    matrix: Values,
    sums: str,
    *,
    scale: float | None = None,
) -> Pass:
    """Return the pass that correlates an image with a matrix.

    Parameters
    ----------
    layout, reach : the image, and how far the weights reach from their pixel
    matrix : array, shape `reach.sides`
    sums : the dtype of all sums; it shows the weights exactly, or as nearly as wanted
    scale : what sums are multiplied by before they are rounded to the result
    """
    down, across = matrix.shape
    factor = 1.0 if scale is None else scale
    target, step = host(), layout.channels
    unrolled = matrix.size <= UNROLLED
    tall, wide = (BLOCKS if unrolled else LOOPED)[target.level]
    tall = min(tall, layout.height, tall if unrolled else down)
    weights = np.asarray(matrix, sums)
    packed = np.zeros((down + tall - 1, across, tall), sums)
    for row in range(tall):
        packed[row : row + down, :, row] = weights
    left, right = reach.left * step, reach.right * step
    starts = columns(layout, reach, direct=layout.source == sums)
    line = -(-(int(np.diff(starts).max()) + left + right + MARGIN) // 64) * 64 + 16
    band = -(-BAND // tall) * tall
    table = edges(layout, reach)
    item = np.dtype(sums).itemsize
    error = error_of(layout, matrix, sums, scale)
    # NaN and infinity times 0 count, and of a kernel of nothing but 0 something must be left.
    skips = not sums.startswith("float") and matrix.any()
    skipped = tuple(bool(skips and not number) for number in weights.flat)
    kernel = dense.kernel(
        target,
        source=layout.source,
        sums=sums,
        result=layout.result,
        block=(tall, wide),
        taps=(down, across) if unrolled else (0, 0),
        skipped=skipped if unrolled else (),
        careful=error > 0,
        scaled=scale is not None,
        streams=layout.height * layout.width * np.dtype(layout.result).itemsize > STREAMED,
    )
    doubted = tall * wide * 16 * target.lanes if error else 0
    return Pass(
        kernel,
        {
            "rows": table.rows,
            "halo": table.halo,
            "fill": table.fill,
            "starts": starts,
            "chunks": starts.size - 1,
            "weights": packed,
            "down_taps": down,
            "across_taps": across,
            "exact": np.array([factor, *matrix.flat]),
            "sure": np.array([0.5 - error - SLACK], np.float32),
            "scale": np.array([factor], "f8" if sums == "float64" else "f4"),
            "height": layout.height,
            "width": layout.width,
            "step": step,
            "left": left,
            "right": right,
            "line": line,
            "band": band,
        },
        blocks=-(-layout.height // band) * (starts.size - 1),
        scratch=8 * (down + 2 * tall + 32) + doubted + (down + tall) * line * item,
        work=layout.height * layout.width * matrix.size // (4 // item or 1),
    )


def error_of(layout: Layout, matrix: Values, sums: str, scale: float | None) -> float:
    """Return by how much sums may be off that are to be rounded to whole numbers."""
    into, source = KINDS[layout.result], KINDS[layout.source]
    if into.floating or source.floating or sums == "float64" or (sums == "int16" and not scale):
        return 0.0
    lines = matrix.reshape(1, -1) if matrix.size <= UNROLLED else matrix
    return error_of_sums(lines, source.limits[1], scale)


def sums_for(layout: Layout, matrix: Values, scale: float | None = None) -> str:
    """Return the dtype of sums that is fastest of those that give the right results.

    Whole weights are summed up in int16 where all sums fit. Integers are computed in float32
    where few sums have to be computed again for being close to the middle between two.

    Examples
    --------
    >>> layout = Layout(480, 640, 1, "uint8", "uint8", "reflect", 0.0)
    >>> sums_for(layout, np.array([[1.0, 2.0, 1.0]])), sums_for(layout, np.array([[0.3, 0.7]]))
    ('int16', 'float32')
    """
    source = KINDS[layout.source]
    if layout.source == "float64" or layout.result == "float64":
        return "float64"
    if source.floating:
        return "float32" if KINDS[layout.result].floating else "float64"
    sides = (np.maximum(sign * matrix, 0).sum() for sign in (1, -1))
    if layout.source == "uint8" and finest(matrix) >= 1 and 255 * max(sides) < 2**15:
        return "int16"
    if KINDS[layout.result].floating:
        return "float32"
    return "float32" if error_of(layout, matrix, "float32", scale) < DOUBTFUL else "float64"


def columns(layout: Layout, reach: Reach, *, direct: bool) -> NDArray[np.int64]:
    """Return where chunks of a row begin, and its end.

    Where windows are to see the image itself, what they cannot see there, because it lies at an
    edge, is in chunks of its own.
    """
    left, right = reach.left * layout.channels, reach.right * layout.channels
    head = rounded(left) if direct else 0
    tail = (layout.width - right - MARGIN) // ROUND * ROUND if direct else layout.width
    if direct and tail - head < 2 * ROUND:
        head, tail = 0, layout.width
    parts = -(-(tail - head) // CHUNK)
    size = rounded(-(-(tail - head) // parts))
    starts = [0, *range(head, tail, size), tail, layout.width]
    return np.unique(np.array(starts, np.int64))
