from __future__ import annotations

import numpy as np
import pytest

from striate.ops.blocked.channel_scaling import scale_shift, scale_shift_gradient
from striate.ops.blocked.channel_sums import partial_size
from striate.ops.blocked.layout import Place
from striate.ops.blocked.program import run_tasks
from striate.ops.codegen import Target

SHAPES = [(2, 5, 7), (3, 33, 4, 5), (2, 16, 3, 9), (1, 20, 2, 3, 4), (40, 3, 6, 13)]
WAYS = {"both": (True, True), "scale": (True, False), "shift": (False, True)}


def whole(*shape, seed=0):
    return np.random.default_rng(seed + sum(shape)).integers(-9, 9, shape).astype(np.float32)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("bounds", [(-np.inf, np.inf), (0.0, 30.0)], ids=str)
def test_numbers_of_channels_scale_and_shift(target, run, value, put, get, shape, way, bounds):
    x, scale, shift = whole(*shape), whole(shape[1], seed=1), whole(shape[1], seed=2)
    at = value("x", target, shape, 1, 2, among=(1, 0))
    buffers = {"x": put(at.layout, x), "a": scale, "b": shift}
    names = [Place(name) if used else None for name, used in zip("ab", WAYS[way], strict=True)]
    run(scale_shift(target, at, at, *names, *bounds), buffers)
    each = (-1, *(1 for _ in shape[2:]))
    factor, term = (
        number.reshape(each) if used else neutral
        for number, used, neutral in zip((scale, shift), WAYS[way], (1, 0), strict=True)
    )
    wanted = np.clip(x * factor + term, *bounds)
    np.testing.assert_array_equal(get(at.layout, buffers["x"]), wanted)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_gradients_of_numbers_are_sums(target, run, value, put, get, shape):
    x, dy, scale = whole(*shape), whole(*shape, seed=1), whole(shape[1], seed=2)
    at, slope = value("x", target, shape, 1), value("g", target, shape, 0, 1)
    buffers = {"x": put(at.layout, x), "g": put(slope.layout, dy), "a": scale}
    buffers["p"] = np.full(partial_size(at, 2), np.nan, np.float32)
    buffers |= {name: np.full(shape[1] + 20, 7, np.float32) for name in "st"}
    places = [Place(name) for name in "ast"]
    run(scale_shift_gradient(target, slope, at, slope, *places, "p"), buffers)
    axes, each = (0, *range(2, len(shape))), (-1, *(1 for _ in shape[2:]))
    np.testing.assert_array_equal(get(slope.layout, buffers["g"]), dy * scale.reshape(each))
    for name, wanted in (("s", (dy * x).sum(axes)), ("t", dy.sum(axes))):
        np.testing.assert_array_equal(buffers[name][: shape[1]], wanted)
        assert (buffers[name][shape[1] :] == 7).all()


def test_threads_do_not_matter(value, put):
    target, shape, found = Target.host(), (9, 40, 21, 23), []
    random = np.random.default_rng(0)
    x, dy, scale = (random.normal(size=s).astype(np.float32) for s in (shape, shape, 40))
    at, slope = value("x", target, shape, 1), value("g", target, shape)
    for threads in (1, 2, 3):
        buffers = {"x": put(at.layout, x), "g": put(slope.layout, dy), "a": scale}
        buffers |= {name: np.empty(40, np.float32) for name in "st"}
        buffers["p"] = np.empty(partial_size(at, 2), np.float32)
        places = [Place(name) for name in "ast"]
        run_tasks(scale_shift_gradient(target, slope, at, slope, *places, "p"), buffers, threads)
        found.append(buffers)
    for other in found[1:]:
        for name in "gst":
            np.testing.assert_array_equal(found[0][name], other[name])
