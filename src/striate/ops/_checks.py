"""What operations ask of their arguments, and what they say otherwise."""

from __future__ import annotations

from collections.abc import Collection
from math import prod
from typing import Any

import numpy as np

from striate.errors import DTypeError, GeometryError, ParameterError, ShapeError

__all__ = [
    "check_floating",
    "check_method",
    "check_rank",
    "check_room",
    "check_same_dtype",
    "expect",
]

MOST_BYTES = 1 << 42

SPATIAL = {1: "W", 2: "H, W", 3: "D, H, W"}


def check_floating(name: str, value: object) -> np.ndarray[Any, Any]:
    """Return `value` if it is an array of float32 or float64."""
    if not isinstance(value, np.ndarray):
        raise DTypeError(
            f"{name} must be a NumPy array, not {type(value).__name__}: convert it with np.asarray"
        )
    if isinstance(value, np.ma.MaskedArray):
        raise DTypeError(f"{name} is a masked array: fill it first, {name}.filled(0)")
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


def expect(name: str, array: object, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Raise unless `array` is what a plan was made for: kernels trust its size."""
    if not isinstance(array, np.ndarray):
        raise DTypeError(f"{name} must be a NumPy array, not {type(array).__name__}")
    if array.shape != shape:
        raise ShapeError(f"{name} must have the plan's shape {shape}, not {array.shape}")
    if array.dtype != dtype:
        raise DTypeError(f"{name} must have the plan's dtype {dtype}, not {array.dtype}")


def check_room(shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Raise for an output that no machine holds, before its size overflows."""
    size = prod(shape) * dtype.itemsize
    if size > MOST_BYTES:
        raise GeometryError(
            f"the output {shape} would take {size / 2**40:.3g} TiB, the most is "
            f"{MOST_BYTES >> 40} TiB: use less padding or a smaller input"
        )


def check_method(method: str, known: Collection[str]) -> None:
    """Raise if there is no such method."""
    if not isinstance(method, str) or method not in known:
        raise ParameterError(f"method must be one of {', '.join(sorted(known))}, not {method!r}")
