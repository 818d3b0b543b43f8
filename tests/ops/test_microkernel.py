from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from striate.ops import _microkernel
from striate.ops._jit import kernel
from striate.ops._microkernel import (
    copy_row,
    copy_row_in_python,
    multiply_tile,
    multiply_tile_in_python,
    tile_for,
)


@kernel
def compiled(a: Any, at: Any, b: Any, b_start: int, c: Any, at_c: Any, sizes: Any) -> None:
    multiply_tile(a, at, b, b_start, c, at_c, sizes)


@kernel
def copied(source: Any, start: int, target: Any, at: int) -> None:
    copy_row(source, start, target, at)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("transposed", [False, True])
def test_small_tiles_of_every_size(dtype: str, transposed: bool) -> None:
    rng = np.random.default_rng(0)
    tile = tile_for(np.dtype(dtype).itemsize)
    depth = 5
    for rows, vectors in itertools.product(range(1, tile.rows + 1), range(1, tile.vectors + 1)):
        a = rng.integers(-4, 5, (rows, depth)).astype(dtype)
        b = rng.integers(-4, 5, (depth, tile.width)).astype(dtype)
        c = rng.integers(-4, 5, (rows, tile.width + 3)).astype(dtype)
        expected = c.copy()
        columns = vectors * tile.lanes
        expected[:, 1 : 1 + columns] += a @ b[:, :columns]
        flat_a = np.concatenate([[9, 9], (a.T if transposed else a).ravel()]).astype(dtype)
        at = (2, 1, rows) if transposed else (2, depth, 1)
        flat_b = np.concatenate([[9], b.ravel()]).astype(dtype)
        for multiply in (compiled, multiply_tile_in_python):
            flat_c = c.ravel().copy()
            multiply(flat_a, at, flat_b, 1, flat_c, (1, tile.width + 3), (depth, rows, vectors))
            assert_array_equal(flat_c.reshape(c.shape), expected)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_small_copies_of_a_row(dtype: str) -> None:
    width = tile_for(np.dtype(dtype).itemsize).width
    source = np.arange(3 * width, dtype=dtype)
    for copy in (copied, copy_row_in_python):
        target = np.zeros(2 * width + 1, dtype)
        copy(source, 5, target, 3)
        assert_array_equal(target[3 : 3 + width], source[5 : 5 + width])
        assert target[:3].sum() + target[3 + width :].sum() == 0


class Target:
    """A processor, as Numba's code generator describes the one it compiles for."""

    def __init__(self, triple: str, features: str) -> None:
        self.tuple = (triple, "cpu", features)

    @property
    def target_context(self) -> Target:
        return self

    def codegen(self) -> Target:
        return self

    def magic_tuple(self) -> tuple[str, str, str]:
        return self.tuple


@pytest.mark.parametrize(
    ("triple", "features", "tile", "fused"),
    [
        ("x86_64-unknown-linux-gnu", "+avx2,+avx512f,+fma", (8, 2, 16), True),
        ("x86_64-unknown-linux-gnu", "+avx2,-avx512f,+fma", (6, 2, 8), True),
        ("x86_64-unknown-linux-gnu", "+sse2,-avx2", (6, 2, 4), False),
        ("aarch64-unknown-linux-gnu", "+neon", (6, 4, 4), True),
        ("arm64-apple-darwin23", "", (6, 4, 4), True),
    ],
)
def test_small_tiles_of_processors(
    monkeypatch: pytest.MonkeyPatch,
    triple: str,
    features: str,
    tile: tuple[int, ...],
    fused: bool,
) -> None:
    monkeypatch.setattr(_microkernel, "cpu_target", Target(triple, features))
    assert tile_for(4) == tile
    assert tile_for(8) == (*tile[:2], tile[2] // 2)
    assert _microkernel.has_fused_multiply_add() is fused
