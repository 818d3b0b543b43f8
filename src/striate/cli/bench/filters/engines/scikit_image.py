"""scikit-image, on one thread: of bytes, it has the median alone without changing their dtype."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import skimage.filters

from striate.cli.bench.filters.cases import BORDER, FilterCase
from striate.cli.bench.filters.engines.engine import into
from striate.cli.bench.peers.runner import Runner

__all__ = ["NAME", "runners"]

NAME = "scikit-image"
library: Any = skimage.filters  # untyped
SCALES = {"sobel": 4.0, "magnitude": 4.0 * np.sqrt(2.0)}
"""Its weights are ours divided by these."""


def runners(case: FilterCase, threads: int) -> Iterator[Runner]:
    """Yield the one setting; slopes are scaled to ours after the time is taken."""
    image, channel = case.image, None if case.channels == 1 else 2
    if case.kind == "median":
        window = np.ones((case.number, case.number, *[1] * (image.ndim - 2)), bool)
        yield into("median", case, lambda out: library.median(image, window, out, BORDER))
    elif case.kind == "gaussian" and case.dtype == "float32":
        about = {"mode": BORDER, "truncate": 4.0, "channel_axis": channel}
        blur = partial(library.gaussian, image, case.number, **about)
        yield into("gaussian", case, lambda out: blur(out=out))
    elif case.kind in SCALES and case.dtype == "float32" and case.channels == 1:
        axis = 1 if case.kind == "sobel" else None
        slope = partial(library.sobel, image, axis=axis, mode=BORDER)
        yield Runner("sobel", slope, lambda: SCALES[case.kind] * slope())
