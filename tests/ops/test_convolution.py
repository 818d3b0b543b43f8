from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from striate import ops
from striate.geometry import Window

Make = Callable[..., Any]
METHODS = ["reference", "direct", "sliding"]

# V&F's example on the lecture's slide about correlation without padding.
LECTURE_INPUT = [
    [3, 3, 2, 1, 0, 0],
    [0, 1, 3, 1, 3, 1],
    [2, 2, 3, 2, 0, 0],
    [2, 2, 2, 0, 0, 0],
    [1, 0, 1, 3, 2, 2],
    [3, 2, 0, 3, 0, 1],
]
LECTURE_KERNEL = [[2, 2, 2], [0, 1, 0], [2, 0, 1]]
LECTURE_OUTPUT = [[24, 21, 13, 9], [16, 17, 20, 10], [19, 19, 14, 12], [18, 16, 7, 9]]

# Dumoulin and Visin, arXiv:1603.07285, their numerical figures.
DV_INPUT = [[3, 3, 2, 1, 0], [0, 0, 1, 3, 1], [3, 1, 2, 2, 3], [2, 0, 0, 2, 2], [2, 0, 0, 0, 1]]
DV_KERNEL = [[0, 1, 2], [2, 2, 0], [0, 1, 2]]


def image(rows: list[list[int]], dtype: str = "float32") -> Any:
    return np.array(rows, dtype)[None, None]


@pytest.mark.parametrize("method", METHODS)
def test_small_correlation_of_the_lecture(method: str) -> None:
    y = ops.conv2d(image(LECTURE_INPUT), image(LECTURE_KERNEL), method=method)
    assert_array_equal(y[0, 0], LECTURE_OUTPUT)


@pytest.mark.parametrize("method", METHODS)
def test_small_numbers_of_dumoulin_and_visin(method: str) -> None:
    x, kernel = image(DV_INPUT), image(DV_KERNEL)
    plain = ops.conv2d(x, kernel, method=method)
    assert_array_equal(plain[0, 0], [[12, 12, 17], [10, 17, 19], [9, 6, 14]])
    strided = ops.conv2d(x, kernel, stride=2, padding=1, method=method)
    assert_array_equal(strided[0, 0], [[6, 17, 3], [8, 17, 13], [6, 4, 4]])


# Dumoulin and Visin's catalogue: input, output, padding, kernel, stride, dilation.
@pytest.mark.parametrize(
    ("size", "output", "padding", "kernel", "stride", "dilation"),
    [
        (4, 2, 0, 3, 1, 1),
        (5, 6, 2, 4, 1, 1),
        (5, 5, 1, 3, 1, 1),
        (5, 7, 2, 3, 1, 1),
        (5, 2, 0, 3, 2, 1),
        (5, 3, 1, 3, 2, 1),
        (6, 3, 1, 3, 2, 1),
        (7, 3, 0, 3, 1, 2),
    ],
)
def test_small_catalogue_of_dumoulin_and_visin(
    whole: Make, size: int, output: int, padding: int, kernel: int, stride: int, dilation: int
) -> None:
    x, weight = whole(1, 1, size, size), whole(1, 1, kernel, kernel)
    y = ops.conv2d(x, weight, stride=stride, padding=padding, dilation=dilation)
    assert y.shape == (1, 1, output, output)
    expected = F.conv2d(
        torch.from_numpy(x), torch.from_numpy(weight), None, stride, padding, dilation
    )
    assert_array_equal(y, expected.numpy())


