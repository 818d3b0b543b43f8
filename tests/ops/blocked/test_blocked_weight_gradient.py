from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from striate.ops.blocked import weight_gradient as module
from striate.ops.blocked.task import Task
from striate.ops.blocked.weight_gradient import Convolved, arena, weight_gradient
from striate.ops.codegen import Target

Array = Any
Gradient = Callable[..., Array]
QUICK = settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def whole_numbers(*shape: int, seed: int = 0) -> Array:
    """Return numbers whose products and sums float32 holds exactly."""
    return np.random.default_rng(seed).integers(-4, 5, shape).astype(np.float32)


@pytest.fixture
def gradient(weights_by: Gradient) -> Gradient:
    """Return the gradient of plain arrays."""

    def method(target: Target, of: Convolved, *where: Any) -> tuple[int, list[Task]]:
        return arena(target, of), weight_gradient(target, of, *where)

    return functools.partial(weights_by, method)


CASES = [
    # N, C, M, sizes of dy, kernel, strides, dilations, before, groups
    (1, 1, 1, (1,), (1,), (1,), (1,), (0,), 1),
    (2, 3, 37, (9, 7), (3, 3), (1, 1), (1, 1), (1, 1), 1),
    (2, 3, 16, (8, 9), (7, 7), (2, 2), (1, 1), (3, 3), 1),
    (1, 37, 17, (5, 6), (3, 2), (2, 1), (1, 2), (0, 1), 1),
    (3, 40, 70, (4, 4), (1, 1), (1, 1), (1, 1), (0, 0), 1),
    (2, 32, 64, (5, 5), (3, 3), (1, 1), (1, 1), (1, 1), 2),
    (1, 5, 20, (3, 4, 5), (2, 3, 2), (1, 2, 1), (2, 1, 1), (0, 1, 2), 1),
    (1, 20, 3, (300,), (5,), (1,), (3,), (6,), 1),
]


@pytest.mark.parametrize("case", CASES)
def test_direct_equals_the_definition(
    target: Target, case: Any, gradient: Gradient, weight_definition: Gradient
) -> None:
    batch, channels, maps, sizes, kernel, strides, dilations, before, groups = case
    spans = zip(sizes, strides, kernel, dilations, before, strict=True)
    x_sizes = [max((o - 1) * s + (k - 1) * d + 1 - 2 * b, 1) for o, s, k, d, b in spans]
    x = whole_numbers(batch, channels, *x_sizes)
    dy = whole_numbers(batch, maps, *sizes, seed=1)
    geometry = kernel, strides, dilations, before, groups
    assert_array_equal(gradient(target, x, dy, *geometry), weight_definition(x, dy, *geometry))


@QUICK
@given(data=st.data(), rank=st.integers(1, 3), planar=st.booleans(), threads=st.integers(0, 3))
def test_any_geometry(
    gradient: Gradient,
    weight_definition: Gradient,
    data: Any,
    rank: int,
    planar: bool,
    threads: int,
) -> None:
    target = Target.host()

    def each(least: int, most: int) -> tuple[int, ...]:
        return data.draw(st.tuples(*(st.integers(least, most) for _ in range(rank))))

    groups = data.draw(st.sampled_from([1, 1, 2]))
    channels, maps = data.draw(st.tuples(st.integers(1, 40), st.integers(1, 70)))
    if groups > 1:
        channels, maps = (-(-n // target.lanes) * target.lanes * groups for n in (channels, maps))
    kernel, strides, dilations = each(1, 4), each(1, 3), each(1, 2)
    before = tuple(
        data.draw(st.integers(0, (k - 1) * d)) for k, d in zip(kernel, dilations, strict=True)
    )
    x = whole_numbers(data.draw(st.integers(1, 3)), channels, *each(1, 10))
    dy = whole_numbers(len(x), maps, *each(1, 8), seed=1)
    geometry = kernel, strides, dilations, before
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "LEAST_PIXELS", data.draw(st.integers(1, 40)))
        patch.setattr(module, "SECOND_LEVEL", data.draw(st.sampled_from([1, 20_000, 1 << 19])))
        patch.setattr(module, "SLICED", data.draw(st.sampled_from([1, 20_000, 1 << 20])))
        dw = gradient(target, x, dy, *geometry, groups, planar=planar, threads=threads)
    assert_array_equal(dw, weight_definition(x, dy, *geometry, groups))


def normal(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


SAME = (3, 3), (1, 1), (1, 1), (1, 1)


@pytest.mark.parametrize(("batch", "channels", "maps", "size"), [(4, 20, 30, 20), (1, 96, 64, 12)])
def test_results_do_not_depend_on_threads(
    gradient: Gradient, batch: int, channels: int, maps: int, size: int
) -> None:
    x = normal(batch, channels, size, size)
    dy = normal(batch, maps, size, size, seed=1)
    target = Target.host()
    one, two, three = (gradient(target, x, dy, *SAME, threads=threads) for threads in (1, 2, 3))
    assert_array_equal(one, two)
    assert_array_equal(one, three)


def test_long_sums_round_little(
    target: Target, gradient: Gradient, weight_definition: Gradient
) -> None:
    x, dy = np.maximum(normal(4, 3, 120, 120), 0), normal(4, 17, 120, 120, seed=1)
    expected = weight_definition(x, dy, *SAME)
    error = np.linalg.norm(gradient(target, x, dy, *SAME) - expected)
    assert error < 1e-6 * np.linalg.norm(expected)


@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize(
    ("channels", "maps", "options"),
    [
        (3, 24, {"stride": (2, 2), "padding": (3, 3)}),
        (48, 32, {"stride": (1, 2), "dilation": (2, 1), "padding": (2, 0)}),
        (64, 32, {"groups": 2, "padding": (1, 1)}),
    ],
)
def test_direct_matches_torch(
    gradient: Gradient, channels: int, maps: int, options: Any, planar: bool
) -> None:
    groups = options.get("groups", 1)
    weight = torch.from_numpy(normal(maps, channels // groups, 3, 3)).requires_grad_()
    x = normal(2, channels, 13, 15, seed=1)
    y = torch.nn.functional.conv2d(torch.from_numpy(x), weight, **options)
    dy = normal(*y.shape, seed=2)
    y.backward(torch.from_numpy(dy))
    rest = [options.get(name, (1, 1)) for name in ("stride", "dilation")]
    geometry = (3, 3), *rest, options["padding"], groups
    dw = gradient(Target.host(), x, dy, *geometry, planar=planar)
    assert weight.grad is not None
    np.testing.assert_allclose(dw, weight.grad.numpy(), rtol=1e-4, atol=1e-4)
