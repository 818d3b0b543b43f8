"""One array of a weight file, known by its shape and kind before a byte of it is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["FLOATS", "Stored"]

FLOATS = ("float32", "float64", "float16", "bfloat16")
"""Kinds that a weight may have; halves are widened to float32, which changes no number."""


@dataclass(frozen=True)
class Stored:
    """An array in a file: what it claims to be, and how to read it.

    `kind` is NumPy's name of its numbers, or "bfloat16". `read` returns halves as float32.
    """

    shape: tuple[int, ...]
    kind: str
    read: Callable[[], NDArray[Any]]
