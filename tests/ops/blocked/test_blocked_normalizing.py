from __future__ import annotations

import numpy as np
import pytest
import torch

from striate.errors import ParameterError
from striate.ops.blocked.group_norm import Statistics, group_norm
from striate.ops.blocked.layout import Place
from striate.ops.blocked.normalizing import instance_norm, layer_norm, local_response

SHAPES = [(2, 5, 7), (1, 33, 4, 5), (2, 16, 3, 9), (1, 20, 2, 3, 4)]


def normal(*shape):
    return np.random.default_rng(sum(shape)).normal(3, 2, shape).astype(np.float32)


@pytest.fixture
def through(target, run, value, put, get):
    """Return what runs a task on an array in blocks with padding; NaN in the spare lanes."""

    def through(task, x):
        values = value("x", target, x.shape, 1, 2), value("y", target, x.shape, 0, 1, (1, 1))
        buffers = {"x": put(values[0].layout, x)}
        buffers["y"] = np.full(values[1].layout.size, np.nan, np.float32)
        run(task(target, *values), buffers)
        return get(values[1].layout, buffers["y"])

    return through


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_channels_are_normalized(through, shape):
    x, scale, bias = normal(*shape), normal(shape[1]), normal(shape[1])
    got = through(lambda t, *v: instance_norm(t, *v, scale, bias, 1e-3), x)
    wanted = torch.nn.functional.instance_norm(
        *map(torch.from_numpy, (x,)),
        weight=torch.from_numpy(scale),
        bias=torch.from_numpy(bias),
        eps=1e-3,
    )
    np.testing.assert_allclose(got, wanted.numpy(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("shape", [(3, 5), (2, 64), (1, 100), (7, 1)], ids=str)
@pytest.mark.parametrize("shifted", [True, False])
def test_rows_are_normalized(target, run, shape, shifted):
    x, scale, bias = normal(*shape), normal(shape[1]), normal(shape[1])
    buffers = {"x": x.ravel(), "y": np.full(x.size + 20, np.nan, np.float32)}
    terms = bias if shifted else None
    run(layer_norm(target, Place("x"), shape, Place("y"), scale, terms, 1e-5), buffers)
    whole = x.astype(np.float64)
    left = whole - whole.mean(axis=1, keepdims=True)
    wanted = left / np.sqrt((left**2).mean(axis=1, keepdims=True) + 1e-5) * scale
    wanted = wanted + bias if shifted else wanted
    np.testing.assert_allclose(buffers["y"][: x.size].reshape(shape), wanted, rtol=1e-5, atol=1e-5)
    assert np.isnan(buffers["y"][x.size :]).all()


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize(
    ("size", "beta"), [(5, 0.75), (4, 0.5), (1, 1.0), (3, 0.6)], ids=["5", "4", "1", "3"]
)
def test_channels_inhibit_their_neighbours(through, shape, size, beta):
    x = normal(*shape)
    got = through(lambda t, *v: local_response(t, *v, size, 0.02, beta, 2.0), x)
    wanted = np.empty(shape)
    for channel in range(shape[1]):
        first = max(0, channel - (size - 1) // 2)
        near = x[:, first : channel + size // 2 + 1].astype(np.float64)
        divisor = (2 + 0.02 / size * (near**2).sum(axis=1)) ** beta
        wanted[:, channel] = x[:, channel] / divisor
    np.testing.assert_allclose(got, wanted, rtol=2e-6)


def test_far_neighbours_are_refused(target, value):
    one = value("x", target, (1, 3, 2))
    most, size = 2 * target.lanes + 1, 2 * target.lanes + 3
    wanted = f"reach beyond the next {target.lanes}: at most {most} can be taken"
    with pytest.raises(ParameterError, match=f"^sums of {size} channels {wanted}$"):
        local_response(target, one, one, size, 1e-4, 0.75, 1.0)


@pytest.mark.parametrize("shape", [*SHAPES, (2, 40, 3)], ids=str)
def test_groups_of_channels_are_normalized(target, run, value, put, get, shape):
    x, scale, bias = normal(*shape), normal(shape[1]), normal(shape[1])
    groups = next(n for n in (4, 5, 11, 1) if shape[1] % n == 0)
    values = value("x", target, x.shape, 1, 2), value("y", target, x.shape, 0, 1, (1, 1))
    buffers = {"x": put(values[0].layout, x)}
    buffers["y"] = np.full(values[1].layout.size, np.nan, np.float32)
    size = shape[0] * values[0].layout.blocks * target.lanes
    buffers |= {name: np.full(size, np.nan, np.float32) for name in ("m", "f")}
    between = Statistics("m", "f")
    run(group_norm(target, *values, groups, scale, bias, 1e-3, between), buffers)
    wanted = torch.nn.functional.group_norm(
        torch.from_numpy(x), groups, torch.from_numpy(scale), torch.from_numpy(bias), 1e-3
    )
    got = get(values[1].layout, buffers["y"])
    np.testing.assert_allclose(got, wanted.numpy(), rtol=1e-5, atol=1e-5)
