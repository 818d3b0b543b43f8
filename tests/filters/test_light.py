"""Linear light: the curve of sRGB, and filters between its two ends."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from striate.errors import ParameterError
from striate.filters import box, gabor_bank, gaussian, gradient, light, sharpen, sobel


def curve(levels):
    """IEC 61966-2-1, (5) and (6), a number at a time."""
    return np.array(
        [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in levels.ravel()]
    ).reshape(levels.shape)


@pytest.mark.parametrize(("dtype", "top"), [(np.uint8, 255), (np.uint16, 65535)])
def test_every_level_is_decoded_exactly_and_comes_back(dtype, top):
    levels = np.arange(top + 1, dtype=dtype).reshape(2, -1)
    decoded = light.decode(levels)
    np.testing.assert_array_equal(decoded, curve(levels / top).astype(np.float32))
    np.testing.assert_array_equal(light.encode(decoded, dtype), levels)
    assert decoded[0, 0] == 0
    assert decoded[-1, -1] == 1


def test_known_values():
    # The middle of sRGB's scale is 21.4 % of the light; half of the light is level 188.
    assert light.decode(np.array([[0.5]]))[0, 0] == pytest.approx(0.21404114048223255, rel=1e-15)
    assert light.encode(np.array([[0.5]]))[0, 0] == 188
    assert light.decode(np.array([[10 / 255]]))[0, 0] == pytest.approx(10 / 255 / 12.92, rel=1e-15)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_the_nearest_level_is_found(dtype, data):
    top = np.iinfo(dtype).max
    elements = st.floats(-0.5, 1.5, width=32) | st.floats(0, 2**-8, width=32)
    values = data.draw(hnp.arrays(np.float32, (3, 9), elements=elements))
    found = light.encode(values, dtype).astype(float)
    # The light half-way to the next level, either side, holds the value.
    below = np.where(found > 0, curve(np.maximum(found - 0.5, 0) / top), -np.inf)
    above = np.where(found < top, curve((found + 0.5) / top), np.inf)
    assert (values >= below).all()
    assert (values <= above).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floats_go_on_beyond_black_and_white(dtype):
    levels = np.array([[-0.5, 0, 0.02, 0.5, 1, 1.5, np.inf, -np.inf]], dtype=dtype)
    decoded = light.decode(levels)
    assert decoded.dtype == dtype
    assert decoded[0, 0] == -decoded[0, 3]
    np.testing.assert_allclose(light.encode(decoded, dtype), levels, rtol=1e-6)
    assert np.isnan(light.decode(np.array([[np.nan]], dtype=dtype))).all()


def test_integers_clip_what_lies_beyond():
    values = np.array([[-1, 2, np.inf, np.nan]], dtype=np.float32)
    np.testing.assert_array_equal(light.encode(values), [[0, 255, 255, 0]])


@pytest.mark.parametrize("channels", [2, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_alpha_is_no_light(channels, dtype):
    image = np.random.default_rng(0).random((5, 6, channels)) * light.full_scale(np.dtype(dtype))
    image = image.astype(dtype)
    decoded = light.decode(image)
    np.testing.assert_array_equal(decoded[..., -1], image[..., -1])
    np.testing.assert_array_equal(decoded[..., :-1], light.decode(image[..., :-1]))
    np.testing.assert_allclose(light.encode(decoded, dtype), image, rtol=1e-6)


def test_foreign_bytes():
    image = np.arange(12, dtype=">u2").reshape(3, 4) * 5000
    np.testing.assert_array_equal(light.decode(image), light.decode(image.astype(np.uint16)))


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
@pytest.mark.parametrize("shape", [(9, 8), (9, 8, 3)])
def test_a_filter_in_linear_light_is_decoding_filtering_and_encoding(dtype, shape):
    scale = light.full_scale(np.dtype(dtype))
    image = (np.random.default_rng(0).random(shape) * scale).astype(dtype)
    result = gaussian(image, 1.5, linear_light=True)
    assert result.dtype == dtype
    exact = light.encode(gaussian(curve(image / scale), 1.5), np.float64) * scale
    if scale > 1:
        np.testing.assert_allclose(result, exact, atol=0.501)
    else:
        np.testing.assert_allclose(result, exact, rtol=2e-6)


def test_half_of_black_and_white_is_half_of_the_light():
    image = np.array([[0, 255]], dtype=np.uint8)
    np.testing.assert_array_equal(box(image, (1, 2), border="wrap"), 128)
    np.testing.assert_array_equal(box(image, (1, 2), border="wrap", linear_light=True), 188)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_flat_images_stay_as_they_are(dtype):
    for share in (0, 0.01, 0.3, 1):
        image = np.full((6, 5, 4), share * light.full_scale(np.dtype(dtype))).astype(dtype)
        result = gaussian(image, 1, linear_light=True)
        np.testing.assert_allclose(result, image, rtol=1e-6)


@pytest.mark.parametrize("channels", [2, 4])
def test_an_alpha_channel_is_filtered_as_without_the_curve(channels):
    image = np.random.default_rng(0).integers(0, 256, (9, 8, channels), dtype=np.uint8)
    for apply in (lambda x, **o: gaussian(x, 1, **o), sobel, sharpen):
        result = apply(image, linear_light=True)
        np.testing.assert_array_equal(result[..., -1], apply(image)[..., -1])
        colours = apply(np.ascontiguousarray(image[..., :-1]), linear_light=True)
        np.testing.assert_array_equal(result[..., :-1], colours)


def test_what_lies_outside_is_a_level_too():
    image = np.full((3, 3), 200, dtype=np.uint8)
    options = {"border": "constant", "cval": 200}
    np.testing.assert_array_equal(box(image, 5, linear_light=True, **options), image)


def test_dtypes_and_out_are_in_the_images_levels():
    image = np.random.default_rng(0).integers(0, 256, (6, 7), dtype=np.uint8)
    fine = gaussian(image, 1, linear_light=True, dtype=np.float32)
    coarse = gaussian(image, 1, linear_light=True)
    np.testing.assert_array_equal(coarse, np.rint(fine))
    np.testing.assert_array_equal(gaussian(image, 1, linear_light=True, dtype=np.int16), coarse)
    out = np.empty((6, 14), dtype=np.uint8)[:, ::2]
    assert gaussian(image, 1, linear_light=True, out=out) is out
    np.testing.assert_array_equal(out, coarse)


def test_slopes_are_slopes_of_light_with_their_sign():
    image = np.random.default_rng(0).random((6, 7))
    slope = sobel(curve(image), axis=1)
    result = sobel(image, axis=1, linear_light=True)
    np.testing.assert_array_equal(np.sign(result), np.sign(slope))
    np.testing.assert_allclose(light.decode(result), slope, rtol=1e-12)
    steepness, direction = gradient(image, linear_light=True)
    plain = gradient(curve(image))
    np.testing.assert_allclose(direction, plain[1], rtol=1e-12)
    np.testing.assert_allclose(light.decode(steepness), plain[0], rtol=1e-12)


def test_a_bank_in_linear_light():
    image = np.random.default_rng(0).random((9, 8, 4))
    bank = gabor_bank(image, [4], angles=2, linear_light=True)
    plain = gabor_bank(curve(image[..., :-1]), [4], angles=2)
    np.testing.assert_allclose(light.decode(bank[..., :-1]), plain, rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(bank[..., -1], gabor_bank(image, [4], angles=2)[..., -1])


def test_refusals():
    image = np.zeros((3, 3, 4), dtype=np.uint8)
    with pytest.raises(ParameterError) as error:
        box(image, 3, linear_light="yes")
    assert str(error.value) == "box: linear_light is 'yes'; it must be True or False"
    with pytest.raises(ParameterError) as error:
        box(image, 3, linear_light=True, border="constant", cval=9)
    assert str(error.value) == (
        "box: cval is 9, but beyond an image with alpha all is transparent; leave cval out"
    )
