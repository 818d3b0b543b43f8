"""Results written into an array of the caller's."""

import numpy as np
import pytest

from striate.errors import DTypeError, ParameterError, ShapeError
from striate.filters import box, correlate, gaussian

IMAGE = np.random.default_rng(0).integers(0, 256, (9, 12, 3), dtype=np.uint8)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", ">f4", ">u2"])
def test_it_is_filled_and_returned(dtype):
    out = np.empty(IMAGE.shape, dtype)
    assert gaussian(IMAGE, 1, out=out) is out
    np.testing.assert_array_equal(out, gaussian(IMAGE, 1, dtype=out.dtype.newbyteorder("=")))


def test_views_are_filled_and_nothing_beside_them():
    large = np.full((20, 24, 4), 77, dtype=np.uint8)
    view = large[1:-1:2, ::2, 1:]
    box(IMAGE, 3, out=view)
    np.testing.assert_array_equal(view, box(IMAGE, 3))
    large[1:-1:2, ::2, 1:] = 77
    assert (large == 77).all()


@pytest.mark.parametrize("kernel", [np.ones((5, 5)), np.eye(5), np.eye(16)])
def test_the_image_itself(kernel):
    image = np.random.default_rng(0).random((300, 40))
    expected = correlate(image, kernel)
    correlate(image, kernel, out=image)
    np.testing.assert_array_equal(image, expected)
    part = np.random.default_rng(0).random((300, 41))
    expected = correlate(part[:, 1:], kernel)
    correlate(part[:, 1:], kernel, out=part[:, :-1])
    np.testing.assert_array_equal(part[:, :-1], expected)


FIXED = np.empty((3, 3), dtype=np.uint8)
FIXED.setflags(write=False)


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        (
            {"out": []},
            DTypeError,
            "out is list; it must be an array of uint8, uint16, int16, int32, float32 or float64",
        ),
        (
            {"out": np.empty((3, 3), dtype=bool)},
            DTypeError,
            "out is of dtype bool; it must be an array of "
            "uint8, uint16, int16, int32, float32 or float64",
        ),
        (
            {"out": np.empty((3, 4))},
            ShapeError,
            "out has shape (3, 4); it must have the image's, (3, 3)",
        ),
        (
            {"out": FIXED},
            ParameterError,
            "out is read-only; pass an array that can be written to",
        ),
        (
            {"out": np.empty((3, 3)), "dtype": "uint8"},
            DTypeError,
            "out has dtype float64, but dtype is 'uint8'; leave one of them out",
        ),
        (
            {"boder": "wrap"},
            ParameterError,
            "no option is called 'boder'; it must be "
            "border, cval, dtype, out, method, linear_light, alpha or stack",
        ),
    ],
)
def test_refusals(options, kind, message):
    with pytest.raises(kind) as error:
        box(np.zeros((3, 3), dtype=np.uint8), 3, **options)
    assert str(error.value) == f"box: {message}"
