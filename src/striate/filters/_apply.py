"""From a caller's image to rows of numbers and back: the checks and the one way through."""

from __future__ import annotations

import numbers
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from striate.errors import DTypeError, ParameterError, ShapeError
from striate.filters._footprints import note
from striate.filters.borders import border_indices, check_border
from striate.ops.filtering import Frame
from striate.ops.images.edges import Reach

__all__ = [
    "METHODS",
    "Options",
    "Request",
    "as_image",
    "as_stack",
    "fill_value",
    "target_dtype",
]

METHODS = ("auto", "reference")
IMAGES = ("uint8", "uint16", "float32", "float64")
OPTIONS = ("border", "cval", "dtype", "out", "method", "linear_light", "alpha", "stack")
RESULTS = ("uint8", "uint16", "int16", "int32", "float32", "float64")


class Options(TypedDict, total=False):
    """What every filter takes by name; `striate.filters` says what they mean."""

    border: str
    cval: float
    dtype: DTypeLike | None
    out: NDArray[Any] | None
    method: str
    linear_light: bool
    alpha: bool
    stack: bool


def as_image(image: ArrayLike) -> NDArray[Any]:
    """Return `image` as an array (H, W) or (H, W, C) of a dtype that filters take."""
    array = as_pixels(image)
    if array.ndim not in (2, 3):
        stacked = "; for a stack, whose first axis counts images, add stack=True"
        raise ShapeError(
            f"image has shape {array.shape}; it must be (H, W) or (H, W, C)"
            f"{stacked if array.ndim == 4 else ''}"
        )
    if array.size == 0:
        raise ShapeError(
            f"image has shape {array.shape}; it must hold at least one row, column and channel"
        )
    return array


def as_stack(images: ArrayLike) -> NDArray[Any]:
    """Return `images` as an array (N, H, W) or (N, H, W, C) of a dtype that filters take."""
    array = as_pixels(images)
    if array.ndim not in (3, 4):
        raise ShapeError(
            f"image has shape {array.shape}; with stack=True it must be (N, H, W) or (N, H, W, C)"
        )
    if array.size == 0:
        raise ShapeError(
            f"image has shape {array.shape}; "
            f"it must hold at least one image, row, column and channel"
        )
    return array


