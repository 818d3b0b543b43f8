from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from striate import ops
from striate.geometry import TransposedWindow

Make = Callable[..., Any]
METHODS = ["reference", "direct", "sliding"]


@st.composite
def settings_of(draw: st.DrawFn) -> dict[str, Any]:
    rank = draw(st.integers(1, 3))

    def each(low: int, high: int) -> tuple[int, ...]:
        return tuple(draw(st.integers(low, high)) for _ in range(rank))

    stride, dilation, kernel = each(1, 3), each(1, 2), each(1, 4)
    sizes = each(2, 8 // rank + 2)
    most = [max(s, d) - 1 for s, d in zip(stride, dilation, strict=True)]
    padding = tuple(
        draw(st.integers(0, d * (k - 1) // 2)) for k, d in zip(kernel, dilation, strict=True)
    )
    return {
        "sizes": sizes,
        "kernel": kernel,
        "stride": stride,
        "padding": padding,
        "dilation": dilation,
        "output_padding": tuple(draw(st.integers(0, limit)) for limit in most),
        "groups": draw(st.integers(1, 3)),
        "channels": draw(st.integers(1, 5)),
        "maps": draw(st.integers(1, 9)),
    }


@pytest.mark.parametrize("method", METHODS)
@settings(deadline=None, max_examples=40)
@given(case=settings_of(), dtype=st.sampled_from(["float32", "float64"]))
def test_forward_and_gradients_equal_pytorch(method: str, case: dict[str, Any], dtype: str) -> None:
    rng = np.random.default_rng(0)
    rank, groups = len(case["sizes"]), case["groups"]
    channels, maps = groups * case["channels"], groups * case["maps"]
    x = rng.integers(-4, 5, (2, channels, *case["sizes"])).astype(dtype)
    weight = rng.integers(-4, 5, (channels, case["maps"], *case["kernel"])).astype(dtype)
    bias = rng.integers(-4, 5, maps).astype(dtype)
    tensors = [torch.from_numpy(a).requires_grad_() for a in (x, weight)]
    steps = case["stride"], case["padding"], case["output_padding"]
    expected = getattr(F, f"conv_transpose{rank}d")(
        *tensors, torch.from_numpy(bias), *steps, groups, case["dilation"]
    )
    options = {name: case[name] for name in ("stride", "padding", "dilation", "output_padding")}
    y = getattr(ops, f"conv_transpose{rank}d")(
        x, weight, bias, groups=groups, method=method, **options
    )
    assert_array_equal(y, expected.detach().numpy())
    window = TransposedWindow.parse(case["kernel"], rank=rank, **options)
    plan = ops.transposed_convolution_plan(x.shape, weight.shape, window, groups, dtype, method)
    dy = rng.integers(-4, 5, plan.output_shape).astype(dtype)
    expected.backward(torch.from_numpy(dy))
    assert_array_equal(plan.input_gradient(dy, weight), tensors[0].grad.numpy())
    assert_array_equal(plan.weight_gradient(dy, x), tensors[1].grad.numpy())


@pytest.mark.parametrize("method", METHODS)
def test_small_bias_of_each_unit(whole: Make, method: str) -> None:
    x, weight, bias = whole(2, 3, 4, 4), whole(3, 2, 3, 3), whole(2, 9, 9)
    plain = ops.conv_transpose2d(x, weight, stride=2, method=method)
    y = ops.conv_transpose2d(x, weight, bias, stride=2, method=method)
    assert_array_equal(y, plain + bias)


# Dumoulin and Visin's catalogue, transposed: output and input of the convolution change places.
@pytest.mark.parametrize(
    ("size", "output", "padding", "kernel", "stride", "output_padding"),
    [
        (2, 4, 0, 3, 1, 0),
        (6, 5, 2, 4, 1, 0),
        (5, 5, 1, 3, 1, 0),
        (7, 5, 2, 3, 1, 0),
        (2, 5, 0, 3, 2, 0),
        (3, 5, 1, 3, 2, 0),
        (3, 6, 1, 3, 2, 1),
    ],
)
def test_small_catalogue_of_dumoulin_and_visin(
    whole: Make,
    size: int,
    output: int,
    padding: int,
    kernel: int,
    stride: int,
    output_padding: int,
) -> None:
    x, weight = whole(1, 1, size, size), whole(1, 1, kernel, kernel)
    y = ops.conv_transpose2d(
        x, weight, stride=stride, padding=padding, output_padding=output_padding
    )
    assert y.shape == (1, 1, output, output)
    tensors = torch.from_numpy(x), torch.from_numpy(weight)
    expected = F.conv_transpose2d(*tensors, None, stride, padding, output_padding)
    assert_array_equal(y, expected.numpy())


def test_small_empty_batch(whole: Make) -> None:
    assert ops.conv_transpose2d(whole(0, 3, 4, 4), whole(3, 2, 3, 3)).shape == (0, 2, 6, 6)
