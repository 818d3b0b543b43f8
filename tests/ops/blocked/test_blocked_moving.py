from __future__ import annotations

import math

import numpy as np
import pytest

from striate.ops.blocked.channels_last import enter_last, leave_last
from striate.ops.blocked.layout import Place
from striate.ops.blocked.mapping import Operand
from striate.ops.blocked.moving import movable, move


def steps(array):
    return tuple(step // 4 for step in array.strides)


@pytest.fixture
def moved(target, run):
    """Return what copies a view of an array to an array of its own; nothing else is written."""

    def moved(whole, view, out=None):
        shape = view.shape
        start = view.__array_interface__["data"][0] - whole.__array_interface__["data"][0]
        y = np.full(math.prod(shape) + 40, np.nan, np.float32) if out is None else out[0]
        to = y[: math.prod(shape)].reshape(shape) if out is None else out[1]
        at = to.__array_interface__["data"][0] - y.__array_interface__["data"][0]
        source = Operand(Place("x", start // 4), steps(view))
        task = move(target, shape, source, Operand(Place("y", at // 4), steps(to)))
        run(task, {"x": whole, "y": y})
        np.testing.assert_array_equal(to, view)
        return y

    return moved


@pytest.mark.parametrize(
    ("shape", "order"),
    [
        ((2, 3, 5, 7), (0, 2, 3, 1)),
        ((2, 33, 20, 17), (0, 2, 3, 1)),
        ((1, 20, 33, 3), (0, 3, 1, 2)),
        ((40, 37), (1, 0)),
        ((2, 3, 4, 5, 6), (4, 3, 2, 1, 0)),
        ((2, 4, 3, 50), (1, 0, 2, 3)),
        ((6, 1, 5), (1, 2, 0)),
    ],
    ids=str,
)
def test_axes_are_exchanged(moved, shape, order):
    x = np.arange(math.prod(shape), dtype=np.float32).reshape(shape)
    y = moved(x, x.transpose(order))
    assert np.isnan(y[x.size :]).all()


@pytest.mark.parametrize(
    "part",
    [
        np.s_[:, :, ::2, ::2],
        np.s_[:, 1:, ::-1, 3:9],
        np.s_[1:, ::2, 1, ::-3],
        np.s_[..., :2],
        np.s_[0, 0, 0, 5:6],
    ],
    ids=str,
)
def test_slices_are_taken(moved, part):
    x = np.arange(2 * 4 * 6 * 50, dtype=np.float32).reshape(2, 4, 6, 50)
    moved(x, x[part])


def test_results_may_be_parts_of_an_array(moved):
    x = np.arange(2 * 20 * 30, dtype=np.float32).reshape(2, 20, 30)
    y = np.full((2, 41, 30), np.nan, np.float32)
    moved(x, x, (y.reshape(-1), y[:, 5:25]))
    assert np.isnan(y[:, :5]).all()
    assert np.isnan(y[:, 25:]).all()
    y[...] = np.nan
    moved(x, x.transpose(0, 2, 1)[:, :20, :], (y.reshape(-1), y[:, 3:23, 4:24]))
    assert np.isfinite(y).sum() == 2 * 20 * 20


def test_more_axes_than_there_are_loops_are_told():
    order = (6, 5, 4, 3, 2, 1, 0)
    x = np.zeros((2,) * 7, np.float32)
    assert not movable(x.shape, steps(x), steps(x.transpose(order)))
    assert movable(x.shape, steps(x), steps(x))
    assert movable(x.shape[2:], steps(x[0, 0]), steps(x[0, 0].transpose()))
    apart = np.zeros((4,) * 6, np.float32)[::2, ::2, ::2, ::2, ::2, ::2]
    assert not movable(apart.shape, steps(x[0]), steps(apart))


@pytest.mark.parametrize(
    "shape", [(2, 5, 7), (1, 33, 4, 5), (2, 16, 3, 2, 4), (3, 4, 1, 1)], ids=str
)
@pytest.mark.parametrize("sides", [(0, 0), (1, 2)], ids=str)
def test_channels_go_last_and_come_back(target, run, value, put, get, edge, shape, sides):
    x = np.arange(math.prod(shape), dtype=np.float32).reshape(shape)
    last = np.ascontiguousarray(np.moveaxis(x, 1, -1))
    source = value("x", target, shape, *sides, among=(1, 1))
    y = np.full(x.size + 40, np.nan, np.float32)
    run(leave_last(target, source, Place("y")), {"x": put(source.layout, x), "y": y})
    np.testing.assert_array_equal(y[: x.size].reshape(last.shape), last)
    assert np.isnan(y[x.size :]).all()
    buffers = {"y": last.ravel(), "x": np.full(source.layout.size, np.nan, np.float32)}
    run(enter_last(target, Place("y"), source), buffers)
    np.testing.assert_array_equal(get(source.layout, buffers["x"]), x)
    assert not edge(source.layout, buffers["x"]).any()


def test_examples_may_lie_apart(target, run, value, put):
    x = np.arange(2 * 4 * 3 * 3, dtype=np.float32).reshape(2, 4, 3, 3)
    source = value("x", target, x.shape)
    y = np.full((2, 50), np.nan, np.float32)
    run(leave_last(target, source, Place("y", 5), 50), {"x": put(source.layout, x), "y": y})
    np.testing.assert_array_equal(y[:, 5:41], x.transpose(0, 2, 3, 1).reshape(2, -1))
    assert np.isnan(y[:, 41:]).all()
