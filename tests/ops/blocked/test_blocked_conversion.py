from __future__ import annotations

import numpy as np
import pytest

from striate.ops.blocked.conversion import border, enter, leave, pad_planes
from striate.ops.blocked.layout import Place

SHAPES = [
    (2, 3, 5),
    (1, 17, 40),
    (1, 1, 1, 1),
    (3, 37, 1, 1),
    (2, 5, 7, 7),
    (1, 33, 3, 17),
    (1, 16, 2, 300),
    (2, 20, 2, 3, 4),
]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize(("before", "after"), [(0, 0), (1, 2), (0, 1)])
def test_values_enter_with_their_padding_and_leave(
    target, run, get, edge, value, shape, before, after
):
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    x.flat[0], x.flat[-1] = np.nan, np.inf
    inner = value("y", target, shape, before, after, among=(1, 2))
    buffers = {"x": np.concatenate([[9.0], x.ravel()]).astype(np.float32)}
    buffers["y"] = np.full(inner.layout.size, np.nan, np.float32)
    buffers["z"] = np.full(x.size + 2, 7, np.float32)
    run(enter(target, Place("x", 1), shape, inner), buffers)
    run(leave(target, inner, Place("z", 1)), buffers)
    np.testing.assert_array_equal(get(inner.layout, buffers["y"]), x)
    assert not edge(inner.layout, buffers["y"]).any()
    np.testing.assert_array_equal(buffers["z"], [7, *x.ravel(), 7])


def test_missing_channels_enter_as_zeros(target, run, value):
    x = np.ones((1, 3, 2, 20), np.float32)
    result = value("y", target, x.shape, 1, 1)
    buffers = {"x": x, "y": np.full(result.layout.size, np.nan, np.float32)}
    run(enter(target, Place("x"), x.shape, result), buffers)
    assert buffers["y"].sum() == x.sum()


def test_other_blocks_stay_as_they_are(target, run, value):
    x = np.ones((2, 5, 4, 4), np.float32)
    result = value("y", target, x.shape, 1, 1, among=(1, 1))
    layout = result.layout
    buffers = {"x": x, "y": np.full(layout.size, np.nan, np.float32)}
    run(enter(target, Place("x"), x.shape, result), buffers)
    blocks = buffers["y"].reshape(2, layout.all_blocks, -1)
    assert np.isnan(blocks[:, [0, -1]]).all()
    assert not np.isnan(blocks[:, 1:-1]).any()


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("fill", [0.0, -np.inf])
def test_borders_are_filled_and_nothing_else_is(target, run, edge, value, shape, fill):
    padded = value("y", target, shape, 2, 1, among=(1, 0))
    buffers = {"y": np.full(padded.layout.size, np.nan, np.float32)}
    run(border(target, padded, fill), buffers)
    filled = edge(padded.layout, buffers["y"])
    assert (filled == fill).all()
    assert np.isnan(buffers["y"]).sum() == buffers["y"].size - filled.size


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize(("before", "after"), [(0, 0), (2, 1), (0, 19)])
def test_planes_get_zeros_around_them(target, run, shape, before, after):
    rank = len(shape) - 2
    x = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    expected = np.pad(x, [(0, 0), (0, 0)] + [(before, after)] * rank)
    buffers = {"x": x, "y": np.full(expected.size + 1, 7, np.float32)}
    sides = (before,) * rank, (after,) * rank
    run(pad_planes(target, Place("x"), shape, *sides, Place("y")), buffers)
    np.testing.assert_array_equal(buffers["y"], [*expected.ravel(), 7])
