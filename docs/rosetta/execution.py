"""Run the rows: the images, the names that their code knows, and the differences."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate import filters

from .row import Missing, Peer, Row
from .scene import scene

__all__ = ["OURS", "apart", "difference", "evaluate", "images", "load", "names_like", "scale_of"]

Image = NDArray[Any]
OURS: dict[str, Any] = {"np": np, "filters": filters}


def images(row: Row) -> Iterator[Image]:
    """Yield the images of which the row speaks."""
    kinds = {True: (False, True), False: (False,), None: (True,)}[row.colour]
    for dtype in row.dtypes.split():
        for colour in kinds:
            yield as_dtype(scene(64, 96, colour=colour), dtype)


def as_dtype(levels: Image, dtype: str) -> Image:
    """Return a uint8 image as another dtype: uint16 to 65535, floats to 1."""
    if dtype == "uint8":
        return levels
    if dtype == "uint16":
        return levels.astype(np.uint16) * 257
    return (levels / 255).astype(dtype)


def load(peer: Peer) -> dict[str, Any]:
    """Return the names that the peer's rows use; ImportError if it is not installed."""
    if peer.name == "torchvision":
        import_torchvision()
    names = dict(OURS)
    exec(peer.imports, names)
    return names


def import_torchvision() -> None:
    """Import torchvision, also where its compiled operators do not fit the installed PyTorch.

    It describes the operators' shapes to PyTorch, and fails if PyTorch does not know their names:
    then they are named first. Its filters are written in Python and call none of them.
    """
    try:
        importlib.import_module("torchvision")
    except RuntimeError:
        library = importlib.import_module("torch").library.Library("torchvision", "FRAGMENT")
        for name in ("nms", "qnms"):
            library.define(f"{name}() -> ()")
        KEPT.append(library)
        importlib.import_module("torchvision")


KEPT: list[Any] = []  # a library's names vanish with it


def evaluate(code: str, image: Image, names: dict[str, Any]) -> Image:
    """Return the result of a row's expression for an image, as an array of the image's shape.

    `x` is the image; `t` is it as a tensor (1, C, H, W) and `im` as Pillow's image, for the peers
    that want these.
    """
    known = {**names, "x": image.copy()}
    if re.search(r"\bt\b", code):
        planes = image[None] if image.ndim == 2 else np.moveaxis(image, -1, 0)
        known["t"] = names["torch"].from_numpy(planes[None].copy())
    if re.search(r"\bim\b", code):
        known["im"] = names["Image"].fromarray(image)
    result = eval(code, known)
    if hasattr(result, "numpy"):
        planes = result.numpy()[0]
        return planes[0] if image.ndim == 2 else np.moveaxis(planes, 0, -1)
    return np.asarray(result)


def apart(row: Row, image: Image, names: dict[str, Any]) -> float:
    """Return the largest difference of a row's results: in levels, or in parts of `scale_of`."""
    ours = evaluate(row.ours, image, OURS)
    found = difference(ours, evaluate(row.theirs, image, names), row.inside)
    return found if ours.dtype.kind in "iu" else found / scale_of(row, image)


def difference(ours: Image, theirs: Image, inside: int = 0) -> float:
    """Return the largest difference of two results, so many pixels at the border aside."""
    if ours.shape != theirs.shape:
        raise ValueError(f"shapes {ours.shape} and {theirs.shape} cannot be compared")
    apart = np.abs(ours.astype(np.float64) - theirs.astype(np.float64))
    return float(apart[inside : len(apart) - inside, inside : apart.shape[1] - inside].max())


def scale_of(row: Row, image: Image) -> float:
    """Return the largest number a linear filter could give: Σ |w| times the largest pixel.

    The weights are the answer to an impulse. A filter that does not answer to one, as the median,
    gives no more than the largest pixel.
    """
    if row.scale is not None:
        return row.scale
    impulse = np.zeros((64, 96))
    impulse[32, 48] = 1
    answer = evaluate(row.ours, impulse, OURS)
    return max(float(np.abs(answer).sum()), 1.0) * float(image.max())


def names_like(peer: Peer, missing: Missing) -> list[str]:
    """Return the public names of the peer that a filter said to be missing could have."""
    found = []
    for name in peer.searched:
        module = importlib.import_module(name)
        found += [f"{name}.{one}" for one in dir(module) if re.search(missing.pattern, one, re.I)]
    return found
