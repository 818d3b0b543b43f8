"""Any kernel of one's own: convolution and correlation, which differ by a flip."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from striate.errors import DTypeError, ParameterError, ShapeError, explained
from striate.filters._apply import apply

__all__ = ["as_kernel", "convolve", "correlate"]


def as_kernel(kernel: ArrayLike) -> NDArray[np.float64]:
    """Return `kernel` as a finite float64 matrix; one axis of weights is a row."""
    try:
        weights = np.asarray(kernel)
    except ValueError:
        raise ShapeError("kernel has rows of different lengths; they must be equal") from None
    if weights.dtype.kind not in "biuf":
        raise DTypeError(f"kernel has dtype {weights.dtype}; its weights must be real numbers")
    if weights.ndim not in (1, 2):
        raise ShapeError(
            f"kernel has shape {weights.shape}; it must be (columns,) or (rows, columns)"
        )
    if weights.size == 0:
        raise ShapeError(f"kernel has shape {weights.shape}; it must hold at least one weight")
    matrix = np.atleast_2d(weights).astype(np.float64)
    with np.errstate(over="ignore"):
        total = np.abs(matrix).sum()
    if not np.isfinite(total):
        raise ParameterError(
            "kernel holds NaN or infinity, or weights too large to add up; they must be finite"
        )
    return matrix


def convolve(
    image: ArrayLike,
    kernel: ArrayLike,
    *,
    border: str = "reflect",
    cval: float = 0.0,
    dtype: DTypeLike | None = None,
    method: str = "auto",
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
    border : str
        reflect, mirror, nearest, constant or wrap: see `striate.filters.borders`.
    cval : float
        What lies outside under ``border="constant"``.
    dtype : dtype, optional
        The result's dtype, if not the image's: uint8, uint16, int16, int32, float32, float64.
        An unsigned result shows negative values as 0.
    method : str
        auto, or reference: the definition in NumPy.

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
        return apply(
            image,
            [flipped],
            lambda values: values,
            border=border,
            cval=cval,
            dtype=dtype,
            method=method,
            flipped=True,
        )


def correlate(
    image: ArrayLike,
    kernel: ArrayLike,
    *,
    border: str = "reflect",
    cval: float = 0.0,
    dtype: DTypeLike | None = None,
    method: str = "auto",
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
    border : str
        reflect, mirror, nearest, constant or wrap: see `striate.filters.borders`.
    cval : float
        What lies outside under ``border="constant"``.
    dtype : dtype, optional
        The result's dtype, if not the image's: uint8, uint16, int16, int32, float32, float64.
        An unsigned result shows negative values as 0.
    method : str
        auto, or reference: the definition in NumPy.

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
        return apply(
            image,
            [as_kernel(kernel)],
            lambda values: values,
            border=border,
            cval=cval,
            dtype=dtype,
            method=method,
        )
