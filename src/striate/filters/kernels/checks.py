"""What kernels ask of their numbers: the rules, and the messages when they are broken."""

from __future__ import annotations

import math
import numbers
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import ParameterError

__all__ = ["LARGEST", "Taps", "finite", "is_positive", "per_axis", "plain", "positive"]

Taps = NDArray[np.float64]

LARGEST = 2**20  # taps on one axis; more would take hours, and memory for the border's indices


def per_axis(value: Any) -> tuple[Any, Any]:
    """Return `value` for rows and columns: a pair as it is, anything else twice.

    Examples
    --------
    >>> per_axis(3), per_axis((1, 5))
    ((3, 3), (1, 5))
    """
    if isinstance(value, (tuple, list, np.ndarray)) and len(np.shape(value)) == 1:
        if len(value) != 2:
            raise ParameterError(
                f"{value!r} has {len(value)} entries; give one number, or two: (rows, columns)"
            )
        return value[0], value[1]
    return value, value


def is_positive(value: Any) -> bool:
    """Whether `value` is a finite real number above 0; True is not a number here."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Real):
        return False
    try:
        return 0 < float(value) < math.inf
    except OverflowError:  # an integer beyond the floats
        return False


def positive(name: str, value: Any) -> float:
    """Return `value` as a float, or say that the parameter `name` must be above 0.

    Examples
    --------
    >>> positive("length", 3)
    3.0
    """
    if not is_positive(value):
        raise ParameterError(f"{name} is {plain(value)!r}; it must be a finite number above 0")
    return float(value)


def finite(name: str, value: Any) -> float:
    """Return `value` as a float, or say that the parameter `name` must be a finite number.

    Examples
    --------
    >>> finite("angle", -1)
    -1.0
    """
    real = isinstance(value, numbers.Real) and not isinstance(value, (bool, np.bool_))
    if not real or (not is_positive(abs(value)) and value != 0):
        raise ParameterError(f"{name} is {plain(value)!r}; it must be a finite number")
    return float(value)


def plain(value: Any) -> Any:
    """Return a NumPy number as Python's, for messages: nan instead of np.float64(nan)."""
    return value.item() if isinstance(value, np.generic) else value
