"""Stacks: each image as if it were filtered alone."""

import numpy as np
import pytest

from striate.errors import DTypeError, ParameterError, ShapeError
from striate.filters import (
    box,
    correlate,
    gabor_bank,
    gaussian,
    gradient,
    median,
    sobel,
    unsharp_mask,
)

FILTERS = {
    "box": lambda image, **options: box(image, 3, **options),
    "correlate": lambda image, **options: correlate(image, [[0.3, 2], [3, 4]], **options),
    "gaussian": lambda image, **options: gaussian(image, 1, **options),
    "median": median,
    "sobel": sobel,
    "unsharp_mask": lambda image, **options: unsharp_mask(image, 1, **options),
}


@pytest.fixture(params=sorted(FILTERS))
def apply(request):
    return FILTERS[request.param]


def random(shape, dtype="uint8"):
    return np.random.default_rng(0).integers(0, 256, shape).astype(dtype)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
@pytest.mark.parametrize("shape", [(3, 6, 7), (2, 6, 7, 3), (1, 5, 4, 2), (3, 1, 1)])
@pytest.mark.parametrize(
    "options",
    [{}, {"linear_light": True}, {"alpha": True}, {"border": "constant", "dtype": "float32"}],
)
def test_each_image_is_filtered_alone(apply, shape, dtype, options):
    images = random(shape, dtype)
    result = apply(images, stack=True, **options)
    alone = np.stack([apply(image, **options) for image in images])
    assert result.dtype == alone.dtype
    assert result.flags.c_contiguous
    np.testing.assert_array_equal(result, alone)


def test_without_a_word_three_axes_are_one_image_of_channels(apply):
    images = random((4, 5, 3))
    np.testing.assert_array_equal(apply(images, stack=False), apply(images))
    assert (apply(images, stack=True) != apply(images)).any()


def test_the_result_goes_where_the_caller_wants_it(apply):
    images = random((3, 6, 7, 3))
    expected = apply(images, stack=True, dtype=np.float32)
    out = np.empty((6, 6, 7, 3), np.float32)[::-2]
    assert apply(images, stack=True, out=out) is out
    np.testing.assert_array_equal(out, expected)


def test_a_stack_over_itself_and_over_its_neighbours(apply):
    images = random((4, 6, 7))
    expected = apply(images, stack=True)
    over = images.copy()
    assert apply(over, stack=True, out=over) is over
    np.testing.assert_array_equal(over, expected)
    for out, source in ((slice(1, 4), slice(0, 3)), (slice(0, 3), slice(1, 4))):
        moved = images.copy()
        apply(moved[source], stack=True, out=moved[out])
        np.testing.assert_array_equal(moved[out], expected[source])
    turned = images.copy()
    apply(turned, stack=True, out=turned[::-1])
    np.testing.assert_array_equal(turned[::-1], expected)


def test_gradients_are_stacked_with_their_directions():
    images = random((3, 6, 7))
    out = np.empty(images.shape, np.float32)
    steepness, direction = gradient(images, stack=True, out=out)
    assert steepness is out
    for image, steep, turned in zip(images, steepness, direction, strict=True):
        alone = gradient(image, dtype=np.float32)
        np.testing.assert_array_equal(steep, alone[0])
        np.testing.assert_array_equal(turned, alone[1])


def test_a_bank_answers_each_kernel_with_a_stack():
    images = random((2, 9, 8), "float32")
    bank = gabor_bank(images, [4, 6], angles=3, stack=True)
    assert bank.shape == (2, 3, 2, 9, 8)
    for i, image in enumerate(images):
        np.testing.assert_array_equal(bank[:, :, i], gabor_bank(image, [4, 6], angles=3))


@pytest.mark.parametrize(
    ("image", "options", "kind", "message"),
    [
        (
            np.zeros((5, 4)),
            {"stack": True},
            ShapeError,
            "image has shape (5, 4); with stack=True it must be (N, H, W) or (N, H, W, C)",
        ),
        (
            np.zeros((0, 5, 4)),
            {"stack": True},
            ShapeError,
            "image has shape (0, 5, 4); it must hold at least one image, row, column and channel",
        ),
        (
            [np.zeros((5, 4))],
            {"stack": True},
            DTypeError,
            "image is a list, which has no element type; "
            "pass numpy.asarray(image, dtype=numpy.float64)",
        ),
        (
            np.zeros((2, 5, 4)),
            {"stack": 2},
            ParameterError,
            "stack is 2; it must be True or False",
        ),
        (
            np.zeros((2, 5, 4)),
            {"stack": True, "out": np.zeros((5, 4))},
            ShapeError,
            "out has shape (5, 4); it must have the image's, (2, 5, 4)",
        ),
        (
            np.array([[[0.0]], [[np.nan]]]),
            {"stack": True, "dtype": "uint8"},
            ParameterError,
            "image holds NaN or infinity, which uint8 cannot show; "
            "ask for dtype float32, or replace them with numpy.nan_to_num(image)",
        ),
        (
            np.zeros((2, 5, 4)),
            {"stack": True, "border": "edge"},
            ParameterError,
            "border is 'edge'; it must be reflect, mirror, nearest, constant or wrap",
        ),
    ],
)
def test_refusals(image, options, kind, message):
    with pytest.raises(kind) as error:
        box(image, 3, **options)
    assert str(error.value) == f"box: {message}"
