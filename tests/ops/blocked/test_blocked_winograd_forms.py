from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from striate import ops
from striate.ops.blocked import winograd, winograd_plan
from striate.ops.blocked.winograd_forms import Form
from striate.ops.blocked.winograd_weights import pack
from striate.ops.codegen import Target

Array = Any
Convolve = Callable[..., Array]

# Largest error relative to the largest output on data of unit variance, for the inputs of a tile
# along one and two axes. Measured with AVX-512 for 96 to 512 channels and kernels of 3 to 9 taps:
# 1 axis, n = 4 to 12: 4e-7, 5e-7, 2e-6, 4e-6, 9e-6; 2 axes, n = 4 to 8: 6e-7, 2e-6, 8e-6.
TOLERANCE = {
    1: dict.fromkeys((4, 6, 8), 4e-6) | {10: 8e-6, 12: 2e-5},
    2: {4: 1e-6, 6: 4e-6, 8: 2e-5},
}

KERNELS = [
    ((5, 5), (1, 1)),
    ((7, 7), (1, 1)),
    ((2, 2), (1, 1)),
    ((4, 3), (1, 1)),
    ((3, 3), (2, 2)),
    ((3, 3), (3, 5)),
    ((5, 5), (2, 1)),
    ((1, 7), (1, 1)),
    ((3, 1), (1, 1)),
    ((5, 1), (2, 3)),
    ((3,), (2,)),
    ((5,), (1,)),
    ((7,), (1,)),
    ((9,), (3,)),
    ((16,), (1,)),
    ((3, 3, 3), (1, 1, 1)),
    ((2, 1, 5), (2, 1, 1)),
]
EACH = [
    pytest.param(forms, id=f"{kernel} {dilations} {[f.m for f in forms]}")
    for kernel, dilations in KERNELS
    for forms in winograd.forms_of(kernel, dilations)
]
SIZES = {1: ((29,), (3,)), 2: ((13, 19), (7, 3), (1, 12)), 3: ((4, 9, 14), (1, 3, 5))}


