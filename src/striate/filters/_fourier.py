"""Large kernels through the fast Fourier transform: overlapping tiles, one product each.

The tiles' sides follow from the kernel alone, and their grid begins at the image's first pixel: so
the part of an image that begins at a multiple of the tiles' step gives the same bits as the whole.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.filters._footprints import note
from striate.ops._threads import run_blocks
from striate.ops.filtering import Frame, round_into

__all__ = ["correlate_fourier", "error_bound", "tile_sides", "tile_step"]

Values = NDArray[np.float64]

LEAST = 64  # numbers along a side of a transform: below, calls cost more than they compute


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
    "High-speed convolution and correlation", 1966). A transform would spread NaN and infinity
    over its tile, so tiles that hold any are summed up plainly.

    Parameters
    ----------
    image, output : arrays, shape (H, W * channels)
        Rows of numbers, and where the result goes.
    matrix : array of float64, shape (U, V)
        The kernel, not flipped.
    frame : Frame
        The border.
    finish : function
        What is done to the sums before they are rounded.
    """
    height, step = image.shape[0], frame.channels
    width = image.shape[1] // step
    sides = tile_sides(matrix.shape)
    single = image.dtype == output.dtype == np.float32
    kind = np.float32 if single else np.float64
    spectrum = np.conj(np.fft.rfft2(matrix, sides))[..., None]
    spectrum = spectrum.astype(np.complex64 if single else np.complex128)
    rows, columns = tile_step(matrix.shape)
    note((0, 0), (0, 0), step=(rows, columns))

    def correlate_tile(tile: NDArray[Any]) -> NDArray[Any]:
        if not np.isfinite(tile).all():
            return plain_sums(tile, matrix)
        product = np.fft.rfft2(tile, sides, axes=(0, 1)) * spectrum
        sums = np.fft.irfft2(product, sides, axes=(0, 1))
        return sums[: tile.shape[0] - matrix.shape[0] + 1, : tile.shape[1] - matrix.shape[1] + 1]

    def fill_tile_rows(start: int, stop: int) -> None:
        for top in range(start * rows, min(stop * rows, height), rows):
            down = min(rows, height - top)
            shown = frame.rows[top : top + down + matrix.shape[0] - 1]
            lines = image[shown]
            for left in range(0, width, columns):
                across = min(columns, width - left)
                part = slice(left * step, (left + across + matrix.shape[1] - 1) * step)
                tile = lines.take(frame.columns[part], axis=1).astype(kind)
                tile[shown < 0] = frame.fill
                tile[:, frame.columns[part] < 0] = frame.fill
                sums = correlate_tile(tile.reshape(shown.size, -1, step))
                round_into(
                    output[top : top + down, left * step : (left + across) * step],
                    finish(sums.reshape(down, across * step)),
                )

    steps = image.size * (3 * sum(map(math.log2, sides)))
    run_blocks(fill_tile_rows, -(-height // rows), int(steps))


def plain_sums(tile: NDArray[Any], matrix: Values) -> Values:
    """Return the correlation where the kernel fits into the tile, weight after weight.

    Examples
    --------
    >>> plain_sums(np.array([[[1.0], [2.0], [np.inf]]]), np.array([[1.0, 1.0]]))[..., 0]
    array([[ 3., inf]])
    """
    down, across = (tile.shape[axis] - matrix.shape[axis] + 1 for axis in (0, 1))
    sums = np.zeros((down, across, tile.shape[2]))
    with np.errstate(invalid="ignore", over="ignore"):  # infinity less itself is NaN, quietly
        for u, v in np.ndindex(matrix.shape):
            sums += matrix[u, v] * tile[u : u + down, v : v + across]
    return sums


def tile_sides(kernel: tuple[int, ...]) -> tuple[int, int]:
    """Return the sides of the transforms: the powers of two from five kernels on.

    Larger ones leave the caches, smaller ones compute too much that is thrown away.

    Examples
    --------
    >>> tile_sides((15, 31))
    (128, 256)
    """
    down, across = (max(LEAST, 1 << (5 * weights - 1).bit_length()) for weights in kernel)
    return down, across


def tile_step(kernel: tuple[int, ...]) -> tuple[int, int]:
    """Return the pixels from one tile to the next.

    Examples
    --------
    >>> tile_step((15, 31))
    (114, 226)
    """
    sides = tile_sides(kernel)
    return sides[0] - kernel[0] + 1, sides[1] - kernel[1] + 1


def error_bound(matrix: Values, largest: float) -> float:
    """Return by how much a sum may be off, for pixels of at most `largest`.

    Three transforms of N numbers, each with a relative error of at most log₂ N · 8ε in the
    Euclidean norm (N. J. Higham, "Accuracy and Stability of Numerical Algorithms", 2002,
    theorem 24.2, with room to spare).
    """
    numbers = math.prod(tile_sides(matrix.shape))
    relative = 3 * math.log2(numbers) * 8 * float(np.finfo(np.float64).eps)
    return relative * math.sqrt(numbers) * largest * float(np.linalg.norm(matrix))
