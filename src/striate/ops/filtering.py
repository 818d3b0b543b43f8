"""Correlation of an image with small kernels: the definition, and the compiled loops.

An image is seen as rows of numbers: channels lie side by side, so a step of one pixel is a step
of `channels` numbers and one loop serves grey and colour. What lies beyond the border is given
as index maps (`Frame`), so the loops know nothing of reflecting or wrapping.

All sums are float64. Pixels of at most 16 bits under integer weights therefore add up exactly,
in any order; NaN and infinity reach every window that holds them, and no other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from striate.ops._jit import kernel
from striate.ops._threads import run_blocks

__all__ = ["Frame", "Weights", "correlate_image", "correlate_reference", "round_into"]

Image: TypeAlias = NDArray[Any]
Values: TypeAlias = NDArray[np.float64]
Weights: TypeAlias = Values | tuple[Values, Values]  # (rows, columns), or its factors

BLOCK = 2**15  # numbers of a float64 block of rows: 256 KiB, which a core's second cache holds
CHUNK = 1024  # numbers of a row accumulated at a time: 8 KiB, which the first cache holds


@dataclass(frozen=True)
class Frame:
    """Which number of the image each position of the padded image shows.

    Attributes
    ----------
    rows : array of intp, shape (H + kernel rows - 1,)
        Image rows; -1 is the fill.
    columns : array of intp, shape ((W + kernel columns - 1) * channels,)
        Positions in an image row of W * channels numbers; -1 is the fill.
    left : int
        Positions of `columns` ahead of the first number of the image.
    channels : int
        Numbers from one pixel to the next.
    fill : float
        What the constant border shows.
    """

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    left: int
    channels: int
    fill: float

    @classmethod
    def of(
        cls,
        rows: NDArray[np.intp],
        columns: NDArray[np.intp],
        left: int,
        channels: int,
        fill: float,
    ) -> Frame:
        """Return the frame for maps in pixels, `left` of them ahead of the first column."""
        numbers = columns[:, None] * channels + np.arange(channels)
        numbers[columns < 0] = -1
        return cls(rows, numbers.ravel(), left * channels, channels, fill)


def correlate_reference(image: Image, weights: Weights, frame: Frame) -> Values:
    """Return y[i, j] = Σ w[u, v] · x[rows[i + u], columns[j + v]]: the definition.

    Parameters
    ----------
    image : array, shape (H, W * channels)
        Rows of numbers of any real dtype.
    weights : array of float64, shape (U, V), or its factors, shapes (U,) and (V,)
        The kernel, not flipped.
    frame : Frame
        The border.

    Returns
    -------
    array of float64, shape (H, W * channels)

    Examples
    --------
    >>> frame = Frame.of(np.array([0]), np.array([-1, 0, 1, 2]), 1, channels=1, fill=0.0)
    >>> correlate_reference(np.array([[1, 2, 4]]), np.array([[-1.0, 1.0]]), frame)
    array([[1., 1., 2.]])
    """
    matrix = np.outer(*weights) if isinstance(weights, tuple) else weights
    padded = image.astype(np.float64)[frame.rows][:, frame.columns]
    padded[frame.rows < 0] = frame.fill
    padded[:, frame.columns < 0] = frame.fill
    height, width = image.shape
    result = np.zeros((height, width))
    with np.errstate(invalid="ignore", over="ignore"):  # infinity minus itself is NaN, quietly
        for u, v in np.ndindex(matrix.shape):
            left = v * frame.channels
            result += matrix[u, v] * padded[u : u + height, left : left + width]
    return result


@kernel
def accumulate(weight: float, source: Image, target: Values) -> None:
    """Add `weight` times each number of `source` to `target`."""
    for j in range(target.size):
        target[j] += weight * source[j]


@kernel
def lay_out(line: Image, columns: NDArray[np.intp], left: int, fill: float, padded: Values) -> None:
    """Copy one row into `padded` with its borders: the image itself begins at `left`."""
    right = left + line.size
    for j in range(line.size):
        padded[left + j] = line[j]
    for i in range(left):
        padded[i] = line[columns[i]] if columns[i] >= 0 else fill
    for i in range(right, columns.size):
        padded[i] = line[columns[i]] if columns[i] >= 0 else fill


@kernel
def correlate_factors(
    image: Image,
    down: Values,
    across: Values,
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
    border: tuple[int, int, float],
    start: int,
    output: Values,
) -> None:
    """Fill `output`, rows from `start` on, with Σ down[u] · across[v] · x: rows first.

    Each output row is one weighted sum of image rows, laid out with its borders, and then one
    weighted sum of its own shifts, so nothing larger than a row is kept in between.
    """
    left, step, fill = border
    width = image.shape[1]
    line = np.empty(width)
    padded = np.empty(columns.size)
    outside = 0.0  # what the fill becomes under the sum down a column
    for u in range(down.size):
        outside += down[u] * fill
    for i in range(output.shape[0]):
        for j in range(0, width, CHUNK):
            part = line[j : j + CHUNK]
            part[:] = 0.0
            for u in range(down.size):
                row = rows[start + i + u]
                if row >= 0:
                    accumulate(down[u], image[row, j : j + CHUNK], part)
                else:
                    part += down[u] * fill
        lay_out(line, columns, left, outside, padded)
        for j in range(0, width, CHUNK):
            part = output[i, j : j + CHUNK]
            part[:] = 0.0
            for v in range(across.size):
                accumulate(across[v], padded[j + v * step :], part)


@kernel
def correlate_matrix(
    image: Image,
    matrix: Values,
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
    border: tuple[int, int, float],
    start: int,
    output: Values,
) -> None:
    """Fill `output`, rows from `start` on, with Σ w[u, v] · x: kernel row after kernel row."""
    left, step, fill = border
    width = image.shape[1]
    padded = np.empty(columns.size)
    for i in range(output.shape[0]):
        output[i] = 0.0
        for u in range(matrix.shape[0]):
            row = rows[start + i + u]
            if row >= 0:
                lay_out(image[row], columns, left, fill, padded)
            else:
                padded[:] = fill
            for j in range(0, width, CHUNK):
                part = output[i, j : j + CHUNK]
                for v in range(matrix.shape[1]):
                    accumulate(matrix[u, v], padded[j + v * step :], part)


def correlate_rows(image: Image, weights: Weights, frame: Frame, rows: range) -> Values:
    """Return the compiled correlation of some rows, shape (len(rows), W * channels)."""
    output = np.empty((len(rows), image.shape[1]))
    border = (frame.left, frame.channels, frame.fill)
    maps = (frame.rows, frame.columns)
    if isinstance(weights, tuple):
        correlate_factors(image, *weights, *maps, border, rows.start, output)
    else:
        correlate_matrix(image, weights, *maps, border, rows.start, output)
    return output


def correlate_image(
    image: Image,
    kernels: Sequence[Weights],
    frame: Frame,
    combine: Callable[..., Values],
    output: Image,
    *,
    reference: bool = False,
) -> None:
    """Fill `output` with ``combine`` of the correlations with each kernel, rounded.

    Parameters
    ----------
    image : array of uint8, uint16, float32 or float64, shape (H, W * channels)
        C-contiguous rows of numbers.
    kernels : one or more kernels of one size
        Matrices, or factors, which are faster.
    frame : Frame
        The border.
    combine : function of one float64 array for each kernel
        An element-wise formula: a division, a magnitude.
    output : array, shape (H, W * channels)
        Where the result goes, in its dtype; see `round_into`.
    reference : bool
        Whether to compute the definition instead of the compiled loops.
    """
    if reference:
        round_into(output, combine(*(correlate_reference(image, w, frame) for w in kernels)))
        return

    height, width = image.shape
    rows = max(1, BLOCK // width)

    def fill_blocks(start: int, stop: int) -> None:
        for first in range(start * rows, min(stop * rows, height), rows):
            part = range(first, min(first + rows, height))
            values = (correlate_rows(image, w, frame, part) for w in kernels)
            round_into(output[part.start : part.stop], combine(*values))

    products = sum(multiplications(weights) for weights in kernels)
    run_blocks(fill_blocks, -(-height // rows), image.size * products)


def multiplications(weights: Weights) -> int:
    """Return how many products one number of the result takes."""
    return sum(w.size for w in weights) if isinstance(weights, tuple) else weights.size


def round_into(output: Image, values: Values) -> None:
    """Store float64 `values` in `output`: integers half to even, clipped to the dtype's range.

    `values` is overwritten, to save an array.

    Examples
    --------
    >>> levels = np.empty(4, np.uint8)
    >>> round_into(levels, np.array([-1.0, 0.5, 1.5, 300.0]))
    >>> levels
    array([  0,   0,   2, 255], dtype=uint8)
    """
    if output.dtype.kind in "iu":
        limits = np.iinfo(output.dtype)
        np.rint(values, out=values)
        np.clip(values, limits.min, limits.max, out=values)
    with np.errstate(over="ignore"):  # beyond float32's range lies infinity
        output[...] = values
