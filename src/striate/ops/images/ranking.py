"""Passes of medians: rows sorted down, then merged across, a chunk that the caches hold at a time.

Rows of the image are sorted column by column into lines, which are laid out with what lies beyond
the border; networks then turn lines into lines, and the last into rows of the result. See
`striate.ops.images.median_programs`.
"""

from __future__ import annotations

from typing import Any

from striate.ops.codegen import Writer, template
from striate.ops.images.kinds import KINDS
from striate.ops.images.median_programs import program
from striate.ops.images.median_tables import skeleton
from striate.ops.images.ranking_across import follow_tables, merge, store_medians
from striate.ops.images.ranking_down import doubter, sorter
from striate.ops.images.ranking_walk import Walk

__all__ = ["ranking"]


@template(
    "image",
    "image_stride",
    "result",
    "result_stride",
    "rows",
    "halo",
    "fill",
    "height",
    "width",
    "step",
    "left",
    "right",
    "chunk",
    "line",
    "by_columns",
    "wraps",
    "wary",
    "entries",
    "stages",
    "stage_count",
)
def ranking(
    w: Writer,
    a: Any,
    *,
    source: str,
    result: str,
    rows: int,
    columns: int,
    tall: int,
    slides: int,
    tabled: bool,
    streams: bool,
) -> None:
    """Write the step: a block is `tall` rows of the result.

    Lines hold `line` numbers: a chunk with its halo. `wary` is 1 where the fill is NaN. `slides`
    is `step`, where shifts of registers are to be made out of registers, else 0. `tabled`: tables
    say how lines are merged, see `striate.ops.images.median_tables`.
    """
    kinds = KINDS[source], KINDS[result]
    plan = (skeleton if tabled else program)(rows, columns, tall)
    walk = Walk(w, a, *kinds, plan, (rows, columns), slides, streams)
    turn = follow_tables if tabled else merge
    walk.write(sorter(walk), doubter(walk), turn, store_medians)
