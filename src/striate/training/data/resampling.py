"""Change the size of images that lie in arrays."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from striate.errors import DTypeError, ParameterError, ShapeError

__all__ = ["resize"]


def resize(images: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """Return square images of another size, by linear interpolation.

    A pixel is a unit square with its centre at i + 1/2. Output pixel i lies at
    c = (i + 1/2) * old / size and is the mean of the pixels under a triangle around c, whose half
    width is 1 when enlarging (bilinear interpolation) and old / size when shrinking (so that every
    pixel counts). Pixels beyond the border have no weight. Each axis by itself; values stay within
    the range they had. PyTorch calls this ``interpolate(mode="bilinear", antialias=True)``.

    Parameters
    ----------
    images : float32 array, shape (N, C, H, W)
    size : int
        Height and width of the result.

    Returns
    -------
    float32 array, shape (N, C, size, size)

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
    if images.dtype != np.float32:
        raise DTypeError(f"resize: images are {images.dtype}, not float32: convert with astype")
    if not (isinstance(size, int | np.integer) and 1 <= size <= 4096):
        raise ParameterError(f"resize: size {size!r} must be a whole number, 1 to 4096 pixels")
    rows, columns = (_weights(old, size) for old in images.shape[2:])
    resized: NDArray[np.float32] = (rows @ images @ columns.T).astype(np.float32)
    return resized


def _weights(old: int, new: int) -> NDArray[np.float64]:
    """Return the weight of each old pixel in each new one, shape (new, old); rows add up to 1."""
    centres = (np.arange(new) + 0.5) * old / new
    distances = np.abs(centres[:, None] - (np.arange(old) + 0.5))
    triangle = np.maximum(0.0, 1.0 - distances / max(1.0, old / new))
    weights: NDArray[np.float64] = triangle / triangle.sum(axis=1, keepdims=True)
    return weights
