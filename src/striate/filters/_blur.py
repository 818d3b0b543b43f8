"""Blurs: the mean of a window, and the Gaussian bell."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Unpack

from numpy.typing import ArrayLike, NDArray

from striate.errors import explained
from striate.filters._apply import Options, Request
from striate.filters._footprints import note
from striate.filters._images import image_filter
from striate.filters._linear import weighted
from striate.filters._passes import apply, run_pass
from striate.filters.alpha import weigh_by_alpha
from striate.filters.kernels import box_taps, per_axis
from striate.filters.kernels.smoothing import gaussian_factors, motion
from striate.ops.filtering import correlate_reference, round_into
from striate.ops.images.box import box_pass
from striate.ops.images.box_stages import box_grid
from striate.ops.images.calls import Pass
from striate.ops.images.edges import Layout, Reach

__all__ = ["box", "gaussian", "motion_blur"]


@image_filter(weigh_by_alpha)
def box(
    image: ArrayLike,
    size: int | tuple[int, int],
    **options: Unpack[Options],
) -> NDArray[Any]:
    """Return the mean of the `size` x `size` pixels around each pixel.

    The kernel, for size 3 (see `striate.filters.kernels.box`)::

        1/9 1/9 1/9
        1/9 1/9 1/9
        1/9 1/9 1/9

    The window of an even size reaches one pixel further up and left than down and right, as in
    SciPy's ``uniform_filter``. Pixels of integer dtypes are summed exactly and divided once, so
    the result is the exact mean, rounded half to even. Floats are added up in their own precision,
    and never subtracted: sums beyond its range are infinite, though a mean would not be.

    Parameters
    ----------
    image : array, shape (H, W) or (H, W, C)
        uint8, uint16, float32 or float64; each channel is filtered by itself.
    size : int or (int, int)
        Side of the window in pixels, or (rows, columns); it may exceed the image.
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
    >>> box(np.array([[0, 0, 9, 0, 0]], dtype=np.uint8), 3)
    array([[0, 3, 3, 3, 0]], dtype=uint8)
    """
    with explained("box"):
        request = Request.of(image, options)
        down, across = (box_taps(side) for side in per_axis(size))
        reach = request.reach((down.size, across.size))
        if request.reference:
            sums = correlate_reference(request.pixels, (down, across), request.frame(reach))
            round_into(request.target, sums / (down.size * across.size))
        else:
            if request.pixels.dtype.kind == "f":
                note((0, 0), (0, 0), (box_grid(down.size), 1))
            run_pass(request, reach, lambda layout: planned_box(layout, reach))
        return request.result()


@lru_cache(maxsize=128)
def planned_box(layout: Layout, reach: Reach) -> Pass:
    """Return the pass of an image and a window."""
    return box_pass(layout, reach)


@image_filter(weigh_by_alpha)
def gaussian(
    image: ArrayLike,
    sigma: float | tuple[float, float],
    *,
    order: int | tuple[int, int] = 0,
    truncate: float = 4.0,
    **options: Unpack[Options],
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
    order : int or (int, int)
        0 blurs; 1 and 2 give the first and second derivative of the blurred image: along the
        rows' axis (positive where it gets brighter downwards) and along the columns' (to the
        right). One number is for both, as in SciPy. See `sobel` for results with a sign.
    truncate : float
        The kernel ends ``int(truncate * sigma + 0.5)`` pixels from its centre, as in SciPy.
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
    >>> gaussian(np.array([[0, 0, 255, 0, 0]], dtype=np.uint8), sigma=1)
    array([[ 15,  62, 102,  62,  15]], dtype=uint8)
    """
    with explained("gaussian"):
        return apply(image, [gaussian_factors(sigma, truncate, order)], options)


@image_filter(weigh_by_alpha)
def motion_blur(
    image: ArrayLike, length: float, *, angle: float = 0.0, **options: Unpack[Options]
) -> NDArray[Any]:
    """Return the image as a camera sees it that moves `length` pixels in a straight line.

    The kernel is the track's share of each pixel: see `striate.filters.kernels.motion`.

    Parameters
    ----------
    image : array, shape (H, W) or (H, W, C)
        uint8, uint16, float32 or float64; each channel is filtered by itself.
    length : float
        In pixels, above 0 and at most 10,000.
    angle : float
        In radians, from the columns' axis (to the right) towards the rows' axis (downwards).
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
    >>> motion_blur(np.array([[0, 0, 80, 0, 0]], dtype=np.uint8), 4)
    array([[10, 20, 20, 20, 10]], dtype=uint8)
    """
    with explained("motion_blur"):
        return weighted(image, motion(length, angle), options)
