from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from striate import ops
from striate.errors import DTypeError, GeometryError, ParameterError, ShapeError, StriateError
from striate.geometry import Window

Make = Callable[..., Any]
METHODS = ["reference", "direct"]

# Dumoulin and Visin, arXiv:1603.07285: the input of their pooling figures; the lecture's too.
INPUT = [[3, 3, 2, 1, 0], [0, 0, 1, 3, 1], [3, 1, 2, 2, 3], [2, 0, 0, 2, 2], [2, 0, 0, 0, 1]]


def image(dtype: str = "float32") -> Any:
    return np.array(INPUT, dtype)[None, None]


@pytest.mark.parametrize("method", METHODS)
def test_small_max_pooling_of_the_lecture(method: str) -> None:
    y = ops.max_pool2d(image(), 3, stride=2, padding=1, method=method)
    assert_array_equal(y[0, 0], [[3, 3, 3], [3, 3, 3], [2, 2, 2]])


@pytest.mark.parametrize("method", METHODS)
def test_small_pooling_of_dumoulin_and_visin(method: str) -> None:
    highest = ops.max_pool2d(image(), 3, stride=1, method=method)
    assert_array_equal(highest[0, 0], [[3, 3, 3], [3, 3, 3], [3, 2, 3]])
    mean = ops.avg_pool2d(image("float64"), 3, stride=1, method=method)
    assert_array_equal(mean[0, 0], np.array([[15, 15, 15], [9, 11, 16], [10, 7, 12]]) / 9)


