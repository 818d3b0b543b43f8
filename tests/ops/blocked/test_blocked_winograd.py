from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from striate import ops
from striate.ops.blocked import winograd, winograd_plan
from striate.ops.blocked.layout import Value, blocked
from striate.ops.blocked.program import run_tasks
from striate.ops.codegen import Target

Array = Any
Convolve = Callable[..., Array]
TILES = (2, 4, 6)

# Largest error relative to the largest output, on data of unit variance.
TOLERANCE = {2: 1e-6, 4: 4e-6, 6: 2e-5}


@pytest.fixture(params=TILES)
def m(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture
def rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make each stage a task of its own, for few tiles at a time."""
    monkeypatch.setattr(winograd_plan, "FEW_WEIGHTS", 0)
    monkeypatch.setattr(winograd_plan, "THIRD_LEVEL", 600_000)
    monkeypatch.setattr(winograd_plan, "LEAST_TILES", 3)


@pytest.fixture
def convolve(by_winograd: Convolve) -> Convolve:
    """Return the convolution of plain arrays by 3x3 kernels with padding 1."""

    def convolve(target: Target, m: int, x: Array, *others: Array, **options: Any) -> Array:
        return by_winograd(target, winograd.square(m, 3, x.ndim - 2), x, *others, **options)

    return convolve


def normal(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def case(batch: int, channels: int, maps: int, *sizes: int) -> tuple[Array, Array, Array]:
    """Return input, weights and bias such that outputs have about unit variance."""
    scale = np.sqrt(np.float32(channels * 3 ** len(sizes)))
    weight = normal(maps, channels, *(3 for _ in sizes), seed=1) / scale
    return normal(batch, channels, *sizes), weight, normal(maps, seed=2)


def exact(x: Array, weight: Array, bias: Array | None = None) -> Array:
    wide = [None if a is None else a.astype(np.float64) for a in (x, weight, bias)]
    convolution = ops.conv1d if x.ndim == 3 else ops.conv2d
    return convolution(*wide, padding=1, method="reference")


def check_near(y: Array, expected: Array, m: int) -> None:
    assert np.abs(y - expected).max() <= TOLERANCE[m] * max(np.abs(expected).max(), 1)


SHAPES = [
    (1, 1, 1, 1, 1),
    (2, 3, 1, 4, 4),
    (1, 17, 37, 7, 13),
    (3, 37, 17, 19, 23),
    (2, 16, 70, 12, 6),
    (2, 3, 5, 1),
    (3, 37, 40, 29),
]


@pytest.mark.parametrize("shape", SHAPES)
def test_chunks_of_tiles_match_the_reference(
    target: Target, m: int, shape: tuple[int, ...], convolve: Convolve
) -> None:
    x, weight, bias = case(*shape)
    check_near(convolve(target, m, x, weight, bias), exact(x, weight, bias), m)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.usefixtures("rounds")
def test_tasks_for_each_stage_match_the_reference(
    target: Target, m: int, shape: tuple[int, ...], convolve: Convolve
) -> None:
    x, weight, bias = case(*shape)
    check_near(convolve(target, m, x, weight, bias), exact(x, weight, bias), m)


@settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    shape=st.tuples(*(st.integers(1, most) for most in (3, 40, 40, 17, 17))),
    m=st.sampled_from(TILES),
    fused=st.booleans(),
    threads=st.integers(1, 4),
)
def test_any_sizes(
    convolve: Convolve, shape: tuple[int, ...], m: int, fused: bool, threads: int
) -> None:
    x, weight, bias = case(*shape)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(winograd_plan, "FEW_WEIGHTS", 1 << 30 if fused else 0)
        y = convolve(Target.host(), m, x, weight, bias, threads=threads)
    check_near(y, exact(x, weight, bias), m)


def test_results_do_not_depend_on_how_work_is_cut(
    target: Target, m: int, convolve: Convolve, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, weight, bias = case(2, 70, 50, 21, 18)
    expected = convolve(target, m, x, weight, bias)
    monkeypatch.setattr(winograd_plan, "LEAST_TILES", 1)
    for few, second, third in ((1 << 30, 1, 0), (1 << 30, 1 << 18, 0), (0, 0, 1), (0, 0, 1 << 30)):
        monkeypatch.setattr(winograd_plan, "FEW_WEIGHTS", few)
        monkeypatch.setattr(winograd_plan, "SECOND_LEVEL", second)
        monkeypatch.setattr(winograd_plan, "THIRD_LEVEL", third)
        for threads in (1, 3):
            y = convolve(target, m, x, weight, bias, threads=threads)
            assert_array_equal(y, expected)


@pytest.mark.parametrize("sizes", [(13, 9), (20,)])
def test_residual_and_bounds(
    target: Target, m: int, sizes: tuple[int, ...], convolve: Convolve
) -> None:
    x, weight, bias = case(2, 5, 20, *sizes)
    residual = normal(2, 20, *sizes, seed=3)
    expected = exact(x, weight, bias) + residual
    check_near(convolve(target, m, x, weight, bias, residual), expected, m)
    y = convolve(target, m, x, weight, bias, residual, low=-0.5, high=1.25)
    check_near(y, expected.clip(-0.5, 1.25), m)
    assert y.min() == -0.5
    assert y.max() == 1.25
    check_near(convolve(target, m, x, weight, residual=residual), exact(x, weight) + residual, m)


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_do_not_vanish(
    target: Target, m: int, number: float, convolve: Convolve
) -> None:
    for row in range(1, 1 + m):
        x, weight = np.ones((1, 2, 14, 40), np.float32), np.ones((3, 2, 3, 3), np.float32)
        x[0, 1, row, 20] = number
        y = convolve(target, m, x, weight)
        assert not np.isfinite(y[0, :, row - 1 : row + 2, 19:22]).any()
        # They may spread over the tiles that read them, but no further.
        assert np.isfinite(y[0, :, :, : 20 - m]).all()
        assert np.isfinite(y[0, :, :, 22 + m :]).all()
        rectified = convolve(target, m, x, weight, low=0)
        assert_array_equal(np.isnan(rectified), np.isnan(y))


def test_nan_weights_reach_their_map_only(target: Target, m: int, convolve: Convolve) -> None:
    x, weight, _ = case(1, 3, 20, 6, 7)
    weight[5, 1, 1, 1] = np.nan
    y = convolve(target, m, x, weight)
    assert np.isnan(y[:, 5]).all()
    assert np.isfinite(np.delete(y, 5, axis=1)).all()


# Measured with AVX-512 for 3 to 1024 channels: 3e-7 (m = 2), 1.1e-6 (m = 4), 7.3e-6 (m = 6).
@pytest.mark.parametrize("channels", [64, 512, 1024])
def test_error_does_not_grow_with_the_channels(
    target: Target, m: int, channels: int, convolve: Convolve
) -> None:
    x, weight, bias = case(1, channels, 16, 14, 14)
    expected = exact(x, weight, bias)
    error = np.abs(convolve(target, m, x, weight, bias) - expected).max()
    assert error <= {2: 8e-7, 4: 3e-6, 6: 1.5e-5}[m] * np.abs(expected).max()


def test_residual_may_be_the_result_itself_with_threads(m: int) -> None:
    target = Target.host()
    x, weight, bias = case(1, 16, 16, 30, 30)
    expected = exact(x, weight, bias) + 2
    layout = blocked(x.shape, target.lanes, (1, 1), (1, 1))
    buffers = {"x": np.zeros(layout.size, np.float32), "y": np.full(layout.size, 2, np.float32)}
    at = (slice(None), slice(None), slice(1, -1), slice(1, -1))
    shape = (1, layout.blocks, *layout.padded, target.lanes)
    pixels = x.reshape(1, layout.blocks, target.lanes, 30, 30)
    buffers["x"].reshape(shape)[at] = np.moveaxis(pixels, 2, -1)
    source, result = Value(layout, "x"), Value(layout, "y")
    forms = winograd.square(m, 3, 2)
    tasks = winograd.tasks(
        target,
        forms,
        source,
        result,
        winograd.pack(target, forms, weight),
        bias,
        result,
        padding_before=(1, 1),
        buffers=("u", "q", "w"),
        threads=2,
    )
    run_tasks(tasks, buffers, threads=2)
    y = np.moveaxis(buffers["y"].reshape(shape)[at], -1, 2).reshape(x.shape)
    check_near(y, expected, m)
