"""Gabor's filters: waves of one length and direction, and banks of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray

from striate.errors import ParameterError, explained
from striate.filters import kernels
from striate.filters._apply import Options
from striate.filters._images import image_filter
from striate.filters._linear import correlate, weighted
from striate.filters.alpha import keep_alpha

__all__ = ["gabor", "gabor_bank"]


@image_filter(keep_alpha)
def gabor(
    image: ArrayLike,
    wavelength: float,
    angle: float = 0.0,
    *,
    bandwidth: float = 1.0,
    aspect: float = 0.5,
    phase: float = 0.0,
    truncate: float = 3.0,
    **options: Unpack[Options],
) -> NDArray[Any]:
    """Return how much of a wave there is around each pixel: correlation with a Gabor kernel.

    See `striate.filters.kernels.gabor`. A wave of amplitude 1 that fits is answered with up to
    about a half. The answer has a sign: ask for a `dtype` that shows it.

    Parameters
    ----------
    image : array, shape (H, W) or (H, W, C)
        uint8, uint16, float32 or float64; each channel is filtered by itself.
    wavelength : float
        In pixels from stripe to stripe.
    angle : float
        Where the wave goes, in radians, from the columns' axis (to the right) towards the rows'
        axis (downwards). 0 answers to vertical stripes.
    bandwidth, aspect, phase, truncate : float
        See `striate.filters.kernels.gabor`.
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
    >>> stripes = np.cos(2 * np.pi * np.arange(32) / 8) * np.ones((32, 1))
    >>> gabor(stripes, 8)[16, 16].round(2), abs(gabor(stripes, 8, np.pi / 2)[16, 16]).round(2)
    (np.float64(0.5), np.float64(0.0))
    """
    with explained("gabor"):
        kernel = kernels.gabor(
            wavelength, angle, bandwidth=bandwidth, aspect=aspect, phase=phase, truncate=truncate
        )
        return weighted(image, kernel, options)


def gabor_bank(
    image: ArrayLike,
    wavelengths: Sequence[float],
    angles: int | Sequence[float] = 4,
    *,
    bandwidth: float = 1.0,
    aspect: float = 0.5,
    phase: float = 0.0,
    truncate: float = 3.0,
    **options: Unpack[Options],
) -> NDArray[Any]:
    """Return `gabor` for each wavelength, and in it for each angle.

    Parameters
    ----------
    image : array, shape (H, W) or (H, W, C)
        uint8, uint16, float32 or float64; each channel is filtered by itself.
    wavelengths : sequence of float
        In pixels.
    angles : int or sequence of float
        In radians, or how many, evenly spread over half a turn: 4 gives 0, π/4, π/2 and 3π/4.
    bandwidth, aspect, phase, truncate : float
        See `striate.filters.kernels.gabor`.
    **options
        border, cval, dtype, method and others, but not out: see `striate.filters`.

    Returns
    -------
    array, shape (wavelengths, angles) followed by the image's

    Raises
    ------
    ShapeError, DTypeError, ParameterError
        The image or an argument is not as described.

    Examples
    --------
    >>> gabor_bank(np.zeros((20, 30)), [4, 8], angles=6).shape
    (2, 6, 20, 30)
    """
    with explained("gabor_bank"):
        if options.get("out") is not None:
            raise ParameterError("out is given, but a bank has many results; leave it out")
        bank = kernels.gabor_bank(
            wavelengths, angles, bandwidth=bandwidth, aspect=aspect, phase=phase, truncate=truncate
        )
        return np.stack(
            [np.stack([correlate(image, kernel, **options) for kernel in row]) for row in bank]
        )
