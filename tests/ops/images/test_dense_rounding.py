"""Sums of float32 that are rounded as those of float64 are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from striate.ops.images.calls import run
from striate.ops.images.careful import error_of_sums, finest
from striate.ops.images.dense_plan import dense_pass, sums_for
from striate.ops.images.edges import Layout, Reach

TINY = 2.0**-30  # less than float32 can tell from a half


def filtered(
    image: NDArray[Any],
    matrix: NDArray[Any],
    sums: str,
    scale: float | None = None,
    result: str = "uint8",
) -> NDArray[Any]:
    down, across = (side // 2 for side in matrix.shape)
    layout = Layout(*image.shape, 1, image.dtype.name, result, "reflect", 0.0)
    output = np.empty(image.shape, result)
    plan = dense_pass(layout, Reach(down, down, across, across), matrix, sums, scale=scale)
    run(plan, image, output)
    return output


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("side", [3, 7])
def test_what_is_next_to_the_middle_between_two_numbers(side, sign):
    image = np.random.default_rng(0).integers(0, 256, (31, 157)).astype(np.uint8)
    matrix = np.zeros((side, side))
    matrix[side // 2, side // 2] = 0.5 + sign * TINY
    exact = np.rint(image * (0.5 + sign * TINY))
    assert (np.rint(image * np.float32(0.5)) != exact).any()
    np.testing.assert_array_equal(filtered(image, matrix, "float32"), exact)


@pytest.mark.parametrize("side", [3, 5, 7, 11])
def test_ties_of_twelfths_go_as_float64_sums_say(side):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (61, 257)).astype(np.uint8)
    matrix = rng.integers(-1, 3, (side, side)) / 12
    exact = filtered(image, matrix, "float64", result="float64")
    twelfths = np.rint(12 * exact)
    assert (twelfths % 12 == 6).sum() > 500
    expected = np.clip(np.rint(exact), 0, 255)
    np.testing.assert_array_equal(filtered(image, matrix, "float32"), expected)


def test_ties_go_to_the_even_number():
    image = np.arange(256, dtype=np.uint8)[None].repeat(3, 0)
    matrix = np.zeros((3, 3))
    matrix[1, 1] = 0.5
    np.testing.assert_array_equal(filtered(image, matrix, "float32"), np.rint(image / 2))


@pytest.mark.parametrize("sums", ["int16", "float32"])
def test_scales_that_float32_does_not_show(sums):
    image = np.random.default_rng(0).integers(0, 256, (31, 157)).astype(np.uint8)
    matrix = np.zeros((3, 3))
    matrix[1, 1] = 1.0
    for scale in (0.5 + TINY, 0.5 - TINY, 1 / 6):
        found = filtered(image, matrix, sums, scale)
        np.testing.assert_array_equal(found, np.rint(image * scale))


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 10_000),
    lines=st.integers(1, 9),
    taps=st.integers(1, 9),
    whole=st.booleans(),
)
def test_no_sum_is_off_by_more_than_the_bound(seed, lines, taps, whole):
    rng = np.random.default_rng(seed)
    weights = rng.standard_normal((lines, taps)) + rng.integers(-1, 2)
    if whole:
        weights = np.rint(8 * weights) / 4
    pixels = rng.integers(0, 256, (300, lines, taps))
    total = np.zeros(300, np.float32)
    for u in range(lines):
        part = np.zeros(300, np.float32)
        for v in range(taps):
            # float64 shows the product, so that this rounds once as fused multiply-adds do
            product = pixels[:, u, v] * float(np.float32(weights[u, v]))
            part = (part + product).astype(np.float32)
        total = total + part
    error = np.abs(total - (pixels * weights).sum((1, 2))).max()
    bound = error_of_sums(weights, 255.0)
    assert error <= bound + 1e-12
    assert (bound == 0.0) == whole


def test_the_bound_is_not_far_from_what_happens():
    rng = np.random.default_rng(0)
    weights = rng.random((15, 15))
    weights /= weights.sum()
    bound = error_of_sums(weights, 255.0)
    assert 1e-5 < bound < 3e-4  # a sum in one row is off by up to 2e-3


def test_whole_sums_that_float32_has_no_bits_for():
    assert error_of_sums(np.array([[1.0, 2.0**-16]]), 255.0) == 0.0
    assert error_of_sums(np.array([[1.0, 2.0**-17]]), 255.0) > 0.0


def test_finest():
    assert finest(np.array([0.0, 12.0, 0.75])) == 0.25
    assert finest(np.zeros(3)) == 1.0
    assert finest(np.array([1.0, 0.1])) == 2.0**-55


@pytest.mark.parametrize(
    ("source", "result", "matrix", "scale", "sums"),
    [
        ("uint8", "int16", [[1.0, -2.0, 1.0]], None, "int16"),
        ("uint8", "uint8", [[200.0, -100.0]], None, "float32"),  # 51,000 leaves int16
        ("uint8", "uint8", [[0.3, 0.4]], None, "float32"),
        ("uint8", "float64", [[0.3, 0.4]], None, "float64"),
        ("uint8", "float32", [[0.3, 0.4]], None, "float32"),
        ("uint16", "uint16", [[100.0, -50.0]], None, "float32"),
        ("uint16", "int32", [[301.0, -51.0]], None, "float64"),  # needs 25 bits
        ("uint16", "uint16", [[0.3] * 9], None, "float64"),
        ("float32", "float32", [[0.3]], None, "float32"),
        ("float32", "uint8", [[0.3]], None, "float64"),
        ("float64", "float64", [[1.0]], None, "float64"),
    ],
)
def test_sums_for(source, result, matrix, scale, sums):
    layout = Layout(9, 9, 1, source, result, "reflect", 0.0)
    assert sums_for(layout, np.array(matrix), scale) == sums
