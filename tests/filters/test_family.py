"""Every filter of the family against SciPy's float64: all dtypes, all borders."""

import math

import numpy as np
import pytest
from scipy import ndimage

from striate import filters
from striate.errors import DTypeError, ParameterError, UnknownNameError
from striate.filters import kernels

# name -> (the filter, its kernel, whether the kernel is printed for convolution)
LINEAR = {
    "gaussian, first": (
        lambda x, **o: filters.gaussian(x, 1.3, order=(0, 1), **o),
        kernels.gaussian(1.3, order=(0, 1)),
        False,
    ),
    "gaussian, second": (
        lambda x, **o: filters.gaussian(x, (1, 2), order=2, truncate=3, **o),
        kernels.gaussian((1, 2), order=2, truncate=3),
        False,
    ),
    "motion_blur": (
        lambda x, **o: filters.motion_blur(x, 6.5, angle=0.6, **o),
        kernels.motion(6.5, 0.6),
        False,
    ),
    "scharr 1": (lambda x, **o: filters.scharr(x, 1, **o), kernels.scharr(1), True),
    "scharr 0": (lambda x, **o: filters.scharr(x, 0, **o), kernels.scharr(0), True),
    "prewitt 1": (lambda x, **o: filters.prewitt(x, 1, **o), kernels.prewitt(1), True),
    "prewitt 0": (lambda x, **o: filters.prewitt(x, 0, **o), kernels.prewitt(0), True),
    "roberts 0": (lambda x, **o: filters.roberts(x, 0, **o), kernels.roberts(0), True),
    "roberts 1": (lambda x, **o: filters.roberts(x, 1, **o), kernels.roberts(1), True),
    "laplacian": (filters.laplacian, kernels.laplacian(), False),
    "laplacian 8": (
        lambda x, **o: filters.laplacian(x, neighbours=8, **o),
        kernels.laplacian(8),
        False,
    ),
    "laplacian_of_gaussian": (
        lambda x, **o: filters.laplacian_of_gaussian(x, (1.1, 0.8), **o),
        kernels.laplacian_of_gaussian((1.1, 0.8)),
        False,
    ),
    "difference_of_gaussians": (
        lambda x, **o: filters.difference_of_gaussians(x, 1, (1.5, 1.2), **o),
        kernels.difference_of_gaussians(1, (1.5, 1.2)),
        False,
    ),
    "gabor": (
        lambda x, **o: filters.gabor(x, 5, 0.7, phase=-1, **o),
        kernels.gabor(5, 0.7, phase=-1),
        False,
    ),
    "sharpen": (
        lambda x, **o: filters.sharpen(x, 0.75, neighbours=8, **o),
        kernels.sharpen(0.75, 8),
        False,
    ),
    "unsharp_mask": (
        lambda x, **o: filters.unsharp_mask(x, (1, 0.7), 1.5, **o),
        kernels.unsharp_mask((1, 0.7), 1.5),
        False,
    ),
    "emboss": (lambda x, **o: filters.emboss(x, 2, **o), kernels.emboss(2), False),
    "steer": (
        lambda x, **o: filters.steer(x, 0.4, 1.2, **o),
        math.cos(0.4) * kernels.gaussian(1.2, order=(0, 1))
        + math.sin(0.4) * kernels.gaussian(1.2, order=(1, 0)),
        False,
    ),
    "kv": (lambda x, **o: filters.correlate(x, kernels.kv(), **o), kernels.kv(), False),
    "spam": (
        lambda x, **o: filters.correlate(x, kernels.spam(3, "down-left"), **o),
        kernels.spam(3, "down-left"),
        False,
    ),
}


