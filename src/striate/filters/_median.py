"""The median of a window, which takes specks away and keeps edges."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Unpack

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray

from striate.errors import ParameterError, explained
from striate.filters._apply import Options, Request
from striate.filters._images import image_filter
from striate.filters._passes import run_pass
from striate.filters.alpha import weigh_by_alpha
from striate.filters.kernels import per_axis
from striate.filters.kernels.smoothing import box_taps
from striate.ops.filtering import round_into
from striate.ops.images.calls import Pass
from striate.ops.images.edges import Layout, Reach
from striate.ops.images.median import median_pass

__all__ = ["median"]

BLOCK = 2**20  # numbers of the windows that are sorted at a time
LARGEST = 2**12  # pixels of a window


@image_filter(weigh_by_alpha)
def median(
    image: ArrayLike, size: int | tuple[int, int] = 3, **options: Unpack[Options]
) -> NDArray[Any]:
    """Return the middle one of the `size` x `size` pixels around each pixel, in order of value.

    The window of an even size reaches one pixel further up and left, and of two middle pixels
    the brighter one is taken, as in SciPy's ``median_filter``. So every result is a pixel's
    value, and nothing is rounded. A window that holds NaN gives NaN; a zero loses its sign.

    Parameters
    ----------
    image : array, shape (H, W) or (H, W, C)
        uint8, uint16, float32 or float64; each channel is filtered by itself.
    size : int or (int, int)
        Side of the window in pixels, or (rows, columns); at most 4,096 pixels in all.
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
    >>> median(np.array([[5, 5, 90, 6, 6]], dtype=np.uint8))
    array([[5, 5, 6, 6, 6]], dtype=uint8)
    """
    with explained("median"):
        rows, columns = (box_taps(side).size for side in per_axis(size))
        if rows * columns > LARGEST:
            raise ParameterError(
                f"size is {size}; a window may have at most {LARGEST} pixels: shrink the image"
            )
        request = Request.of(image, options)
        reach = request.reach((rows, columns))
        if request.reference:
            sort_windows(request, reach)
        else:
            run_pass(request, reach, lambda layout: planned(layout, reach))
        return request.result()


@lru_cache(maxsize=32)
def planned(layout: Layout, reach: Reach) -> Pass:
    """Return the pass of an image and a window."""
    return median_pass(layout, reach)


def sort_windows(request: Request, reach: Reach) -> None:
    """Sort the windows of a few rows at a time, and keep the middles: the definition."""
    frame, step = request.frame(reach), request.channels
    sides, height = reach.sides, request.shape[0]
    count = sides[0] * sides[1]
    block = max(1, BLOCK // (count * request.pixels.shape[1]))
    for top in range(0, height, block):
        rows = frame.rows[top : min(top + block, height) + sides[0] - 1]
        padded = request.pixels[rows[:, None], frame.columns]
        if request.border == "constant":
            # The constant may be no number of the image's dtype.
            padded = padded.astype(np.float64)
            padded[rows < 0] = request.fill
            padded[:, frame.columns < 0] = request.fill
        pixels = padded.reshape(rows.size, -1, step)
        windows = sliding_window_view(pixels, sides, axis=(0, 1)).reshape(-1, count)
        middle = np.sort(windows, axis=1)[:, count // 2].astype(np.float64)
        if windows.dtype.kind == "f":
            middle[np.isnan(windows).any(axis=1)] = np.nan
        target = request.target[top : top + block]
        round_into(target, middle.reshape(target.shape))
