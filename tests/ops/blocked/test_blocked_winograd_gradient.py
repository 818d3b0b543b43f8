from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from striate.ops.blocked import weight_gradient_choice as choice
from striate.ops.blocked import winograd_gradient_plan as plans
from striate.ops.blocked.convolution import Source
from striate.ops.blocked.layout import Value, blocked
from striate.ops.blocked.task import Task
from striate.ops.blocked.weight_gradient import Convolved
from striate.ops.blocked.winograd_adjoints import transform_gradient, transform_products
from striate.ops.blocked.winograd_forms import Forms, forms_of
from striate.ops.blocked.winograd_transforms import POINTS, transform_output, weight_matrix
from striate.ops.codegen import Target

Array = Any
Gradient = Callable[..., Array]

# Largest error of the norm, by the inputs n of a tile, of data of unit variance.
TOLERANCE = {4: 1e-6, 6: 3e-6, 8: 2e-5, 10: 1e-4, 12: 1e-3}


@pytest.fixture
def gradient(weights_by: Gradient) -> Gradient:
    """Return the gradient of plain arrays by Winograd's forms, for stride 1."""

    def gradient(
        target: Target,
        forms: Forms | None,
        x: Array,
        dy: Array,
        before: Any,
        threads: int = 0,
    ) -> Array:
        def method(target: Target, of: Convolved, *where: Any) -> tuple[int, list[Task]]:
            return choice.arena(target, of, forms), choice.tasks(target, of, forms, *where)

        ones = (1,) * (x.ndim - 2)
        kernel, dilations = ones, ones
        if forms is not None:
            kernel = tuple(form.kernel for form in forms)
            dilations = tuple(form.dilation for form in forms)
        geometry = kernel, ones, dilations, before
        return weights_by(method, target, x, dy, *geometry, threads=threads)

    return gradient


