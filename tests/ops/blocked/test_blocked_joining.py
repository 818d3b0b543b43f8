from __future__ import annotations

import numpy as np
import pytest

from striate.errors import ShapeError
from striate.ops.blocked.joining import copy_to_channels

SIZES = [(3, 5, 7), (16, 1, 33), (8, 16), (1,), (37, 2)]


@pytest.mark.parametrize("channels", SIZES, ids=str)
@pytest.mark.parametrize("spatial", [(5,), (3, 7), (2, 3, 4), (30, 30)], ids=str)
@pytest.mark.parametrize("sides", [((0, 0), (0, 0)), ((1, 0), (2, 1))], ids=str)
@pytest.mark.parametrize("backwards", [False, True])
def test_values_are_joined(target, run, put, get, value, channels, spatial, sides, backwards):
    batch, rng = 2, np.random.default_rng(0)
    arrays = [rng.normal(size=(batch, c, *spatial)).astype(np.float32) for c in channels]
    expected = np.concatenate(arrays, axis=1)
    result = value("y", target, expected.shape, *sides[1], among=(1, 1))
    buffers = {"y": np.full(result.layout.size, np.nan, np.float32)}
    tasks = []
    for i, array in enumerate(arrays):
        source = value(f"x{i}", target, array.shape, *sides[0], among=(i, 1))
        buffers[source.buffer] = put(source.layout, array)
        tasks.append(copy_to_channels(target, source, result, sum(channels[:i])))
    run(reversed(tasks) if backwards else tasks, buffers)
    np.testing.assert_array_equal(get(result.layout, buffers["y"]), expected)
    others = buffers["y"].reshape(batch, result.layout.all_blocks, -1)[:, [0, -1]]
    assert np.isnan(others).all()


def test_channels_must_fit(target, value):
    source, result = value("x", target, (1, 3, 4)), value("y", target, (1, 5, 4))
    with pytest.raises(ShapeError) as caught:
        copy_to_channels(target, source, result, 3)
    assert str(caught.value) == (
        "3 channels of 1 images (4,) do not fit after 3 of 5 channels of 1 images (4,)"
    )
