"""Numbers, sizes and tables as files and callers declare them, checked."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from operator import index as whole
from typing import Any

from striate.errors import ParameterError

__all__ = ["numbers_of", "sizes_of", "table_of"]

LARGEST = 16384  # of a side: what a damaged file asks for must not fill the memory


def table_of(values: object) -> Mapping[str, Any]:
    """Return a table of settings, or the table `preprocessing` that is all it holds."""
    if not isinstance(values, dict):
        raise ParameterError(
            f"preprocessing is {type(values).__name__}; it must be a table of settings such as mean"
        )
    return values.get("preprocessing", values) if len(values) == 1 else values


def sizes_of(name: str, value: Any, *, single: bool = False) -> int | tuple[int, ...]:
    """Return (height, width), or where `single` is allowed one size."""
    kinds = "a whole number or (height, width)" if single else "(height, width)"
    try:
        sizes = (
            (whole(value),)
            if single and not isinstance(value, list | tuple)
            else tuple(whole(size) for size in value)
        )
    except TypeError:
        sizes = ()
    pair = not single or isinstance(value, list | tuple)
    if len(sizes) != (2 if pair else 1) or not 1 <= min(sizes) <= max(sizes) <= LARGEST:
        raise ParameterError(f"{name} is {value!r}; it must be {kinds}, from 1 to {LARGEST}")
    return sizes if pair else sizes[0]


def numbers_of(name: str, value: Any, counts: tuple[int, ...]) -> tuple[float, ...]:
    """Return as many finite numbers as one of the counts, a single one as a tuple of it."""
    if isinstance(value, int | float):
        value = (value,)
    try:
        numbers = tuple(float(number) for number in value)
    except (TypeError, ValueError):
        numbers = ()
    if len(numbers) not in counts or not all(map(isfinite, numbers)):
        allowed = " or ".join(map(str, dict.fromkeys(counts)))
        raise ParameterError(f"{name} is {value!r}; it must be {allowed} finite numbers")
    return numbers
