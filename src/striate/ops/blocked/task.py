"""Tasks: compiled steps bound to their arguments, of which a program is a list."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.ops.blocked.layout import Place
from striate.ops.codegen import Kernel

__all__ = ["Task", "Word", "bits"]

Word = int | Place | NDArray[Any]
"""A number, a place in a buffer, or an array that stays where it is: its address is meant."""


@dataclass(frozen=True)
class Task:
    """A step of a program.

    Attributes
    ----------
    kernel : what runs
    words : its arguments by name
    blocks : into how many parts it falls, which threads may do in any order and side by side
    work : about how long it takes: multiply-adds, or elements moved times 4
    scratch : float32 elements of memory that each thread needs for itself
    keep : arrays that `words` refers to indirectly
    """

    kernel: Kernel
    words: dict[str, Word]
    blocks: int
    work: int
    scratch: int = 0
    keep: tuple[NDArray[Any], ...] = field(default=(), repr=False)


def bits(value: float) -> int:
    """Return the bits of a number in float32, as kernels take their constants."""
    return int(np.float32(value).view(np.uint32))