def normal(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def case(
    forms: winograd.Forms, batch: int, channels: int, maps: int, *sizes: int
) -> tuple[Array, Array, Array]:
    """Return input, weights and bias such that outputs have about unit variance."""
    kernel = [form.kernel for form in forms]
    weight = normal(maps, channels, *kernel, seed=1) / np.sqrt(
        np.float32(channels * np.prod(kernel))
    )
    return normal(batch, channels, *sizes), weight, normal(maps, seed=2)


def exact(forms: winograd.Forms, x: Array, weight: Array, bias: Array | None = None) -> Array:
    wide = [None if a is None else a.astype(np.float64) for a in (x, weight, bias)]
    convolution = (ops.conv1d, ops.conv2d, ops.conv3d)[len(forms) - 1]
    reach = [(form.kernel - 1) * form.dilation for form in forms]
    padding = tuple((whole // 2, whole - whole // 2) for whole in reach)
    dilation = tuple(form.dilation for form in forms)
    return convolution(*wide, padding=padding, dilation=dilation, method="reference")


def check_near(forms: winograd.Forms, y: Array, expected: Array) -> None:
    sizes = [form.n for form in forms if form.n > 1]
    tolerance = TOLERANCE[len(sizes)][max(sizes)]
    assert np.abs(y - expected).max() <= tolerance * max(np.abs(expected).max(), 1)


@pytest.mark.parametrize("forms", EACH)
def test_every_formula_matches_the_reference(
    target: Target, forms: winograd.Forms, by_winograd: Convolve, monkeypatch: pytest.MonkeyPatch
) -> None:
    for sizes in SIZES[len(forms)]:
        x, weight, bias = case(forms, 2, 19, 21, *sizes)
        expected = exact(forms, x, weight, bias)
        y = by_winograd(target, forms, x, weight, bias)
        check_near(forms, y, expected)
        with monkeypatch.context() as patch:
            patch.setattr(winograd_plan, "FEW_WEIGHTS", 0)
            patch.setattr(winograd_plan, "THIRD_LEVEL", 600_000)
            patch.setattr(winograd_plan, "LEAST_TILES", 3)
            assert_array_equal(by_winograd(target, forms, x, weight, bias, threads=3), y)


@settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    shape=st.tuples(*(st.integers(1, most) for most in (3, 40, 40, 17, 17))),
    forms=st.tuples(st.integers(2, 8), st.integers(1, 4), st.integers(1, 4)).flatmap(
        lambda k: st.sampled_from(winograd.forms_of((k[0], k[0]), k[1:]))
    ),
    threads=st.integers(1, 4),
)
def test_any_sizes(
    by_winograd: Convolve, shape: tuple[int, ...], forms: winograd.Forms, threads: int
) -> None:
    x, weight, bias = case(forms, *shape)
    y = by_winograd(Target.host(), forms, x, weight, bias, threads=threads)
    check_near(forms, y, exact(forms, x, weight, bias))


@pytest.mark.parametrize("forms", EACH)
def test_residual_and_bounds(target: Target, forms: winograd.Forms, by_winograd: Convolve) -> None:
    sizes = (5, 11, 9)[-len(forms) :]
    x, weight, bias = case(forms, 2, 5, 20, *sizes)
    residual = normal(2, 20, *sizes, seed=3)
    expected = exact(forms, x, weight, bias) + residual
    y = by_winograd(target, forms, x, weight, bias, residual, low=-0.5, high=1.25)
    check_near(forms, y, expected.clip(-0.5, 1.25))
    assert y.min() == -0.5
    assert y.max() == 1.25


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    "forms",
    [
        winograd.square(4, 5, 2),
        winograd.square(2, 5, 2),
        (Form(5, 4, 7), Form(5, 4, 7)),
        winograd.square(4, 3, 2, dilation=2),
    ],
)
def test_nan_and_infinity_do_not_vanish(
    target: Target, forms: winograd.Forms, number: float, by_winograd: Convolve
) -> None:
    (form, _), k = forms, forms[0].kernel
    d, reach = form.dilation, form.kernel // 2 * form.dilation
    far = reach + (form.m - 1) * d
    for row in range(9, 9 + form.m):
        x, weight = np.ones((1, 2, 23, 48), np.float32), np.ones((3, 2, k, k), np.float32)
        x[0, 1, row, 24] = number
        y = by_winograd(target, forms, x, weight)
        reached = np.ix_(range(row - reach, row + reach + 1, d), range(24 - reach, 25 + reach, d))
        assert not np.isfinite(y[0][(slice(None), *reached)]).any()
        # They may spread over the tiles that read them, but no further.
        y[0][:, max(row - far, 0) : row + far + 1, 24 - far : 25 + far] = 0
        assert np.isfinite(y).all()


def test_phases_do_not_mix(target: Target, by_winograd: Convolve) -> None:
    forms = winograd.square(4, 3, 2, dilation=2)
    x, weight, _ = case(forms, 1, 3, 5, 14, 15)
    y = by_winograd(target, forms, x, weight)
    x[:, :, 1::2] = np.nan
    odd = by_winograd(target, forms, x, weight)
    assert_array_equal(odd[:, :, ::2], y[:, :, ::2])
    assert np.isnan(odd[:, :, 1::2]).all()


# Measured with AVX-512: see TOLERANCE.
@pytest.mark.parametrize("channels", [96, 512])
@pytest.mark.parametrize(("kernel"), [(5, 5), (7, 7), (3,), (9,), (1, 7)])
def test_error_of_the_largest_tiles(
    target: Target, kernel: tuple[int, ...], channels: int, by_winograd: Convolve
) -> None:
    forms = winograd.forms_of(kernel, (1,) * len(kernel))[-1]
    x, weight, bias = case(forms, 1, channels, 16, *(2 * form.m for form in forms))
    expected = exact(forms, x, weight, bias)
    error = np.abs(by_winograd(target, forms, x, weight, bias) - expected).max()
    assert error <= 1.2e-5 * np.abs(expected).max()


def test_choices_for_a_kernel() -> None:
    five = [(f.m, f.r, len(f.starts)) for f, _ in winograd.forms_of((5, 5), (1, 1))]
    assert five == [(3, 2, 3), (2, 3, 2), (4, 3, 2), (2, 5, 1), (4, 5, 1)]
    seven = [(f.m, f.r, len(f.starts)) for f, _ in winograd.forms_of((7, 7), (1, 1))]
    assert (5, 4, 2) in seven
    assert winograd.forms_of((1, 1), (1, 1)) == ()
    assert {f[1].n for f in winograd.forms_of((1, 3), (1, 1))} == {4, 6, 8, 10, 12}
    assert {f[1].n for f in winograd.forms_of((3, 3), (2, 2))} == {4, 6, 8}
    assert winograd.forms_of((3, 1, 1), (1, 1, 1)) == ()


def test_pieces_take_each_tap_once() -> None:
    # One map and channel; the transform of a piece at infinity is its last tap.
    form = Form(5, 4, 7)
    assert form.starts == (0, 3)
    weight = np.arange(1, 8, dtype=np.float32).reshape(1, 1, 7)
    packed = pack(Target.named("avx512"), (form,), weight).reshape(8, 2, 16)
    assert_array_equal(packed[-1, :, 0], [4, 7])
    assert_allclose(packed[0, :, 0], [1, 0], atol=1e-7)  # the tap at 0: taken by the first piece
    assert_array_equal(packed[..., 1:], 0)
