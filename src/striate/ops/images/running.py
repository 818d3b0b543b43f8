"""Sums as passes add them up: one product and addition after the other, rounded as they are."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["running_sum"]


def running_sum(weights: NDArray[Any], number: float, *, fused: bool) -> Any:
    """Return Σ wᵢ · number as a pass finds it, in the weights' dtype.

    Parameters
    ----------
    weights : array of int16, float32 or float64
        In the order in which their products are added.
    number : float
        What each is multiplied by; the dtype shows it.
    fused : bool
        Whether a product is added in one rounding.

    Examples
    --------
    >>> weights = np.array([0.1, 0.2, 0.7], np.float32)
    >>> float(running_sum(weights, 3.0, fused=True))
    3.0
    """
    kind = weights.dtype.type
    if number == 0:
        return kind(0)
    with np.errstate(over="ignore", invalid="ignore"):
        factor = kind(number)
        total = weights[0] * factor
        for weight in weights[1:]:
            if fused and weights.dtype.kind == "f":
                total = multiplied_and_added(weight, factor, total)
            else:
                total = total + weight * factor
    return total


def multiplied_and_added(a: Any, b: Any, c: Any) -> Any:
    """Return a · b + c in one rounding."""
    kind = type(a)
    if not (np.isfinite(a) and np.isfinite(b) and np.isfinite(c)):
        return a * b + c
    exact = Fraction(float(a)) * Fraction(float(b)) + Fraction(float(c))
    try:
        near = float(exact)
    except OverflowError:
        return kind(math.inf if exact > 0 else -math.inf)
    if kind is np.float64 or Fraction(near) == exact:
        return kind(near)
    # Rounded to odd, so that the second rounding sees on which side the exact sum lies.
    if np.float64(near).view(np.int64) % 2 == 0:
        near = math.nextafter(near, math.inf if exact > Fraction(near) else -math.inf)
    return kind(near)