@pytest.mark.parametrize("name", LINEAR)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(12, 15), (12, 14, 3)])
def test_linear_filters_equal_scipys(name, dtype, shape, border, by_channel):
    call, kernel, printed = LINEAR[name]
    limit = np.iinfo(dtype).max if np.dtype(dtype).kind == "u" else 1000
    image = (np.random.default_rng(0).random(shape) * limit).astype(dtype)
    theirs = ndimage.convolve if printed else ndimage.correlate
    options = {"border": border, "cval": 5}
    expected = by_channel(theirs, image.astype(np.float64), kernel, mode=border, cval=5)
    exact = call(image, dtype=np.float64, **options)
    scale = limit * np.abs(kernel).sum()
    np.testing.assert_allclose(exact, expected, rtol=0, atol=1e-14 * scale)
    definition = call(image, dtype=np.float64, method="reference", **options)
    np.testing.assert_allclose(exact, definition, rtol=0, atol=1e-14 * scale)
    result = call(image, **options)
    assert result.dtype == dtype
    if image.dtype.kind == "u":
        np.testing.assert_array_equal(result, np.clip(np.rint(exact), 0, limit))
    else:
        accuracy = 1e-6 if dtype == np.float32 else 0
        np.testing.assert_allclose(result, exact, rtol=0, atol=accuracy * scale)


PADS = {"reflect": "symmetric", "mirror": "reflect", "nearest": "edge", "wrap": "wrap"}


@pytest.mark.parametrize("name", LINEAR)
def test_kernels_much_larger_than_the_image(name, border):
    """SciPy reads beyond its arrays here (1e293 was seen); NumPy's pad and SciPy inside do not."""
    call, kernel, printed = LINEAR[name]
    image = np.random.default_rng(6).random((3, 4))
    reach = max(kernel.shape)
    extra = {"constant_values": 5} if border == "constant" else {}
    padded = np.pad(image, reach, mode=PADS.get(border, border), **extra)
    theirs = ndimage.convolve if printed else ndimage.correlate
    expected = theirs(np.pad(padded, 40), kernel)[40:-40, 40:-40][reach:-reach, reach:-reach]
    result = call(image, border=border, cval=5)
    np.testing.assert_allclose(result, expected, rtol=0, atol=1e-13 * np.abs(kernel).sum())