def as_pixels(image: ArrayLike) -> NDArray[Any]:
    """Return `image` as an array of a dtype that filters take."""
    if isinstance(image, (list, tuple, numbers.Number)):
        raise DTypeError(
            f"image is a {type(image).__name__}, which has no element type; "
            f"pass numpy.asarray(image, dtype=numpy.float64)"
        )
    if isinstance(image, np.ma.MaskedArray):
        raise DTypeError("image is a masked array, and filters know no masks; pass image.filled(0)")
    array = np.asarray(image)
    if array.dtype.newbyteorder("=") not in IMAGES:
        raise DTypeError(
            f"image has dtype {array.dtype}; filters take {listed(IMAGES)}: "
            f"convert it with image.astype(...)"
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


def checked_out(out: Any, image: NDArray[Any], dtype: DTypeLike | None) -> NDArray[Any]:
    """Return `out` if the result can go there."""
    if not isinstance(out, np.ndarray) or out.dtype.newbyteorder("=") not in RESULTS:
        found = f"of dtype {out.dtype}" if isinstance(out, np.ndarray) else type(out).__name__
        raise DTypeError(f"out is {found}; it must be an array of {listed(RESULTS)}")
    if out.shape != image.shape:
        raise ShapeError(f"out has shape {out.shape}; it must have the image's, {image.shape}")
    if not out.flags.writeable:
        raise ParameterError("out is read-only; pass an array that can be written to")
    if dtype is not None and out.dtype.newbyteorder("=") != result_dtype(image, dtype):
        raise DTypeError(
            f"out has dtype {out.dtype}, but dtype is {dtype!r}; leave one of them out"
        )
    return out


def target_dtype(image: NDArray[Any], options: Mapping[str, Any]) -> np.dtype[Any]:
    """Return the result's dtype: that of `out` if given, else the one asked for, or the image's."""
    out, dtype = options.get("out"), options.get("dtype")
    if out is None:
        return result_dtype(image, dtype)
    return result_dtype(image, checked_out(out, image, dtype).dtype.newbyteorder("="))


@dataclass(frozen=True)
class Request:
    """What a caller asked for, checked.

    Attributes
    ----------
    pixels : array, shape (H, W * channels)
        The image as native, contiguous, writable rows: each kernel is compiled once a dtype.
    shape : tuple of int
        The image's shape.
    target : array, shape (H, W * channels)
        Where the result is written, in its dtype.
    out : array or None
        Where the caller wants it: `target` itself, where that can be.
    border, fill, reference
        The border, its constant, and whether to compute the definition.
    """

    pixels: NDArray[Any]
    shape: tuple[int, ...]
    target: NDArray[Any]
    out: NDArray[Any] | None
    border: str
    fill: float
    reference: bool

    @classmethod
    def of(cls, image: ArrayLike, options: Options) -> Request:
        """Check the image, and what was asked for with it."""
        for name in options:
            if name not in OPTIONS:
                raise ParameterError(f"no option is called {name!r}; it must be {listed(OPTIONS)}")
        pixels = as_image(image)
        method, border = options.get("method", "auto"), options.get("border", "reflect")
        if method not in METHODS:
            raise ParameterError(f"method is {method!r}; it must be {listed(METHODS)}")
        out, chosen = options.get("out"), target_dtype(pixels, options)
        fill = fill_value(options.get("cval", 0.0), chosen)
        check_border(border)

        flat = rows_of(pixels)
        if flat is None:
            flat = np.require(pixels, pixels.dtype.newbyteorder("="), ["C", "A"])
            flat = flat.reshape(pixels.shape[0], -1)
        # Rows are read after others were written, so a result never goes over its image.
        target = rows_of(out) if out is not None and not np.may_share_memory(out, flat) else None
        if target is None:
            target = np.empty(flat.shape, chosen)
        return cls(flat, pixels.shape, target, out, border, fill, method == "reference")

    @property
    def channels(self) -> int:
        """Numbers from one pixel to the next."""
        return self.shape[2] if len(self.shape) == 3 else 1

    def frame(self, reach: Reach) -> Frame:
        """Return the border that windows of this reach see."""
        rows = border_indices(self.border, self.shape[0], reach.top, reach.bottom)
        columns = border_indices(self.border, self.shape[1], reach.left, reach.right)
        return Frame.of(rows, columns, reach.left, self.channels, self.fill)

    def reach(self, sides: tuple[int, int], *, flipped: bool = False) -> Reach:
        """Return how far a kernel of `sides` weights reaches from its centre at K // 2.

        `flipped` says that the caller reversed the kernel (a convolution), and its centre with it.
        """
        up, left = ((side - 1) // 2 if flipped else side // 2 for side in sides)
        down, right = sides[0] - 1 - up, sides[1] - 1 - left
        note((up, left), (down, right), wraps=self.border == "wrap")
        return Reach(up, down, left, right)

    def result(self) -> NDArray[Any]:
        """Return the image that was written."""
        image = self.target.reshape(self.shape)
        if self.out is None:
            return image
        if not np.may_share_memory(self.out, self.target):
            self.out[...] = image
        return self.out


def rows_of(array: NDArray[Any]) -> NDArray[Any] | None:
    """Return an image as rows of numbers, (H, W * channels), if its memory can be seen so."""
    *_, step, last = (0, *array.strides)
    side_by_side = last == array.itemsize and (array.ndim == 2 or step == last * array.shape[2])
    if not (side_by_side and array.flags.aligned and array.dtype.isnative):
        return None
    return array.reshape(array.shape[0], -1)
