"""What operations ask of their arguments, and what they say otherwise."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from striate.errors import DTypeError, ParameterError, ShapeError

__all__ = ["check_floating", "check_method", "check_rank", "check_same_dtype"]

SPATIAL = {1: "W", 2: "H, W", 3: "D, H, W"}


def check_floating(name: str, value: object) -> np.ndarray[Any, Any]:
    """Return `value` if it is an array of float32 or float64."""
    if not isinstance(value, np.ndarray):
        raise DTypeError(
            f"{name} must be a NumPy array, not {type(value).__name__}: convert it with np.asarray"
        )
    if value.dtype != np.float32 and value.dtype != np.float64:
        raise DTypeError(
            f"{name} must be float32 or float64, not {value.dtype}: "
            f"convert it with {name}.astype(np.float32)"
        )
    return value


def check_same_dtype(**arrays: np.ndarray[Any, Any] | None) -> None:
    """Raise if the arrays differ in dtype."""
    kinds = {name: array.dtype for name, array in arrays.items() if array is not None}
    if len(set(kinds.values())) > 1:
        listed = ", ".join(f"{name}: {kind}" for name, kind in kinds.items())
        raise DTypeError(f"arrays must share one dtype, not {listed}: convert one with astype")


def check_rank(name: str, shape: tuple[int, ...], rank: int, leading: str) -> None:
    """Raise if an array does not have two leading axes and `rank` spatial ones."""
    if len(shape) != rank + 2:
        raise ShapeError(
            f"{name} must have {rank + 2} axes ({leading}, {SPATIAL[rank]}), "
            f"but its shape is {shape}"
        )


def check_method(method: str, known: Collection[str]) -> None:
    """Raise if there is no such method."""
    if method not in known:
        raise ParameterError(f"method must be one of {', '.join(sorted(known))}, not {method!r}")
