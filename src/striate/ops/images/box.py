"""Means over rectangles: the pass for an image and a window."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from striate.ops.images.box_endings import divisor_words, ending_of
from striate.ops.images.box_stages import down_stages_of, staged_total, stages_of, table_of
from striate.ops.images.box_walk import Way, box
from striate.ops.images.calls import Pass, host
from striate.ops.images.edges import Layout, Reach, chunks, edges
from striate.ops.images.kinds import KINDS

__all__ = ["box_pass"]

PADDING = 256  # numbers beyond a line that registers may read
APART = 64  # what rows of the line begin at multiples of
UNROLLED = 5  # rows or columns up to which loops over them are unrolled
TALL = 4  # rows of integers at a time
CHUNKS = {"uint16": 4096, "uint32": 4096, "uint64": 1024, "float32": 2048, "float64": 1024}
BANDS = 8  # parts of an image, which threads share
LEAST_BAND = 16
STREAMED = 4_000_000  # bytes of a result from which it is written past the caches


def box_pass(layout: Layout, reach: Reach, *, mean: bool = True, origin: int = 0) -> Pass:
    """Return the pass that averages rectangles of an image.

    Integers are summed exactly, and quotients rounded once, halves to even. Floats are summed
    in stages that depend on the window alone; a float64 image or result in float64.

    Parameters
    ----------
    layout, reach : the image, and how far the window reaches from its pixel
    mean : whether sums are divided by how many numbers they hold
    origin : which row of the whole image the first row is, where this is a part of one
        Sums of floats over more than `UNROLLED` rows are cut into blocks of rows, which this
        anchors: with it, a part has the same results as the whole.
    """
    down, across = reach.sides
    sums, totals = sums_of(layout, down, down * across)
    staged = KINDS.get(sums) is not None and KINDS[sums].floating
    way: Way = "scanned"
    if staged or totals == "uint16" or across <= UNROLLED:
        way = "unrolled" if len(stages_of(across)) == 1 else "staged"
    table = edges(layout, reach)
    down_stages, across_stages = table_of(down_stages_of(down)), table_of(stages_of(across))
    chunk = chunks(layout, reach, CHUNKS[totals])
    right, left = reach.right * layout.channels, reach.left * layout.channels
    lead = -(-left // APART) * APART
    size, wide = np.dtype(sums).itemsize, np.dtype(totals).itemsize
    # Lines a multiple of 4096 bytes apart would share few places of the first cache.
    line = -(-(lead + chunk + right + PADDING) * size // 1024) * 1024 // size + 64 // size
    tall = 1 if staged else TALL
    fill = layout.fill if layout.border == "constant" else 0
    ending = ending_of(layout.source, layout.result, totals, down * across, mean)
    lines_at = -(-8 * (2 * down + 4 * tall + 64) // 64) * 64
    kept_at = lines_at + tall * line * size
    kept, block = int(down_stages[:, 4].sum()), int(down_stages[0, 3])
    totals_at = kept_at + ((kept + block + 1) * line * size if staged else 0)
    band = -(-max(-(-layout.height // BANDS), min(2 * down, layout.height), LEAST_BAND) // 4) * 4
    target = host()
    lanes = 4 * target.lanes // wide
    kernel = box.kernel(
        target,
        source=layout.source,
        sums=sums,
        totals=totals,
        result=layout.result,
        tall=tall,
        unrolled=(
            down if staged and down <= UNROLLED else 0,
            across if way == "unrolled" else 0,
        ),
        way=way,
        step=layout.channels if way == "scanned" and layout.channels < lanes else 0,
        ending=ending,
        streams=layout.height * layout.width * np.dtype(layout.result).itemsize > STREAMED,
    )
    return Pass(
        kernel,
        {
            "rows": table.rows,
            "halo": table.halo,
            "fill": table.fill,
            "outside": outside_of(fill, sums, down),
            "divisor": divisor_words(ending, down * across),
            "height": layout.height,
            "width": layout.width,
            "step": layout.channels,
            "down": down,
            "down_stages": down_stages,
            "down_count": len(down_stages),
            "warm": down - block if staged else 0,
            "grid": (origin - reach.top) % block,
            "block_at": kept,
            "across": across,
            "across_stages": across_stages,
            "across_count": len(across_stages),
            "lead": lead,
            "left": left,
            "right": right,
            "chunk": chunk,
            "line": line,
            "band": band,
            "wraps": int(layout.border == "wrap"),
            "lines_at": lines_at,
            "kept_at": kept_at,
            "totals_at": totals_at,
        },
        blocks=-(-layout.height // band),
        scratch=totals_at + (line + left + APART) * wide + 4096,
        work=layout.height * layout.width * (10 * size // 4),
    )


def sums_of(layout: Layout, down: int, count: int) -> tuple[str, str]:
    """Return the dtypes that sums of columns and of windows are exact in, or those of floats."""
    kind = KINDS[layout.source]
    if kind.floating:
        wide = "float64" in (layout.source, layout.result)
        return ("float64",) * 2 if wide else ("float32",) * 2
    largest = kind.limits[1]
    least = [
        next(name for name in ("uint16", "uint32", "uint64") if limit <= np.iinfo(name).max)
        for limit in (largest * down, largest * count + count // 2)
    ]
    return least[0], least[1]


def outside_of(fill: float, sums: str, down: int) -> NDArray[np.generic]:
    """Return the sum of a column of the fill."""
    kind = np.dtype(sums).type
    if kind(0.5) == 0.5:
        return np.array([staged_total(kind(fill), down_stages_of(down))], sums)
    return np.array([int(fill) * down], sums)
