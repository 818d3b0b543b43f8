"""Sharpening: the image with its own edges added, and embossed."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray

from striate.errors import explained
from striate.filters import kernels
from striate.filters._apply import Options
from striate.filters._images import image_filter
from striate.filters._linear import weighted
from striate.filters._passes import apply
from striate.filters.alpha import sharpen_by_alpha
from striate.filters.kernels.checks import finite
from striate.filters.kernels.edges import padded
from striate.filters.kernels.smoothing import gaussian_factors

__all__ = ["emboss", "sharpen", "unsharp_mask"]


@image_filter(sharpen_by_alpha)
def sharpen(
    image: ArrayLike, amount: float = 1.0, *, neighbours: int = 4, **options: Unpack[Options]
) -> NDArray[Any]:
    """Return the image less `amount` times its Laplacian.

    With amount 1, and 4 or 8 neighbours::

         0 -1  0        -1 -1 -1
        -1  5 -1        -1  9 -1
         0 -1  0        -1 -1 -1

    Parameters
    ----------
    image : array, shape (H, W) or (H, W, C)
        uint8, uint16, float32 or float64; each channel is filtered by itself.
    amount : float
        How much; 0 changes nothing.
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
    >>> sharpen(np.array([[10, 10, 20, 20]], dtype=np.uint8))
    array([[10,  0, 30, 20]], dtype=uint8)
    """
    with explained("sharpen"):
        return weighted(image, kernels.sharpen(amount, neighbours), options)


@image_filter(sharpen_by_alpha)
def unsharp_mask(
    image: ArrayLike,
    sigma: float | tuple[float, float],
    amount: float = 1.0,
    *,
    truncate: float = 4.0,
    **options: Unpack[Options],
) -> NDArray[Any]:
    """Return the image plus `amount` times what a Gaussian blur takes away from it.

    Where an image has alpha, see `striate.filters.alpha.sharpen_by_alpha`.

    Parameters
    ----------
    image : array, shape (H, W) or (H, W, C)
        uint8, uint16, float32 or float64; each channel is filtered by itself.
    sigma : float or (float, float)
        Standard deviation in pixels, or one for rows (down) and one for columns (across).
    amount : float
        How much; 0 changes nothing.
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
    >>> unsharp_mask(np.array([[10, 10, 20, 20]], dtype=np.uint8), 1)
    array([[ 9,  7, 23, 21]], dtype=uint8)
    """
    with explained("unsharp_mask"):
        share = finite("amount", amount)
        bell = gaussian_factors(sigma, truncate)
        alone = padded(np.ones(1), bell[0].size), padded(np.ones(1), bell[1].size)

        whole, less = (1 + share) * alone[0], -share * bell[0]
        return apply(image, [(whole, alone[1]), (less, bell[1])], options)


@image_filter(sharpen_by_alpha)
def emboss(image: ArrayLike, strength: float = 1.0, **options: Unpack[Options]) -> NDArray[Any]:
    """Return the image as a relief lit from the upper left: plus its slope down to the right.

    *Correlation* with, for strength 1::

        -2 -1 0
        -1  1 1
         0  1 2

    Parameters
    ----------
    image : array, shape (H, W) or (H, W, C)
        uint8, uint16, float32 or float64; each channel is filtered by itself.
    strength : float
        How deep; below 0 the light comes from the other side.
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
    >>> emboss(np.array([[10, 10, 20, 20]], dtype=np.uint8))
    array([[10, 40, 50, 20]], dtype=uint8)
    """
    with explained("emboss"):
        return weighted(image, kernels.emboss(strength), options)
