"""What all filters do with their images: dtypes, layouts, ranks and refusals."""

import numpy as np
import pytest
from PIL import Image

from striate.errors import DTypeError, ParameterError, ShapeError
from striate.filters import (
    box,
    convolve,
    correlate,
    difference_of_gaussians,
    emboss,
    gabor,
    gaussian,
    laplacian,
    median,
    motion_blur,
    roberts,
    sobel,
    unsharp_mask,
)

FILTERS = {
    "box": lambda image, **options: box(image, 3, **options),
    "gaussian": lambda image, **options: gaussian(image, 1, **options),
    "sobel": sobel,
    "convolve": lambda image, **options: convolve(image, [[1, 2], [3, 4]], **options),
    "correlate": lambda image, **options: correlate(image, [[1, 2], [3, 4]], **options),
    "difference_of_gaussians": lambda image, **options: difference_of_gaussians(
        image, 1, **options
    ),
    "emboss": emboss,
    "gabor": lambda image, **options: gabor(image, 4, **options),
    "laplacian": laplacian,
    "median": median,
    "motion_blur": lambda image, **options: motion_blur(image, 3.5, angle=1, **options),
    "roberts": roberts,
    "unsharp_mask": lambda image, **options: unsharp_mask(image, 1, **options),
}


@pytest.fixture(params=sorted(FILTERS))
def name(request):
    return request.param


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(6, 7), (6, 7, 1), (6, 7, 3), (6, 7, 5), (1, 1)])
def test_the_result_has_the_images_shape_and_dtype(name, dtype, shape):
    image = np.random.default_rng(0).integers(0, 256, shape).astype(dtype)
    before = image.copy()
    result = FILTERS[name](image)
    assert (result.shape, result.dtype) == (shape, dtype)
    assert result.flags.c_contiguous
    assert result.flags.writeable
    np.testing.assert_array_equal(image, before)


def test_channels_are_filtered_by_themselves(name):
    image = np.random.default_rng(0).integers(0, 256, (6, 7, 3), dtype=np.uint8)
    result = FILTERS[name](image)
    for channel in range(3):
        np.testing.assert_array_equal(result[..., channel], FILTERS[name](image[..., channel]))


def test_views_read_only_arrays_and_foreign_byte_orders(name):
    image = np.random.default_rng(0).integers(0, 65536, (8, 10, 3), dtype=np.uint16)
    view = image[::-1, ::2, :2]
    expected = FILTERS[name](view.copy())
    fixed = view.copy()
    fixed.setflags(write=False)
    foreign = view.astype(view.dtype.newbyteorder())
    for same in (view, np.asfortranarray(view), fixed, foreign):
        result = FILTERS[name](same)
        assert result.dtype == np.uint16
        assert result.dtype.isnative
        np.testing.assert_array_equal(result, expected)


def test_a_pillow_image_is_an_array():
    image = np.arange(12, dtype=np.uint8).reshape(3, 4)
    np.testing.assert_array_equal(box(Image.fromarray(image), 3), box(image, 3))


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "int32", "float32", "float64"])
def test_the_dtype_asked_for_is_the_float64_result_rounded_and_clipped(name, dtype):
    image = np.random.default_rng(0).integers(0, 256, (6, 7), dtype=np.uint8)
    exact = FILTERS[name](image, dtype=np.float64)
    result = FILTERS[name](image, dtype=dtype)
    if result.dtype.kind != "f":
        limits = np.iinfo(dtype)
        exact = np.clip(np.rint(exact), limits.min, limits.max)
    assert result.dtype == dtype
    # float32 results may have been added up in float32; all others are rounded once
    tolerance = 1e-6 * 255 * 4 if np.dtype(dtype) == np.float32 else 0  # weights of up to 4
    np.testing.assert_allclose(result, exact.astype(dtype), rtol=0, atol=tolerance)


def test_float32_beyond_its_range_is_infinite():
    image = np.full((2, 2), 3e38, dtype=np.float32)
    assert np.isposinf(correlate(image, [10])).all()


@pytest.mark.parametrize(
    ("image", "kind", "message"),
    [
        (
            [[1.0, 2.0]],
            DTypeError,
            "image is a list, which has no element type; "
            "pass numpy.asarray(image, dtype=numpy.float64)",
        ),
        (
            3,
            DTypeError,
            "image is a int, which has no element type; "
            "pass numpy.asarray(image, dtype=numpy.float64)",
        ),
        (
            np.zeros((2, 2), dtype=np.int64),
            DTypeError,
            "image has dtype int64; filters take uint8, uint16, float32 or float64: "
            "convert it with image.astype(...)",
        ),
        (
            np.zeros((2, 2), dtype=np.float16),
            DTypeError,
            "image has dtype float16; filters take uint8, uint16, float32 or float64: "
            "convert it with image.astype(...)",
        ),
        (
            np.zeros((2, 2), dtype=bool),
            DTypeError,
            "image has dtype bool; filters take uint8, uint16, float32 or float64: "
            "convert it with image.astype(...)",
        ),
        (
            np.zeros(5),
            ShapeError,
            "image has shape (5,); it must be (H, W) or (H, W, C)",
        ),
        (
            np.zeros((1, 2, 3, 4)),
            ShapeError,
            "image has shape (1, 2, 3, 4); it must be (H, W) or (H, W, C); "
            "for a stack, whose first axis counts images, add stack=True",
        ),
        (
            np.zeros((0, 4)),
            ShapeError,
            "image has shape (0, 4); it must hold at least one row, column and channel",
        ),
        (
            np.zeros((4, 4, 0)),
            ShapeError,
            "image has shape (4, 4, 0); it must hold at least one row, column and channel",
        ),
    ],
)
def test_bad_images(name, image, kind, message):
    with pytest.raises(kind) as error:
        FILTERS[name](image)
    assert str(error.value) == f"{name}: {message}"


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        (
            {"border": "edge"},
            ParameterError,
            "border is 'edge'; it must be reflect, mirror, nearest, constant or wrap",
        ),
        ({"method": None}, ParameterError, "method is None; it must be auto or reference"),
        ({"cval": "0"}, ParameterError, "cval is '0'; it must be a real number"),
        (
            {"cval": np.nan},
            ParameterError,
            "cval is nan; it must be finite where the result is uint8",
        ),
        (
            {"dtype": np.int64},
            DTypeError,
            "dtype is <class 'numpy.int64'>; "
            "a result can be uint8, uint16, int16, int32, float32 or float64",
        ),
        (
            {"dtype": "picture"},
            DTypeError,
            "dtype is 'picture'; a result can be uint8, uint16, int16, int32, float32 or float64",
        ),
    ],
)
def test_bad_options(name, options, kind, message):
    with pytest.raises(kind) as error:
        FILTERS[name](np.zeros((3, 3), dtype=np.uint8), **options)
    assert str(error.value) == f"{name}: {message}"


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nan_does_not_vanish_in_an_integer(name, bad):
    with pytest.raises(ParameterError) as error:
        FILTERS[name](np.array([[1.0, bad]]), dtype=np.uint8)
    assert str(error.value) == (
        f"{name}: image holds NaN or infinity, which uint8 cannot show; "
        "ask for dtype float32, or replace them with numpy.nan_to_num(image)"
    )
