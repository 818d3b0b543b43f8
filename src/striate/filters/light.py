"""The curve of sRGB: from the levels that files hold to linear light, and back.

A level of an ordinary image is not proportional to light: half of 255 is a fifth of the light.
A blur is a sum of light, as in a lens, only if it is computed in linear light; on levels it is
darker where bright meets dark. ``linear_light=True`` of every filter decodes, filters and encodes.

Source: IEC 61966-2-1:1999, section 5.2: the curve and its two constants, 0.04045 and 0.0031308.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from striate.filters.alpha import has_alpha
from striate.ops.filtering import round_into

if TYPE_CHECKING:
    from striate.ops.lookup import Levels

__all__ = ["decode", "encode", "full_scale"]

Image = NDArray[Any]


def full_scale(dtype: np.dtype[Any]) -> float:
    """Return what white is in images of `dtype`: 255, 65535, or 1 for floats.

    Examples
    --------
    >>> full_scale(np.dtype(np.uint8)), full_scale(np.dtype(np.float32))
    (255.0, 1.0)
    """
    return float(np.iinfo(dtype).max) if dtype.kind in "iu" else 1.0


def decode(image: Image) -> Image:
    """Return the linear light of an image, white being 1.

    Parameters
    ----------
    image : array of uint8, uint16, float32 or float64, shape (H, W) or (H, W, C)
        Floats are 0 for black and 1 for white; values beyond go on along the curve, and below 0
        along its mirror image. Of 2 or 4 channels the last is alpha, whose numbers stay as they
        are: alpha is a share, not a light.

    Returns
    -------
    array of float32, or of float64 for float64 images, the image's shape

    Examples
    --------
    >>> decode(np.array([[0, 10, 128, 255]], dtype=np.uint8)).round(4)
    array([[0.    , 0.003 , 0.2159, 1.    ]], dtype=float32)
    """
    native = image.astype(image.dtype.newbyteorder("="), copy=False)
    light = looked_up(native) if has_levels(native) else linear(native)
    if has_alpha(image):
        light[..., -1] = image[..., -1]
    return light


def encode(light: Image, dtype: Any = np.uint8, *, white: float | None = None) -> Image:
    """Return the image whose linear light this is: what `decode` undoes.

    Parameters
    ----------
    light : array of float32 or float64
        White is 1. Of 2 or 4 channels the last is alpha, in the numbers of the result.
    dtype : dtype
        The result's. Integers are rounded to the nearest level and clipped.
    white : float
        What white becomes; the largest number of an integer dtype, and 1 of a float, if left out.

    Returns
    -------
    array of `dtype`, the shape of `light`

    Examples
    --------
    >>> encode(np.array([[0, 0.5, 1]]))
    array([[  0, 188, 255]], dtype=uint8)
    """
    chosen = np.dtype(dtype)
    scale = full_scale(chosen) if white is None else white
    result = np.empty(light.shape, chosen)
    if has_levels(result) and light.dtype == np.float32 and scale == full_scale(chosen):
        levels_of(chosen).nearest(light, result)
    else:
        round_into(result, perceptual(light.astype(np.float64, copy=False)) * scale)
    if has_alpha(light):
        round_into(result[..., -1], light[..., -1].astype(np.float64))
    return result


def has_levels(image: Image) -> bool:
    """Whether an image's numbers are levels, for which there are tables."""
    return image.dtype in (np.uint8, np.uint16)


def linear(levels: Image) -> Image:
    """Return the light of levels from 0 to 1: the curve itself, in the dtype of `levels`."""
    size = np.abs(levels)
    with np.errstate(over="ignore"):  # beyond float32's range lies infinity
        light = np.where(size <= 0.04045, size / 12.92, ((size + 0.055) / 1.055) ** 2.4)
    result: Image = np.copysign(light, levels)
    return result


def perceptual(light: Image) -> Image:
    """Return the levels from 0 to 1 of light: the curve backwards."""
    size = np.abs(light)
    levels = np.where(size <= 0.0031308, 12.92 * size, 1.055 * size ** (1 / 2.4) - 0.055)
    result: Image = np.copysign(levels, light)
    return result


def looked_up(levels: Image) -> Image:
    """Return the light of integer levels."""
    from striate.ops.lookup import look_up  # loads Numba, which takes longer than most filters

    return look_up(levels, decoding_table(levels.dtype))


@cache
def decoding_table(dtype: np.dtype[Any]) -> NDArray[np.float32]:
    """Return the light of each level, rounded to float32 once."""
    top = np.iinfo(dtype).max
    return linear(np.arange(top + 1) / top).astype(np.float32)


@cache
def levels_of(dtype: np.dtype[Any]) -> Levels:
    """Return the levels, kept apart by the light that lies half-way between neighbours."""
    from striate.ops.lookup import Levels

    top = np.iinfo(dtype).max
    return Levels.between(linear((np.arange(top) + 0.5) / top))
