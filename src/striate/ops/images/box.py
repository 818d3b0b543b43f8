"""Means over rectangles: the pass for an image and a window."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from striate.ops.images.box_chain import MOST_LAG, chain_of
from striate.ops.images.box_endings import divisor_words, ending_of
from striate.ops.images.box_stages import box_grid, stages_of, table_of
from striate.ops.images.box_stream import lag_of, rings_of, stages_along
from striate.ops.images.box_walk import Way, box
from striate.ops.images.calls import Pass, host
from striate.ops.images.edges import Layout, Reach, chunks, edges
from striate.ops.images.kinds import F32, KINDS

__all__ = ["box_pass"]

PADDING = 512  # numbers beyond a line that registers may read
APART = 64  # what rows of the line begin at multiples of
UNROLLED = 5  # columns up to which those of pixels of many numbers are added one by one
FEW = 4  # numbers of a pixel up to which code is made for as many
TALL = 4  # rows of integers at a time
CHUNKS = {"uint16": 4096, "uint32": 4096, "uint64": 1024, "float32": 2048, "float64": 1024}
BANDS = 8  # parts of an image, which threads share
LEAST_BAND = 16
STREAMED = 4_000_000  # bytes of a result from which it is written past the caches


def box_pass(layout: Layout, reach: Reach, *, mean: bool = True, origin: int = 0) -> Pass:
    """Return the pass that averages rectangles of an image.

    Integers are summed exactly, and quotients rounded once, halves to even. Floats are summed
    in an order that depends on the window alone; a float64 image or result in float64.

    Parameters
    ----------
    layout, reach : the image, and how far the window reaches from its pixel
    mean : whether sums are divided by how many numbers they hold
    origin : which row of the whole image the first row is, where this is a part of one
        Sums of floats share those of some rows, `box_grid` of them, which this anchors: with
        it, a part has the same results as the whole.
    """
    down, across = reach.sides
    sums, totals = sums_of(layout, down, down * across)
    floating = KINDS.get(sums) is not None and KINDS[sums].floating
    tall = box_grid(down) if floating else TALL
    groups, rest = divmod(down - tall, tall) if floating else (0, 0)
    target = host()
    size, wide = np.dtype(sums).itemsize, np.dtype(totals).itemsize
    narrow, lanes = 4 * target.lanes // size, 4 * target.lanes // wide
    chain = chain_of(across, not floating)
    most = across if floating else np.iinfo(sums).max // (KINDS[layout.source].limits[1] * down)
    stages = stages_along(chain, layout.channels, narrow, (F32, F32), 0)
    way: Way = "scanned"
    if layout.channels <= FEW and lag_of(stages) <= MOST_LAG:
        way = "streamed"
    elif floating or totals == "uint16" or across <= UNROLLED:
        way = "unrolled" if len(stages_of(across)) == 1 else "staged"
    known = way == "streamed" or (way == "scanned" and layout.channels < lanes)
    table = edges(layout, reach)
    across_stages = table_of(stages_of(across))
    chunk = chunks(layout, reach, CHUNKS[totals])
    right, left = reach.right * layout.channels, reach.left * layout.channels
    lead = -(-left // APART) * APART
    # Lines a multiple of 4096 bytes apart would share few places of the first cache.
    line = -(-(lead + chunk + right + PADDING) * size // 1024) * 1024 // size + 64 // size
    fill = layout.fill if layout.border == "constant" else 0
    ending = ending_of(layout.source, layout.result, totals, down * across, mean)
    lines_at = -(-8 * (2 * down + 4 * tall + 64) // 64) * 64
    kept_at = lines_at + tall * line * size
    totals_at = kept_at + ((2 * groups + 3) * line * size if floating else 0)
    band = -(-max(-(-layout.height // BANDS), min(2 * down, layout.height), LEAST_BAND) // 4) * 4
    kernel = box.kernel(
        target,
        source=layout.source,
        sums=sums,
        totals=totals,
        result=layout.result,
        tall=tall,
        rest=rest,
        groups=groups > 0,
        unrolled=across if way == "unrolled" else 0,
        way=way,
        step=layout.channels if known else 0,
        chain=chain if way == "streamed" else (),
        most=int(most) if way == "streamed" else 0,
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
            "groups": groups,
            "grid": origin % tall if floating else 0,
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
        scratch=totals_at + (line + left + APART + rings_of(stages) * narrow) * wide + 4096,
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
    with np.errstate(over="ignore", invalid="ignore"):
        return np.array([kind(fill) * kind(down)], sums)
