"""The pass that finds medians."""

from __future__ import annotations

import numpy as np

from striate.ops.images.calls import Pass, host
from striate.ops.images.edges import Layout, Reach, chunks, edges
from striate.ops.images.median_networks import best_tall, program
from striate.ops.images.ranking import FLAG_WORDS, ranking

__all__ = ["median_pass"]

PADDING = 256  # numbers beyond a line that registers may read
LINES = 24_000  # bytes of lines to aim at: about half of a first cache
LEAST = 256  # bytes of a chunk of a line
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
    plan = program(rows, columns, best_tall(rows, columns, layout.height))
    item = np.dtype(layout.source).itemsize
    lines = plan.lines + (plan.tall if np.dtype(layout.source).kind == "f" else 0)
    chunk = chunks(layout, reach, max(LEAST, LINES // lines) // item // 64 * 64 or 64)
    step = layout.channels
    left, right = reach.left * step, reach.right * step
    line = -(-(chunk + left + right + PADDING) // 64) * 64
    line += 64 // item * (1 + line * item // 64 % 2)  # an odd number of the caches' lines
    table = edges(layout, reach)
    seen = (rows + plan.tall) * layout.width * item
    kernel = ranking.kernel(
        host(),
        source=layout.source,
        result=layout.result,
        rows=rows,
        columns=columns,
        tall=plan.tall,
        slides=step if plan.apart and 2 * step <= 64 // item and host().lanes == 16 else 0,
        streams=layout.height * layout.width * np.dtype(layout.result).itemsize > STREAMED,
    )
    fill = table.fill if table.fill.size else np.zeros(1, layout.source)
    return Pass(
        kernel,
        {
            "rows": table.rows,
            "halo": table.halo,
            "fill": fill,
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
        },
        blocks=-(-layout.height // plan.tall),
        scratch=8 * (FLAG_WORDS + rows + 2 * plan.tall + 16) + lines * line * item + 4096,
        work=int(layout.height * layout.width * item * (plan.cost + 4)) // 4,
    )
