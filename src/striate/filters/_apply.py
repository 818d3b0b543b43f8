"""From a caller's image to rows of numbers and back: the checks and the one way through."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from striate.errors import DTypeError, ParameterError, ShapeError
from striate.filters.borders import border_indices
from striate.ops.filtering import Frame, Weights, correlate_image

__all__ = ["METHODS", "apply", "as_image"]

METHODS = ("auto", "reference")
IMAGES = ("uint8", "uint16", "float32", "float64")
RESULTS = ("uint8", "uint16", "int16", "int32", "float32", "float64")


def as_image(image: ArrayLike) -> NDArray[Any]:
    """Return `image` as a native array (H, W) or (H, W, C) of a dtype that filters take."""
    if isinstance(image, (list, tuple, numbers.Number)):
        raise DTypeError(
            f"image is a {type(image).__name__}, which has no element type; "
            f"pass numpy.asarray(image, dtype=numpy.float64)"
        )
    array = np.asarray(image)
    if array.dtype.newbyteorder("=") not in IMAGES:
        raise DTypeError(
            f"image has dtype {array.dtype}; filters take {listed(IMAGES)}: "
            f"convert it with image.astype(...)"
        )
    if array.ndim not in (2, 3):
        raise ShapeError(
            f"image has shape {array.shape}; it must be (H, W) or (H, W, C): "
            f"filter a stack image by image"
        )
    if array.size == 0:
        raise ShapeError(
            f"image has shape {array.shape}; it must hold at least one row, column and channel"
        )
    return array


def listed(names: Sequence[str]) -> str:
    """Return ``a, b or c``."""
    return f"{', '.join(names[:-1])} or {names[-1]}"


def result_dtype(image: NDArray[Any], dtype: DTypeLike | None) -> np.dtype[Any]:
    """Return the dtype asked for, or the image's; an integer one cannot show NaN."""
    native = image.dtype.newbyteorder("=")
    if dtype is None:
        return native
    try:
        chosen = np.dtype(dtype)
    except TypeError:
        chosen = None
    if chosen is None or chosen not in RESULTS:
        raise DTypeError(f"dtype is {dtype!r}; a result can be {listed(RESULTS)}")
    if chosen.kind in "iu" and native.kind == "f" and not np.isfinite(image).all():
        raise ParameterError(
            f"image holds NaN or infinity, which {chosen} cannot show; "
            f"ask for dtype float32, or replace them with numpy.nan_to_num(image)"
        )
    return chosen


def fill_value(cval: Any, dtype: np.dtype[Any]) -> float:
    """Return `cval` as a float; an integer result needs a finite one."""
    if not isinstance(cval, numbers.Real):
        raise ParameterError(f"cval is {cval!r}; it must be a real number")
    if dtype.kind in "iu" and not np.isfinite(float(cval)):
        raise ParameterError(
            f"cval is {float(cval)}; it must be finite where the result is {dtype}"
        )
    return float(cval)


def apply(
    image: ArrayLike,
    kernels: Sequence[Weights],
    combine: Callable[..., NDArray[np.float64]],
    *,
    border: str,
    cval: float,
    dtype: DTypeLike | None,
    method: str,
    flipped: bool = False,
) -> NDArray[Any]:
    """Correlate `image` with each of `kernels`, combine the results, and round them to `dtype`.

    A kernel of K weights has its centre at K // 2; `flipped` says that the caller reversed the
    kernel (a convolution), and its centre with it.
    """
    pixels = as_image(image)
    if method not in METHODS:
        raise ParameterError(f"method is {method!r}; it must be {listed(METHODS)}")
    chosen = result_dtype(pixels, dtype)
    fill = fill_value(cval, chosen)

    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    sides = kernel_shape(kernels[0])
    ahead = [(side - 1) // 2 if flipped else side // 2 for side in sides]
    rows, columns = (
        border_indices(border, size, before, side - 1 - before)
        for size, side, before in zip(pixels.shape[:2], sides, ahead, strict=True)
    )
    frame = Frame.of(rows, columns, ahead[1], channels, fill)

    # One native, contiguous, writable layout, so that each kernel is compiled once a dtype.
    flat = np.require(pixels, pixels.dtype.newbyteorder("="), ["C", "A", "W"])
    flat = flat.reshape(pixels.shape[0], -1)
    output = np.empty(flat.shape, chosen)
    correlate_image(flat, kernels, frame, combine, output, reference=method == "reference")
    return output.reshape(pixels.shape)


def kernel_shape(weights: Weights) -> tuple[int, int]:
    """Return the (rows, columns) of a kernel given as a matrix or as its factors."""
    if isinstance(weights, tuple):
        return weights[0].size, weights[1].size
    return weights.shape[0], weights.shape[1]
