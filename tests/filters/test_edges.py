import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage, signal

from striate.errors import ParameterError
from striate.filters import convolve, correlate, kernels, sobel

SETTINGS = settings(deadline=None, max_examples=40)


@SETTINGS
@given(data=st.data())
def test_one_direction_equals_scipys(images, by_channel, border, data):
    image = data.draw(images(np.float64))
    axis = data.draw(st.sampled_from([0, 1]))
    expected = by_channel(ndimage.sobel, image, axis=axis, mode=border)
    np.testing.assert_allclose(
        sobel(image, axis, border=border), expected, rtol=1e-12, atol=1e-12 * 8000
    )


@SETTINGS
@given(data=st.data())
def test_it_is_convolution_with_the_printed_kernels(images, border, data):
    image = np.rint(data.draw(images(np.float64)))
    axis = data.draw(st.sampled_from([0, 1]))
    kernel = kernels.sobel(axis)
    result = sobel(image, axis, border=border, cval=5)
    np.testing.assert_array_equal(result, convolve(image, kernel, border=border, cval=5))
    np.testing.assert_array_equal(result, correlate(image, -kernel, border=border, cval=5))


def test_the_magnitude_is_the_lectures():
    image = np.random.default_rng(2).random((8, 9))
    k1 = np.array([[1, 0, -1], [2, 0, -2], [1, 0, -1]])
    k2 = np.array([[1, 2, 1], [0, 0, 0], [-1, -2, -1]])
    slopes = [signal.convolve2d(image, k, mode="same", boundary="symm") for k in (k1, k2)]
    np.testing.assert_allclose(sobel(image), np.hypot(*slopes), rtol=1e-12, atol=1e-14)


def test_positive_to_the_right_and_downwards():
    ramp = np.tile(np.arange(5.0), (5, 1))
    np.testing.assert_array_equal(sobel(ramp, axis=1)[:, 1:-1], 8)
    np.testing.assert_array_equal(sobel(ramp, axis=0), 0)
    np.testing.assert_array_equal(sobel(ramp.T, axis=0)[1:-1], 8)


@settings(deadline=None, max_examples=20)
@given(data=st.data())
def test_the_magnitude_of_integers_is_exact(images, border, data):
    dtype = data.draw(st.sampled_from([np.uint8, np.uint16]))
    image = data.draw(images(dtype))
    x, y = (sobel(image, axis, border=border, dtype=np.int32) for axis in (1, 0))
    result = sobel(image, border=border)
    assert result.dtype == dtype
    for place in np.ndindex(image.shape):
        square = int(x[place]) ** 2 + int(y[place]) ** 2
        root = math.isqrt(square)
        root += square > root * root + root  # beyond root + 1/2, which no integer's root equals
        assert result[place] == min(root, np.iinfo(dtype).max)


def test_unsigned_results_clip_and_signed_ones_keep_the_sign():
    step = np.array([[0, 0, 255, 255, 0, 0]], dtype=np.uint8)
    np.testing.assert_array_equal(sobel(step, 1), [[0, 255, 255, 0, 0, 0]])
    for dtype in (np.int16, np.int32, np.float32, np.float64):
        signed = sobel(step, 1, dtype=dtype)
        assert signed.dtype == dtype
        np.testing.assert_array_equal(signed, [[0, 1020, 1020, -1020, -1020, 0]])


def test_the_magnitude_neither_overflows_nor_vanishes():
    for scale in (1e300, 1e-300):
        image = np.array([[0.0, 3.0], [4.0, 0.0]]) * scale
        np.testing.assert_allclose(sobel(image) / scale, sobel(image / scale), rtol=1e-12)
    image = np.array([[0.0, 1e37]], dtype=np.float32)
    np.testing.assert_allclose(sobel(image), [[4e37, 4e37]], rtol=1e-6)


def test_the_definition_equals_the_kernel(border):
    image = np.random.default_rng(3).integers(0, 256, (7, 9, 3), dtype=np.uint8)
    for axis in (None, 0, 1):
        np.testing.assert_allclose(
            sobel(image, axis, border=border, dtype=np.float64, cval=9),
            sobel(image, axis, border=border, dtype=np.float64, cval=9, method="reference"),
            rtol=1e-15 if axis is None else 0,
        )


@pytest.mark.parametrize("axis", [2, -1, "x"])
def test_an_unknown_axis(axis):
    with pytest.raises(ParameterError) as error:
        sobel(np.zeros((3, 3)), axis)
    assert str(error.value) == (
        f"sobel: axis is {axis!r}; it must be 1 (along columns: vertical edges), "
        "0 (along rows: horizontal edges) or None (the magnitude)"
    )
