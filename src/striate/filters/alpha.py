"""Images with an alpha channel: what a filter should do to colours that are partly there.

``alpha=True`` of every filter takes the last of 2 or 4 channels for alpha and goes the way here
that suits the filter; these functions are for filters of one's own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.ops.filtering import round_into

__all__ = ["has_alpha", "keep_alpha", "sharpen_by_alpha", "weigh_by_alpha"]

Image = NDArray[Any]
Filter = Callable[[Image], Image]


def has_alpha(image: Image) -> bool:
    """Whether the last of an image's channels is alpha: it has two channels, or four."""
    return image.ndim == 3 and image.shape[2] in (2, 4)


def keep_alpha(image: Image, apply: Filter) -> Image:
    """Return the filtered colours with the alpha they had: for derivatives.

    The derivative of an opaque image's alpha is 0, so filtering it too would hide the result.

    Parameters
    ----------
    image : array, shape (H, W, C)
        Its last channel is alpha.
    apply : function
        A filter that keeps the image's shape, or gives several of it: (..., H, W, C).

    Returns
    -------
    array of the filter's dtype; alpha is clipped where that cannot hold it

    Examples
    --------
    >>> grey_and_alpha = np.array([[[5, 255], [6, 0]]], dtype=np.uint8)
    >>> keep_alpha(grey_and_alpha, lambda colours: colours * 2)
    array([[[ 10, 255],
            [ 12,   0]]], dtype=uint8)
    """
    colours = apply(image[..., :-1])
    result = np.empty((*colours.shape[:-1], image.shape[-1]), colours.dtype)
    result[..., :-1] = colours
    round_into(result[..., -1], image[..., -1].astype(np.float64))
    return result


def weigh_by_alpha(image: Image, apply: Filter) -> Image:
    """Return the blurred image, in which a pixel's colour counts as much as it is opaque.

    The colours are multiplied by alpha, blurred, and divided by the blurred alpha; otherwise
    the invisible colour of transparent pixels, often black, would bleed into the visible ones.
    A median is taken likewise: where colour times alpha is nowhere above alpha, its median is
    not above alpha's.

    Parameters
    ----------
    image : array, shape (H, W, C)
        Its last channel is alpha.
    apply : function
        A filter of float64 images, whose weights add up to 1 and are not negative, or a median.

    Examples
    --------
    >>> white_beside_nothing = np.array([[[255, 255], [0, 0]]], dtype=np.uint8)
    >>> weigh_by_alpha(white_beside_nothing, lambda x: np.full(x.shape, x.mean()))
    array([[[255, 128],
            [255, 128]]], dtype=uint8)
    """
    numbers = image.astype(np.float64, copy=False)
    alpha = numbers[..., -1:]
    opacity = apply(alpha)
    total = apply(numbers[..., :-1] * alpha)
    colours = np.divide(total, opacity, out=np.zeros_like(total), where=opacity > 0)
    result = np.empty_like(image)
    round_into(result, np.concatenate([colours, opacity], axis=-1))
    return result


def sharpen_by_alpha(image: Image, apply: Filter, *, opaque: float | None = None) -> Image:
    """Return the sharpened colours with the alpha they had; what is not seen adds no edge.

    A neighbour's colour counts as much as it is opaque, and for the rest as the pixel's own.
    With weights w that add up to 1, colours c and alpha α as a share of the opaque:
    c + Σ w · α · c - c · Σ w · α.

    Parameters
    ----------
    image : array, shape (H, W, C)
        Its last channel is alpha.
    apply : function
        A linear filter of float64 images whose weights add up to 1.
    opaque : float
        The alpha of what is opaque: 255 for uint8, 65535 for uint16 and 1 for floats, if left out.

    Examples
    --------
    >>> from striate.filters import sharpen
    >>> white_beside_nothing = np.array([[[200, 255], [0, 0]]], dtype=np.uint8)
    >>> sharpen_by_alpha(white_beside_nothing, sharpen)
    array([[[200, 255],
            [  0,   0]]], dtype=uint8)
    """
    if opaque is None:
        opaque = np.iinfo(image.dtype).max if image.dtype.kind == "u" else 1.0
    numbers = image.astype(np.float64, copy=False)
    colours, share = numbers[..., :-1], numbers[..., -1:] / opaque
    edges = apply(colours * share) - colours * apply(share)
    sharpened = colours + np.where(share > 0, edges, 0.0)
    result = image.copy()
    rounded = np.empty(colours.shape, image.dtype)
    round_into(rounded, sharpened)
    result[..., :-1] = rounded
    return result
