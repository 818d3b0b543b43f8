"""The pass that finds medians."""

from __future__ import annotations

import numpy as np

from striate.ops.images.calls import Pass, host
from striate.ops.images.edges import Layout, Reach, chunks, edges
from striate.ops.images.median_programs import best_tall, program
from striate.ops.images.median_tables import Tables, skeleton, tables
from striate.ops.images.ranking import ranking
from striate.ops.images.ranking_across import TOGETHER
from striate.ops.images.ranking_walk import FLAG_WORDS

__all__ = ["median_pass"]

PADDING = 320  # numbers beyond a line that registers may read
LINES = 24_000  # bytes of lines to aim at: about half of a first cache
LEAST = 1024  # bytes of a chunk of a line
WRITTEN = 121  # pixels of a window up to which networks are compiled; others are tables
CACHE = 400_000  # bytes of rows that the second cache holds, so that whole rows pay
STREAMED = 4_000_000  # bytes of a result from which it is written past the caches


def median_pass(layout: Layout, reach: Reach) -> Pass:
    """Return the pass that finds the medians of windows of an image.

    Of two middle numbers the larger is taken. A window that holds NaN gives NaN, and of zeros
    the sign is lost; all else is a number of the window, rounded to the result's dtype.

    Parameters
    ----------
    layout, reach : the image, and how far the windows reach from their pixel
    """
    rows, columns = reach.sides
    tall = best_tall(rows, columns, layout.height)
    tabled = rows * columns > WRITTEN
    plan = (skeleton if tabled else program)(rows, columns, tall)
    item = np.dtype(layout.source).itemsize
    lines = plan.lines + (tall if np.dtype(layout.source).kind == "f" else 0)
    chunk = chunks(layout, reach, max(LEAST, LINES // lines) // item // 64 * 64 or 64)
    step = layout.channels
    left, right = reach.left * step, reach.right * step
    line = -(-(chunk + left + right + PADDING) // 64) * 64
    line += 64 // item * (1 + line * item // 64 % 2)  # an odd number of the caches' lines
    register = TOGETHER * 4 * host().lanes
    places = _no_tables()
    if tabled:
        places = tables(
            rows, columns, tall, line * item, step * item, register, lines * line * item
        )
    table = edges(layout, reach)
    kernel = ranking.kernel(
        host(),
        source=layout.source,
        result=layout.result,
        rows=rows,
        columns=columns,
        tall=tall,
        slides=step if (rows, columns) == (3, 3) and slides(step, item) else 0,
        tabled=tabled,
        streams=layout.height * layout.width * np.dtype(layout.result).itemsize > STREAMED,
    )
    seen = (rows + tall) * layout.width * item
    memory = lines * line * item + places.places * register + (line * item if tabled else 0)
    return Pass(
        kernel,
        {
            "rows": table.rows,
            "halo": table.halo,
            "fill": table.fill if table.fill.size else np.zeros(1, layout.source),
            "height": layout.height,
            "width": layout.width,
            "step": step,
            "left": left,
            "right": right,
            "chunk": chunk,
            "line": line,
            "by_columns": int(seen > CACHE and layout.border != "wrap"),
            "wraps": int(layout.border == "wrap"),
            "wary": int(layout.border == "constant" and layout.fill != layout.fill),
            "entries": places.entries,
            "stages": places.stages,
            "stage_count": places.stages.shape[0],
        },
        blocks=-(-layout.height // tall),
        scratch=8 * (FLAG_WORDS + rows + 2 * tall + 16) + memory + 4096,
        work=int(layout.height * layout.width * item * (program(rows, columns, tall).cost + 4))
        // 4,
    )


def slides(step: int, item: int) -> bool:
    """Whether shifts are better made out of registers than loaded: where loads are wide."""
    return host().lanes == 16 and 2 * step <= 64 // item


def _no_tables() -> Tables:
    return Tables(np.zeros((0, 4), np.int32), np.zeros((0, 3), np.int64), 0)
