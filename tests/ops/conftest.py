from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest


@pytest.fixture
def whole() -> Callable[..., Any]:
    """Return a maker of arrays of small whole numbers, on which every sum is exact."""
    rng = np.random.default_rng(0)

    def make(*shape: int, dtype: str = "float32") -> Any:
        return rng.integers(-4, 5, shape).astype(dtype)

    return make
