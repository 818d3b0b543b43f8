import numpy as np
import pytest

from striate.filters import gaussian, sharpen, sobel, unsharp_mask
from striate.filters.alpha import has_alpha, keep_alpha, sharpen_by_alpha, weigh_by_alpha


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((3, 4), False), ((3, 4, 1), False), ((3, 4, 2), True), ((3, 4, 3), False), ((3, 4, 4), True)],
)
def test_which_images_have_alpha(shape, expected):
    assert has_alpha(np.zeros(shape, dtype=np.uint8)) is expected


def test_an_opaque_image_is_blurred_as_without_alpha():
    image = np.random.default_rng(0).integers(0, 256, (9, 8, 4), dtype=np.uint8)
    image[..., 3] = 255
    result = weigh_by_alpha(image, lambda x: gaussian(x, 1))
    np.testing.assert_array_equal(result[..., :3], gaussian(image[..., :3], 1))
    np.testing.assert_array_equal(result[..., 3], 255)


def test_the_colour_of_transparent_pixels_does_not_matter():
    image = np.random.default_rng(0).integers(0, 256, (9, 8, 4), dtype=np.uint8)
    image[..., 3] = np.where(image[..., 3] < 128, 0, image[..., 3])
    other = image.copy()
    other[image[..., 3] == 0, :3] = 77
    blurred = [weigh_by_alpha(one, lambda x: gaussian(x, 1)) for one in (image, other)]
    np.testing.assert_array_equal(*blurred)
    np.testing.assert_array_equal(blurred[0][..., 3], gaussian(image[..., 3], 1))


def test_nothing_visible_stays_nothing():
    image = np.full((3, 3, 2), 9, dtype=np.uint8)
    image[..., 1] = 0
    np.testing.assert_array_equal(weigh_by_alpha(image, lambda x: gaussian(x, 1)), 0)


def test_derivatives_keep_alpha():
    image = np.random.default_rng(0).integers(0, 256, (5, 6, 2), dtype=np.uint8)
    result = keep_alpha(image, sobel)
    np.testing.assert_array_equal(result[..., 0], sobel(image[..., 0]))
    np.testing.assert_array_equal(result[..., 1], image[..., 1])


def test_sharpening_ignores_what_is_not_seen():
    image = np.random.default_rng(0).integers(0, 256, (9, 8, 4), dtype=np.uint8)
    image[:, :4, 3], image[:, 4:, 3] = 255, 0
    other = image.copy()
    other[:, 4:, :3] = 77
    sharp = [sharpen_by_alpha(one, lambda x: unsharp_mask(x, 1)) for one in (image, other)]
    np.testing.assert_array_equal(sharp[0][:, :4], sharp[1][:, :4])
    np.testing.assert_array_equal(sharp[1][:, 4:], other[:, 4:])


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_an_opaque_image_is_sharpened_as_without_alpha(dtype):
    image = np.random.default_rng(0).integers(0, 200, (9, 8, 4)).astype(dtype)
    image[..., 3] = 255 if dtype == np.uint8 else 1
    result = sharpen_by_alpha(image, sharpen)
    np.testing.assert_array_equal(result[..., :3], sharpen(image[..., :3]))
    np.testing.assert_array_equal(result[..., 3], image[..., 3])
