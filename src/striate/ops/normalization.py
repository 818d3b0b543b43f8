"""Batch normalization: with given statistics, and with the batch's own.

Statistics are those of each channel, over the batch and all positions.

Source: Ioffe and Szegedy, "Batch Normalization: Accelerating Deep Network Training by Reducing
Internal Covariate Shift", 2015, arXiv:1502.03167, algorithms 1 and 2.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import ParameterError, ShapeError, explained
from striate.ops._checks import check_floating, check_same_dtype, expect

__all__ = [
    "batch_norm",
    "batch_norm_gradients",
    "batch_norm_training",
    "batch_norm_training_gradients",
]

Array = NDArray[Any]


def batch_norm(
    x: Array, scale: Array, bias: Array, mean: Array, variance: Array, epsilon: float = 1e-5
) -> Array:
    """Normalize each channel by given statistics.

    ``y = scale * (x - mean) / sqrt(variance + epsilon) + bias``

    Parameters
    ----------
    x : (N, C, *spatial), float32 or float64
    scale, bias, mean, variance : (C,), the same dtype
    epsilon : at least 0

    Returns
    -------
    y : the shape of x

    Raises
    ------
    ShapeError, DTypeError, ParameterError
        If the arguments do not fit each other.

    Examples
    --------
    >>> import numpy as np
    >>> one, x = np.ones(1), np.array([[1.0], [3.0]])
    >>> batch_norm(x, 2 * one, one, 2 * one, one, epsilon=0.0)
    array([[-1.],
           [ 3.]])
    """
    with explained("batch_norm"):
        _check(x, epsilon, scale=scale, bias=bias, mean=mean, variance=variance)
    slope = scale / np.sqrt(variance + x.dtype.type(epsilon))
    # Not slope * x + (bias - slope * mean): that cancels where x is near a large mean.
    y = x - _along(mean, x)
    y *= _along(slope, x)
    y += _along(bias, x)
    return y


def batch_norm_gradients(
    dy: Array, x: Array, scale: Array, mean: Array, variance: Array, epsilon: float = 1e-5
) -> tuple[Array, Array, Array]:
    """Return (dx, dscale, dbias) of `batch_norm`, whose statistics are constants.

    Examples
    --------
    >>> import numpy as np
    >>> one, x = np.ones(1), np.array([[1.0], [3.0]])
    >>> dx, dscale, dbias = batch_norm_gradients(x, x, 2 * one, 2 * one, one, epsilon=0.0)
    >>> dx.ravel(), dscale, dbias
    (array([2., 6.]), array([2.]), array([4.]))
    """
    with explained("batch_norm_gradients"):
        _check(x, epsilon, scale=scale, mean=mean, variance=variance)
        expect("dy", dy, x.shape, x.dtype)
    rate = 1 / np.sqrt(variance + x.dtype.type(epsilon))
    standard = (x - _along(mean, x)) * _along(rate, x)
    return dy * _along(scale * rate, x), _sum(dy * standard), _sum(dy)


def batch_norm_training(
    x: Array, scale: Array, bias: Array, epsilon: float = 1e-5
) -> tuple[Array, Array, Array]:
    """Normalize each channel by the batch's own mean and (biased) variance.

    Parameters
    ----------
    x : (N, C, *spatial), float32 or float64, not empty
    scale, bias : (C,), the same dtype
    epsilon : at least 0

    Returns
    -------
    y, mean, variance : y of the shape of x; the statistics, (C,)

    Raises
    ------
    ShapeError, DTypeError, ParameterError
        If the arguments do not fit each other.

    Examples
    --------
    >>> import numpy as np
    >>> one, x = np.ones(1), np.array([[1.0], [3.0]])
    >>> y, mean, variance = batch_norm_training(x, one, 0 * one, epsilon=0.0)
    >>> y.ravel(), mean, variance
    (array([-1.,  1.]), array([2.]), array([1.]))
    """
    with explained("batch_norm_training"):
        _check(x, epsilon, scale=scale, bias=bias)
        if x.size == 0:
            raise ShapeError(f"x must not be empty, but its shape is {x.shape}")
    axes = _all_but_channels(x)
    mean, variance = x.mean(axis=axes), x.var(axis=axes)
    return batch_norm(x, scale, bias, mean, variance, epsilon), mean, variance


def batch_norm_training_gradients(
    dy: Array, x: Array, scale: Array, mean: Array, variance: Array, epsilon: float = 1e-5
) -> tuple[Array, Array, Array]:
    """Return (dx, dscale, dbias) of `batch_norm_training`, whose statistics depend on x.

    With the standardized input s and the mean over the batch and all positions <.>::

        dx = scale / sqrt(variance + epsilon) * (dy - <dy> - s <dy s>)

    Examples
    --------
    >>> import numpy as np
    >>> one, x = np.ones(1), np.array([[1.0], [3.0]])
    >>> dx, dscale, dbias = batch_norm_training_gradients(x, x, one, 2 * one, one, epsilon=0.0)
    >>> dx.ravel(), dscale, dbias
    (array([0., 0.]), array([2.]), array([4.]))
    """
    with explained("batch_norm_training_gradients"):
        _check(x, epsilon, scale=scale, mean=mean, variance=variance)
        expect("dy", dy, x.shape, x.dtype)
    rate = 1 / np.sqrt(variance + x.dtype.type(epsilon))
    standard = (x - _along(mean, x)) * _along(rate, x)
    dscale, dbias = _sum(dy * standard), _sum(dy)
    count = x.dtype.type(x.size // x.shape[1])
    centred = dy - _along(dbias / count, x) - standard * _along(dscale / count, x)
    return centred * _along(scale * rate, x), dscale, dbias


def _check(x: Array, epsilon: object, **per_channel: Array) -> None:
    check_floating("x", x)
    for name, value in per_channel.items():
        check_floating(name, value)
    check_same_dtype(x=x, **per_channel)
    if x.ndim < 2:
        raise ShapeError(f"x must be (N, C, *spatial), but its shape is {x.shape}")
    for name, value in per_channel.items():
        if value.shape != x.shape[1:2]:
            raise ShapeError(
                f"{name} must have shape {x.shape[1:2]}, one for each channel, not {value.shape}"
            )
    if not isinstance(epsilon, int | float | np.floating) or not epsilon >= 0:
        raise ParameterError(f"epsilon must be at least 0, not {epsilon!r}")


def _along(per_channel: Array, x: Array) -> Array:
    """Return a channel's values shaped to meet x."""
    return per_channel.reshape(-1, *(1,) * (x.ndim - 2))


def _all_but_channels(x: Array) -> tuple[int, ...]:
    return (0, *range(2, x.ndim))


def _sum(x: Array) -> Array:
    """Return each channel's sum."""
    total: Array = x.sum(axis=_all_but_channels(x))
    return total
