"""Kernels as data: named arrays of one axis, and their products.

A kernel that is the outer product of two rows of numbers costs K + K multiplications a pixel
instead of K x K. Box, Gaussian and Sobel are such products, so they are kept as their factors;
`box`, `gaussian` and `sobel` multiply them out for display and for `striate.filters.convolve`.
"""

from __future__ import annotations

import math
import numbers
import re
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import ParameterError

__all__ = [
    "DIFFERENCE",
    "LARGEST",
    "SMOOTHING",
    "box",
    "box_taps",
    "gaussian",
    "gaussian_taps",
    "parse",
    "per_axis",
    "sobel",
    "sobel_taps",
]

Taps = NDArray[np.float64]

LARGEST = 2**20  # taps on one axis; more would take hours, and memory for the border's indices

SMOOTHING: Taps = np.array([1.0, 2.0, 1.0])  # the binomial row: Sobel blurs along the edge
DIFFERENCE: Taps = np.array([1.0, 0.0, -1.0])  # the central difference: across the edge
SMOOTHING.setflags(write=False)
DIFFERENCE.setflags(write=False)


def per_axis(value: Any) -> tuple[Any, Any]:
    """Return `value` for rows and columns: a pair as it is, anything else twice.

    Examples
    --------
    >>> per_axis(3), per_axis((1, 5))
    ((3, 3), (1, 5))
    """
    if isinstance(value, (tuple, list, np.ndarray)) and len(np.shape(value)) == 1:
        if len(value) != 2:
            raise ParameterError(
                f"{value!r} has {len(value)} entries; give one number, or two: (rows, columns)"
            )
        return value[0], value[1]
    return value, value


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


def gaussian_taps(sigma: float, truncate: float = 4.0) -> Taps:
    """Return exp(-i² / 2σ²) for i from -radius to radius, divided by its sum.

    The radius is ``int(truncate * sigma + 0.5)``, as in SciPy. The values are samples of the
    bell, not its integrals over pixels: below σ of about 0.5 they blur less than their σ says.

    Parameters
    ----------
    sigma : float
        Standard deviation in pixels, finite and above 0.
    truncate : float
        Where the bell is cut, in standard deviations, finite and above 0.

    Raises
    ------
    ParameterError
        A parameter is out of its range, or more than 1,048,576 taps would be needed.

    Examples
    --------
    >>> gaussian_taps(0.5).round(4)
    array([3.000e-04, 1.065e-01, 7.866e-01, 1.065e-01, 3.000e-04])
    """
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
    return taps


def is_positive(value: Any) -> bool:
    """Whether `value` is a finite real number above 0; True is not a number here."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Real):
        return False
    try:
        return 0 < float(value) < math.inf
    except OverflowError:  # an integer beyond the floats
        return False


def plain(value: Any) -> Any:
    """Return a NumPy number as Python's, for messages: nan instead of np.float64(nan)."""
    return value.item() if isinstance(value, np.generic) else value


def sobel_taps(axis: int) -> tuple[Taps, Taps]:
    """Return the factors (down the rows, along the columns) of `sobel(axis)`."""
    if isinstance(axis, (bool, np.bool_)) or axis not in (0, 1):
        raise ParameterError(
            f"axis is {axis!r}; it must be 1 (along columns: vertical edges), "
            f"0 (along rows: horizontal edges) or None (the magnitude)"
        )
    return (SMOOTHING, DIFFERENCE) if axis == 1 else (DIFFERENCE, SMOOTHING)


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


def gaussian(sigma: float | tuple[float, float], *, truncate: float = 4.0) -> Taps:
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
    truncate : float
        Where the bell is cut, in standard deviations.

    Examples
    --------
    >>> gaussian(0.5, truncate=2).round(4)
    array([[0.0113, 0.0838, 0.0113],
           [0.0838, 0.6193, 0.0838],
           [0.0113, 0.0838, 0.0113]])
    """
    down, across = (gaussian_taps(one, truncate) for one in per_axis(sigma))
    return np.outer(down, across)


def sobel(axis: int) -> Taps:
    """Return Sobel's kernel for one direction, as it is printed: for *convolution*.

    Axis 1, along the columns, and axis 0, along the rows::

        1 0 -1        1  2  1
        2 0 -2        0  0  0
        1 0 -1       -1 -2 -1

    Convolution flips them, so ``convolve(image, sobel(1))`` is positive where the image gets
    brighter to the right and ``convolve(image, sobel(0))`` where it gets brighter downwards.
    Correlation with the same kernels, as networks do it, has the opposite sign.

    Source: I. Sobel and G. Feldman, "An isotropic 3x3 image gradient operator", 1968.

    Parameters
    ----------
    axis : int
        0 or 1.

    Examples
    --------
    >>> sobel(1)
    array([[ 1.,  0., -1.],
           [ 2.,  0., -2.],
           [ 1.,  0., -1.]])
    """
    return np.outer(*sobel_taps(axis))


def parse(text: str) -> Taps:
    """Return the kernel written in `text`: numbers apart by spaces or commas, rows by ; or lines.

    Fractions such as 1/9 may stand for numbers; lines that begin with # are comments.

    Raises
    ------
    ParameterError
        Something is no number, the rows differ in length, or there are none.

    Examples
    --------
    >>> parse("1 0 -1; 2 0 -2; 1 0 -1")
    array([[ 1.,  0., -1.],
           [ 2.,  0., -2.],
           [ 1.,  0., -1.]])
    >>> parse("1/4, 1/2, 1/4")
    array([[0.25, 0.5 , 0.25]])
    """
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    rows = [re.split(r"[\s,]+", row.strip(" \t,")) for row in re.split("[;\n]", "\n".join(lines))]
    weights = [[weight(word) for word in row] for row in rows if row != [""]]
    lengths = sorted({len(row) for row in weights})
    if len(lengths) != 1:
        found = f"rows of {' and '.join(map(str, lengths))} weights" if lengths else "no weight"
        raise ParameterError(
            f"the kernel has {found}; write rows of equal length, as '1 0 -1; 2 0 -2; 1 0 -1'"
        )
    return np.array(weights)


def weight(word: str) -> float:
    """Return the number or fraction that `word` spells."""
    try:
        return float(Fraction(word))
    except (ValueError, ZeroDivisionError, OverflowError):
        raise ParameterError(
            f"the kernel holds {word!r}; its weights must be finite numbers or fractions, "
            f"as '1 0 -1; 2 0 -2; 1 0 -1' or '1/3 1/3 1/3'"
        ) from None
