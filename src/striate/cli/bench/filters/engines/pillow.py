"""Pillow, on one thread: images of bytes, a new one each time.

Its ``GaussianBlur`` is three boxes, and its ``Kernel`` leaves the border as it is.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageFilter

from striate.cli.bench.filters.cases import FilterCase
from striate.cli.bench.peers.runner import Runner

__all__ = ["NAME", "runners"]

NAME = "Pillow"


def runners(case: FilterCase, threads: int) -> Iterator[Runner]:
    """Yield the one setting."""
    if case.dtype != "uint8":
        return
    image = Image.fromarray(case.image)
    chosen: ImageFilter.Filter
    if case.kind == "box":
        chosen = ImageFilter.BoxBlur(case.number // 2)
    elif case.kind == "gaussian":
        chosen = ImageFilter.GaussianBlur(case.number)
    elif case.kind == "median":
        chosen = ImageFilter.MedianFilter(case.number)
    else:
        return
    yield Runner(
        type(chosen).__name__,
        lambda: image.filter(chosen),
        lambda: np.asarray(image.filter(chosen)),
    )
