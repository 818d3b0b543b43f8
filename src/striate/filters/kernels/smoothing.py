"""Kernels that blur: the box, the bell and its derivatives, and the track of a motion."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from striate.errors import ParameterError
from striate.filters.kernels.checks import (
    LARGEST,
    Taps,
    finite,
    is_positive,
    per_axis,
    plain,
    positive,
)

__all__ = [
    "box",
    "box_taps",
    "gaussian",
    "gaussian_factors",
    "gaussian_taps",
    "motion",
]


def box_taps(size: Any) -> Taps:
    """Return `size` ones: a window's sum. Divide by `size` for its mean.

    Raises
    ------
    ParameterError
        The size is no integer, below 1, or above 1,048,576.

    Examples
    --------
    >>> box_taps(3)
    array([1., 1., 1.])
    """
    whole = isinstance(size, (int, np.integer)) and not isinstance(size, bool)
    if not whole or size < 1:
        raise ParameterError(
            f"size is {plain(size)!r}; it must be an integer of at least 1, or (rows, columns)"
        )
    if size > LARGEST:
        raise ParameterError(f"size is {size}; it must be at most {LARGEST}: shrink the image")
    return np.ones(int(size))


def gaussian_taps(sigma: float, truncate: float = 4.0, order: int = 0) -> Taps:
    """Return g(i) = exp(-i² / 2σ²) for i from -radius to radius, divided by its sum.

    Order 1 is the bell's first derivative, i / σ² · g(i), and order 2 its second,
    (i² / σ⁴ - 1 / σ²) · g(i), for *correlation*: order 1 is positive where values rise. These
    are samples too, as in SciPy: cut early or below σ of about 1, those of order 2 do not add
    up to 0, so that a flat image is not quite answered with 0.

    The radius is ``int(truncate * sigma + 0.5)``, as in SciPy. The values are samples of the
    bell, not its integrals over pixels: below σ of about 0.5 they blur less than their σ says.

    Parameters
    ----------
    sigma : float
        Standard deviation in pixels, finite and above 0.
    truncate : float
        Where the bell is cut, in standard deviations, finite and above 0.
    order : int
        0, 1 or 2: which derivative.

    Raises
    ------
    ParameterError
        A parameter is out of its range, or more than 1,048,576 taps would be needed.

    Examples
    --------
    >>> gaussian_taps(0.5).round(4)
    array([3.000e-04, 1.065e-01, 7.866e-01, 1.065e-01, 3.000e-04])
    """
    if isinstance(order, (bool, np.bool_)) or order not in (0, 1, 2):
        raise ParameterError(f"order is {plain(order)!r}; it must be 0, 1 or 2, or (rows, columns)")
    wanted = "it must be a finite number above 0"
    if not is_positive(sigma):
        raise ParameterError(f"sigma is {plain(sigma)!r}; {wanted}, or (rows, columns)")
    if not is_positive(truncate):
        raise ParameterError(f"truncate is {plain(truncate)!r}; {wanted}")
    reach = float(truncate) * float(sigma) + 0.5
    if 2 * reach + 1 > LARGEST:
        raise ParameterError(
            f"sigma {sigma} with truncate {truncate} needs more than {LARGEST} taps; "
            f"lower truncate, or shrink the image and sigma with it"
        )
    offset = np.arange(-int(reach), int(reach) + 1) / float(sigma)
    bell = np.exp(-0.5 * offset * offset)
    taps: Taps = bell / bell.sum()
    if order == 0:
        return taps
    factor = offset if order == 1 else (offset * offset - 1) / float(sigma)
    return factor / float(sigma) * taps


def box(size: int | tuple[int, int]) -> Taps:
    """Return the box blur's kernel, each weight one over their number.

    For size 3::

        1/9 1/9 1/9
        1/9 1/9 1/9
        1/9 1/9 1/9

    Parameters
    ----------
    size : int or (int, int)
        Side in pixels, or (rows, columns).

    Examples
    --------
    >>> box((1, 4))
    array([[0.25, 0.25, 0.25, 0.25]])
    """
    down, across = (box_taps(side) for side in per_axis(size))
    return np.outer(down, across) / (down.size * across.size)


def gaussian(
    sigma: float | tuple[float, float],
    *,
    order: int | tuple[int, int] = 0,
    truncate: float = 4.0,
) -> Taps:
    """Return exp(-(i² + j²) / 2σ²), divided by its sum.

    The factor 1 / (2πσ²) of the formula cancels: the weights kept sum to 1. For σ = 0.5 and
    truncate = 2::

        0.0113 0.0838 0.0113
        0.0838 0.6193 0.0838
        0.0113 0.0838 0.0113

    Parameters
    ----------
    sigma : float or (float, float)
        Standard deviation in pixels, or one for rows (down) and one for columns (across).
    order : int or (int, int)
        Derivative along the rows' axis (down) and along the columns' (across), 0 to 2, for
        correlation; see `gaussian_taps`. One number is for both.
    truncate : float
        Where the bell is cut, in standard deviations.

    Examples
    --------
    >>> gaussian(0.5, truncate=2).round(4)
    array([[0.0113, 0.0838, 0.0113],
           [0.0838, 0.6193, 0.0838],
           [0.0113, 0.0838, 0.0113]])
    """
    down, across = gaussian_factors(sigma, truncate, order)
    return np.outer(down, across)


def gaussian_factors(sigma: Any, truncate: float, order: Any = 0) -> tuple[Taps, Taps]:
    """Return the factors (down the rows, along the columns) of `gaussian`."""
    down, across = (
        gaussian_taps(one, truncate, derivative)
        for one, derivative in zip(per_axis(sigma), per_axis(order), strict=True)
    )
    return down, across


def motion(length: float, angle: float = 0.0) -> Taps:
    """Return the track of a point that moves `length` pixels in a straight line.

    Each weight is the part of the track that lies within its pixel, divided by the length: exact,
    at any angle and for lengths that are no whole numbers. For length 3, and for length 3 at
    π / 4::

        1/3 1/3 1/3        0.26 0    0
                           0    0.47 0
                           0    0    0.26

    Parameters
    ----------
    length : float
        In pixels, above 0 and at most 10,000.
    angle : float
        In radians, from the columns' axis (to the right) towards the rows' axis (downwards).

    Examples
    --------
    >>> motion(4)
    array([[0.125, 0.25 , 0.25 , 0.25 , 0.125]])
    >>> motion(3, np.pi / 4).round(2)
    array([[0.26, 0.  , 0.  ],
           [0.  , 0.47, 0.  ],
           [0.  , 0.  , 0.26]])
    """
    whole, turn = positive("length", length), finite("angle", angle)
    if whole > 10_000:
        raise ParameterError(f"length is {whole:g}; it must be at most 10000 pixels")
    # Half of it is followed, from the centre outwards, and mirrored: the kernel is symmetric.
    along = np.array([math.sin(turn), math.cos(turn)])
    ends = along * whole / 2
    crossings = [np.array([0.0, whole / 2])]
    for step, end in zip(along, ends, strict=True):
        edges = np.arange(0.5, abs(end))  # where the track leaves one row or column for the next
        crossings.append(edges / abs(step))
    at = np.unique(np.concatenate(crossings))
    pieces = np.diff(at)
    kept = pieces > 1e-9 * whole  # not the rounding at corners
    middles = ((at[:-1] + at[1:]) / 2)[kept]
    rows, columns = np.rint(along[:, None] * middles).astype(int)
    down, across = np.abs(rows).max(), np.abs(columns).max()
    kernel = np.zeros((2 * down + 1, 2 * across + 1))
    np.add.at(kernel, (down + rows, across + columns), pieces[kept])
    kernel += kernel[::-1, ::-1].copy()
    weights: Taps = kernel / kernel.sum()
    return weights
