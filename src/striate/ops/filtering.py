"""Correlation of an image with small kernels: the definition that passes are tested against.

An image is seen as rows of numbers: channels lie side by side, so a step of one pixel is a step
of `channels` numbers. What lies beyond the border is given as index maps (`Frame`). All sums are
float64: pixels of at most 16 bits under whole weights add up exactly, in any order; NaN and
infinity reach every window that holds them, and no other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Frame", "Weights", "correlate_reference", "round_into"]

Image: TypeAlias = NDArray[Any]
Values: TypeAlias = NDArray[np.float64]
Weights: TypeAlias = Values | tuple[Values, Values]  # (rows, columns), or its factors


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
