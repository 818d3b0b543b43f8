"""Tables from levels to numbers, and numbers back to the nearest level."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from striate.ops.lookup import BLOCK, Levels, look_up


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("shape", [(0,), (7,), (3, 4, 5), (2 * BLOCK + 3, 9)])
def test_looking_up_is_indexing(dtype, shape):
    table = np.random.default_rng(0).random(np.iinfo(dtype).max + 1, dtype=np.float32)
    levels = np.random.default_rng(1).integers(0, table.size, shape).astype(dtype)
    np.testing.assert_array_equal(look_up(levels, table), table[levels])
    np.testing.assert_array_equal(look_up(levels[::-1], table), table[levels[::-1]])


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_the_nearest_level_counts_the_edges_reached(data):
    share = st.floats(0, 1, width=32)
    edges = np.sort(data.draw(hnp.arrays(np.float64, st.integers(1, 300), elements=share)))
    special = st.sampled_from([-np.inf, -1.0, 0.0, 1.0, 2.0, np.inf, np.nan])
    near = st.sampled_from(list(edges.astype(np.float32)))
    values = data.draw(hnp.arrays(np.float32, (2, 9), elements=share | special | near))
    output = np.empty(values.shape, np.uint16)
    Levels.between(edges).nearest(values, output)
    expected = np.searchsorted(edges, values.astype(np.float64).ravel(), side="right")
    expected = np.where(np.isnan(values), 0, expected.reshape(values.shape))
    # Below 0 and from 1 on there is nothing to search: these are the curve's ends.
    expected[values <= 0], expected[values >= 1] = 0, edges.size
    np.testing.assert_array_equal(output, expected)


def test_an_edge_between_two_floats_is_kept_exactly():
    edge = 0.1  # lies below its nearest float32
    below, above = np.nextafter(np.float32(edge), np.float32(0)), np.float32(edge)
    output = np.empty(2, np.uint8)
    Levels.between(np.array([edge])).nearest(np.array([below, above]), output)
    np.testing.assert_array_equal(output, [0, 1])
    edge = np.nextafter(np.float64(above), 1)  # just above that float32
    Levels.between(np.array([edge])).nearest(np.array([below, above]), output)
    np.testing.assert_array_equal(output, [0, 0])
