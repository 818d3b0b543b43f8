"""From one kind of numbers to another, so that white stays white."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from striate.errors import DTypeError, ParameterError
from striate.filters.light import full_scale
from striate.ops.filtering import round_into

__all__ = ["scaled"]

KINDS = ("uint8", "uint16", "float32", "float64")
AT_ONCE = 2**16  # numbers that are float64 at a time


def scaled(image: NDArray[Any], dtype: DTypeLike, *, white: float | None = None) -> NDArray[Any]:
    """Return an image in another dtype, in which its white is white: 255, 65535, or 1 of floats.

    Every filter's ``dtype`` keeps the numbers instead, so that 65535 becomes 255 as 256 does.

    Parameters
    ----------
    image : array, shape (H, W) or (H, W, C)
        uint8, uint16, float32 or float64. Alpha, being a share of the opaque, is scaled alike.
    dtype : dtype
        The result's, one of those. Integers are rounded half to even, and clipped.
    white : float
        What white is in `image`; 255, 65535 or 1, by its dtype, if left out.

    Returns
    -------
    array of `dtype`, the image's shape

    Raises
    ------
    DTypeError
        A dtype is none of those.
    ParameterError
        `white` is not above 0, or NaN or infinity would have to become an integer.

    Examples
    --------
    >>> scaled(np.array([[0, 32768, 65535]], dtype=np.uint16), np.uint8)
    array([[  0, 128, 255]], dtype=uint8)
    >>> scaled(np.array([[0, 0.5, 1]]), "uint16")
    array([[    0, 32768, 65535]], dtype=uint16)
    """
    try:
        chosen = np.dtype(dtype)
    except TypeError:
        raise DTypeError(f"dtype is {dtype!r}; scale among {', '.join(KINDS)}") from None
    for kind in (image.dtype.newbyteorder("="), chosen):
        if kind.name not in KINDS:
            raise DTypeError(f"dtype {kind} has no white; scale among {', '.join(KINDS)}")
    top = full_scale(image.dtype) if white is None else float(white)
    if not 0 < top < np.inf:
        raise ParameterError(f"white is {white}; it must be above 0 and finite")
    if chosen.kind == "u" and image.dtype.kind == "f" and not np.isfinite(image).all():
        raise ParameterError(
            f"image holds NaN or infinity, which {chosen} cannot show; "
            f"ask for float32, or replace them with numpy.nan_to_num(image)"
        )
    result = np.empty(image.shape, chosen)
    rows = max(1, AT_ONCE * len(image) // max(image.size, 1))
    for start in range(0, len(image), rows):
        part = slice(start, start + rows)
        numbers = image[part].astype(np.float64)
        numbers *= full_scale(chosen)  # first: white itself comes out exactly
        numbers /= top
        round_into(result[part], numbers)
    return result
