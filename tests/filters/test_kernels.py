import math
from decimal import Decimal

import numpy as np
import pytest
from scipy import ndimage

from striate.errors import ParameterError
from striate.filters import kernels


def test_box_is_the_lectures():
    np.testing.assert_array_equal(kernels.box(3), np.full((3, 3), 1 / 9))
    np.testing.assert_array_equal(kernels.box((2, 5)), np.full((2, 5), 1 / 10))


@pytest.mark.parametrize("sigma", [2, 4])
def test_gaussian_is_the_lectures_formula_normalised(sigma):
    radius = 4 * sigma
    i, j = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    formula = np.exp(-(i**2 + j**2) / (2 * sigma**2)) / (2 * math.pi * sigma**2)
    kernel = kernels.gaussian(sigma)
    np.testing.assert_allclose(kernel, formula / formula.sum(), rtol=1e-13)
    assert kernel.sum() == pytest.approx(1, abs=1e-15)


@pytest.mark.parametrize(("sigma", "truncate"), [(0.1, 4), (0.5, 3), (1.3, 2.5), (7, 4), (2, 0.1)])
def test_gaussian_answers_an_impulse_as_scipys(sigma, truncate):
    taps = kernels.gaussian_taps(sigma, truncate)
    impulse = np.zeros(2 * taps.size + 1)
    impulse[taps.size] = 1
    answer = ndimage.gaussian_filter1d(impulse, sigma, truncate=truncate)
    reach = taps.size // 2
    np.testing.assert_allclose(answer[taps.size - reach : taps.size + reach + 1], taps, rtol=1e-14)
    assert np.count_nonzero(answer) == taps.size


def test_sobel_is_the_lectures():
    k1 = [[1, 0, -1], [2, 0, -2], [1, 0, -1]]
    k2 = [[1, 2, 1], [0, 0, 0], [-1, -2, -1]]
    np.testing.assert_array_equal(kernels.sobel(1), k1)
    np.testing.assert_array_equal(kernels.sobel(0), k2)


def test_the_named_rows_cannot_be_changed():
    for row in (kernels.SMOOTHING, kernels.DIFFERENCE):
        with pytest.raises(ValueError, match="read-only"):
            row[0] = 7


@pytest.mark.parametrize(
    ("sigma", "shown"),
    [
        (math.nan, "nan"),
        (math.inf, "inf"),
        (0, "0"),
        (-1.5, "-1.5"),
        (np.float64(math.nan), "nan"),
        (True, "True"),
        ("2", "'2'"),
        (None, "None"),
        (1j, "1j"),
        (Decimal(2), "Decimal('2')"),
    ],
)
def test_sigma_out_of_range(sigma, shown):
    with pytest.raises(ParameterError) as error:
        kernels.gaussian(sigma)
    assert str(error.value) == (
        f"sigma is {shown}; it must be a finite number above 0, or (rows, columns)"
    )


@pytest.mark.parametrize("truncate", [0, -1, math.nan, math.inf, "4", 10**400])
def test_truncate_out_of_range(truncate):
    with pytest.raises(ParameterError) as error:
        kernels.gaussian(2, truncate=truncate)
    assert str(error.value) == f"truncate is {truncate!r}; it must be a finite number above 0"


def test_a_gaussian_too_wide_to_compute():
    with pytest.raises(ParameterError) as error:
        kernels.gaussian_taps(1e9)
    assert str(error.value) == (
        "sigma 1000000000.0 with truncate 4.0 needs more than 1048576 taps; "
        "lower truncate, or shrink the image and sigma with it"
    )


@pytest.mark.parametrize(
    ("size", "shown"),
    [(0, "0"), (-3, "-3"), (2.0, "2.0"), (True, "True"), ("3", "'3'"), (np.float64(3), "3.0")],
)
def test_size_out_of_range(size, shown):
    with pytest.raises(ParameterError) as error:
        kernels.box(size)
    assert str(error.value) == (
        f"size is {shown}; it must be an integer of at least 1, or (rows, columns)"
    )


def test_a_box_too_wide_to_compute():
    with pytest.raises(ParameterError) as error:
        kernels.box_taps(2**20 + 1)
    assert str(error.value) == "size is 1048577; it must be at most 1048576: shrink the image"


def test_three_sizes():
    with pytest.raises(ParameterError) as error:
        kernels.box((3, 3, 3))
    assert str(error.value) == ("(3, 3, 3) has 3 entries; give one number, or two: (rows, columns)")


@pytest.mark.parametrize("axis", [2, -1, True, "x", 0.5])
def test_an_unknown_axis(axis):
    with pytest.raises(ParameterError) as error:
        kernels.sobel(axis)
    assert str(error.value) == (
        f"axis is {axis!r}; it must be 1 (along columns: vertical edges), "
        "0 (along rows: horizontal edges) or None (the magnitude)"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 0 -1; 2 0 -2; 1 0 -1", kernels.sobel(1)),
        ("# Sobel\n 1,2,1\n 0 0 0 \n\n-1, -2, -1,\n", kernels.sobel(0)),
        ("1/4 .5 2.5e-1", [[0.25, 0.5, 0.25]]),
        ("7", [[7]]),
    ],
)
def test_kernels_are_parsed(text, expected):
    np.testing.assert_array_equal(kernels.parse(text), expected)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the kernel has no weight; write rows of equal length, as '1 0 -1; 2 0 -2; 1 0 -1'"),
        (
            "1 2 3; 4",
            "the kernel has rows of 1 and 3 weights; "
            "write rows of equal length, as '1 0 -1; 2 0 -2; 1 0 -1'",
        ),
        *(
            (
                f"1 {word}",
                f"the kernel holds {word!r}; its weights must be finite numbers or fractions, "
                "as '1 0 -1; 2 0 -2; 1 0 -1' or '1/3 1/3 1/3'",
            )
            for word in ("nan", "inf", "1/0", "x", "1e999")
        ),
    ],
)
def test_what_is_no_kernel(text, message):
    with pytest.raises(ParameterError) as error:
        kernels.parse(text)
    assert str(error.value) == message
