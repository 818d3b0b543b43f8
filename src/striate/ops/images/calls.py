"""Passes over images: compiled steps bound to their tables, and how they are run."""

from __future__ import annotations

import ctypes
import functools
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.ops._threads import thread_count
from striate.ops.blocked.driver import ENTRY_WORDS, MOST_BLOCKS
from striate.ops.blocked.team import run_table, team_of
from striate.ops.codegen import Kernel, Target

__all__ = ["FIELDS", "Pass", "run"]

FIELDS = ("image", "image_stride", "result", "result_stride")
"""The words that every pass begins with: addresses, and bytes from row to row."""

SHARED_WORK = 400_000  # multiply-adds of floats from which a second thread pays
LINE = 64

Step = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)


@dataclass(frozen=True)
class Pass:
    """A step over an image, but for where the image and the result lie.

    Attributes
    ----------
    kernel : what runs; its fields begin with `FIELDS`
    words : the other arguments by name; an array stands for its address
    blocks : into how many parts it falls, which threads may do in any order and side by side
    scratch : bytes of memory that each thread needs for itself
    work : about how many multiply-adds of floats it takes as long as
    """

    kernel: Kernel
    words: dict[str, int | NDArray[Any]]
    blocks: int
    scratch: int
    work: int
    table: NDArray[np.int64] = field(init=False)
    step: Any = field(init=False)

    def __post_init__(self) -> None:
        known = {
            name: value.ctypes.data if isinstance(value, np.ndarray) else value
            for name, value in self.words.items()
        }
        words = self.kernel.words(**dict.fromkeys(FIELDS, 0), **known)
        if tuple(self.kernel.fields[: len(FIELDS)]) != FIELDS or self.blocks >= MOST_BLOCKS:
            raise ValueError(f"{self.kernel.name}: not a pass over an image")
        object.__setattr__(self, "table", np.array(words, np.int64))
        object.__setattr__(self, "step", Step(self.kernel.address))

    def threads(self) -> int:
        """Return how many threads it is worth."""
        if self.work < SHARED_WORK or self.blocks < 2:
            return 1
        return min(thread_count(), self.blocks)


def run(
    one: Pass, image: NDArray[Any], result: NDArray[Any], second: NDArray[Any] | None = None
) -> None:
    """Run a pass over rows of numbers, (H, W * channels), into others that lie elsewhere.

    `second` is the second result of passes whose fields end with ``second, second_stride``.
    """
    words = one.table.copy()
    words[:4] = image.ctypes.data, image.strides[0], result.ctypes.data, result.strides[0]
    if second is not None:
        words[-2:] = second.ctypes.data, second.strides[0]
    threads = one.threads()
    each = -(-(one.scratch + LINE) // 4096) * 4096
    memory = np.empty(each * threads + LINE, np.uint8)
    scratch = -(-memory.ctypes.data // LINE) * LINE
    if threads == 1:
        one.step(words.ctypes.data, 0, one.blocks, scratch)
        return
    entry = np.zeros(ENTRY_WORDS, np.int64)
    entry[:] = one.kernel.address, words.ctypes.data, one.blocks, 1
    target = host()
    with team_of(threads, target).taken() as team:
        run_table(target)(entry.ctypes.data, 1, team, scratch, each // 4)


@functools.cache
def host() -> Target:
    """Return the processor that passes are compiled for."""
    return Target.host()
