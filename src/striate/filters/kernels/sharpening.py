"""Kernels that add edges back to the image: sharpening, unsharp masking and embossing."""

from __future__ import annotations

import numpy as np

from striate.filters.kernels.checks import Taps, finite
from striate.filters.kernels.edges import laplacian
from striate.filters.kernels.smoothing import gaussian

__all__ = ["emboss", "sharpen", "unsharp_mask"]


def sharpen(amount: float = 1.0, neighbours: int = 4) -> Taps:
    """Return the image less `amount` times its Laplacian.

    With 4 neighbours, and with 8::

         0 -1  0        -1 -1 -1
        -1  5 -1        -1  9 -1
         0 -1  0        -1 -1 -1

    Parameters
    ----------
    amount : float
        How much; 0 changes nothing.
    neighbours : int
        4 or 8.

    Examples
    --------
    >>> sharpen(0.5)
    array([[ 0. , -0.5,  0. ],
           [-0.5,  3. , -0.5],
           [ 0. , -0.5,  0. ]])
    """
    kernel = 0.0 - finite("amount", amount) * laplacian(neighbours)
    kernel[1, 1] += 1.0
    return kernel


def unsharp_mask(
    sigma: float | tuple[float, float], amount: float = 1.0, *, truncate: float = 4.0
) -> Taps:
    """Return the image plus `amount` times what a Gaussian blur takes away from it.

    Parameters
    ----------
    sigma, truncate
        As for `gaussian`.
    amount : float
        How much; 0 changes nothing.

    Examples
    --------
    >>> unsharp_mask(0.5, truncate=2).round(2)
    array([[-0.01, -0.08, -0.01],
           [-0.08,  1.38, -0.08],
           [-0.01, -0.08, -0.01]])
    """
    share = finite("amount", amount)
    kernel = 0.0 - share * gaussian(sigma, truncate=truncate)
    kernel[kernel.shape[0] // 2, kernel.shape[1] // 2] += 1.0 + share
    return kernel


def emboss(strength: float = 1.0) -> Taps:
    """Return the image plus `strength` times its slope down to the right, for *correlation*.

    With strength 1, the matrix that GIMP's manual gives for embossing (Convolution Matrix)::

        -2 -1 0
        -1  1 1
         0  1 2

    Parameters
    ----------
    strength : float
        How deep; below 0 the light comes from the other side.

    Examples
    --------
    >>> emboss(2)
    array([[-4., -2.,  0.],
           [-2.,  1.,  2.],
           [ 0.,  2.,  4.]])
    """
    slope = np.array([[-2.0, -1.0, 0.0], [-1.0, 0.0, 1.0], [0.0, 1.0, 2.0]])
    kernel: Taps = finite("strength", strength) * slope + 0.0
    kernel[1, 1] = 1.0
    return kernel
