"""Kernels that answer to edges: differences across, smoothing along, and second derivatives."""

from __future__ import annotations

from typing import Any

import numpy as np

from striate.errors import ParameterError
from striate.filters.kernels.checks import Taps, plain
from striate.filters.kernels.smoothing import gaussian, gaussian_factors

__all__ = [
    "ALONG",
    "DIFFERENCE",
    "SMOOTHING",
    "derivative_taps",
    "difference_of_gaussians",
    "laplacian",
    "laplacian_of_gaussian",
    "prewitt",
    "roberts",
    "scharr",
    "sobel",
]

SMOOTHING: Taps = np.array([1.0, 2.0, 1.0])  # the binomial row: Sobel blurs along the edge
DIFFERENCE: Taps = np.array([1.0, 0.0, -1.0])  # the central difference: across the edge
ALONG: dict[str, Taps] = {  # how each operator smooths along the edge
    "sobel": SMOOTHING,
    "scharr": np.array([3.0, 10.0, 3.0]),
    "prewitt": np.array([1.0, 1.0, 1.0]),
}
DIFFERENCE.setflags(write=False)
for _row in ALONG.values():
    _row.setflags(write=False)


def derivative_taps(operator: str, axis: Any) -> tuple[Taps, Taps]:
    """Return the factors (down the rows, along the columns) of an operator of `ALONG`."""
    whole = isinstance(axis, (int, np.integer)) and not isinstance(axis, (bool, np.bool_))
    if not whole or axis not in (0, 1):
        raise ParameterError(
            f"axis is {axis!r}; it must be 1 (along columns: vertical edges), "
            f"0 (along rows: horizontal edges) or None (the magnitude)"
        )
    along = ALONG[operator]
    return (along, DIFFERENCE) if axis == 1 else (DIFFERENCE, along)


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
    return np.outer(*derivative_taps("sobel", axis))


def scharr(axis: int) -> Taps:
    """Return Scharr's kernel for one direction, for *convolution* as `sobel`.

    Axis 1 and axis 0::

         3 0  -3         3  10  3
        10 0 -10         0   0  0
         3 0  -3        -3 -10 -3

    The smoothing that turns the least with the direction of the edge, in whole numbers.

    Source: B. Jähne, H. Scharr and S. Körkel, "Principles of filter design", in Handbook of
    Computer Vision and Applications, vol. 2, 1999.

    Parameters
    ----------
    axis : int
        0 or 1.

    Examples
    --------
    >>> scharr(1)
    array([[  3.,   0.,  -3.],
           [ 10.,   0., -10.],
           [  3.,   0.,  -3.]])
    """
    return np.outer(*derivative_taps("scharr", axis))


def prewitt(axis: int) -> Taps:
    """Return Prewitt's kernel for one direction, for *convolution* as `sobel`.

    Axis 1 and axis 0::

        1 0 -1         1  1  1
        1 0 -1         0  0  0
        1 0 -1        -1 -1 -1

    Source: J. M. S. Prewitt, "Object enhancement and extraction", in Picture Processing and
    Psychopictorics, 1970.

    Parameters
    ----------
    axis : int
        0 or 1.

    Examples
    --------
    >>> prewitt(0)
    array([[ 1.,  1.,  1.],
           [ 0.,  0.,  0.],
           [-1., -1., -1.]])
    """
    return np.outer(*derivative_taps("prewitt", axis))


def roberts(diagonal: int) -> Taps:
    """Return Roberts' cross for one diagonal, for *convolution* as `sobel`.

    Diagonal 0, down to the right, and diagonal 1, down to the left::

        1  0         0 1
        0 -1        -1 0

    Source: L. G. Roberts, "Machine perception of three-dimensional solids", 1963.

    Parameters
    ----------
    diagonal : int
        0 or 1.

    Examples
    --------
    >>> roberts(0)
    array([[ 1.,  0.],
           [ 0., -1.]])
    """
    if isinstance(diagonal, (bool, np.bool_)) or diagonal not in (0, 1):
        raise ParameterError(
            f"diagonal is {plain(diagonal)!r}; it must be 0 (down to the right), "
            f"1 (down to the left) or None (the magnitude)"
        )
    return np.array([[1.0, 0.0], [0.0, -1.0]] if diagonal == 0 else [[0.0, 1.0], [-1.0, 0.0]])


