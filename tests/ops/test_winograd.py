from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from striate import ops
from striate.geometry import Window
from striate.ops import _transforms, _winograd_plan
from striate.ops._methods import best_method
from striate.ops._plans import Convolution
from striate.ops._transforms import TILES

Make = Callable[..., Any]
Sides = tuple[tuple[int, int], tuple[int, int]]

# Largest error against float64, relative to the largest output, on unit-variance data.
TOLERANCE = {"float32": 2e-5, "float64": 4e-14}


@pytest.fixture(params=TILES)
def m(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Take tiles of m x m, for gradients too, whatever they cost."""
    monkeypatch.setattr(_winograd_plan, "best_tile", lambda sizes, outputs: request.param)
    monkeypatch.setattr(_winograd_plan, "pays", lambda sizes, outputs: True)
    ops.convolution._plan.cache_clear()
    return int(request.param)


@dataclass(frozen=True)
class Case:
    batch: int
    groups: int
    channels: int
    maps: int
    sizes: tuple[int, int]
    padding: Sides

    def normal(self, dtype: str) -> tuple[Any, Any, Any]:
        """Return input, weight and bias such that outputs have about unit variance."""
        rng = np.random.default_rng(0)
        x = rng.standard_normal((self.batch, self.groups * self.channels, *self.sizes))
        weight = rng.standard_normal((self.groups * self.maps, self.channels, 3, 3))
        weight /= 3 * np.sqrt(self.channels)
        bias = rng.standard_normal(len(weight))
        return x.astype(dtype), weight.astype(dtype), bias.astype(dtype)

    def plan(self, dtype: str, method: str) -> Any:
        window = Window.parse(3, padding=self.padding, rank=2)
        shapes = (
            (self.batch, self.groups * self.channels, *self.sizes),
            (self.groups * self.maps, self.channels, 3, 3),
        )
        return ops.convolution_plan(*shapes, window, self.groups, dtype, method)


def square(channels: int, maps: int, size: int, batch: int = 1, groups: int = 1) -> Case:
    return Case(batch, groups, channels, maps, (size, size), ((1, 1), (1, 1)))


@st.composite
def cases(draw: st.DrawFn) -> Case:
    def pair(low: int, high: int) -> tuple[int, int]:
        return draw(st.integers(low, high)), draw(st.integers(low, high))

    padding = pair(0, 4), pair(0, 4)
    least = [max(1, 3 - sum(sides)) for sides in padding]
    sizes = least[0] + draw(st.integers(0, 20)), least[1] + draw(st.integers(0, 80))
    batch, groups = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    return Case(batch, groups, draw(st.integers(1, 9)), draw(st.integers(1, 19)), sizes, padding)


def check_near(actual: Any, expected: Any, dtype: str) -> None:
    largest = np.abs(expected).max(initial=1e-3)
    assert np.abs(actual - expected).max(initial=0) <= TOLERANCE[dtype] * largest


def check_against_reference(case: Case, dtype: str) -> None:
    x, weight, bias = case.normal(dtype)
    plan, exact = case.plan(dtype, "winograd"), case.plan("float64", "reference")
    wide = [a.astype("float64") for a in (x, weight, bias)]
    y = plan.forward(x, weight, bias)
    assert y.dtype == dtype
    assert y.shape == plan.output_shape
    check_near(y, exact.forward(*wide), dtype)
    dy = np.random.default_rng(1).standard_normal(plan.output_shape).astype(dtype)
    check_near(
        plan.input_gradient(dy, weight),
        exact.input_gradient(dy.astype("float64"), wide[1]),
        dtype,
    )
    direct = case.plan(dtype, "direct")
    assert_array_equal(plan.weight_gradient(dy, x), direct.weight_gradient(dy, x))


@settings(deadline=None, max_examples=60)
@given(case=cases(), dtype=st.sampled_from(["float32", "float64"]), size=st.sampled_from(TILES))
def test_forward_and_gradients_are_near_the_reference(case: Case, dtype: str, size: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_winograd_plan, "best_tile", lambda sizes, outputs: size)
        patch.setattr(_winograd_plan, "pays", lambda sizes, outputs: True)
        ops.convolution._plan.cache_clear()
        check_against_reference(case, dtype)


# Remainders of everything: tiles, registers, panels, blocks, rows of the product, chunks.
@pytest.mark.parametrize(
    "case",
    [
        Case(1, 1, 1, 1, (1, 1), ((1, 1), (1, 1))),
        Case(1, 1, 1, 1, (3, 3), ((0, 0), (0, 0))),
        Case(1, 1, 2, 3, (1, 9), ((2, 0), (0, 3))),
        Case(3, 2, 3, 5, (5, 6), ((0, 1), (1, 0))),
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_small_sizes(m: int, case: Case, dtype: str) -> None:
    check_against_reference(case, dtype)


@pytest.mark.parametrize(
    "case",
    [square(33, 25, 30, batch=2), square(65, 17, 9, batch=9), square(16, 40, 31, groups=3)],
)
def test_sizes_of_several_blocks(m: int, case: Case) -> None:
    check_against_reference(case, "float32")


# Measured for tiles of 4 x 4: 3e-7 (3 channels), 6e-7, 1e-6, 1.2e-6, 1.3e-6 (512 channels).
@pytest.mark.parametrize("channels", [3, 16, 64, 256, 512])
def test_error_does_not_grow_with_the_channels(m: int, channels: int) -> None:
    case = square(channels, 32, 28)
    x, weight, bias = case.normal("float32")
    exact = case.plan("float64", "direct").forward(
        *(a.astype("float64") for a in (x, weight, bias))
    )
    error = np.abs(case.plan("float32", "winograd").forward(x, weight, bias) - exact).max()
    assert error <= {2: 1e-6, 4: 3e-6}[m] * np.abs(exact).max()


def test_small_transforms_compute_correlation() -> None:
    # A^T [(G g) * (B^T d)] is the correlation of d and g, for every pair of unit vectors.
    formulas = {
        2: (_transforms.input_2, _transforms.weight_2, _transforms.output_2),
        4: (_transforms.input_4, _transforms.weight_4, _transforms.output_4),
    }
    for size, (transform_input, transform_weight, transform_output) in formulas.items():
        for i in range(size + 2):
            for k in range(3):
                d = transform_input(np.eye(size + 2)[i])
                g = transform_weight(np.eye(3)[k])
                y = transform_output([a * b for a, b in zip(d, g, strict=True)])
                expected = [float(o + k == i) for o in range(size)]
                np.testing.assert_allclose(y, expected, atol=1e-15)


def test_small_bias_of_every_unit(m: int, whole: Make) -> None:
    x, weight, bias = whole(2, 3, 5, 6), whole(4, 3, 3, 3), whole(4, 5, 6)
    y = ops.conv2d(x, weight, bias, padding=1, method="winograd")
    exact = ops.conv2d(x, weight, bias, padding=1, method="reference")
    check_near(y, exact, "float32")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_small_nan_and_infinity_do_not_vanish(m: int, value: float) -> None:
    x, weight = np.ones((1, 2, 9, 40), np.float32), np.ones((3, 2, 3, 3), np.float32)
    x[0, 1, 4, 20] = value
    y = ops.conv2d(x, weight, padding=1, method="winograd")
    # They may spread over the tiles that read them, as NaN, but no further.
    assert not np.isfinite(y[0, :, 3:6, 19:22]).any()
    assert np.isfinite(y[0, :, :, :12]).all()
    assert np.isfinite(y[0, :, :, 28:]).all()


def test_small_inputs_of_any_memory_layout(m: int, whole: Make) -> None:
    x, weight = whole(2, 3, 6, 7), whole(4, 3, 3, 3)
    options: dict[str, Any] = {"padding": 1, "method": "winograd"}
    expected = ops.conv2d(x, weight, **options)
    frozen = x.copy()
    frozen.flags.writeable = False
    unaligned = np.frombuffer(b"\0" + x.tobytes(), np.uint8)[1:].view(np.float32)
    layouts = [
        np.asfortranarray(x),
        x[::-1, :, ::-1, ::-1].copy()[::-1, :, ::-1, ::-1],
        np.repeat(x, 2, axis=3)[..., ::2],
        frozen,
        unaligned.reshape(x.shape),
    ]
    for layout in layouts:
        assert_array_equal(ops.conv2d(layout, weight, **options), expected)
    assert_array_equal(ops.conv2d(x, weight.T.copy().T, **options), expected)


def test_small_empty_batch(m: int, whole: Make) -> None:
    y = ops.conv2d(whole(0, 3, 6, 6), whole(4, 3, 3, 3), method="winograd")
    assert y.shape == (0, 4, 4, 4)


def test_small_transposed_convolution(m: int, whole: Make) -> None:
    x, weight, bias = whole(2, 3, 6, 7), whole(3, 4, 3, 3), whole(4)
    y = ops.conv_transpose2d(x, weight, bias, padding=1, method="winograd")
    expected = ops.conv_transpose2d(x, weight, bias, padding=1, method="reference")
    check_near(y, expected, "float32")


@pytest.mark.parametrize("case", [square(24, 40, 30), square(4, 24, 14, 3, 4), square(64, 64, 14)])
def test_results_do_not_depend_on_the_number_of_threads(
    m: int, monkeypatch: pytest.MonkeyPatch, case: Case
) -> None:
    x, weight, bias = case.normal("float32")
    results = []
    for threads in (1, 2, 3, 5):
        monkeypatch.setenv("STRIATE_NUM_THREADS", str(threads))
        plan = case.plan("float32", "winograd")
        y = plan.forward(x, weight, bias)
        results.append((y, plan.input_gradient(y, weight)))
    for other in results[1:]:
        for one, two in zip(results[0], other, strict=True):
            assert_array_equal(one, two)


def test_calls_from_several_threads_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIATE_NUM_THREADS", "2")
    case = square(32, 32, 32)
    x, weight, bias = case.normal("float32")
    plan = case.plan("float32", "winograd")
    expected = plan.forward(x, weight, bias)
    with ThreadPoolExecutor(4) as pool:
        results = pool.map(lambda _: plan.forward(x, weight, bias), range(24))
        for result in results:
            assert_array_equal(result, expected)


@pytest.mark.parametrize(
    ("case", "method"),
    [
        (square(64, 64, 224), "winograd"),  # VGG, second layer
        (square(256, 256, 56), "winograd"),  # VGG, third stage
        (square(512, 512, 14), "direct"),  # VGG, last stage: transforms of weights cost too much
        (square(512, 512, 4), "direct"),  # fewer tiles than lanes
        (square(96, 96, 32, batch=32), "winograd"),  # All-CNN
        (square(3, 64, 224), "direct"),  # a first layer: transforms of tiles cost too much
        (square(1, 1, 56, groups=64), "sliding"),  # depthwise
    ],
)
def test_small_choice_of_the_method(case: Case, method: str) -> None:
    x = case.batch, case.groups * case.channels, *case.sizes
    weight = case.groups * case.maps, case.channels, 3, 3
    y = case.batch, case.groups * case.maps, *case.sizes
    window = Window.parse(3, padding=1, rank=2)
    convolution = Convolution(x, weight, y, window, case.groups, np.dtype("float32"))
    assert best_method(convolution, exact=False) == method
    assert best_method(convolution, exact=True) == method.replace("winograd", "direct")


def test_exact_plans_add_up_products(whole: Make) -> None:
    x, weight, bias = whole(1, 64, 56, 56), whole(64, 64, 3, 3), whole(64)
    window = Window.parse(3, padding=1, rank=2)
    plan = ops.convolution_plan(x.shape, weight.shape, window, 1, "float32", exact=True)
    exact = ops.conv2d(x, weight, bias, padding=1, method="reference")
    assert_array_equal(plan.forward(x, weight, bias), exact)