@pytest.mark.parametrize("name", ["scharr", "prewitt", "roberts"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
def test_magnitudes(name, dtype, border):
    call = getattr(filters, name)
    image = np.random.default_rng(1).integers(0, 256, (9, 11)).astype(dtype)
    slopes = [call(image, one, border=border, dtype=np.float64) for one in (0, 1)]
    result = call(image, border=border)
    expected = np.hypot(*slopes)
    if image.dtype.kind == "u":
        expected = np.clip(np.rint(expected), 0, np.iinfo(dtype).max)
    np.testing.assert_allclose(result, expected, rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
@pytest.mark.parametrize("size", [1, 2, 3, (1, 4), (5, 2), 9])
@pytest.mark.parametrize("method", ["auto", "reference"])
def test_median_equals_scipys(dtype, size, method, border, by_channel):
    for shape in ((8, 9), (4, 5, 3)):
        image = np.random.default_rng(2).integers(0, 99, shape).astype(dtype)
        expected = by_channel(ndimage.median_filter, image, size, mode=border, cval=50)
        result = filters.median(image, size, border=border, cval=50, method=method)
        assert result.dtype == dtype
        np.testing.assert_array_equal(result, expected)


def test_median_of_nan_and_of_fractions_outside():
    image = np.zeros((7, 7))
    image[3, 3] = np.nan
    result = filters.median(image)
    assert np.isnan(result[2:5, 2:5]).all()
    assert np.count_nonzero(np.isnan(result)) == 9
    dark = np.zeros((1, 1), dtype=np.uint8)
    np.testing.assert_array_equal(
        filters.median(dark, border="constant", cval=2.5, dtype=np.float32), [[2.5]]
    )


def test_a_large_median_goes_through_several_blocks():
    image = np.random.default_rng(2).integers(0, 256, (400, 300), dtype=np.uint8)
    np.testing.assert_array_equal(
        filters.median(image, 7), ndimage.median_filter(image, 7, mode="reflect")
    )


@pytest.mark.parametrize("operator", ["sobel", "scharr", "prewitt"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
def test_the_gradient_is_the_magnitude_and_its_direction(operator, dtype, border):
    image = np.random.default_rng(3).integers(0, 256, (9, 10, 3)).astype(dtype)
    call = getattr(filters, operator)
    out = np.empty(image.shape, dtype)
    steepness, direction = filters.gradient(image, operator, border=border, out=out)
    assert steepness is out
    np.testing.assert_allclose(steepness, call(image, border=border), rtol=2e-7)
    assert direction.dtype == (np.float64 if dtype == np.float64 else np.float32)
    down, across = (call(image, axis, border=border, dtype=np.float64) for axis in (0, 1))
    np.testing.assert_allclose(direction, np.arctan2(down, across), rtol=1e-6)


def test_directions_of_ramps_and_of_nothing():
    y, x = np.mgrid[:40, :40] * 3.0
    for degrees in (-135, -90, -30, 0, 60, 90, 180):
        angle = math.radians(degrees)
        ramp = x * round(math.cos(angle), 12) + y * round(math.sin(angle), 12)
        steepness, direction = filters.gradient(ramp, "gaussian", sigma=1.5)
        inside = (slice(10, -10), slice(10, -10))
        turned = np.cos(direction[inside] - angle)
        np.testing.assert_allclose(turned, 1, atol=1e-12)
        steered = filters.steer(ramp, angle, 1.5)
        np.testing.assert_allclose(steered[inside], steepness[inside], rtol=1e-9)
    flat = filters.gradient(np.full((4, 4), 9.0))
    np.testing.assert_array_equal(flat, 0)


def test_steering_the_second_derivative_is_rotating_it():
    y, x = np.mgrid[-30:31, -30:31]
    angle, sigma = 0.7, 2.0
    forward = x * math.cos(angle) + y * math.sin(angle)
    result = filters.steer(forward**2.0, angle, sigma, order=2)
    assert result[30, 30] == pytest.approx(2, rel=5e-3)
    across = filters.steer(forward**2.0, angle + math.pi / 2, sigma, order=2)
    assert across[30, 30] == pytest.approx(0, abs=5e-3)


def test_a_bank_is_its_filters(border):
    image = np.random.default_rng(4).random((14, 9, 2)).astype(np.float32)
    bank = filters.gabor_bank(image, [3, 4.5], 3, border=border)
    assert (bank.shape, bank.dtype) == ((2, 3, 14, 9, 2), np.float32)
    np.testing.assert_array_equal(
        bank[1, 2], filters.gabor(image, 4.5, 2 * math.pi / 3, border=border)
    )


def test_the_default_of_the_wider_bell():
    image = np.random.default_rng(5).random((9, 9))
    np.testing.assert_array_equal(
        filters.difference_of_gaussians(image, (1, 2)),
        filters.difference_of_gaussians(image, (1, 2), (1.6, 3.2)),
    )


IMAGE = np.zeros((3, 3))


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (
            lambda: filters.gradient(IMAGE, "canny"),
            UnknownNameError,
            "gradient: no operator is called 'canny'; known: gaussian, prewitt, scharr, sobel",
        ),
        (
            lambda: filters.gabor_bank(IMAGE, [3], out=IMAGE),
            ParameterError,
            "gabor_bank: out is given, but a bank has many results; leave it out",
        ),
        (
            lambda: filters.median(IMAGE, 100),
            ParameterError,
            "median: size is 100; a window may have at most 4096 pixels: shrink the image",
        ),
        (
            lambda: filters.median(IMAGE, 0),
            ParameterError,
            "median: size is 0; it must be an integer of at least 1, or (rows, columns)",
        ),
        (
            lambda: filters.steer(IMAGE, 0, 1, order=3),
            ParameterError,
            "steer: order is 3; it must be 1 or 2",
        ),
        (
            lambda: filters.difference_of_gaussians(IMAGE, "1"),
            ParameterError,
            "difference_of_gaussians: sigma is '1'; it must be a finite number above 0, "
            "or (rows, columns)",
        ),
        (
            lambda: filters.scharr(IMAGE, 2),
            ParameterError,
            "scharr: axis is 2; it must be 1 (along columns: vertical edges), "
            "0 (along rows: horizontal edges) or None (the magnitude)",
        ),
        (
            lambda: filters.laplacian([[1]]),
            DTypeError,
            "laplacian: image is a list, which has no element type; "
            "pass numpy.asarray(image, dtype=numpy.float64)",
        ),
        (
            lambda: filters.unsharp_mask(IMAGE, 1, math.nan),
            ParameterError,
            "unsharp_mask: amount is nan; it must be a finite number",
        ),
    ],
)
def test_refusals(call, kind, message):
    with pytest.raises(kind) as error:
        call()
    assert str(error.value) == message
