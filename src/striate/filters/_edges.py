"""Edges: first derivatives by Sobel, Scharr, Prewitt and Roberts, and their magnitude."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray

from striate.errors import explained
from striate.filters import kernels
from striate.filters._apply import Options
from striate.filters._images import image_filter
from striate.filters._passes import Pair, apply
from striate.filters.alpha import keep_alpha
from striate.filters.kernels.edges import derivative_taps

__all__ = ["prewitt", "roberts", "scharr", "sobel"]


@image_filter(keep_alpha)
def sobel(
    image: ArrayLike,
    axis: int | None = None,
    **options: Unpack[Options],
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
    >>> step = np.array([[0, 0, 9, 9, 0]], dtype=np.uint8)
    >>> sobel(step, axis=1, dtype=np.int16)
    array([[  0,  36,  36, -36, -36]], dtype=int16)
    >>> sobel(step)
    array([[ 0, 36, 36, 36, 36]], dtype=uint8)
    """
    return slope("sobel", image, axis, options)


@image_filter(keep_alpha)
def scharr(image: ArrayLike, axis: int | None = None, **options: Unpack[Options]) -> NDArray[Any]:
    """Return Scharr's derivative in one direction, or the magnitude of both.

    As `sobel`, with its signs, but axis 1 convolves with the first of these and axis 0 with the
    second, whose direction is off by less (see `striate.filters.kernels.scharr`)::

         3 0  -3         3  10  3
        10 0 -10         0   0  0
         3 0  -3        -3 -10 -3

    A slope of one level a pixel gives 32. OpenCV's ``Scharr`` has the same weights; scikit-image
    divides by 16, and its magnitude by a further √2.

    Parameters
    ----------
    image : array, shape (H, W) or (H, W, C)
        uint8, uint16, float32 or float64; each channel is filtered by itself.
    axis : {None, 0, 1}
        1: along the columns. 0: along the rows. None: the magnitude.
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
    >>> scharr(np.array([[0, 0, 9, 9, 0]], dtype=np.uint8), axis=1, dtype=np.int16)
    array([[   0,  144,  144, -144, -144]], dtype=int16)
    """
    return slope("scharr", image, axis, options)


@image_filter(keep_alpha)
def prewitt(image: ArrayLike, axis: int | None = None, **options: Unpack[Options]) -> NDArray[Any]:
    """Return Prewitt's derivative in one direction, or the magnitude of both.

    As `sobel`, with its signs, but axis 1 convolves with the first of these and axis 0 with the
    second (see `striate.filters.kernels.prewitt`)::

        1 0 -1         1  1  1
        1 0 -1         0  0  0
        1 0 -1        -1 -1 -1

    A slope of one level a pixel gives 6, as in SciPy.

    Parameters
    ----------
    image : array, shape (H, W) or (H, W, C)
        uint8, uint16, float32 or float64; each channel is filtered by itself.
    axis : {None, 0, 1}
        1: along the columns. 0: along the rows. None: the magnitude.
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
    >>> prewitt(np.array([[0, 0, 9, 9, 0]], dtype=np.uint8), axis=1, dtype=np.int16)
    array([[  0,  27,  27, -27, -27]], dtype=int16)
    """
    return slope("prewitt", image, axis, options)


@image_filter(keep_alpha)
def roberts(
    image: ArrayLike, diagonal: int | None = None, **options: Unpack[Options]
) -> NDArray[Any]:
    """Return Roberts' difference along one diagonal, or the magnitude of both.

    Diagonal 0 *convolves* with the first of these and is positive where the image gets brighter
    down to the right; diagonal 1 with the second, down to the left::

        1  0         0 1
        0 -1        -1 0

    The result lies between pixels: half a pixel further down and to the right.

    Parameters
    ----------
    image : array, shape (H, W) or (H, W, C)
        uint8, uint16, float32 or float64; each channel is filtered by itself.
    diagonal : {None, 0, 1}
        0: down to the right. 1: down to the left. None: the magnitude.
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
    >>> roberts(np.array([[0, 0, 9], [0, 0, 9]], dtype=np.uint8), 0)
    array([[0, 9, 0],
           [0, 9, 0]], dtype=uint8)
    """
    with explained("roberts"):
        chosen = [0, 1] if diagonal is None else [diagonal]
        pairs = [pair for one in chosen for pair in difference(kernels.roberts(one))]
        return apply(image, pairs, options, ending=ending(diagonal), flipped=True)


def difference(kernel: NDArray[np.float64]) -> list[Pair]:
    """Return a 2 x 2 kernel as products: each of its rows by itself, both flipped."""
    return [(np.array([1.0, 0.0]), kernel[1, ::-1]), (np.array([0.0, 1.0]), kernel[0, ::-1])]


def ending(direction: int | None) -> str:
    """Return what becomes of the slopes: one direction's alone, or the magnitude of two."""
    return "magnitude" if direction is None else "sum"


def slope(operator: str, image: ArrayLike, axis: int | None, options: Options) -> NDArray[Any]:
    """Return the derivative of an operator in one direction, or the magnitude of both."""
    with explained(operator):
        axes = (1, 0) if axis is None else (axis,)
        # The difference is odd and the smoothing even, so flipping both changes the sign.
        pairs = [
            (down[::-1].copy(), across[::-1].copy())
            for down, across in (derivative_taps(operator, one) for one in axes)
        ]
        return apply(image, pairs, options, ending=ending(axis))
