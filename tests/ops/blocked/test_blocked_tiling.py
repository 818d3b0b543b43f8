"""How convolutions are cut: every map and product once, no more registers than there are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from numpy.testing import assert_array_equal

from striate.ops.blocked.tiling import Tiling, choose_tiling
from striate.ops.codegen import Target

MANY = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@MANY
@given(
    width=some.integers(1, 70),
    blocks=some.integers(1, 9),
    spare=some.integers(0, 3),
    channels=some.integers(1, 300),
    taps=some.integers(0, 25),
)
def test_small_cuts_fit_the_registers(
    target: Target, width: int, blocks: int, spare: int, channels: int, taps: int
) -> None:
    maps = blocks * target.lanes - spare
    tiling = choose_tiling(target, width, maps, channels, 1, taps)
    assert 1 <= tiling.rows <= width
    assert sum(tiling.vectors) == blocks
    for vectors in tiling.vectors:
        assert tiling.rows * vectors + vectors + 1 <= target.registers
    assert tiling.starts == tuple(sum(tiling.vectors[:i]) for i in range(len(tiling.vectors)))
    whole, last = tiling.blocks
    assert (whole - 1) * target.lanes + last == channels
    assert 1 <= last <= target.lanes
    assert tiling.depth(taps) == channels * taps
    assert tiling.all_maps == maps


@pytest.mark.parametrize("groups", [2, 3, 5])
@pytest.mark.parametrize("blocks", [1, 3, 7])
def test_small_no_registers_reach_into_another_group(
    target: Target, groups: int, blocks: int
) -> None:
    tiling = choose_tiling(target, 9, blocks * target.lanes, target.lanes, groups, 9)
    assert sum(tiling.vectors) == groups * blocks
    for start, vectors in zip(tiling.starts, tiling.vectors, strict=True):
        assert start // blocks == (start + vectors - 1) // blocks
    assert tiling.all_maps == groups * blocks * target.lanes


def used(weight: Any, tiling: Tiling, planar: bool) -> list[float]:
    """Return weights in the order in which the definition of the microkernel uses them."""
    lanes, (maps, channels, taps) = tiling.lanes, weight.shape
    span = 1 if planar else lanes
    order = []
    for start, vectors in zip(tiling.starts, tiling.vectors, strict=True):
        for block in range(0, channels, span):
            for tap in range(taps):
                for channel in range(block, min(channels, block + span)):
                    for m in range(start * lanes, (start + vectors) * lanes):
                        order.append(weight[m, channel, tap] if m < maps else 0)
    return order


@settings(deadline=None, max_examples=40)
@given(
    lanes=some.sampled_from([4, 8]),
    vectors=some.lists(some.integers(1, 3), min_size=1, max_size=3),
    spare=some.integers(0, 3),
    channels=some.integers(1, 18),
    taps=some.integers(0, 4),
    planar=some.booleans(),
)
def test_small_weights_are_packed_in_the_order_of_use(
    lanes: int, vectors: list[int], spare: int, channels: int, taps: int, planar: bool
) -> None:
    maps = sum(vectors) * lanes - spare
    tiling = Tiling(3, tuple(vectors), maps, channels, 1, lanes)
    weight = np.arange(1, maps * channels * taps + 1, dtype=np.float32)
    weight = weight.reshape(maps, channels, taps)
    packed = tiling.pack(weight, planar=planar)
    assert packed.dtype == np.float32
    assert packed.flags.c_contiguous
    assert_array_equal(packed, used(weight, tiling, planar))


def test_small_wider_rows_take_no_less_time(target: Target) -> None:
    tiling = choose_tiling(target, 14, 64, 64, 1, 9)
    times = [tiling.cycles(width, 9) for width in range(1, 60)]
    assert times == sorted(times)
    assert times[0] > 0
