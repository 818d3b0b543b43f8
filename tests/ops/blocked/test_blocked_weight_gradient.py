from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from striate.ops.blocked import weight_gradient as module
from striate.ops.blocked.convolution import Source
from striate.ops.blocked.layout import Place, Value, blocked
from striate.ops.blocked.program import run_tasks
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


def definition(
    x: Array, dy: Array, kernel: Any, strides: Any, dilations: Any, before: Any, groups: int = 1
) -> Array:
    """Return the gradient in float64; `x` gets as many zeros after it as are read."""
    reach = zip(dy.shape[2:], strides, kernel, dilations, before, x.shape[2:], strict=True)
    after = [max((o - 1) * s + (k - 1) * d + 1 - b - size, 0) for o, s, k, d, b, size in reach]
    wide = np.pad(x.astype(np.float64), [(0, 0), (0, 0), *zip(before, after, strict=True)])
    wide = wide.reshape(len(x), groups, -1, *wide.shape[2:])
    gradient = dy.astype(np.float64).reshape(len(dy), groups, -1, *dy.shape[2:])
    result = np.zeros((groups, gradient.shape[2], wide.shape[2], *kernel))
    for tap in product(*map(range, kernel)):
        cut = [
            slice(t * d, t * d + (o - 1) * s + 1, s)
            for t, d, o, s in zip(tap, dilations, dy.shape[2:], strides, strict=True)
        ]
        read = wide[(slice(None), slice(None), slice(None), *cut)]
        result[(..., *tap)] = np.einsum(
            "ngcp,ngmp->gmc",
            read.reshape(*read.shape[:3], -1),
            gradient.reshape(*gradient.shape[:3], -1),
            optimize=True,
        )
    return result.reshape(-1, *result.shape[2:])


@pytest.fixture
def gradient(put: Callable[..., Any], run: Callable[..., None]) -> Gradient:
    """Return the gradient of plain arrays; NaN lies in lanes and padding that count for nothing."""

    def gradient(
        target: Target,
        x: Array,
        dy: Array,
        kernel: Any,
        strides: Any,
        dilations: Any,
        before: Any,
        groups: int = 1,
        planar: bool = False,
        threads: int = 0,
    ) -> Array:
        lanes, rank = target.lanes, x.ndim - 2
        reach = zip(dy.shape[2:], strides, kernel, dilations, before, x.shape[2:], strict=True)
        after = tuple(max((o - 1) * s + (k - 1) * d + 1 - b - n, 0) for o, s, k, d, b, n in reach)
        buffers, source = {}, None
        if planar:
            wide = np.pad(x, [(0, 0), (0, 0), *zip(before, after, strict=True)])
            steps = [step // 4 for step in wide.strides]
            inset = sum(b * s for b, s in zip(before, steps[2:], strict=True))
            at = Place("x", inset)
            source = Source(at, steps[0], tuple(steps[2:]), steps[1], planar=True)
            buffers["x"] = wide.reshape(-1)
        else:
            layout = blocked(x.shape, lanes, tuple(before), after)
            source = Value(layout._replace(first_block=1, all_blocks=layout.blocks + 1), "x")
            buffers["x"] = put(source.layout, x)
        layout = blocked(dy.shape, lanes, (1,) * rank, (2,) * rank)
        result = Value(layout._replace(first_block=1, all_blocks=layout.blocks + 2), "dy")
        buffers["dy"] = put(result.layout, dy)
        pixels = buffers["dy"].reshape(len(dy), -1, *result.layout.padded, lanes)
        padding = np.ones(result.layout.padded, bool)
        padding[tuple(slice(1, -2) for _ in range(rank))] = False
        pixels[:, :, padding] = np.nan
        of = Convolved(source, x.shape[1], result, kernel, strides, dilations, before, groups)
        shape = (dy.shape[1], x.shape[1] // groups, *kernel)
        buffers["dw"] = np.full(np.prod(shape) + 5, 7, np.float32)
        buffers["sums"] = np.full(arena(target, of), np.nan, np.float32)
        tasks = weight_gradient(target, of, Place("dw", 2), "sums")
        if threads:
            run_tasks(tasks, buffers, threads)
        else:
            run(tasks, buffers)
        assert_array_equal(buffers["dw"][[0, 1, -1, -2, -3]], 7)
        return buffers["dw"][2:-3].reshape(shape)

    return gradient


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
def test_direct_equals_the_definition(target: Target, case: Any, gradient: Gradient) -> None:
    batch, channels, maps, sizes, kernel, strides, dilations, before, groups = case
    spans = zip(sizes, strides, kernel, dilations, before, strict=True)
    x_sizes = [max((o - 1) * s + (k - 1) * d + 1 - 2 * b, 1) for o, s, k, d, b in spans]
    x = whole_numbers(batch, channels, *x_sizes)
    dy = whole_numbers(batch, maps, *sizes, seed=1)
    geometry = kernel, strides, dilations, before, groups
    assert_array_equal(gradient(target, x, dy, *geometry), definition(x, dy, *geometry))


@QUICK
@given(data=st.data(), rank=st.integers(1, 3), planar=st.booleans(), threads=st.integers(0, 3))
def test_any_geometry(gradient: Gradient, data: Any, rank: int, planar: bool, threads: int) -> None:
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
    assert_array_equal(dw, definition(x, dy, *geometry, groups))


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


def test_long_sums_round_little(target: Target, gradient: Gradient) -> None:
    x, dy = np.maximum(normal(4, 3, 120, 120), 0), normal(4, 17, 120, 120, seed=1)
    expected = definition(x, dy, *SAME)
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
