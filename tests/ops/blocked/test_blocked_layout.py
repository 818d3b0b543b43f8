"""Where the elements of values lie: offsets and strides against an array's own."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as some
from numpy.testing import assert_array_equal

from striate.ops.blocked.layout import Blocked, Place, Value, blocked


@some.composite
def layouts(draw: Any) -> Blocked:
    rank = draw(some.integers(1, 3))
    pick = lambda *bounds: tuple(draw(some.integers(*bounds)) for _ in range(rank))  # noqa: E731
    lanes = draw(some.sampled_from([4, 8, 16]))
    shape = draw(some.integers(1, 2)), draw(some.integers(1, 35)), *pick(1, 4)
    layout = blocked(shape, lanes, pick(0, 2), pick(0, 2))
    first, more = draw(some.integers(0, 2)), draw(some.integers(0, 2))
    return layout._replace(first_block=first, all_blocks=first + layout.blocks + more)


@given(layout=layouts())
@settings(deadline=None, max_examples=60)
def test_small_offsets_are_those_of_an_array(layout: Blocked) -> None:
    shape = layout.batch, layout.all_blocks, *layout.padded, layout.lanes
    whole = np.arange(layout.size).reshape(shape)  # fails if the size is another
    assert layout.blocks == len(range(0, layout.channels, layout.lanes))
    own = whole[:, layout.first_block : layout.first_block + layout.blocks]
    corner = own[(0, 0, *(0,) * len(layout.spatial), 0)]
    assert layout.corner == corner
    assert layout.origin == own[(0, 0, *layout.before, 0)]
    strides = [stride // whole.itemsize for stride in whole.strides]
    assert layout.image == strides[0]
    assert layout.plane == strides[1]
    assert layout.strides == tuple(strides[2:-1])
    assert layout.contiguous == (layout.padded == layout.spatial)
    assert layout.strides[-1] == layout.lanes
    inside = tuple(slice(b, b + s) for b, s in zip(layout.before, layout.spatial, strict=True))
    pixels = own[0, 0, ..., 0][inside]
    steps = np.indices(layout.spatial).reshape(len(layout.spatial), -1).T @ layout.strides
    assert_array_equal(pixels.ravel(), layout.origin + steps)


def test_small_values_have_addresses_in_their_buffers() -> None:
    layout = blocked((1, 20, 5), 16, (1,), (2,))._replace(first_block=1, all_blocks=3)
    value = Value(layout, "x")
    assert value.origin == Place("x", 8 * 16 + 16)
    assert value.corner == Place("x", 8 * 16)
    assert Place("y").offset == 0


def test_small_layouts_of_matrices_are_pixels() -> None:
    layout = blocked((3, 20), 16)
    assert (layout.blocks, layout.plane, layout.image, layout.size) == (2, 16, 32, 96)
    assert (layout.origin, layout.strides, layout.contiguous) == (0, (), True)
