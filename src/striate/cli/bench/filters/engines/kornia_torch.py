"""kornia: float32 images as it wants them, (1, C, H, W), made before the time is taken."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import kornia
import numpy as np
import torch
from numpy.typing import NDArray

from striate.cli.bench.filters.cases import FilterCase
from striate.cli.bench.peers.runner import Runner

__all__ = ["NAME", "runners"]

NAME = "kornia"
EDGE = "replicate"


def runners(case: FilterCase, threads: int) -> Iterator[Runner]:
    """Yield the one setting; sets the number of PyTorch's threads."""
    if case.dtype != "float32":
        return
    torch.set_num_threads(threads)
    planes = case.image.reshape(case.height, case.width, case.channels).transpose(2, 0, 1)
    x = torch.from_numpy(np.ascontiguousarray(planes)[None])
    name, chosen = _filter(case)
    if chosen is None:
        return

    def run() -> Any:
        with torch.inference_mode():
            return chosen(x)

    def result() -> NDArray[Any]:
        y: NDArray[Any] = run()[0].numpy()
        return y.transpose(1, 2, 0).reshape(case.shape)

    yield Runner(name, run, result)


def _filter(case: FilterCase) -> tuple[str, Callable[[Any], Any] | None]:
    """Return what filters a tensor; kornia has both slopes, or none."""
    side, number = (case.side, case.side), float(case.number)
    library = kornia.filters
    if case.kind == "box":
        return "box_blur", lambda x: library.box_blur(x, side, EDGE)
    if case.kind == "gaussian":
        return "gaussian_blur2d", lambda x: library.gaussian_blur2d(x, side, (number,) * 2, EDGE)
    if case.kind == "general":
        kernel = torch.from_numpy(case.kernel.astype(np.float32)[None])
        return "filter2d", lambda x: library.filter2d(x, kernel, EDGE)
    if case.kind == "magnitude":
        return "sobel", lambda x: library.sobel(x, normalized=False, eps=0.0)
    if case.kind == "median":
        return "median_blur", lambda x: library.median_blur(x, side, EDGE)
    return "", None
