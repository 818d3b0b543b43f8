"""Blurs: the mean of a window, and the Gaussian bell."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from striate.errors import explained
from striate.filters._apply import apply
from striate.filters.kernels import box_taps, gaussian_taps, per_axis

__all__ = ["box", "gaussian"]


def box(
    image: ArrayLike,
    size: int | tuple[int, int],
    *,
    border: str = "reflect",
    cval: float = 0.0,
    dtype: DTypeLike | None = None,
    method: str = "auto",
) -> NDArray[Any]:
    """Return the mean of the `size` x `size` pixels around each pixel.

    The kernel, for size 3 (see `striate.filters.kernels.box`)::

        1/9 1/9 1/9
        1/9 1/9 1/9
        1/9 1/9 1/9

    The window of an even size reaches one pixel further up and left than down and right, as in
    SciPy's ``uniform_filter``. Pixels of integer dtypes are summed exactly and divided once, so
    the result is the exact mean, rounded half to even.

    Parameters
    ----------
    image : array, shape (H, W) or (H, W, C)
        uint8, uint16, float32 or float64; each channel is filtered by itself.
    size : int or (int, int)
        Side of the window in pixels, or (rows, columns); it may exceed the image.
    border : str
        reflect, mirror, nearest, constant or wrap: see `striate.filters.borders`.
    cval : float
        What lies outside under ``border="constant"``.
    dtype : dtype, optional
        The result's dtype, if not the image's: uint8, uint16, int16, int32, float32, float64.
    method : str
        auto, or reference: the definition in NumPy.

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
    >>> box(np.array([[0, 0, 9, 0, 0]], dtype=np.uint8), 3)
    array([[0, 3, 3, 3, 0]], dtype=uint8)
    """
    with explained("box"):
        down, across = (box_taps(side) for side in per_axis(size))
        count = down.size * across.size
        return apply(
            image,
            [(down, across)],
            lambda total: np.divide(total, count, out=total),
            border=border,
            cval=cval,
            dtype=dtype,
            method=method,
        )


def gaussian(
    image: ArrayLike,
    sigma: float | tuple[float, float],
    *,
    truncate: float = 4.0,
    border: str = "reflect",
    cval: float = 0.0,
    dtype: DTypeLike | None = None,
    method: str = "auto",
) -> NDArray[Any]:
    """Return the image blurred by a Gaussian bell of standard deviation `sigma` pixels.

    The kernel is exp(-(i² + j²) / 2σ²) at whole pixels, divided by the sum of the weights kept
    (see `striate.filters.kernels.gaussian`). It is computed in float64 and rounded once.

    Parameters
    ----------
    image : array, shape (H, W) or (H, W, C)
        uint8, uint16, float32 or float64; each channel is filtered by itself.
    sigma : float or (float, float)
        Standard deviation in pixels, or one for rows (down) and one for columns (across).
    truncate : float
        The kernel ends ``int(truncate * sigma + 0.5)`` pixels from its centre, as in SciPy.
    border : str
        reflect, mirror, nearest, constant or wrap: see `striate.filters.borders`.
    cval : float
        What lies outside under ``border="constant"``.
    dtype : dtype, optional
        The result's dtype, if not the image's: uint8, uint16, int16, int32, float32, float64.
    method : str
        auto, or reference: the definition in NumPy.

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
    >>> gaussian(np.array([[0, 0, 255, 0, 0]], dtype=np.uint8), sigma=1)
    array([[ 15,  62, 102,  62,  15]], dtype=uint8)
    """
    with explained("gaussian"):
        down, across = (gaussian_taps(one, truncate) for one in per_axis(sigma))
        return apply(
            image,
            [(down, across)],
            lambda blurred: blurred,
            border=border,
            cval=cval,
            dtype=dtype,
            method=method,
        )
