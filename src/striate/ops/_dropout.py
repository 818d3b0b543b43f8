"""Dropout: elements set to zero at random while training."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import ParameterError, explained
from striate.ops._checks import check_floating

__all__ = ["dropout", "dropout_gradient"]

Array = NDArray[Any]


def dropout(x: Array, rate: float, rng: np.random.Generator) -> tuple[Array, Array]:
    """Set elements to zero with probability `rate` and scale the rest by 1 / (1 - rate).

    Parameters
    ----------
    x : any shape, float32 or float64
    rate : at least 0 and less than 1
    rng : a NumPy generator; the same state gives the same mask

    Returns
    -------
    y, mask : y = x where mask is not 0, times mask, which holds 0 or 1 / (1 - rate)

    Raises
    ------
    DTypeError, ParameterError
        If x is not floating or the rate is out of range.

    Notes
    -----
    Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting",
    JMLR 15, 2014; scaled while training, so that inference needs no change.

    Examples
    --------
    >>> import numpy as np
    >>> y, mask = dropout(np.ones(4), 0.5, np.random.default_rng(0))
    >>> y
    array([2., 2., 2., 0.])
    """
    with explained("dropout"):
        check_floating("x", x)
        if not 0 <= rate < 1:
            raise ParameterError(f"rate must be at least 0 and less than 1, not {rate!r}")
    kept = rng.random(x.shape, dtype=np.float32) >= rate
    mask = kept.astype(x.dtype) / x.dtype.type(1 - rate)
    return np.multiply(x, mask, out=np.zeros_like(x), where=kept), mask


def dropout_gradient(dy: Array, mask: Array) -> Array:
    """Return dy times the mask.

    Examples
    --------
    >>> import numpy as np
    >>> dropout_gradient(np.array([3.0, 3.0]), np.array([2.0, 0.0]))
    array([6., 0.])
    """
    return dy * mask
