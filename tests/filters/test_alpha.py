import numpy as np
import pytest

from striate.errors import ParameterError
from striate.filters import (
    box,
    correlate,
    difference_of_gaussians,
    emboss,
    gabor_bank,
    gaussian,
    gradient,
    light,
    median,
    motion_blur,
    sharpen,
    sobel,
    unsharp_mask,
)
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


BLURS = {
    "box": lambda image, **options: box(image, (3, 4), **options),
    "gaussian": lambda image, **options: gaussian(image, 1, **options),
    "median": median,
    "motion_blur": lambda image, **options: motion_blur(image, 3.5, angle=1, **options),
}
SHARPENERS = {
    "emboss": emboss,
    "sharpen": sharpen,
    "unsharp_mask": lambda image, **options: unsharp_mask(image, 1, **options),
}
OTHERS = {
    "correlate": lambda image, **options: correlate(image, [[1, -1]], **options),
    "difference_of_gaussians": lambda image, **options: difference_of_gaussians(
        image, 1, **options
    ),
    "slope": lambda image, **options: gaussian(image, 1, order=(0, 1), **options),
    "sobel": sobel,
}
FILTERS = BLURS | SHARPENERS | OTHERS


def cut_out(dtype="uint8", channels=4):
    """An image whose right half is transparent, and the same with other colours there."""
    scale = light.full_scale(np.dtype(dtype))
    image = (np.random.default_rng(0).random((9, 8, channels)) * scale).astype(dtype)
    image[..., -1] = np.where(np.arange(8) < 4, scale, 0)
    other = image.copy()
    other[:, 4:, :-1] = 0.3 * scale
    return image, other


@pytest.mark.parametrize("name", sorted(FILTERS))
@pytest.mark.parametrize("linear_light", [False, True])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_opaque_images_are_filtered_as_without_alpha(name, dtype, linear_light):
    image, _ = cut_out(dtype)
    image[..., -1] = light.full_scale(image.dtype)
    result = FILTERS[name](image, alpha=True, linear_light=linear_light)
    plain = FILTERS[name](np.ascontiguousarray(image[..., :-1]), linear_light=linear_light)
    assert result.dtype == dtype
    np.testing.assert_array_equal(result[..., -1], image[..., -1])
    # Light is summed in float32 without alpha, and in float64 with it: levels may differ by one.
    near = 2e-6 if dtype == "float32" else int(linear_light)
    np.testing.assert_allclose(result[..., :-1], plain, rtol=0, atol=near)


@pytest.mark.parametrize("name", sorted(BLURS | SHARPENERS))
@pytest.mark.parametrize("linear_light", [False, True])
@pytest.mark.parametrize(("dtype", "channels"), [("uint8", 4), ("uint16", 2), ("float64", 4)])
def test_what_is_not_seen_does_not_matter(name, dtype, channels, linear_light):
    image, other = cut_out(dtype, channels)
    results = [FILTERS[name](one, alpha=True, linear_light=linear_light) for one in (image, other)]
    seen = results[0][..., -1] > 0
    np.testing.assert_array_equal(results[0][seen], results[1][seen])
    assert seen[:, :4].all() or name == "median"
    plain = [FILTERS[name](one) for one in (image, other)]
    assert (plain[0][seen] != plain[1][seen]).any()


@pytest.mark.parametrize("name", sorted(SHARPENERS | OTHERS))
def test_only_blurs_change_alpha(name):
    image, _ = cut_out()
    image[..., -1] = image[..., -1] // 2 + 50
    result = FILTERS[name](image, alpha=True)
    np.testing.assert_array_equal(result[..., -1], image[..., -1])
    assert (FILTERS[name](image)[..., -1] != image[..., -1]).any()


@pytest.mark.parametrize("shape", [(6, 7), (6, 7, 1), (6, 7, 3), (6, 7, 5)])
@pytest.mark.parametrize("name", sorted(FILTERS))
def test_images_without_alpha_are_none_of_its_business(name, shape):
    image = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    np.testing.assert_array_equal(FILTERS[name](image, alpha=True), FILTERS[name](image))


def test_a_median_shows_colours_between_those_that_are_seen():
    image = np.zeros((5, 5, 4), dtype=np.uint8)
    image[:, :3] = (200, 100, 50, 255)  # beside nothing, whose colour is black
    image[2, 1] = (9, 9, 9, 255)
    result = median(image, 3, alpha=True)
    np.testing.assert_array_equal(result[:, :3], np.broadcast_to((200, 100, 50, 255), (5, 3, 4)))
    np.testing.assert_array_equal(result[:, 3:, -1], 0)


def test_dtypes_and_out():
    image, _ = cut_out()
    slope = sobel(image, axis=1, alpha=True, dtype=np.int16)
    assert slope.dtype == np.int16
    np.testing.assert_array_equal(slope[..., :-1], sobel(image[..., :-1], axis=1, dtype=np.int16))
    np.testing.assert_array_equal(slope[..., -1], image[..., -1])
    for name in ("gaussian", "sharpen", "sobel"):
        out = np.empty(image.shape, np.float32)
        assert FILTERS[name](image, alpha=True, out=out) is out
        coarse = np.clip(np.rint(out), 0, 255)
        np.testing.assert_array_equal(coarse, FILTERS[name](image, alpha=True))


def test_alpha_beyond_a_narrower_result_is_clipped():
    image = np.full((2, 2, 2), 60000, dtype=np.uint16)
    np.testing.assert_array_equal(sobel(image, alpha=True, dtype=np.int16)[..., -1], 32767)


def test_each_answer_of_a_bank_keeps_alpha():
    image, _ = cut_out()
    bank = gabor_bank(image, [4], angles=2, alpha=True)
    np.testing.assert_array_equal(bank[0, 1, ..., -1], image[..., -1])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda image: gradient(image, alpha=True),
            "gradient: alpha is True, but a direction has no alpha; filter image[..., :-1]",
        ),
        (
            lambda image: box(image, 3, alpha=1),
            "box: alpha is 1; it must be True or False",
        ),
        (
            lambda image: box(image, 3, alpha=True, border="constant", cval=9),
            "box: cval is 9, but beyond an image with alpha all is transparent; leave cval out",
        ),
    ],
)
def test_refusals(call, message):
    with pytest.raises(ParameterError) as error:
        call(np.zeros((3, 3, 4), dtype=np.uint8))
    assert str(error.value) == message
