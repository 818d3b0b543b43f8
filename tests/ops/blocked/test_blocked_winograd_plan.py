from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from striate.ops.blocked import winograd
from striate.ops.blocked.layout import blocked
from striate.ops.blocked.winograd_plan import plan
from striate.ops.blocked.winograd_transforms import (
    POINTS,
    transform_input,
    transform_output,
    weight_matrix,
)
from striate.ops.codegen import Target

TILES = (2, 4, 6)
WIDE = Target.named("avx512")
F4 = winograd.square(4, 3, 2)


@pytest.mark.parametrize(("n", "r"), [(n, r) for n in POINTS for r in range(1, n)])
def test_transforms_compute_correlation(n: int, r: int) -> None:
    # A^T [(G g) * (B^T d)] is the correlation of d and g, for every pair of unit vectors.
    m = n - r + 1
    for i in range(n):
        for k in range(r):
            d = transform_input(n, np.eye(n)[i])
            g = weight_matrix(m, r) @ np.eye(r)[k]
            y = transform_output(m, [a * b for a, b in zip(d, g, strict=True)])
            assert_allclose(y, [float(o + k == i) for o in range(m)], atol=1e-12)


def test_transforms_for_two_outputs_are_those_of_the_paper() -> None:
    # Lavin and Gray 2016, equation 9; the signs of the last row of B^T and A^T cancel.
    columns = np.array(transform_input(4, np.eye(4)))
    assert_array_equal(columns, [[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, -1, 0, 1]])
    assert_array_equal(transform_output(2, np.eye(4)), [[1, 1, 1, 0], [0, 1, -1, 1]])
    assert_array_equal(
        weight_matrix(2, 3), [[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]]
    )


@pytest.mark.parametrize("m", TILES)
@pytest.mark.parametrize(("maps", "channels"), [(1, 1), (40, 3), (33, 21), (64, 5)])
@pytest.mark.parametrize("taps", [(3, 3), (3,)])
def test_packed_weights_lie_in_the_order_of_the_microkernel(
    m: int, maps: int, channels: int, taps: tuple[int, ...]
) -> None:
    weight = np.random.default_rng(0).standard_normal((maps, channels, *taps)).astype(np.float32)
    packed = winograd.pack(WIDE, winograd.square(m, 3, len(taps)), weight)
    assert packed.dtype == np.float32
    g = weight_matrix(m, 3)
    expected = np.einsum("pi,mci->pcm", g, weight) if len(taps) == 1 else None
    if expected is None:
        expected = np.einsum("pi,qk,mcik->pqcm", g, g, weight).reshape(-1, channels, maps)
    expected = np.pad(expected, [(0, 0), (0, 0), (0, -maps % 16)])
    width = min(32, expected.shape[2])
    groups = [expected[:, :, at : at + width] for at in range(0, expected.shape[2], width)]
    flat = np.concatenate([group.reshape(len(expected), -1) for group in groups], axis=1)
    assert_allclose(packed, flat, rtol=1e-6, atol=1e-7)


def chosen(channels: int, maps: int, size: int, batch: int = 1) -> int:
    """Return the m that costs least."""
    x, y = (blocked((batch, c, size, size), 16) for c in (channels, maps))
    return min(TILES, key=lambda m: winograd.cost(WIDE, winograd.square(m, 3, 2), x, y))


def test_larger_tiles_cost_less_until_their_weights_are_too_many() -> None:
    assert chosen(64, 64, 224) == 6
    assert chosen(128, 128, 28) == 6
    assert chosen(512, 512, 14) == 4
    assert chosen(512, 512, 7) == 2
    assert chosen(512, 512, 7, batch=32) == 4


@pytest.mark.parametrize("size", [56, 112])
def test_cost_grows_with_the_pixels(size: int) -> None:
    for m in TILES:
        costs = [
            winograd.cost(WIDE, winograd.square(m, 3, 2), layout, layout)
            for layout in (blocked((1, 64, s, s), 16) for s in (size, 2 * size))
        ]
        assert 3 < costs[1] / costs[0] < 5


def test_tiles_go_evenly_to_all_threads() -> None:
    layout = blocked((1, 64, 56, 56), 16)
    for threads in (1, 2, 3, 4):
        p = plan(WIDE, F4, layout, layout, threads)
        chunks = -(-p.tiles // p.chunk)
        assert p.fused
        assert chunks % threads == 0
        assert p.chunk * chunks - p.tiles < p.chunk


def test_buffers_hold_few_tiles_of_a_large_batch() -> None:
    layout = blocked((64, 512, 28, 28), 16)
    assert sum(winograd.arena(WIDE, F4, layout, layout)) < 9 << 18
    small = blocked((64, 64, 28, 28), 16)
    assert winograd.arena(WIDE, F4, small, small) == (0, 0)
