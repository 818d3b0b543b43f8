import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from striate.errors import DTypeError, ParameterError, ShapeError
from striate.filters import convolve, correlate

SETTINGS = settings(deadline=None, max_examples=40)
KERNELS = hnp.arrays(
    np.float64,
    hnp.array_shapes(min_dims=2, max_dims=2, max_side=11),
    elements=st.floats(-8, 8, width=32),
)

# Dumoulin and Visin's arithmetic on the lecture's slide "2d convolutions".
INPUT = [
    [3, 3, 2, 1, 0, 0],
    [0, 1, 3, 1, 3, 1],
    [2, 2, 3, 2, 0, 0],
    [2, 2, 2, 0, 0, 0],
    [1, 0, 1, 3, 2, 2],
    [3, 2, 0, 3, 0, 1],
]
KERNEL = [[2, 2, 2], [0, 1, 0], [2, 0, 1]]
OUTPUT = [[24, 21, 13, 9], [16, 17, 20, 10], [19, 19, 14, 12], [18, 16, 7, 9]]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
@pytest.mark.parametrize("method", ["auto", "reference"])
def test_the_lectures_correlation(dtype, method):
    image = np.array(INPUT, dtype=dtype)
    result = correlate(image, KERNEL, method=method)
    assert result.dtype == dtype
    np.testing.assert_array_equal(result[1:-1, 1:-1], OUTPUT)
    flipped = np.array(KERNEL)[::-1, ::-1]
    np.testing.assert_array_equal(convolve(image, flipped, method=method), result)


@SETTINGS
@given(data=st.data())
def test_they_equal_scipys(images, by_channel, border, data):
    image = data.draw(images(np.float64))
    kernel = data.draw(KERNELS)
    scale = 1000 * max(np.abs(kernel).sum(), 1)
    for ours, theirs in ((correlate, ndimage.correlate), (convolve, ndimage.convolve)):
        expected = by_channel(theirs, image, kernel, mode=border, cval=1.5)
        result = ours(image, kernel, border=border, cval=1.5)
        np.testing.assert_allclose(result, expected, rtol=1e-12, atol=1e-12 * scale)


@settings(deadline=None, max_examples=40)
@given(data=st.data())
def test_whole_weights_are_exact_and_others_equal_the_definition(images, border, data):
    dtype = data.draw(st.sampled_from([np.uint8, np.uint16, np.float32, np.float64]))
    image = np.rint(data.draw(images(dtype))).astype(dtype)
    kernel = np.rint(data.draw(KERNELS))
    for filter_ in (correlate, convolve):
        arguments = {"border": border, "cval": 3, "dtype": np.float64}
        fast = filter_(image, kernel, **arguments)
        definition = filter_(image, kernel, **arguments, method="reference")
        np.testing.assert_array_equal(fast, definition)
        if image.dtype.kind == "u":
            limit = np.iinfo(dtype).max
            rounded = filter_(image, kernel, border=border, cval=3)
            np.testing.assert_array_equal(rounded, np.clip(fast, 0, limit))


def test_convolution_answers_an_impulse_with_the_kernel():
    kernel = np.arange(1, 7).reshape(2, 3)
    impulse = np.zeros((6, 7), dtype=np.uint8)
    impulse[3, 3] = 1
    np.testing.assert_array_equal(convolve(impulse, kernel)[2:4, 2:5], kernel)
    np.testing.assert_array_equal(correlate(impulse, kernel)[3:5, 2:5], kernel[::-1, ::-1])


def test_one_axis_of_weights_is_a_row():
    image = np.random.default_rng(0).random((5, 6))
    np.testing.assert_array_equal(
        correlate(image, [1, 2, 4]), correlate(image, np.array([[1.0, 2.0, 4.0]]))
    )


def test_dyadic_weights_on_integers_round_half_to_even():
    image = np.array([[1, 3, 5, 7]], dtype=np.uint8)
    np.testing.assert_array_equal(correlate(image, [0.5]), [[0, 2, 2, 4]])


def test_a_long_row_and_many_rows_cross_the_blocks_and_chunks():
    image = np.random.default_rng(4).integers(0, 65536, (17, 2100, 2), dtype=np.uint16)
    kernel = np.arange(15).reshape(3, 5) - 4.0
    np.testing.assert_array_equal(
        correlate(image, kernel, dtype=np.float64),
        correlate(image, kernel, dtype=np.float64, method="reference"),
    )


def test_nan_and_infinity_stay():
    image = np.zeros((5, 7))
    image[2, 3] = np.nan
    image[0, 0] = np.inf
    result = correlate(image, np.ones((3, 3)))
    assert np.isnan(result[1:4, 2:5]).all()
    assert np.isposinf(result[:2, :2]).all()
    np.testing.assert_array_equal(result, correlate(image, np.ones((3, 3)), method="reference"))


@pytest.mark.parametrize(
    ("kernel", "kind", "message"),
    [
        ([], ShapeError, "kernel has shape (0,); it must hold at least one weight"),
        (np.ones((0, 3)), ShapeError, "kernel has shape (0, 3); it must hold at least one weight"),
        (
            np.ones((1, 2, 3)),
            ShapeError,
            "kernel has shape (1, 2, 3); it must be (columns,) or (rows, columns)",
        ),
        (5, ShapeError, "kernel has shape (); it must be (columns,) or (rows, columns)"),
        (
            [[1, 2], [3]],
            ShapeError,
            "kernel has rows of different lengths; they must be equal",
        ),
        (
            [1j, 2],
            DTypeError,
            "kernel has dtype complex128; its weights must be real numbers",
        ),
        ("sharpen", DTypeError, "kernel has dtype <U7; its weights must be real numbers"),
        (
            [1, np.nan],
            ParameterError,
            "kernel holds NaN or infinity, or weights too large to add up; they must be finite",
        ),
        (
            [1e308, 1e308],
            ParameterError,
            "kernel holds NaN or infinity, or weights too large to add up; they must be finite",
        ),
    ],
)
def test_bad_kernels(kernel, kind, message):
    for filter_ in (convolve, correlate):
        with pytest.raises(kind) as error:
            filter_(np.zeros((3, 3)), kernel)
        assert str(error.value) == f"{filter_.__name__}: {message}"
