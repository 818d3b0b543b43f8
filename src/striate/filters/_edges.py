"""Edges: Sobel's derivatives and their magnitude."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from striate.errors import explained
from striate.filters._apply import apply, as_image
from striate.filters.kernels.edges import derivative_taps

__all__ = ["sobel"]


def sobel(
    image: ArrayLike,
    axis: int | None = None,
    *,
    border: str = "reflect",
    cval: float = 0.0,
    dtype: DTypeLike | None = None,
    method: str = "auto",
) -> NDArray[Any]:
    """Return how steeply the image rises: Sobel's derivative in one direction, or its magnitude.

    Axis 1 *convolves* with k1, axis 0 with k2, and None gives hypot of the two::

                1 0 -1                1  2  1
        k1  =   2 0 -2        k2  =   0  0  0
                1 0 -1               -1 -2 -1

    Convolution flips the kernel: as *correlation*, what is summed for axis 1 is::

        -1 0 1
        -2 0 2
        -1 0 1

    So axis 1 is positive where the image gets brighter to the right, axis 0 where it gets
    brighter downwards, as in ``scipy.ndimage.sobel``, which equals it (for cval = 0: under
    ``constant`` SciPy pads again between its two passes, here the image is padded once).
    The weights are not scaled, as in SciPy and OpenCV: a slope of one level a pixel gives 8.
    scikit-image divides by 4, and its magnitude by a further √2. Without an axis,
    ``scipy.ndimage.sobel`` gives the last axis alone, not the magnitude.

    A derivative has a sign, and an unsigned result cannot show it: for uint8 and uint16 images
    negative values become 0 and large ones 255 or 65535 unless `dtype` is a signed one, such as
    ``numpy.int16`` (enough for uint8), ``numpy.int32`` (enough for uint16) or ``numpy.float32``.

    Parameters
    ----------
    image : array, shape (H, W) or (H, W, C)
        uint8, uint16, float32 or float64; each channel is filtered by itself.
    axis : {None, 0, 1}
        1: along the columns, which finds vertical edges. 0: along the rows, which finds
        horizontal edges. None: the magnitude, which finds both.
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
    >>> step = np.array([[0, 0, 9, 9, 0]], dtype=np.uint8)
    >>> sobel(step, axis=1, dtype=np.int16)
    array([[  0,  36,  36, -36, -36]], dtype=int16)
    >>> sobel(step)
    array([[ 0, 36, 36, 36, 36]], dtype=uint8)
    """
    with explained("sobel"):
        axes = (1, 0) if axis is None else (axis,)
        # Sobel's difference is odd and its smoothing even, so flipping both changes the sign.
        kernels = [
            (down[::-1].copy(), across[::-1].copy())
            for down, across in (derivative_taps("sobel", one) for one in axes)
        ]
        return apply(
            image,
            kernels,
            magnitude(as_image(image).dtype) if axis is None else lambda slope: slope,
            border=border,
            cval=cval,
            dtype=dtype,
            method=method,
        )


def magnitude(dtype: np.dtype[Any]) -> Callable[..., NDArray[np.float64]]:
    """Return √(x² + y²) for the slopes of images of `dtype`.

    float64 needs `numpy.hypot`, whose squares do not overflow; the squares of all other slopes
    fit into the float64 they are kept in, and a plain root takes a tenth of the time. For integers
    it is exact: a root that is no integer lies too far from any half to be rounded to it.
    """
    if dtype.itemsize == 8:
        return np.hypot

    def root(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        np.multiply(x, x, out=x)
        np.multiply(y, y, out=y)
        np.add(x, y, out=x)
        return np.sqrt(x, out=x)

    return root
