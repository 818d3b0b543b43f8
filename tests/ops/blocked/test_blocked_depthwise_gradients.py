from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from striate.errors import GeometryError
from striate.geometry import Window
from striate.ops.blocked import depthwise_weight_gradient
from striate.ops.blocked.depthwise_data_gradient import data_gradient, padding_of
from striate.ops.blocked.depthwise_weight_gradient import weight_gradient, weight_sums
from striate.ops.blocked.layout import Place
from striate.ops.blocked.program import run_tasks

CASES = [
    ((2, 5, 8, 10), {"kernel": 3, "padding": 1}),
    ((1, 17, 9, 39), {"kernel": 3, "stride": 2, "padding": 1}),
    ((2, 16, 8, 8), {"kernel": 3, "stride": 2, "padding": ((0, 0), (1, 1))}),
    ((1, 20, 7, 7), {"kernel": 5, "padding": 2}),
    ((1, 33, 14, 14), {"kernel": 7, "padding": 3}),
    ((1, 4, 12, 25), {"kernel": (2, 11), "stride": (1, 2), "padding": ((0, 3), (1, 5))}),
    ((1, 4, 9, 20), {"kernel": (2, 3), "stride": (3, 2), "dilation": (2, 3), "padding": (1, 2)}),
    ((3, 9, 30), {"kernel": 3, "stride": 2, "padding": 1}),
    ((1, 9, 4, 5, 6), {"kernel": 3, "stride": (1, 2, 2), "padding": 1}),
    ((1, 3, 9, 9), {"kernel": 1, "stride": 2}),
    ((1, 3, 5, 1), {"kernel": (3, 1), "stride": 3}),
]
FIXTURES = settings(
    deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def by_pytorch(x, weight, dy, window):
    """Return the gradients by their definition."""
    pad = [side for axis in reversed(window.axes) for side in (axis.before, axis.after)]
    one, other = (torch.from_numpy(a.astype(np.float64)).requires_grad_() for a in (x, weight))
    convolve = [None, torch.conv1d, torch.conv2d, torch.conv3d][window.rank]
    wide = torch.nn.functional.pad(one, pad)
    kind = {"stride": window.strides, "dilation": window.dilations, "groups": len(weight)}
    y = convolve(wide, other, **kind)
    (y * torch.from_numpy(dy)).sum().backward()
    return one.grad.numpy(), other.grad.numpy()


@pytest.fixture
def both(target, run, put, get, edge, value):
    """Return what computes the gradients of the data and of the weights."""

    def both(x, weight, dy, window):
        before, after = padding_of(window, x.shape[2:], dy.shape[2:])
        most = max(max(pair) for pair in window.paddings) + max(window.strides)
        source = value("x", target, x.shape, most, most, among=(1, 0))
        bounds = max(before), max(after)
        gradient = value("dy", target, dy.shape, *bounds, among=(0, 1))
        result = value("dx", target, x.shape, 1, 0, among=(1, 1))
        buffers = {"x": put(source.layout, x), "dy": put(gradient.layout, dy)}
        buffers["w"] = np.append(np.float32(np.nan), weight.ravel())
        buffers["dx"] = np.full(result.layout.size, 7, np.float32)
        buffers["dw"] = np.full(weight.size + 2, 7, np.float32)
        size = result.layout.blocks * target.lanes * weight[0].size
        buffers["p"] = np.full(size, np.nan, np.float32)
        size = weight_sums(source, gradient.layout, window)
        buffers["s"] = np.full(size, np.nan, np.float32)
        where = gradient, result, Place("w", 1), window, "p"
        run(data_gradient(target, *where), buffers)
        where = source, gradient, window, "s", Place("dw", 1)
        run(weight_gradient(target, *where), buffers)
        assert buffers["dw"][0] == buffers["dw"][-1] == 7
        assert (edge(result.layout, buffers["dx"]) == 7).all()
        return get(result.layout, buffers["dx"]), buffers["dw"][1:-1].reshape(weight.shape)

    return both


def check(both, whole, shape, window):
    window = window.at(shape[2:])
    x, weight = whole(*shape), whole(shape[1], 1, *window.kernel)
    dy = whole(*shape[:2], *window.output_shape(shape[2:]))
    for found, wanted in zip(
        both(x, weight, dy, window), by_pytorch(x, weight, dy, window), strict=True
    ):
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize(("shape", "case"), CASES, ids=str)
def test_gradients_are_those_of_pytorch(both, whole, shape, case):
    check(both, whole, shape, Window.parse(**case, rank=len(shape) - 2))


@FIXTURES
@given(st.data())
def test_any_window(both, whole, data):
    rank = data.draw(st.integers(1, 2))

    def each(most: int, least: int = 1) -> tuple[int, ...]:
        return tuple(data.draw(st.integers(least, most)) for _ in range(rank))

    window = Window.parse(each(4), stride=each(3), dilation=each(2), padding=each(3, 0), rank=rank)
    shape = (data.draw(st.integers(1, 2)), data.draw(st.integers(1, 20)))
    check(both, whole, shape + each(20, 7), window)


def test_many_rows_are_summed_part_by_part(both, whole, monkeypatch):
    monkeypatch.setattr(depthwise_weight_gradient, "PIXELS", 25)
    check(both, whole, (3, 18, 13, 11), Window.parse(3, padding=1, rank=2))


def test_threads_change_nothing(target, put, value):
    rng = np.random.default_rng(0)
    window = Window.parse(3, stride=2, padding=1, rank=2)
    source = value("x", target, (2, 37, 64, 64), 1, 1)
    gradient = value("dy", target, (2, 37, 32, 32), 0, 1)
    result = value("dx", target, (2, 37, 64, 64))
    arrays = [rng.normal(size=(2, 37, size, size)) for size in (64, 32)]
    buffers = {"x": put(source.layout, arrays[0]), "dy": put(gradient.layout, arrays[1])}
    buffers["w"] = rng.normal(size=37 * 9).astype(np.float32)
    sizes = {"p": 48 * 9, "s": weight_sums(source, gradient.layout, window)}
    sizes |= {"dw": 37 * 9, "dx": result.layout.size}
    tasks = data_gradient(target, gradient, result, Place("w"), window, "p")
    tasks += weight_gradient(target, source, gradient, window, "s", Place("dw"))
    kept = []
    for threads in (1, 2, 3):
        buffers |= {name: np.zeros(size, np.float32) for name, size in sizes.items()}
        run_tasks(tasks, buffers, threads, target)
        kept.append([buffers["dx"], buffers["dw"]])
    for other in kept[1:]:
        for one, same in zip(kept[0], other, strict=True):
            np.testing.assert_array_equal(one, same)


def test_too_little_padding_is_refused(target, value):
    window = Window.parse(3, padding=1, rank=2)
    bare = value("dy", target, (1, 3, 6, 6))
    with pytest.raises(GeometryError) as caught:
        data_gradient(target, bare, bare, Place("w"), window, "p")
    assert str(caught.value) == (
        "the gradient of the data reads (1, 1) pixels before and (1, 1) after a gradient "
        "that has (0, 0) and (0, 0)"
    )
