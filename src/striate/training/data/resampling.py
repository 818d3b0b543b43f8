"""Change the size of images that lie in arrays."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from striate.errors import DTypeError, ParameterError, ShapeError

__all__ = ["resize"]

Pixel = TypeVar("Pixel", np.uint8, np.float32)
PART = 1000
"""Images at a time: the computation is in float64."""


def resize(images: NDArray[Pixel], size: int) -> NDArray[Pixel]:
    """Return square images of another size, by linear interpolation.

    A pixel is a unit square with its centre at i + 1/2. Output pixel i lies at
    c = (i + 1/2) * old / size and is the mean of the pixels under a triangle around c, whose half
    width is 1 when enlarging (bilinear interpolation) and old / size when shrinking (so that every
    pixel counts). Pixels beyond the border have no weight. Each axis by itself; values stay within
    the range they had. PyTorch calls this ``interpolate(mode="bilinear", antialias=True)``.

    Parameters
    ----------
    images : float32 or uint8 array, shape (N, C, H, W)
    size : int
        Height and width of the result.

    Returns
    -------
    array of the same type, shape (N, C, size, size)
        uint8 is rounded to the nearest, halves to even.

    Raises
    ------
    ShapeError, DTypeError, ParameterError

    Examples
    --------
    >>> resize(np.array([[[[0, 1], [0, 1]]]], np.float32), 4)[0, 0, 0]
    array([0.  , 0.25, 0.75, 1.  ], dtype=float32)
    """
    if images.ndim != 4 or images.size == 0:
        raise ShapeError(f"resize: images {images.shape} must be (N, C, H, W), not empty")
    if images.dtype not in (np.float32, np.uint8):
        raise DTypeError(
            f"resize: images are {images.dtype}, not float32 or uint8: convert with astype"
        )
    if not (isinstance(size, int | np.integer) and 1 <= size <= 4096):
        raise ParameterError(f"resize: size {size!r} must be a whole number, 1 to 4096 pixels")
    rows, columns = (_weights(old, size) for old in images.shape[2:])
    resized = np.empty((*images.shape[:2], size, size), images.dtype)
    for i in range(0, len(images), PART):
        part: NDArray[Any] = rows @ images[i : i + PART] @ columns.T
        resized[i : i + PART] = np.rint(part) if images.dtype == np.uint8 else part
    return resized


def _weights(old: int, new: int) -> NDArray[np.float64]:
    """Return the weight of each old pixel in each new one, shape (new, old); rows add up to 1."""
    centres = (np.arange(new) + 0.5) * old / new
    distances = np.abs(centres[:, None] - (np.arange(old) + 0.5))
    triangle = np.maximum(0.0, 1.0 - distances / max(1.0, old / new))
    weights: NDArray[np.float64] = triangle / triangle.sum(axis=1, keepdims=True)
    return weights
