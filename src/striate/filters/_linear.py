"""Any kernel of one's own: convolution and correlation, which differ by a flip."""

from __future__ import annotations

import math
from functools import partial
from typing import Any, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray

from striate.errors import explained
from striate.filters._apply import Options, Request
from striate.filters._fourier import correlate_fourier, error_bound
from striate.filters._images import image_filter
from striate.filters._passes import add_pairs, add_products, define
from striate.filters.alpha import keep_alpha
from striate.filters.separation import Separation, as_kernel, binary_places, separate

__all__ = ["convolve", "correlate", "weighted"]

Values = NDArray[np.float64]

FOURIER = {"float32": 1444, "float64": 841}  # weights from which transforms beat such sums
PASSES = 1.25  # what a weight of a pass down and across costs, in weights of plain sums
NEGLIGIBLE = 1e-13  # what a separation may lose, in parts of the sum of the |weights|


def weighted(
    image: ArrayLike, matrix: Values, options: Options, *, flipped: bool = False
) -> NDArray[Any]:
    """Correlate an image with a matrix, the fastest way that gives the same result.

    - One product of a column and a row, or a sum of a few: a pass down and across.
    - Large and not separable: Fourier transforms of tiles.
    - All others, and ``method="reference"``: sums of all weights.

    Whole weights stay exact on whole numbers, and so do halves, quarters and so on: a sum of
    products is not taken for them, and transforms snap to the nearest number that such weights
    can give, where their error bound is below half its distance. The way follows from the
    kernel, the dtype and the border's constant, never from the pixels or the image's size: a part
    of an image is filtered as in the whole.
    """
    request = Request.of(image, options)
    reach = request.reach((matrix.shape[0], matrix.shape[1]), flipped=flipped)
    pixels, target, places = request.pixels, request.target, binary_places(matrix)
    split = separate(matrix)
    way = "reference" if request.reference else choose(request, matrix, split, places)
    if way == "reference":
        define(request, reach, [matrix])
    elif way == "fourier":
        finish = as_it_is
        if places is not None and pixels.dtype.kind == "u":
            finish = partial(snapped, places=places)
        correlate_fourier(pixels, matrix, request.frame(reach), finish, target)
    elif way == "products":
        add_pairs(request, reach, split.factors)
    else:
        add_products(request, reach, matrix)
    return request.result()


def choose(request: Request, matrix: Values, split: Separation, places: int | None) -> str:
    """Return sums, products or fourier: see `weighted`."""
    passes = split.rank * sum(matrix.shape)
    if split.rank == 1 and (not split.bound or places is None) and passes < matrix.size:
        return "products"
    wide = "float64" in (request.pixels.dtype, request.target.dtype)
    many = FOURIER["float64" if wide else "float32"]
    few = PASSES * passes < min(matrix.size, many)
    if few and places is None and not loses(split, matrix):
        return "products"
    if matrix.size >= many:
        error = error_bound(matrix, largest_pixel(request))
        floats = request.pixels.dtype.kind == "f"
        if floats or places is None or error < 2.0 ** (-places - 2):
            return "fourier"
    return "sums"


def loses(split: Separation, matrix: Values) -> bool:
    """Whether products differ from their sum, or are so large that they cancel out."""
    total = np.abs(matrix).sum()
    weights = sum(np.abs(column).sum() * np.abs(row).sum() for column, row in split.factors)
    return bool(split.bound > NEGLIGIBLE * total or weights > 4 * total)


def largest_pixel(request: Request) -> float:
    """Return what no |pixel| of an integer image exceeds; a constant of fractions is infinite."""
    if request.pixels.dtype.kind == "f":
        return 0.0
    limit = float(np.iinfo(request.pixels.dtype).max)
    if request.border != "constant":
        return limit
    return max(limit, abs(request.fill)) if request.fill.is_integer() else math.inf


def as_it_is(sums: Values) -> Values:
    """Return the sums."""
    return sums


def snapped(sums: Values, places: int) -> Values:
    """Return the nearest numbers of so many binary places.

    Examples
    --------
    >>> snapped(np.array([1.2499999, 2.0000001]), 2)
    array([1.25, 2.  ])
    """
    return np.ldexp(np.rint(np.ldexp(sums, places)), -places)


@image_filter(keep_alpha)
def convolve(
    image: ArrayLike,
    kernel: ArrayLike,
    **options: Unpack[Options],
) -> NDArray[Any]:
    """Return the convolution of signal processing: the kernel is flipped on both axes.

    y[i, j] = Σ w[u, v] · x[i - u + U // 2, j - v + V // 2], as ``scipy.ndimage.convolve``. An
    impulse is answered with the kernel itself. Convolution in neural networks
    (`striate.conv2d`) does not flip; its like is `correlate`.

    Parameters
    ----------
    image : array, shape (H, W) or (H, W, C)
        uint8, uint16, float32 or float64; each channel is filtered by itself.
    kernel : array or nested list, shape (U, V) or (V,)
        Finite real weights; one axis is a row (for a column, ``numpy.reshape(kernel, (-1, 1))``).
    **options
        border, cval, dtype, out, method and others: see `striate.filters`.

    Returns
    -------
    array, the image's shape

    Raises
    ------
    ShapeError, DTypeError, ParameterError
        The image, the kernel or an argument is not as described.

    Examples
    --------
    >>> import numpy as np
    >>> impulse = np.array([[0, 0, 1, 0, 0]], dtype=np.uint8)
    >>> convolve(impulse, [1, 2, 3])
    array([[0, 1, 2, 3, 0]], dtype=uint8)
    """
    with explained("convolve"):
        flipped = np.ascontiguousarray(as_kernel(kernel)[::-1, ::-1])
        return weighted(image, flipped, options, flipped=True)


@image_filter(keep_alpha)
def correlate(
    image: ArrayLike,
    kernel: ArrayLike,
    **options: Unpack[Options],
) -> NDArray[Any]:
    """Return the cross-correlation: the kernel lies on the image as it is printed.

    y[i, j] = Σ w[u, v] · x[i + u - U // 2, j + v - V // 2], as ``scipy.ndimage.correlate``,
    OpenCV's ``filter2D`` and the convolution of neural networks (`striate.conv2d`).

    Parameters
    ----------
    image : array, shape (H, W) or (H, W, C)
        uint8, uint16, float32 or float64; each channel is filtered by itself.
    kernel : array or nested list, shape (U, V) or (V,)
        Finite real weights; one axis is a row (for a column, ``numpy.reshape(kernel, (-1, 1))``).
    **options
        border, cval, dtype, out, method and others: see `striate.filters`.

    Returns
    -------
    array, the image's shape

    Raises
    ------
    ShapeError, DTypeError, ParameterError
        The image, the kernel or an argument is not as described.

    Examples
    --------
    >>> import numpy as np
    >>> impulse = np.array([[0, 0, 1, 0, 0]], dtype=np.uint8)
    >>> correlate(impulse, [1, 2, 3])
    array([[0, 3, 2, 1, 0]], dtype=uint8)
    """
    with explained("correlate"):
        return weighted(image, as_kernel(kernel), options)
