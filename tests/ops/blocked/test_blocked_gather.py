from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from striate.errors import ShapeError
from striate.geometry import Window
from striate.ops import conv2d
from striate.ops.blocked import depthwise, grouped
from striate.ops.blocked.convolution import Source, direct, window_sweep
from striate.ops.blocked.gather import gather, places_of, turned
from striate.ops.blocked.layout import Place
from striate.ops.blocked.planes import choose_plane_tiling
from striate.ops.blocked.program import run_tasks
from striate.ops.blocked.tiling import choose_tiling

FIXTURES = settings(
    deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def gathered(target, run):
    """Return what gathers elements of an array; nothing else is written."""

    def gathered(x, index):
        y = np.full(len(index) + 5, 7, np.float32)
        run(gather(target, Place("x", 3), index, Place("y", 2)), {"x": x, "y": y})
        assert (y[:2] == 7).all()
        assert (y[len(index) + 2 :] == 7).all()
        return y[2 : len(index) + 2]

    return gathered


@FIXTURES
@given(st.integers(1, 300), st.integers(1, 3000), st.integers(0, 99))
def test_elements_are_taken_from_where_the_index_says(gathered, size, count, seed):
    rng = np.random.default_rng(seed)
    x = np.append(np.full(3, np.nan), rng.normal(size=size)).astype(np.float32)
    index = rng.integers(0, size + 1, count).astype(np.int32)
    expected = np.append(np.float32(0), x[3:])[index]
    np.testing.assert_array_equal(gathered(x, index), expected)


def test_threads_share_the_elements(target):
    rng = np.random.default_rng(0)
    x = rng.normal(size=50_000).astype(np.float32)
    index = rng.integers(0, 50_001, 70_001).astype(np.int32)
    for threads in (1, 2, 3):
        y = np.empty(len(index), np.float32)
        task = gather(target, Place("x"), index, Place("y"))
        assert task.blocks > 3
        run_tasks([task], {"x": x, "y": y}, threads, target)
        np.testing.assert_array_equal(y, np.append(np.float32(0), x)[index])


def test_what_is_no_vector_of_int32_is_refused(target):
    with pytest.raises(ShapeError) as caught:
        gather(target, Place("x"), np.zeros((2, 3), np.int64), Place("y"))
    assert str(caught.value) == (
        "the index must be a vector of int32, not int64 of shape (2, 3): ravel it"
    )


def check_packing(gathered, pack, *shape):
    """Check that a packing function gives the index that packs weights at run time."""
    weight = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    index = pack(places_of(shape))
    assert index.dtype == np.int32
    x = np.append(np.zeros(3, np.float32), weight.ravel())
    np.testing.assert_array_equal(gathered(x, index.ravel()), pack(weight).ravel())


@pytest.mark.parametrize("maps", [1, 16, 37])
@pytest.mark.parametrize("channels", [1, 16, 19])
def test_weights_of_direct_convolutions_are_packed_at_run_time(target, gathered, maps, channels):
    tiling = choose_tiling(target, 20, maps, channels, taps=9)
    for planar in (False, True):
        check_packing(gathered, lambda a: tiling.pack(a, planar), maps, channels, 9)  # noqa: B023
    planes = choose_plane_tiling(target, 40, maps, channels, 9)
    check_packing(gathered, planes.pack, maps, channels, 9)


def test_weights_in_groups_are_packed_at_run_time(target, gathered):
    def in_groups(array):
        return grouped.arranged(target, array, 3)

    def of_channels(array):
        return depthwise.arranged(target, array)

    tiling = choose_tiling(target, 20, 16, 5, groups=3, taps=9)
    check_packing(gathered, tiling.pack, 48, 5, 9)
    check_packing(gathered, in_groups, 12, 5, 3, 3)
    check_packing(gathered, of_channels, 19, 1, 3, 5)


@pytest.mark.parametrize("groups", [1, 3])
def test_turned_weights_are_those_of_the_gradient(whole, groups):
    x, weight = whole(2, 6, 8, 9), whole(9, 6 // groups, 3, 5)
    at = torch.from_numpy(x).requires_grad_()
    y = torch.nn.functional.conv2d(at, torch.from_numpy(weight), padding=(1, 2), groups=groups)
    dy = whole(*y.shape)
    (y * torch.from_numpy(dy)).sum().backward()
    dx = conv2d(dy, turned(weight, groups), padding=(1, 2), groups=groups, method="reference")
    np.testing.assert_array_equal(dx, at.grad)


def test_the_gradient_of_the_data_is_a_direct_convolution(target, run, value, put, get, whole):
    x, weight = whole(2, 19, 7, 9), whole(21, 19, 3, 3)
    at = torch.from_numpy(x).requires_grad_()
    y = torch.nn.functional.conv2d(at, torch.from_numpy(weight), padding=1)
    dy = whole(*y.shape)
    (y * torch.from_numpy(dy)).sum().backward()
    tiling = choose_tiling(target, 9, 19, 21, taps=9)
    index = tiling.pack(turned(places_of(weight.shape)).reshape(19, 21, 9))
    source, result = value("dy", target, dy.shape, 1, 1), value("dx", target, x.shape)
    ones = (1, 1)
    sweep = window_sweep((7, 9), ones, ones, (3, 3), ones)
    ends = Source.of(source), result, sweep, tiling
    tasks = [
        gather(target, Place("w", 1), index, Place("packed")),
        direct(target, *ends, Place("packed"), Place("bias")),
    ]
    buffers = {"dy": put(source.layout, dy), "w": np.append(np.float32(np.nan), weight.ravel())}
    buffers["packed"] = np.full(len(index), np.nan, np.float32)
    buffers["bias"] = np.zeros(64, np.float32)
    buffers["dx"] = np.full(result.layout.size, np.nan, np.float32)
    run(tasks, buffers)
    np.testing.assert_array_equal(get(result.layout, buffers["dx"]), at.grad)


@pytest.mark.parametrize("groups", [1, 3])
def test_kernels_in_groups_take_weights_from_buffers(target, run, value, put, get, whole, groups):
    """One group stands for depthwise kernels here."""
    window = Window.parse(3, padding=1, rank=2)
    x, bias = whole(2, 9, 7, 9), whole(9)
    weight = whole(9, 1 if groups == 1 else 3, 3, 3)
    source, result = value("x", target, x.shape, 1, 1), value("y", target, x.shape)
    if groups == 1:
        packed, make = depthwise.pack(target, weight, bias), depthwise.depthwise
        index = depthwise.arranged(target, places_of(weight.shape)).ravel()
    else:
        packed, make = grouped.pack(target, weight, bias, groups), grouped.grouped
        index = grouped.arranged(target, places_of(weight.shape), groups)
    buffers = {"x": put(source.layout, x), "w": weight.ravel(), "b": packed.bias}
    buffers["p"] = np.full(len(index), np.nan, np.float32)
    buffers["y"] = np.full(result.layout.size, np.nan, np.float32)
    places = packed._replace(weight=Place("p"), bias=Place("b"))
    layer = make(target, source, result, places, window, -np.inf, np.inf)
    run([gather(target, Place("w"), index, Place("p")), layer], buffers)
    wanted = conv2d(x, weight, bias, padding=1, groups=9 // weight.shape[1], method="reference")
    np.testing.assert_array_equal(get(result.layout, buffers["y"]), wanted)