def laplacian(neighbours: int = 4) -> Taps:
    """Return the Laplacian's kernel: the neighbours' sum less as many times the centre.

    With 4 neighbours, and with 8::

        0  1 0        1  1 1
        1 -4 1        1 -8 1
        0  1 0        1  1 1

    Parameters
    ----------
    neighbours : int
        4 or 8.

    Examples
    --------
    >>> laplacian()
    array([[ 0.,  1.,  0.],
           [ 1., -4.,  1.],
           [ 0.,  1.,  0.]])
    """
    if neighbours not in (4, 8):
        raise ParameterError(f"neighbours is {plain(neighbours)!r}; it must be 4 or 8")
    corner = 1.0 if neighbours == 8 else 0.0
    return np.array([[corner, 1.0, corner], [1.0, -float(neighbours), 1.0], [corner, 1.0, corner]])


def laplacian_of_gaussian(sigma: float | tuple[float, float], *, truncate: float = 4.0) -> Taps:
    """Return the Laplacian of a Gaussian: its second derivatives along both axes, added.

    (i² / σ⁴ + j² / σ⁴ - 2 / σ²) · g(i, j) for the bell g of `gaussian`.

    Source: D. Marr and E. Hildreth, "Theory of edge detection", 1980.

    Parameters
    ----------
    sigma, truncate
        As for `gaussian`.

    Examples
    --------
    >>> laplacian_of_gaussian(0.5, truncate=2).round(2)
    array([[ 0.27,  0.67,  0.27],
           [ 0.67, -4.95,  0.67],
           [ 0.27,  0.67,  0.27]])
    """
    return gaussian(sigma, order=(2, 0), truncate=truncate) + gaussian(
        sigma, order=(0, 2), truncate=truncate
    )


def difference_of_gaussians(
    sigma: float | tuple[float, float],
    wider: float | tuple[float, float],
    *,
    truncate: float = 4.0,
) -> Taps:
    """Return the Gaussian of `sigma` less that of `wider`: a band of spatial frequencies.

    Source: D. Marr and E. Hildreth, "Theory of edge detection", 1980, appendix B.

    Parameters
    ----------
    sigma, wider : float or (float, float)
        Standard deviations in pixels; each of `wider` at least as large as that of `sigma`.
    truncate : float
        Where both bells are cut, each in its own standard deviations.

    Examples
    --------
    >>> difference_of_gaussians(0.4, 0.5, truncate=2).round(2)
    array([[-0.01, -0.05, -0.01],
           [-0.05,  0.23, -0.05],
           [-0.01, -0.05, -0.01]])
    """
    narrow, wide = difference_factors(sigma, wider, truncate)
    return np.outer(*narrow) - np.outer(*wide)


def difference_factors(
    sigma: Any, wider: Any, truncate: float
) -> tuple[tuple[Taps, Taps], tuple[Taps, Taps]]:
    """Return the factors of both bells of `difference_of_gaussians`, of one size."""
    narrow = gaussian_factors(sigma, truncate)
    wide = gaussian_factors(wider, truncate)
    if any(a.size > b.size for a, b in zip(narrow, wide, strict=True)):
        raise ParameterError(f"wider is {wider!r}, but sigma is {sigma!r}; wider must be larger")
    down, across = (padded(a, b.size) for a, b in zip(narrow, wide, strict=True))
    return (down, across), wide


def padded(taps: Taps, size: int) -> Taps:
    """Return odd taps in the middle of `size` numbers, zeros around them.

    Examples
    --------
    >>> padded(np.array([7.0]), 3)
    array([0., 7., 0.])
    """
    return np.pad(taps, (size - taps.size) // 2)
