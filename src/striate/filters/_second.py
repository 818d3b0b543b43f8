"""Second derivatives: the Laplacian, of the image and of blurred ones, and bands."""

from __future__ import annotations

from typing import Any, Unpack

from numpy.typing import ArrayLike, NDArray

from striate.errors import explained
from striate.filters import kernels
from striate.filters._apply import Options
from striate.filters._images import image_filter
from striate.filters._linear import weighted
from striate.filters._passes import apply
from striate.filters.alpha import keep_alpha
from striate.filters.kernels.edges import difference_factors
from striate.filters.kernels.smoothing import gaussian_factors

__all__ = ["difference_of_gaussians", "laplacian", "laplacian_of_gaussian"]


@image_filter(keep_alpha)
def laplacian(image: ArrayLike, *, neighbours: int = 4, **options: Unpack[Options]) -> NDArray[Any]:
    """Return the Laplacian: how much brighter the neighbours are than the pixel.

    With 4 neighbours, and with 8::

        0  1 0        1  1 1
        1 -4 1        1 -8 1
        0  1 0        1  1 1

    4 is SciPy's ``laplace`` and OpenCV's ``Laplacian`` of ksize 1.

    Parameters
    ----------
    image : array, shape (H, W) or (H, W, C)
        uint8, uint16, float32 or float64; each channel is filtered by itself.
    neighbours : int
        4 or 8.
    **options
        border, cval, dtype, out, method and others: see `striate.filters`.

    Returns
    -------
    array, the image's shape

    Raises
    ------
    ShapeError, DTypeError, ParameterError
        The image or an argument is not as described.

    Examples
    --------
    >>> import numpy as np
    >>> laplacian(np.array([[0, 0, 9, 0, 0]], dtype=np.uint8), dtype=np.int16)
    array([[  0,   9, -18,   9,   0]], dtype=int16)
    """
    with explained("laplacian"):
        return weighted(image, kernels.laplacian(neighbours), options)


@image_filter(keep_alpha)
def laplacian_of_gaussian(
    image: ArrayLike,
    sigma: float | tuple[float, float],
    *,
    truncate: float = 4.0,
    **options: Unpack[Options],
) -> NDArray[Any]:
    """Return the Laplacian of the image blurred by a Gaussian, through the bell's derivatives.

    It is negative on bright spots and changes sign at edges; SciPy's ``gaussian_laplace``. See
    `striate.filters.kernels.laplacian_of_gaussian`.

    Parameters
    ----------
    image : array, shape (H, W) or (H, W, C)
        uint8, uint16, float32 or float64; each channel is filtered by itself.
    sigma : float or (float, float)
        Standard deviation in pixels, or one for rows (down) and one for columns (across).
    truncate : float
        Where a bell is cut, in standard deviations.
    **options
        border, cval, dtype, out, method and others: see `striate.filters`.

    Returns
    -------
    array, the image's shape

    Raises
    ------
    ShapeError, DTypeError, ParameterError
        The image or an argument is not as described.

    Examples
    --------
    >>> import numpy as np
    >>> laplacian_of_gaussian(np.array([[0.0, 0, 8, 0, 0]]), 1).round(2)
    array([[ 1.58,  0.02, -3.19,  0.02,  1.58]])
    """
    with explained("laplacian_of_gaussian"):
        pairs = [gaussian_factors(sigma, truncate, order) for order in ((2, 0), (0, 2))]
        return apply(image, pairs, options)


@image_filter(keep_alpha)
def difference_of_gaussians(
    image: ArrayLike,
    sigma: float | tuple[float, float],
    wider: float | tuple[float, float] | None = None,
    *,
    truncate: float = 4.0,
    **options: Unpack[Options],
) -> NDArray[Any]:
    """Return the image blurred by `sigma`, less the image blurred by `wider`.

    It keeps what is larger than the one and smaller than the other. See
    `striate.filters.kernels.difference_of_gaussians`.

    Parameters
    ----------
    image : array, shape (H, W) or (H, W, C)
        uint8, uint16, float32 or float64; each channel is filtered by itself.
    sigma : float or (float, float)
        Standard deviation in pixels, or one for rows (down) and one for columns (across).
    wider : float or (float, float), optional
        The other standard deviation, at least as large; 1.6 times `sigma` if left out, which
        comes nearest to the Laplacian of a Gaussian (Marr and Hildreth, 1980).
    truncate : float
        Where a bell is cut, in standard deviations.
    **options
        border, cval, dtype, out, method and others: see `striate.filters`.

    Returns
    -------
    array, the image's shape

    Raises
    ------
    ShapeError, DTypeError, ParameterError
        The image or an argument is not as described.

    Examples
    --------
    >>> import numpy as np
    >>> difference_of_gaussians(np.array([[0.0, 0, 8, 0, 0]]), 0.5, 1).round(2)
    array([[-0.47, -1.09,  3.1 , -1.09, -0.47]])
    """
    with explained("difference_of_gaussians"):
        narrow, wide = difference_factors(sigma, broadened(sigma, wider), truncate)
        return apply(image, [narrow, (-wide[0], wide[1])], options)


def broadened(sigma: Any, wider: Any) -> Any:
    """Return `wider`, or 1.6 times `sigma`."""
    if wider is not None:
        return wider
    gaussian_factors(sigma, 1)  # refuses what is no standard deviation
    return tuple(1.6 * one for one in kernels.per_axis(sigma))