@st.composite
def windows(draw: st.DrawFn) -> dict[str, Any]:
    rank = draw(st.integers(1, 3))

    def each(low: int, high: int) -> tuple[int, ...]:
        return tuple(draw(st.integers(low, high)) for _ in range(rank))

    kernel = each(1, 4)
    return {
        "kernel": kernel,
        "stride": each(1, 3),
        "dilation": each(1, 2),
        "padding": tuple(draw(st.integers(0, size // 2)) for size in kernel),
        "sizes": each(7, 7 + 12 // rank**2),
        "ceil": draw(st.booleans()),
    }


@pytest.mark.parametrize("method", METHODS)
@settings(deadline=None, max_examples=40)
@given(case=windows(), dtype=st.sampled_from(["float32", "float64"]))
def test_max_pooling_equals_pytorch(method: str, case: dict[str, Any], dtype: str) -> None:
    rng = np.random.default_rng(0)
    rank = len(case["sizes"])
    x = rng.integers(-4, 5, (2, 3, *case["sizes"])).astype(dtype)  # many ties
    steps = case["kernel"], case["stride"], case["padding"], case["dilation"]
    tensor = torch.from_numpy(x).requires_grad_()
    expected = getattr(F, f"max_pool{rank}d")(tensor, *steps, case["ceil"])
    window = Window.parse(*steps, rank=rank, ceil=case["ceil"])
    plan = ops.max_pool_plan(x.shape, window, dtype, method)
    y = plan.forward(x)
    assert plan.output_shape == y.shape
    assert_array_equal(y, expected.detach().numpy())
    dy = rng.integers(-4, 5, y.shape).astype(dtype)
    expected.backward(torch.from_numpy(dy))
    assert_array_equal(plan.input_gradient(dy, x, y), tensor.grad.numpy())


@pytest.mark.parametrize("method", METHODS)
@settings(deadline=None, max_examples=40)
@given(case=windows(), count_include_pad=st.booleans())
def test_average_pooling_equals_pytorch(
    method: str, case: dict[str, Any], count_include_pad: bool
) -> None:
    rng = np.random.default_rng(0)
    rank = len(case["sizes"])
    x = rng.integers(-4, 5, (2, 3, *case["sizes"])).astype(np.float64)
    steps = case["kernel"], case["stride"], case["padding"]
    tensor = torch.from_numpy(x).requires_grad_()
    expected = getattr(F, f"avg_pool{rank}d")(tensor, *steps, case["ceil"], count_include_pad)
    window = Window.parse(*steps, rank=rank, ceil=case["ceil"])
    plan = ops.average_pool_plan(x.shape, window, "float64", count_include_pad, method)
    y = plan.forward(x)
    assert plan.output_shape == y.shape
    assert_allclose(y, expected.detach().numpy(), rtol=1e-14)
    dy = rng.integers(-4, 5, y.shape).astype(np.float64)
    expected.backward(torch.from_numpy(dy))
    assert_allclose(plan.input_gradient(dy), tensor.grad.numpy(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("padding", [((1, 0), (2, 1)), "same", "valid", "full"])
def test_small_kernels_equal_the_definition_to_the_bit(whole: Make, padding: Any) -> None:
    x = whole(2, 3, 6, 7)
    for operation in (ops.max_pool2d, ops.avg_pool2d):
        results = [operation(x, 3, stride=2, padding=padding, method=m) for m in METHODS]
        assert_array_equal(*results)


@pytest.mark.parametrize("method", METHODS)
def test_small_nan_and_infinity_survive(method: str) -> None:
    x = np.zeros((1, 1, 4, 4), np.float32)
    x[0, 0, 0, 0], x[0, 0, 3, 3], x[0, 0, 0, 3] = np.nan, np.inf, -np.inf
    highest = ops.max_pool2d(x, 2, method=method)
    assert_array_equal(highest[0, 0], [[np.nan, 0], [0, np.inf]])
    mean = ops.avg_pool2d(x, 2, method=method)
    assert_array_equal(mean[0, 0], [[np.nan, -np.inf], [0, np.inf]])
    window = Window.parse(2, 2, rank=2)
    plan = ops.max_pool_plan(x.shape, window, "float32", method)
    dx = plan.input_gradient(np.ones_like(highest), x, highest)
    assert_array_equal(dx[0, 0], [[1, 0, 1, 0], [0] * 4, [1, 0, 0, 0], [0, 0, 0, 1]])


@pytest.mark.parametrize("method", METHODS)
def test_small_windows_that_only_partly_lie_in_the_input(method: str) -> None:
    lowest = np.full((1, 1, 3, 3), -np.inf, np.float32)
    y = ops.max_pool2d(lowest, 3, stride=2, padding=2, method=method)
    assert_array_equal(y, np.full((1, 1, 3, 3), -np.inf, np.float32))
    plan = ops.max_pool_plan(lowest.shape, Window.parse(3, 2, 2, rank=2), "float32", method)
    dx = plan.input_gradient(np.ones_like(y), lowest, y)
    assert dx.sum() == y.size  # every gradient went to an input, none to padding


def test_results_do_not_depend_on_the_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(0).standard_normal((2, 8, 70, 70))
    window = Window.parse(3, 2, 1, rank=2)
    results = []
    for threads in (1, 2, 3):
        monkeypatch.setenv("STRIATE_NUM_THREADS", str(threads))
        highest = ops.max_pool_plan(x.shape, window, "float64")
        mean = ops.average_pool_plan(x.shape, window, "float64", True)
        y, z = highest.forward(x), mean.forward(x)
        results.append((y, z, highest.input_gradient(y, x, y), mean.input_gradient(z)))
    for other in results[1:]:
        for one, two in zip(results[0], other, strict=True):
            assert_array_equal(one, two)


X = np.zeros((1, 1, 4, 4), np.float32)


@pytest.mark.parametrize(
    ("x", "kernel", "options", "error", "message"),
    [
        (X, 5, {}, GeometryError, "kernel 5 is larger than the padded input 4 + 0 + 0: "
         "pad by 1 more or use a smaller kernel"),
        (X, 2, {"padding": 2}, GeometryError, "padding (2, 2) must be smaller than the kernel, "
         "which spans 2: a window of padding alone has no value"),
        (X, 2, {"stride": 0}, GeometryError, "stride must be at least 1, not 0"),
        (X, 2, {"method": "fast"}, ParameterError,
         "method must be one of auto, direct, reference, not 'fast'"),
        (X[0], 2, {}, ShapeError,
         "x must have 4 axes (N, C, H, W), but its shape is (1, 4, 4)"),
        (X.astype(np.uint8), 2, {}, DTypeError, "x must be float32 or float64, not uint8: "
         "convert it with x.astype(np.float32)"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["max_pool2d", "avg_pool2d"])
def test_small_messages(
    name: str, x: Any, kernel: int, options: Any, error: type[StriateError], message: str
) -> None:
    with pytest.raises(error, match=f"^{name}: {re.escape(message)}$"):
        getattr(ops, name)(x, kernel, **options)
