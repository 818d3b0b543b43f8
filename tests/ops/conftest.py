from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest


@pytest.fixture(scope="session", autouse=True)
def fresh_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Compile every kernel anew: what an earlier run left must not decide a test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STRIATE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def whole() -> Callable[..., Any]:
    """Return a maker of arrays of small whole numbers, on which every sum is exact."""
    rng = np.random.default_rng(0)

    def make(*shape: int, dtype: str = "float32") -> Any:
        return rng.integers(-4, 5, shape).astype(dtype)

    return make
