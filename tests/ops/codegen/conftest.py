from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from striate.ops.codegen import Kernel, Target

LEVELS = ("sse", "avx2", "avx512")
STEP = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)


def possible() -> list[str]:
    best = Target.host().level
    return [best] if best == "neon" else list(LEVELS[: LEVELS.index(best) + 1])


@pytest.fixture(params=possible())
def target(request: pytest.FixtureRequest) -> Target:
    """The processors that this machine can stand for."""
    return Target.named(request.param)


@pytest.fixture
def call() -> Callable[..., None]:
    """Return call(kernel, begin, end, scratch, **words); arrays are taken by their addresses."""

    def call(kernel: Kernel, begin: int = 0, end: int = 1, scratch: Any = None, **words: Any):
        values = kernel.words(**words)
        numbers = [v.ctypes.data if isinstance(v, np.ndarray) else int(v) for v in values]
        table = np.array([*numbers, 0], np.int64)
        own = np.zeros(16, np.float32) if scratch is None else scratch
        STEP(kernel.address)(table.ctypes.data, begin, end, own.ctypes.data)

    return call
