from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from striate.errors import ParameterError
from striate.filters import borders, box, gaussian, kernels

SETTINGS = settings(deadline=None, max_examples=40)
SIZES = st.tuples(st.integers(1, 12), st.integers(1, 12))
SIGMAS = st.tuples(st.floats(0.2, 3), st.floats(0.2, 3))


@SETTINGS
@given(data=st.data())
def test_box_equals_scipy(images, by_channel, border, data):
    image = data.draw(images(np.float64))
    size = data.draw(SIZES)
    expected = by_channel(ndimage.uniform_filter, image, size, mode=border, cval=3.5)
    result = box(image, size, border=border, cval=3.5)
    np.testing.assert_allclose(result, expected, rtol=1e-12, atol=1e-12 * 1000)


@SETTINGS
@given(data=st.data())
def test_gaussian_equals_scipy(images, by_channel, border, data):
    image = data.draw(images(np.float64))
    sigma = data.draw(SIGMAS)
    truncate = data.draw(st.sampled_from([1.0, 3.0, 4.0]))
    expected = by_channel(
        ndimage.gaussian_filter, image, sigma, mode=border, cval=-2.5, truncate=truncate
    )
    result = gaussian(image, sigma, truncate=truncate, border=border, cval=-2.5)
    np.testing.assert_allclose(result, expected, rtol=1e-12, atol=1e-12 * 1000)


@settings(deadline=None, max_examples=15)
@given(data=st.data())
def test_box_on_integers_is_the_exact_mean_rounded_half_to_even(images, border, data):
    dtype = data.draw(st.sampled_from([np.uint8, np.uint16]))
    image = data.draw(images(dtype))
    rows, columns = data.draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    result = box(image, (rows, columns), border=border, cval=7)
    height, width = image.shape[:2]
    down = borders.border_indices(border, height, rows // 2, rows - 1 - rows // 2)
    across = borders.border_indices(border, width, columns // 2, columns - 1 - columns // 2)
    for place in np.ndindex(image.shape):
        total = 0
        for i in down[place[0] :][:rows]:
            for j in across[place[1] :][:columns]:
                total += 7 if i < 0 or j < 0 else int(image[i, j, *place[2:]])
        assert result[place] == round(Fraction(total, rows * columns))


def test_box_halves_go_to_even():
    image = np.array([[0, 1, 2, 3, 4]], dtype=np.uint8)  # means 0, 0.5, 1.5, 2.5, 3.5
    np.testing.assert_array_equal(box(image, (1, 2), border="nearest"), [[0, 0, 2, 2, 4]])


def test_a_box_beyond_the_image_on_the_largest_values():
    image = np.full((3, 4, 3), 65535, dtype=np.uint16)
    np.testing.assert_array_equal(box(image, (101, 200)), image)
    image[1, 2] = 0
    for border in ("reflect", "wrap"):  # 24 and 12 periods: every pixel counts alike
        mean = 65535 * 11 / 12
        np.testing.assert_array_equal(box(image, (24, 32), border=border), round(mean))


@settings(deadline=None, max_examples=30)
@given(data=st.data())
def test_gaussian_on_integers_is_the_float64_result_rounded(images, border, data):
    dtype = data.draw(st.sampled_from([np.uint8, np.uint16]))
    image = data.draw(images(dtype))
    sigma = data.draw(SIGMAS)
    result = gaussian(image, sigma, border=border)
    exact = gaussian(image.astype(np.float64), sigma, border=border)
    assert result.dtype == dtype
    np.testing.assert_array_equal(result, np.rint(exact))


@settings(deadline=None, max_examples=30)
@given(data=st.data())
def test_float32_is_within_a_millionth(images, border, data):
    image = np.abs(data.draw(images(np.float32)))
    for blur, parameter in ((gaussian, data.draw(SIGMAS)), (box, data.draw(SIZES))):
        result = blur(image, parameter, border=border)
        exact = blur(image.astype(np.float64), parameter, border=border)
        assert result.dtype == np.float32
        tiny = float(np.finfo(np.float32).tiny)
        np.testing.assert_allclose(result, exact, rtol=1e-6, atol=tiny)


def test_the_definition_equals_the_kernel(border):
    image = np.random.default_rng(1).integers(0, 1000, (11, 13, 2)).astype(np.float64)
    for size in (3, 4, (1, 6), 30):
        np.testing.assert_array_equal(
            box(image, size, border=border, cval=3),
            box(image, size, border=border, cval=3, method="reference"),
        )
    np.testing.assert_allclose(
        gaussian(image, 1.5, border=border, cval=3),
        gaussian(image, 1.5, border=border, cval=3, method="reference"),
        rtol=1e-12,
    )


@pytest.mark.parametrize("size", [3, 5, 11])
def test_box_of_the_lecture_on_an_impulse(size):
    image = np.zeros((15, 15))
    image[7, 7] = 1
    reach = size // 2
    answer = box(image, size)
    np.testing.assert_array_equal(
        answer[7 - reach : 8 + reach, 7 - reach : 8 + reach], kernels.box(size)
    )
    assert np.count_nonzero(answer) == size**2


def test_reflect_keeps_the_mean_and_a_flat_image():
    rng = np.random.default_rng(0)
    image = rng.random((20, 30))
    assert gaussian(image, 3).mean() == pytest.approx(image.mean(), abs=1e-14)
    assert box(image, 7).mean() == pytest.approx(image.mean(), abs=1e-14)
    flat = np.full((5, 6), 200, dtype=np.uint8)
    np.testing.assert_array_equal(gaussian(flat, 2), flat)


def test_nan_reaches_its_windows_and_no_other():
    image = np.ones((9, 20), dtype=np.float32)
    image[4, 5] = np.nan
    image[4, 15] = np.inf
    result = box(image, 3)
    assert np.isnan(result[3:6, 4:7]).all()
    assert np.isposinf(result[3:6, 14:17]).all()
    assert np.count_nonzero(np.isfinite(result)) == image.size - 18
    assert (result[np.isfinite(result)] == 1).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda x: gaussian(x, float("nan")),
            "gaussian: sigma is nan; it must be a finite number above 0, or (rows, columns)",
        ),
        (
            lambda x: gaussian(x, (1, -2)),
            "gaussian: sigma is -2; it must be a finite number above 0, or (rows, columns)",
        ),
        (
            lambda x: gaussian(x, 1, border="zero"),
            "gaussian: border is 'zero'; it must be reflect, mirror, nearest, constant or wrap",
        ),
        (
            lambda x: box(x, 0),
            "box: size is 0; it must be an integer of at least 1, or (rows, columns)",
        ),
        (
            lambda x: box(x, 2.5),
            "box: size is 2.5; it must be an integer of at least 1, or (rows, columns)",
        ),
        (lambda x: box(x, 3, method="fast"), "box: method is 'fast'; it must be auto or reference"),
    ],
)
def test_bad_parameters(call, message):
    with pytest.raises(ParameterError) as error:
        call(np.zeros((3, 3)))
    assert str(error.value) == message
