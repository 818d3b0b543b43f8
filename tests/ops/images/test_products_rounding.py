"""Sums over products of columns and rows that are rounded as those of float64 are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from striate.ops.images.calls import run
from striate.ops.images.careful_products import error_of_products
from striate.ops.images.correlation import doubts_pay, separable_pass
from striate.ops.images.edges import Layout, Reach

TINY = 2.0**-30  # less than float32 can tell from a half
BORDERS = ["reflect", "mirror", "nearest", "wrap", "constant"]

Pair = tuple[NDArray[np.float64], NDArray[np.float64]]


def filtered(
    image: NDArray[Any],
    pairs: list[Pair],
    sums: str,
    border: str = "reflect",
    scale: float | None = None,
) -> NDArray[Any]:
    column, row = (side.size // 2 for side in pairs[0])
    layout = Layout(*image.shape, "uint8", "uint8", border, 9.0)
    output = np.empty(image.shape, np.uint8)
    plan = separable_pass(layout, Reach(column, column, row, row), pairs, sums, scale=scale)
    run(plan, image.reshape(image.shape[0], -1), output.reshape(image.shape[0], -1))
    return output


def picture(*shape: int) -> NDArray[Any]:
    return np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)


def ends(taps: int, weight: float) -> NDArray[np.float64]:
    """Return weights of which the first, the middle and the last are not 0."""
    weights = np.zeros(taps)
    weights[[0, taps // 2, -1]] = weight
    return weights


@pytest.mark.parametrize("sums", ["float32", "float64"])
@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("taps", [3, 21])
@pytest.mark.parametrize("channels", [1, 3])
def test_what_is_next_to_the_middle_between_two_numbers(channels, taps, border, sums):
    image = picture(40, 157, channels)
    half = ends(taps, 0.5 + TINY)
    one = ends(taps, 0.25)
    around = taps // 2
    pads = dict(zip(BORDERS, ["symmetric", "reflect", "edge", "wrap", "constant"], strict=True))
    more = {"constant_values": 9} if border == "constant" else {}
    wide = ((around, around), (around, around), (0, 0))
    padded = np.pad(image.astype(float), wide, pads[border], **more)  # type: ignore[call-overload]
    nine = sum(
        padded[u : u + 40, v : v + 157]
        for u in (0, around, taps - 1)
        for v in (0, around, taps - 1)
    )
    expected = np.clip(np.rint(nine * (0.5 + TINY) / 4), 0, 255)
    assert (np.clip(np.rint(nine / 8), 0, 255) != expected).sum() > 100
    np.testing.assert_array_equal(filtered(image, [(half, one)], sums, border), expected)
    np.testing.assert_array_equal(filtered(image, [(one, half)], sums, border), expected)


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("scale", [None, 0.37])
def test_float32_sums_are_rounded_as_float64_sums(scale, border, count):
    image = picture(61, 203, 3)
    rng = np.random.default_rng(1)
    pairs = [(rng.standard_normal(11) / 3, rng.standard_normal(13) / 3) for _ in range(count)]
    wide, narrow = (filtered(image, pairs, sums, border, scale) for sums in ("float64", "float32"))
    np.testing.assert_array_equal(narrow, wide)


@pytest.mark.parametrize("taps", [3, 11])
def test_ties_go_as_float64_sums_say(taps):
    image = picture(61, 257, 1)
    rng = np.random.default_rng(2)
    pairs = [(rng.integers(-1, 4, taps) / 4, rng.integers(0, 3, taps) / 3) for _ in range(2)]
    wide, narrow = (filtered(image, pairs, sums) for sums in ("float64", "float32"))
    np.testing.assert_array_equal(narrow, wide)


def test_whole_sums_with_a_scale():
    image = picture(40, 157, 1)
    pairs = [(np.array([1.0, 2.0, 1.0]), np.array([1.0, 0.0, 1.0]))]
    for scale in (1 / 12, 1 / 8, 0.1):
        wide, short = (filtered(image, pairs, sums, scale=scale) for sums in ("float64", "int16"))
        np.testing.assert_array_equal(short, wide)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10_000), down=st.integers(1, 9), across=st.integers(1, 9))
def test_no_sum_is_off_by_more_than_the_bound(seed, down, across):
    rng = np.random.default_rng(seed)
    column = rng.standard_normal(down) + rng.integers(-1, 2)
    row = rng.standard_normal(across) + rng.integers(-1, 2)
    pixels = rng.integers(0, 256, (300, down, across))
    pixels[rng.random(300) < 0.5] = 255 * (np.outer(column, row) > 0)
    total = np.zeros(300, np.float32)
    for v in range(across):
        part = np.zeros(300, np.float32)
        for u in range(down):
            part = part + pixels[:, u, v].astype(np.float32) * np.float32(column[u])
        total = total + part * np.float32(row[v])
    exact = (pixels * np.outer(column, row)).sum((1, 2))
    assert np.abs(total - exact).max() <= error_of_products([(column, row)], 255.0) + 1e-11


def test_exact_sums_have_no_error():
    assert error_of_products([(np.array([0.25, 0.5]), np.array([3.0, -1.0]))], 255.0) == 0.0
    assert error_of_products([(np.ones(2), np.ones(2))], 255.0, 0.5) == 0.0
    assert error_of_products([(np.ones(2), np.ones(2))], 255.0, 1 / 3) > 0.0
    assert error_of_products([(np.ones(300), np.ones(300))], 255.0) > 0.0  # more than 2**24


def test_doubts_pay_for_few_of_them():
    layout = Layout(480, 640, 1, "uint8", "uint8", "reflect", 0.0)
    few, many = np.full(9, 1 / 9), np.full(301, 1 / 301)
    assert doubts_pay(layout, [(few, few)])
    assert not doubts_pay(layout, [(many, many)])
    assert not doubts_pay(layout, [(few, few), (few, few)], "magnitude")
    assert not doubts_pay(layout._replace(result="float32"), [(few, few)])
    assert not doubts_pay(layout._replace(source="float32"), [(few, few)])
