"""Images with an alpha channel: what a filter should do to colours that are partly there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.ops.filtering import round_into

__all__ = ["has_alpha", "keep_alpha", "weigh_by_alpha"]

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
        A filter that keeps shape and dtype.

    Examples
    --------
    >>> grey_and_alpha = np.array([[[5, 255], [6, 0]]], dtype=np.uint8)
    >>> keep_alpha(grey_and_alpha, lambda colours: colours * 2)
    array([[[ 10, 255],
            [ 12,   0]]], dtype=uint8)
    """
    return np.concatenate([apply(image[..., :-1]), image[..., -1:]], axis=-1)


def weigh_by_alpha(image: Image, apply: Filter) -> Image:
    """Return the blurred image, in which a pixel's colour counts as much as it is opaque.

    The colours are multiplied by alpha, blurred, and divided by the blurred alpha; otherwise
    the invisible colour of transparent pixels, often black, would bleed into the visible ones.

    Parameters
    ----------
    image : array, shape (H, W, C)
        Its last channel is alpha.
    apply : function
        A filter of float64 images, whose weights add up to 1 and are not negative.

    Examples
    --------
    >>> white_beside_nothing = np.array([[[255, 255], [0, 0]]], dtype=np.uint8)
    >>> weigh_by_alpha(white_beside_nothing, lambda x: np.full(x.shape, x.mean()))
    array([[[255, 128],
            [255, 128]]], dtype=uint8)
    """
    numbers = image.astype(np.float64)
    alpha = numbers[..., -1:]
    opacity = apply(alpha)
    total = apply(numbers[..., :-1] * alpha)
    colours = np.divide(total, opacity, out=np.zeros_like(total), where=opacity > 0)
    result = np.empty_like(image)
    round_into(result, np.concatenate([colours, opacity], axis=-1))
    return result