@dataclass(frozen=True)
class Case:
    batch: int
    groups: int
    channels: int
    maps: int
    sizes: tuple[int, ...]
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]

    @property
    def rank(self) -> int:
        return len(self.sizes)

    def arrays(self, dtype: str) -> tuple[Any, Any, Any]:
        rng = np.random.default_rng(0)
        x = rng.integers(-4, 5, (self.batch, self.groups * self.channels, *self.sizes))
        shape = (self.groups * self.maps, self.channels, *self.kernel)
        weight, bias = rng.integers(-4, 5, shape), rng.integers(-4, 5, shape[0])
        return x.astype(dtype), weight.astype(dtype), bias.astype(dtype)

    def plan(self, dtype: str, method: str) -> Any:
        x, weight, _ = self.arrays(dtype)
        window = Window.parse(self.kernel, self.stride, self.padding, self.dilation, rank=self.rank)
        return ops.convolution_plan(x.shape, weight.shape, window, self.groups, dtype, method)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    rank = draw(st.integers(1, 3))

    def each(low: int, high: int) -> tuple[int, ...]:
        return tuple(draw(st.integers(low, high)) for _ in range(rank))

    kernel, dilation = each(1, 3), each(1, 2)
    padding = tuple(zip(each(0, 3), each(0, 3), strict=True))
    extents = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    least = [max(1, e - sum(p)) for e, p in zip(extents, padding, strict=True)]
    sizes = tuple(low + draw(st.integers(0, 24 // rank**2)) for low in least)
    batch, groups = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    channels, maps = draw(st.integers(1, 5)), draw(st.integers(1, 19))
    return Case(batch, groups, channels, maps, sizes, kernel, each(1, 3), dilation, padding)


def in_torch(case: Case, x: Any, weight: Any, bias: Any) -> Any:
    sides = list(itertools.chain.from_iterable(reversed(case.padding)))
    convolve = getattr(F, f"conv{case.rank}d")
    return convolve(F.pad(x, sides), weight, bias, case.stride, 0, case.dilation, case.groups)


@pytest.mark.parametrize("method", METHODS)
@settings(deadline=None, max_examples=40)
@given(case=cases(), dtype=st.sampled_from(["float32", "float64"]))
def test_forward_and_gradients_equal_pytorch(method: str, case: Case, dtype: str) -> None:
    x, weight, bias = case.arrays(dtype)
    plan = case.plan(dtype, method)
    tensors = [torch.from_numpy(a).requires_grad_() for a in (x, weight)]
    expected = in_torch(case, *tensors, torch.from_numpy(bias))
    assert plan.output_shape == tuple(expected.shape)
    assert_array_equal(plan.forward(x, weight, bias), expected.detach().numpy())
    dy = np.random.default_rng(1).integers(-4, 5, plan.output_shape).astype(dtype)
    expected.backward(torch.from_numpy(dy))
    assert_array_equal(plan.input_gradient(dy, weight), tensors[0].grad.numpy())
    assert_array_equal(plan.weight_gradient(dy, x), tensors[1].grad.numpy())


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("padding", [0, 2, "same", "valid", "full"])
def test_forms_of_padding(whole: Make, rank: int, padding: Any) -> None:
    x, weight = whole(2, 3, *(7,) * rank), whole(4, 3, *(3,) * rank)
    expected = getattr(F, f"conv{rank}d")(
        torch.from_numpy(x),
        torch.from_numpy(weight),
        padding=2 if padding == "full" else padding,
    )
    y = getattr(ops, f"conv{rank}d")(x, weight, padding=padding)
    assert_array_equal(y, expected.numpy())


# Remainders of every block and tile: rows, vectors, panels, depth, columns; one of everything.
SHAPES = [
    ((1, 1, 1, 1), (1, 1, 1, 1)),
    ((1, 1, 5, 5), (1, 1, 5, 5)),
    ((1, 7, 9, 9), (1, 7, 3, 3)),
    ((1, 1, 30, 31), (17, 1, 3, 3)),
    ((5, 3, 4, 4), (33, 3, 3, 3)),
    ((7, 300, 1, 1), (40, 300, 1, 1)),
    ((2, 64, 17, 15), (65, 64, 3, 3)),
    ((1, 40, 33, 33), (7, 40, 3, 3)),
    ((9, 5, 2, 3), (70, 5, 1, 1)),
]


@pytest.mark.parametrize(("input_shape", "weight_shape"), SHAPES)
def test_kernels_equal_the_definition_to_the_bit(
    whole: Make, input_shape: tuple[int, ...], weight_shape: tuple[int, ...]
) -> None:
    x, weight = whole(*input_shape), whole(*weight_shape)
    window = Window.parse(weight_shape[2:], padding=1, rank=2)
    plans = [
        ops.convolution_plan(input_shape, weight_shape, window, 1, "float32", method)
        for method in METHODS
    ]
    bias, dy = whole(*plans[0].output_shape[1:]), whole(*plans[0].output_shape)
    reference, *kernels = plans
    for plan in kernels:
        assert_array_equal(plan.forward(x, weight, bias), reference.forward(x, weight, bias))
        assert_array_equal(plan.input_gradient(dy, weight), reference.input_gradient(dy, weight))
        assert_array_equal(plan.weight_gradient(dy, x), reference.weight_gradient(dy, x))


def test_small_layers_of_lecun_1989(whole: Make) -> None:
    # H1 and H2 of LeCun et al., Neural Computation 1(4), 1989: a bias for each unit.
    for shape, maps in (((1, 1, 20, 20), 12), ((1, 12, 12, 12), 12)):
        x, weight = whole(*shape), whole(maps, shape[1], 5, 5)
        window = Window.parse(5, 2, rank=2)
        plan = ops.convolution_plan(shape, weight.shape, window, 1, "float32")
        bias, dy = whole(*plan.output_shape[1:]), whole(*plan.output_shape)
        reference = ops.convolution_plan(shape, weight.shape, window, 1, "float32", "reference")
        assert_array_equal(plan.forward(x, weight, bias), reference.forward(x, weight, bias))
        assert_array_equal(plan.input_gradient(dy, weight), reference.input_gradient(dy, weight))
        assert_array_equal(plan.weight_gradient(dy, x), reference.weight_gradient(dy, x))


def test_small_inputs_of_any_memory_layout(whole: Make) -> None:
    x, weight = whole(2, 3, 6, 7), whole(4, 3, 3, 3)
    expected = ops.conv2d(x, weight, padding=1)
    frozen = x.copy()
    frozen.flags.writeable = False
    unaligned = np.frombuffer(b"\0" + x.tobytes(), np.uint8)[1:].view(np.float32)
    layouts = [
        np.asfortranarray(x),
        x.transpose(0, 2, 3, 1).copy().transpose(0, 3, 1, 2),
        x[::-1, :, ::-1, ::-1].copy()[::-1, :, ::-1, ::-1],
        np.repeat(x, 2, axis=3)[..., ::2],
        frozen,
        unaligned.reshape(x.shape),
    ]
    for layout in layouts:
        assert_array_equal(ops.conv2d(layout, weight, padding=1), expected)
    assert not frozen.flags.writeable
    assert_array_equal(ops.conv2d(x, weight[::-1][::-1].T.copy().T, padding=1), expected)


def test_small_empty_batch(whole: Make) -> None:
    window = Window.parse(3, rank=2)
    plan = ops.convolution_plan((0, 3, 6, 6), (4, 3, 3, 3), window, 1, "float32")
    weight, x = whole(4, 3, 3, 3), whole(0, 3, 6, 6)
    y = plan.forward(x, weight)
    assert y.shape == (0, 4, 4, 4)
    assert plan.input_gradient(y, weight).shape == x.shape
    assert_array_equal(plan.weight_gradient(y, x), np.zeros_like(weight))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_small_nan_and_infinity_reach_the_outputs_that_read_them(method: str, value: float) -> None:
    x, weight = np.ones((1, 2, 9, 40), np.float32), np.ones((3, 2, 3, 3), np.float32)
    x[0, 1, 4, 20] = value
    y = ops.conv2d(x, weight, padding=1, method=method)
    reads = np.zeros((9, 40), bool)
    reads[3:6, 19:22] = True
    assert_array_equal(y[0, 0][reads], np.full(9, value, np.float32))
    assert np.isfinite(y[0, :, ~reads]).all()


@settings(deadline=None, max_examples=10)
@given(case=cases())
def test_gradients_equal_finite_differences(case: Case) -> None:
    x, weight, _ = case.arrays("float64")
    plan = case.plan("float64", "direct")
    rng = np.random.default_rng(2)
    dy = rng.standard_normal(plan.output_shape)
    direction_x, direction_w = rng.standard_normal(x.shape), rng.standard_normal(weight.shape)
    # y is linear in x and in weight: a step of one is as exact as a small one.
    along_x = (dy * (plan.forward(x + direction_x, weight) - plan.forward(x, weight))).sum()
    along_w = (dy * (plan.forward(x, weight + direction_w) - plan.forward(x, weight))).sum()
    scale = 1e-9 * (1 + np.abs(dy).sum() * 100)
    assert_allclose((plan.input_gradient(dy, weight) * direction_x).sum(), along_x, atol=scale)
    assert_allclose((plan.weight_gradient(dy, x) * direction_w).sum(), along_w, atol=scale)


@pytest.mark.parametrize(
    ("input_shape", "weight_shape", "groups"),
    [
        ((1, 24, 30, 30), (40, 24, 3, 3), 1),
        ((3, 16, 14, 14), (32, 4, 3, 3), 4),
        ((2, 40, 40, 40), (40, 1, 3, 3), 40),
    ],
)
def test_results_do_not_depend_on_the_number_of_threads(
    monkeypatch: pytest.MonkeyPatch,
    input_shape: tuple[int, ...],
    weight_shape: tuple[int, ...],
    groups: int,
) -> None:
    rng = np.random.default_rng(0)
    x, weight = rng.standard_normal(input_shape), rng.standard_normal(weight_shape)
    window = Window.parse(3, padding=1, rank=2)
    results = []
    for threads in (1, 2, 3):
        monkeypatch.setenv("STRIATE_NUM_THREADS", str(threads))
        plan = ops.convolution_plan(input_shape, weight_shape, window, groups, "float64")
        y = plan.forward(x, weight)
        results.append((y, plan.input_gradient(y, weight), plan.weight_gradient(y, x)))
    for other in results[1:]:
        for one, two in zip(results[0], other, strict=True):
            assert_array_equal(one, two)


def test_plans_are_kept() -> None:
    window = Window.parse(3, rank=2)
    arguments = (1, 3, 8, 8), (4, 3, 3, 3), window, 1, "float32"
    assert ops.convolution_plan(*arguments) is ops.convolution_plan(*arguments)


def test_error_against_float64_is_that_of_a_sum() -> None:
    rng = np.random.default_rng(0)
    x, weight = rng.standard_normal((1, 128, 14, 14)), rng.standard_normal((64, 128, 3, 3))
    exact = ops.conv2d(x, weight, padding=1)
    y = ops.conv2d(x.astype(np.float32), weight.astype(np.float32), padding=1)
    assert np.abs(y - exact).max() < 2e-6 * np.abs(exact).max()
