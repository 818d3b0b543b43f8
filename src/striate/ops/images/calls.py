"""Passes over images: compiled steps bound to their tables, and how they are run."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.ops._threads import thread_count
from striate.ops.blocked.driver import MOST_BLOCKS
from striate.ops.blocked.team import team_of
from striate.ops.codegen import Kernel, Target
from striate.ops.images.launch import launcher, plan_of

__all__ = ["FIELDS", "Pass", "host", "run"]

FIELDS = ("image", "image_stride", "result", "result_stride")
"""The words that every pass begins with: addresses, and bytes from row to row."""

SHARED_WORK = 400_000  # multiply-adds of floats from which a second thread pays
SHORT_WORK = 100_000  # below this many, a pass takes some microseconds


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
    plan: NDArray[np.int64] = field(init=False)
    address: int = field(init=False)
    launch: Any = field(init=False)

    def __post_init__(self) -> None:
        if tuple(self.kernel.fields[: len(FIELDS)]) != FIELDS or self.blocks >= MOST_BLOCKS:
            raise ValueError(f"{self.kernel.name}: not a pass over an image")
        known = {
            name: value.ctypes.data if isinstance(value, np.ndarray) else value
            for name, value in self.words.items()
        }
        words = self.kernel.words(**dict.fromkeys(FIELDS, 0), **known)
        short = self.work < SHORT_WORK
        plan = plan_of(host(), self.kernel.address, self.blocks, self.scratch, short, words)
        object.__setattr__(self, "plan", plan)
        object.__setattr__(self, "address", plan.ctypes.data)
        object.__setattr__(self, "launch", launcher(host()))


def run(
    one: Pass, image: NDArray[Any], result: NDArray[Any], second: NDArray[Any] | None = None
) -> None:
    """Run a pass over the rows of an image, into those of a result that lies elsewhere.

    The numbers of a row lie side by side, (W * channels) or (W, channels) of them. `second` is
    the second result of a pass whose fields end with ``second, second_stride``.
    """
    plan = one.address
    if second is not None:
        own = one.plan.copy()
        own[-2:] = second.ctypes.data, second.strides[0]
        plan = own.ctypes.data
    threads = 1 if one.work < SHARED_WORK else min(thread_count(), one.blocks)
    if threads == 1:
        done = one.launch(plan, image, result, None, 1)
    else:
        with team_of(threads, host()).taken() as team:
            done = one.launch(plan, image, result, team, threads)
    if not done:
        raise MemoryError(f"{one.kernel.name}: no memory for {threads * one.scratch} bytes")


@functools.cache
def host() -> Target:
    """Return the processor that passes are compiled for."""
    return Target.host()
