"""Tasks: compiled steps bound to their arguments, of which a program is a list."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.ops.blocked.layout import Place
from striate.ops.codegen import Kernel

__all__ = ["SHARED_WORK", "Task", "Word", "bits"]

SHARED_WORK = 40_000  # multiply-adds from which handing blocks to another thread pays

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
    tile : what the microkernel keeps in registers, for people: "14x2", pixels by registers
    """

    kernel: Kernel
    words: dict[str, Word]
    blocks: int
    work: int
    scratch: int = 0
    keep: tuple[NDArray[Any], ...] = field(default=(), repr=False)
    tile: str = ""

    @property
    def buffers(self) -> list[str]:
        """The buffers that it reads and writes."""
        return [word.buffer for word in self.words.values() if isinstance(word, Place)]

    @property
    def shared(self) -> bool:
        """Whether several threads share its blocks, if there are any."""
        return self.blocks > 1 and self.work >= SHARED_WORK


def bits(value: float) -> int:
    """Return the bits of a number in float32, as kernels take their constants."""
    return int(np.float32(value).view(np.uint32))
