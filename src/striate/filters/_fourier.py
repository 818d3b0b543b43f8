"""Large kernels through the fast Fourier transform: overlapping tiles, one product each."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.ops.filtering import Frame, round_into

__all__ = ["correlate_fourier", "error_bound", "tile_shape"]

Values = NDArray[np.float64]

TILE = 512  # numbers along a side of a transform, if the kernel is much smaller


def correlate_fourier(
    image: NDArray[Any],
    matrix: Values,
    frame: Frame,
    finish: Callable[[Values], Values],
    output: NDArray[Any],
) -> None:
    """Fill `output` with the correlation of `image` and `matrix`, through transforms of tiles.

    The product of one spectrum with the conjugate of another is a circular correlation; of each
    tile, the part into which nothing has come round is kept ("overlap-save": T. G. Stockham,
    "High-speed convolution and correlation", 1966).

    Parameters
    ----------
    image, output : arrays, shape (H, W * channels)
        Rows of finite numbers, and where the result goes.
    matrix : array of float64, shape (U, V)
        The kernel, not flipped.
    frame : Frame
        The border.
    finish : function
        What is done to the sums before they are rounded.
    """
    height, step = image.shape[0], frame.channels
    width = image.shape[1] // step
    shape = tile_shape((height, width), matrix.shape)
    spectrum = np.conj(np.fft.rfft2(matrix, shape))[..., None]
    rows, columns = (side - weights + 1 for side, weights in zip(shape, matrix.shape, strict=True))
    for top in range(0, height, rows):
        for left in range(0, width, columns):
            down, across = min(rows, height - top), min(columns, width - left)
            tile = padded_tile(image, frame, (top, left), (down, across), matrix.shape)
            product = np.fft.rfft2(tile, shape, axes=(0, 1)) * spectrum
            sums = np.fft.irfft2(product, shape, axes=(0, 1))[:down, :across]
            part = output[top : top + down, left * step : (left + across) * step]
            round_into(part, finish(sums.reshape(down, across * step)))


def padded_tile(
    image: NDArray[Any],
    frame: Frame,
    start: tuple[int, int],
    size: tuple[int, int],
    weights: tuple[int, ...],
) -> Values:
    """Return what the windows of `size` pixels from `start` on see, (rows, columns, channels)."""
    step = frame.channels
    rows = frame.rows[start[0] : start[0] + size[0] + weights[0] - 1]
    columns = frame.columns[start[1] * step : (start[1] + size[1] + weights[1] - 1) * step]
    tile = image[rows[:, None], columns].astype(np.float64)
    tile[rows < 0] = frame.fill
    tile[:, columns < 0] = frame.fill
    return tile.reshape(rows.size, -1, step)


def tile_shape(image: tuple[int, int], kernel: tuple[int, ...]) -> tuple[int, int]:
    """Return the sides of the transforms: enough for the image, or for four kernels."""
    down, across = (
        fast_length(min(size + weights - 1, max(TILE, 4 * weights)))
        for size, weights in zip(image, kernel, strict=True)
    )
    return down, across


def fast_length(least: int) -> int:
    """Return the first number from `least` on whose prime factors are 2, 3 and 5.

    Examples
    --------
    >>> fast_length(511), fast_length(601)
    (512, 625)
    """
    length = least
    while True:
        rest = length
        for prime in (2, 3, 5):
            while rest % prime == 0:
                rest //= prime
        if rest == 1:
            return length
        length += 1


def error_bound(image: tuple[int, int], matrix: Values, largest: float) -> float:
    """Return by how much a sum may be off, for pixels of at most `largest`.

    Three transforms of N numbers, each with a relative error of at most log₂ N · 8ε in the
    Euclidean norm (N. J. Higham, "Accuracy and Stability of Numerical Algorithms", 2002,
    theorem 24.2, with room to spare).
    """
    numbers = math.prod(tile_shape(image, matrix.shape))
    relative = 3 * math.log2(max(numbers, 2)) * 8 * float(np.finfo(np.float64).eps)
    return relative * math.sqrt(numbers) * largest * float(np.linalg.norm(matrix))