def normal(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def check(
    gradient: Gradient, definition: Gradient, target: Target, forms: Forms, *rest: Any
) -> None:
    """Compare a method with the definition."""
    kernel = tuple(form.kernel for form in forms)
    dilations = tuple(form.dilation for form in forms)
    x, dy, before = rest[:3]
    expected = definition(x, dy, kernel, (1,) * len(kernel), dilations, before)
    error = np.linalg.norm(gradient(target, forms, *rest) - expected)
    assert error <= TOLERANCE[max(form.n for form in forms)] * np.linalg.norm(expected)


@pytest.mark.parametrize("n", POINTS)
def test_transforms_are_adjoints(n: int) -> None:
    for r in range(2, n):
        m = n + 1 - r
        output = np.array([transform_output(m, list(row)) for row in np.eye(n)])  # A
        assert_allclose(
            np.transpose([transform_gradient(n, list(row)) for row in np.eye(m)]), output
        )
        found = np.array([transform_products(r, list(row)) for row in np.eye(n)])
        assert_allclose(found, weight_matrix(m, r), atol=1e-12)


@pytest.mark.parametrize("shape", [(1, 1, 1, 1, 1), (2, 3, 37, 9, 8), (2, 37, 17, 13, 7)])
@pytest.mark.parametrize("forms", forms_of((3, 3), (1, 1)), ids=str)
def test_squares_match_the_definition(
    target: Target,
    forms: Forms,
    shape: tuple[int, ...],
    gradient: Gradient,
    weight_definition: Gradient,
) -> None:
    batch, channels, maps, *sizes = shape
    x, dy = normal(batch, channels, *sizes), normal(batch, maps, *sizes, seed=1)
    check(gradient, weight_definition, target, forms, x, dy, (1, 1))


KERNELS = [
    ((3,), (1,)),
    ((5,), (2,)),
    ((5, 5), (1, 1)),
    ((3, 3), (2, 2)),
    ((1, 3), (1, 1)),
    ((3, 1), (1, 2)),
    ((2, 3, 3), (2, 1, 1)),
]


@pytest.mark.parametrize(("kernel", "dilations"), KERNELS)
def test_other_kernels_match_the_definition(
    kernel: tuple[int, ...],
    dilations: tuple[int, ...],
    gradient: Gradient,
    weight_definition: Gradient,
) -> None:
    sizes = (3, 9, 11)[-len(kernel) :]
    x, dy = normal(2, 20, *sizes), normal(2, 19, *sizes, seed=1)
    before = tuple((k - 1) * d // 2 for k, d in zip(kernel, dilations, strict=True))
    for forms in forms_of(kernel, dilations):
        check(gradient, weight_definition, Target.host(), forms, x, dy, before)


@settings(
    deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    sizes=st.tuples(*(st.integers(1, most) for most in (3, 40, 40, 17, 17))),
    forms=st.sampled_from([*forms_of((3, 3), (1, 1)), *forms_of((3, 3), (2, 2))]),
    least=st.integers(1, 20),
    sums=st.sampled_from([1, 40_000, 1 << 24]),
    threads=st.integers(0, 3),
)
def test_any_cut(
    gradient: Gradient,
    weight_definition: Gradient,
    sizes: Any,
    forms: Forms,
    least: int,
    sums: int,
    threads: int,
) -> None:
    batch, channels, maps, height, width = sizes
    x, dy = normal(batch, channels, height, width), normal(batch, maps, height, width, seed=1)
    before = (forms[0].dilation,) * 2
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plans, "THIRD_LEVEL", 1)
        patch.setattr(plans, "LEAST_TILES", least)
        patch.setattr(plans, "LEAST_CHUNK", 1 + least // 2)
        patch.setattr(plans, "SECOND_LEVEL", 1)
        patch.setattr(plans, "SUMS", sums)
        patch.setattr(plans, "NEAR", sums)
        check(gradient, weight_definition, Target.host(), forms, x, dy, before, threads)


def test_results_do_not_depend_on_threads(gradient: Gradient) -> None:
    x, dy = normal(2, 40, 20, 21), normal(2, 36, 20, 21, seed=1)
    for forms in forms_of((3, 3), (1, 1)):
        results = [gradient(Target.host(), forms, x, dy, (1, 1), n) for n in (1, 2, 3)]
        assert_array_equal(results[0], results[1])
        assert_array_equal(results[0], results[2])


def test_winograd_matches_torch(gradient: Gradient) -> None:
    weight = torch.from_numpy(normal(32, 48, 3, 3)).requires_grad_()
    x = normal(2, 48, 14, 15, seed=1)
    y = torch.nn.functional.conv2d(torch.from_numpy(x), weight, padding=1)
    dy = normal(*y.shape, seed=2)
    y.backward(torch.from_numpy(dy))
    assert weight.grad is not None
    for forms in forms_of((3, 3), (1, 1)):
        dw = gradient(Target.host(), forms, x, dy, (1, 1))
        assert_allclose(dw, weight.grad.numpy(), rtol=1e-3, atol=1e-3)


def convolved(channels: int, maps: int, size: int, kernel: int, **others: Any) -> Convolved:
    """Return a convolution that keeps the size."""
    lanes, pad = 16, (kernel // 2,) * 2
    x = Value(blocked((8, channels, size, size), lanes, pad, pad), "x")
    dy = Value(blocked((8, maps, size, size), lanes), "dy")
    return Convolved(x, channels, dy, (kernel,) * 2, (1, 1), (1, 1), pad)._replace(**others)


def test_the_cheapest_method_is_chosen() -> None:
    target = Target("avx512", "x86-64-v4", "", 16, 32)
    wide = convolved(64, 64, 56, 3)
    forms = choice.choose(target, wide)
    assert forms is not None
    assert forms[0].m >= 4
    possible = [None, *forms_of((3, 3), (1, 1))]
    assert choice.cost(target, wide, forms) == min(
        choice.cost(target, wide, other) for other in possible
    )


@pytest.mark.parametrize(
    "of",
    [
        convolved(64, 64, 56, 1),
        convolved(3, 64, 56, 3),
        convolved(64, 64, 56, 3, groups=2),
        convolved(64, 64, 56, 3, strides=(2, 2)),
    ],
)
def test_the_direct_method_is_chosen_where_it_must_be(of: Convolved) -> None:
    assert choice.choose(Target("avx512", "x86-64-v4", "", 16, 32), of) is None


def test_exact_gradients_are_direct_and_planar_inputs_too() -> None:
    target, of = Target("avx512", "x86-64-v4", "", 16, 32), convolved(64, 64, 56, 3)
    assert choice.choose(target, of, exact=True) is None
    assert isinstance(of.x, Value)
    planar = Source.of(of.x)
    assert choice.choose(target, of._replace(x=planar)) is None
