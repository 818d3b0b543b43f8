"""Images that move, and how well the layers of a network follow."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from striate.errors import ParameterError

__all__ = ["DIRECTIONS", "equivariance_error", "moved", "relative_difference"]

Floats = NDArray[np.float32]
DIRECTIONS = ((1, 0), (-1, 0), (0, 1), (0, -1))
"""Down, up, right, left."""


def moved(images: Floats, by: Sequence[int], fill: float) -> Floats:
    """Return images (N, C, H, W) moved down and right by so many pixels, or the other way.

    What comes in over the border is `fill`.

    Examples
    --------
    >>> moved(np.array([[[[1, 2, 3]]]], np.float32), (0, 1), -1.0)
    array([[[[-1.,  1.,  2.]]]], dtype=float32)
    """
    height, width = images.shape[2:]
    down, right = by
    result = np.full_like(images, fill)
    to = tuple(slice(max(0, d), s + min(0, d)) for d, s in ((down, height), (right, width)))
    source = tuple(slice(max(0, -d), s - max(0, d)) for d, s in ((down, height), (right, width)))
    result[:, :, *to] = images[:, :, *source]
    return result


def relative_difference(a: Floats, b: Floats) -> float:
    """Return the length of a - b by the root mean square of the lengths of a and b.

    0 for equal values, 2 for opposite ones, sqrt(2) for values that have nothing to do with each
    other.

    Examples
    --------
    >>> a = np.array([3.0, 4.0], np.float32)
    >>> relative_difference(a, a), relative_difference(a, -a)
    (0.0, 2.0)
    """
    both = float(np.square(a, dtype=np.float64).sum() + np.square(b, dtype=np.float64).sum())
    apart = float(np.square(a.astype(np.float64) - b).sum())
    return float(np.sqrt(2 * apart / both)) if both else 0.0


def equivariance_error(still: Floats, after: Floats, by: float, axis: int) -> float:
    """Return how far a layer is from following a shift of its input.

    Parameters
    ----------
    still, after : float32 arrays, shape (N, maps, H, W)
        What the layer says of the images, and of the images moved.
    by : float
        How far a layer that follows moves, in units: pixels over the layer's jump. Between two
        units, values are interpolated linearly.
    axis : 2 or 3
        Down, or right; `by` may be negative.

    Returns
    -------
    float
        `relative_difference` of what the layer says and what it said, moved, over the units that
        both have.

    Examples
    --------
    >>> x = np.arange(5, dtype=np.float32).reshape(1, 1, 1, 5)
    >>> equivariance_error(x, x - 1, 1, axis=3)
    0.0
    """
    if by < 0:
        flipped = np.flip(still, axis), np.flip(after, axis)
        return equivariance_error(*flipped, -by, axis)
    size = still.shape[axis]
    whole = int(np.ceil(by))
    share = whole - by  # of the unit one nearer
    if size <= whole:
        raise ParameterError(
            f"a shift by {by:g} units leaves nothing of the {size} of the layer to compare: "
            "shift less"
        )
    now = np.take(after, range(whole, size), axis)
    then = (1 - share) * np.take(still, range(size - whole), axis)
    if share:
        then = then + share * np.take(still, range(1, size - whole + 1), axis)
    return relative_difference(now, np.asarray(then, np.float32))
