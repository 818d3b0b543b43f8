"""Correlation with products of columns and rows: the pass for an image and its kernels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from striate.ops.images.angles import SECOND, gradients
from striate.ops.images.calls import Pass, host
from striate.ops.images.careful import SLACK
from striate.ops.images.careful_products import error_of_products, exact_words
from striate.ops.images.edges import Layout, Reach, chunks, edges
from striate.ops.images.kinds import KINDS
from striate.ops.images.running import running_sum
from striate.ops.images.separable import WIDE, separable

__all__ = ["Factors", "doubts_pay", "separable_pass"]

Factors = Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]]

PADDING = 256  # numbers beyond a line that registers may read
UNROLLED = 9  # taps up to which loops over them are unrolled
TALL = 4  # rows of the result at a time
TALLER = 6  # where they come from memory and go there, each row of the image then being read less
CHUNK = 2048  # numbers of a row at a time
CACHE = 400_000  # bytes of rows that the second cache holds, so that whole rows pay
FEW = 2.0**-10  # error of sums from which computing some again takes longer than float64
STREAMED = 4_000_000  # bytes of a result from which it is written past the caches


def separable_pass(
    layout: Layout,
    reach: Reach,
    factors: Factors,
    sums: str,
    *,
    ending: str = "sum",
    scale: float | None = None,
    directions: str = "",
) -> Pass:
    """Return the pass that correlates an image with (column, row) pairs of weights.

    Parameters
    ----------
    layout, reach : the image, and how far the weights reach from their pixel
    factors : columns of top + 1 + bottom and rows of left + 1 + right weights
    sums : the dtype of all sums; it shows the weights exactly, or as nearly as wanted
    ending : "sum" of the pairs, or "magnitude" of two
    scale : what sums are multiplied by before they are rounded to the result
    directions : the dtype of a second result, if there is to be one: the direction of (x, y)
    """
    taps, across_taps = reach.sides
    streams = layout.height * layout.width * np.dtype(layout.result).itemsize > STREAMED
    tall = TALLER if streams and layout.source == sums else TALL
    if taps > UNROLLED:
        tall = min(tall, layout.height)
    elif layout.height < tall:
        tall = 1
    chunk = chunks(layout, reach, CHUNK)
    table = edges(layout, reach)
    down = np.concatenate([np.asarray(column, sums) for column, _ in factors])
    across = np.concatenate([np.asarray(row, sums) for _, row in factors])
    step = layout.channels
    left, right = reach.left * step, reach.right * step
    line = -(-(chunk + left + right + PADDING) // 64) * 64 + 16
    item = np.dtype(sums).itemsize
    rows = (taps + tall) * layout.width * np.dtype(layout.source).itemsize
    fill = layout.fill if layout.border == "constant" else 0
    outside = [
        running_sum(np.asarray(column, sums), fill, fused=host().fused) for column, _ in factors
    ]
    again = 8 * (WIDE * 64 + left + right + PADDING)
    error = error_of(layout, factors, sums, ending, scale)
    kernel = (gradients if directions else separable).kernel(
        host(),
        source=layout.source,
        sums=sums,
        result=layout.result,
        pairs=len(factors),
        tall=tall,
        down_taps=taps if taps <= UNROLLED else 0,
        across_taps=across_taps if across_taps <= UNROLLED else 0,
        places=places_of(layout, reach, item),
        ending=ending,
        careful=error > 0,
        scaled=scale is not None,
        streams=streams,
        **({"directions": directions} if directions else {}),
    )
    return Pass(
        kernel,
        {
            "rows": table.rows,
            "halo": table.halo,
            "fill": table.fill,
            "outside": np.array(outside, sums),
            "down": down,
            "down_taps": taps,
            "across": across,
            "across_taps": across_taps,
            "exact": exact_words(factors, layout.fill, scale),
            "sure": np.array([0.5 - error - SLACK], np.float32),
            "scale": np.array(
                [1.0 if scale is None else scale], "f8" if sums == "float64" else "f4"
            ),
            "height": layout.height,
            "width": layout.width,
            "step": step,
            "left": left,
            "right": right,
            "chunk": chunk,
            "line": line,
            "by_columns": int(rows > CACHE and layout.border != "wrap"),
            # A line that holds a whole row has the other end of the row in it.
            "wraps": int(layout.border == "wrap" and chunk < layout.width),
            **(dict.fromkeys(SECOND, 0) if directions else {}),
        },
        blocks=-(-layout.height // tall),
        scratch=8 * (taps + 2 * tall + 8) + len(factors) * tall * line * item + again + 4096,
        work=layout.height * layout.width * len(factors) * (taps + across_taps) // (4 // item or 1),
    )


def places_of(layout: Layout, reach: Reach, size: int) -> tuple[int, ...]:
    """Return where taps across lie, in numbers, if that is worth a kernel of its own."""
    if size < 4 or layout.channels > 4 or reach.sides[1] > UNROLLED:
        return ()
    return tuple(layout.channels * tap for tap in range(-reach.left, reach.right + 1))


def error_of(
    layout: Layout, factors: Factors, sums: str, ending: str, scale: float | None = None
) -> float:
    """Return by how much sums may be off that are to be rounded to whole numbers.

    It is known of sums of integers, and 0 where it does not matter.
    """
    into, source = KINDS[layout.result], KINDS[layout.source]
    if into.floating or source.floating or sums == "float64" or ending != "sum":
        return 0.0
    if sums == "int16" and scale is None:
        return 0.0
    return error_of_products(factors, source.limits[1], scale)


def doubts_pay(layout: Layout, factors: Factors, ending: str = "sum") -> bool:
    """Whether float32 sums give what float64 sums give, and sooner.

    So it is of integers that are rounded to integers, where few sums are computed again: a
    Gaussian of bytes has few up to a sigma of 7.

    Examples
    --------
    >>> layout = Layout(480, 640, 1, "uint8", "uint8", "reflect", 0.0)
    >>> third = np.full(3, 1 / 3)
    >>> doubts_pay(layout, [(third, third)])
    True
    >>> doubts_pay(layout._replace(source="uint16"), [(third, third)])
    False
    """
    kinds = KINDS[layout.source], KINDS[layout.result]
    if any(kind.floating for kind in kinds) or ending != "sum":
        return False
    return error_of(layout, factors, "float32", ending) < FEW
