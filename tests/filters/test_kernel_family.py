"""The kernels beyond box, Gaussian and Sobel, against their formulas and printed matrices."""

import math

import numpy as np
import pytest
from scipy import ndimage

from striate.errors import ParameterError
from striate.filters import kernels

PRINTED = {
    "scharr": [[3, 0, -3], [10, 0, -10], [3, 0, -3]],
    "prewitt": [[1, 0, -1], [1, 0, -1], [1, 0, -1]],
}


@pytest.mark.parametrize("name", sorted(PRINTED))
def test_the_printed_derivatives(name):
    across = getattr(kernels, name)(1)
    np.testing.assert_array_equal(across, PRINTED[name])
    np.testing.assert_array_equal(getattr(kernels, name)(0), across.T)


def test_roberts_is_the_cross():
    np.testing.assert_array_equal(kernels.roberts(0), [[1, 0], [0, -1]])
    np.testing.assert_array_equal(kernels.roberts(1), [[0, 1], [-1, 0]])


@pytest.mark.parametrize("neighbours", [4, 8])
def test_the_laplacian_adds_up_to_nothing(neighbours):
    kernel = kernels.laplacian(neighbours)
    assert kernel.sum() == 0
    assert (kernel[1, 1], kernel[0, 0]) == (-neighbours, neighbours == 8)


@pytest.mark.parametrize("order", [0, 1, 2, (0, 1), (1, 0), (2, 0), (1, 2)])
@pytest.mark.parametrize(("sigma", "truncate"), [(0.7, 4), (1.6, 3), ((2, 1.2), 4)])
def test_gaussian_derivatives_answer_an_impulse_as_scipys(order, sigma, truncate):
    kernel = kernels.gaussian(sigma, order=order, truncate=truncate)
    impulse = np.zeros(kernel.shape)
    impulse[kernel.shape[0] // 2, kernel.shape[1] // 2] = 1
    answer = ndimage.gaussian_filter(impulse, sigma, order, mode="constant", truncate=truncate)
    np.testing.assert_allclose(kernel[::-1, ::-1], answer, rtol=1e-12, atol=1e-16)


def test_the_laplacian_of_a_gaussian_is_the_formula():
    sigma = 1.5
    i, j = np.mgrid[-6:7, -6:7]
    bell = np.exp(-(i**2 + j**2) / (2 * sigma**2))
    formula = (i**2 + j**2 - 2 * sigma**2) / sigma**4 * bell / bell.sum()
    np.testing.assert_allclose(kernels.laplacian_of_gaussian(sigma), formula, atol=1e-15)


def test_the_difference_of_gaussians_is_the_difference():
    wide = kernels.gaussian(2)
    narrow = np.pad(kernels.gaussian(1), 4)
    np.testing.assert_array_equal(kernels.difference_of_gaussians(1, 2), narrow - wide)


@pytest.mark.parametrize("angle", [0, 0.3, math.pi / 2, 2.5, -1])
def test_gabor_is_the_formula(angle):
    wavelength, bandwidth, aspect, phase = 6.0, 1.3, 0.7, 0.4
    power = 2**bandwidth
    sigma = wavelength / math.pi * math.sqrt(math.log(2) / 2) * (power + 1) / (power - 1)
    kernel = kernels.gabor(wavelength, angle, bandwidth=bandwidth, aspect=aspect, phase=phase)
    rows, columns = (side // 2 for side in kernel.shape)
    bells, waves = {}, {}
    for y in range(-rows, rows + 1):
        for x in range(-columns, columns + 1):
            forward = x * math.cos(angle) + y * math.sin(angle)
            sideways = -x * math.sin(angle) + y * math.cos(angle)
            bells[y, x] = math.exp(-(forward**2 + aspect**2 * sideways**2) / (2 * sigma**2))
            waves[y, x] = math.cos(2 * math.pi * forward / wavelength + phase)
    total = sum(bells.values())
    for (y, x), bell in bells.items():
        expected = bell * waves[y, x] / total
        assert kernel[y + rows, x + columns] == pytest.approx(expected, abs=1e-15)


def test_a_bank_is_its_kernels():
    bank = kernels.gabor_bank([4, 7.5], 3, phase=1)
    assert [len(row) for row in bank] == [3, 3]
    np.testing.assert_array_equal(bank[1][2], kernels.gabor(7.5, 2 * math.pi / 3, phase=1))
    np.testing.assert_array_equal(kernels.gabor_bank([4], [0.5])[0][0], kernels.gabor(4, 0.5))


@pytest.mark.parametrize("length", [0.5, 1, 3, 4, 7.3, 20])
@pytest.mark.parametrize("angle", [0, 0.4, math.pi / 4, math.pi / 2, 2.2])
def test_motion_is_the_share_of_the_track_in_each_pixel(length, angle):
    kernel = kernels.motion(length, angle)
    rows, columns = (side // 2 for side in kernel.shape)
    places = (np.arange(200_000) + 0.5) / 200_000 * length - length / 2
    y, x = np.rint(places * math.sin(angle)), np.rint(places * math.cos(angle))
    share = np.zeros(kernel.shape)
    np.add.at(share, (y.astype(int) + rows, x.astype(int) + columns), 1 / places.size)
    np.testing.assert_allclose(kernel, share, atol=2e-5)
    np.testing.assert_array_equal(kernel, kernel[::-1, ::-1])
    assert kernel.sum() == pytest.approx(1, abs=1e-14)


def test_steganalysis_prints_its_papers():
    kv = [
        [-1, 2, -2, 2, -1],
        [2, -6, 8, -6, 2],
        [-2, 8, -12, 8, -2],
        [2, -6, 8, -6, 2],
        [-1, 2, -2, 2, -1],
    ]
    np.testing.assert_array_equal(kernels.kv(), np.array(kv) / 12)
    np.testing.assert_array_equal(kernels.spam(), [[0, -1, 1]])
    np.testing.assert_array_equal(kernels.spam(2, "down"), [[1], [-2], [1]])
    np.testing.assert_array_equal(kernels.spam(3), [[0, 1, -3, 3, -1]])
    np.testing.assert_array_equal(kernels.spam(3, "left"), [[-1, 3, -3, 1, 0]])
    np.testing.assert_array_equal(kernels.spam(1, "up-left"), np.diag([1, -1, 0]))
    np.testing.assert_array_equal(kernels.spam(1, "down-left")[::-1], np.diag([1, -1, 0]))
    for order in (1, 2, 3):
        assert kernels.spam(order, "up-right").sum() == 0
    assert kernels.ker_bohme().sum() == 0


def test_sharpening_leaves_a_flat_image_alone():
    for kernel in (
        kernels.sharpen(0.7, neighbours=8),
        kernels.unsharp_mask(1.2, 3),
        kernels.emboss(5),
    ):
        assert kernel.sum() == pytest.approx(1, abs=1e-14)
    np.testing.assert_array_equal(kernels.sharpen(), [[0, -1, 0], [-1, 5, -1], [0, -1, 0]])
    np.testing.assert_array_equal(kernels.emboss(), [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: kernels.gaussian(1, order=3),
            "order is 3; it must be 0, 1 or 2, or (rows, columns)",
        ),
        (
            lambda: kernels.roberts(2),
            "diagonal is 2; it must be 0 (down to the right), 1 (down to the left) or None "
            "(the magnitude)",
        ),
        (lambda: kernels.laplacian(6), "neighbours is 6; it must be 4 or 8"),
        (
            lambda: kernels.difference_of_gaussians(2, 1),
            "wider is 1, but sigma is 2; wider must be larger",
        ),
        (lambda: kernels.gabor(0), "wavelength is 0; it must be a finite number above 0"),
        (
            lambda: kernels.gabor(4, math.inf),
            "angle is inf; it must be a finite number",
        ),
        (
            lambda: kernels.gabor(1e6),
            "wavelength 1e+06 needs a kernel of more than 1048576 weights; "
            "lower truncate, or shrink the image and the wavelength with it",
        ),
        (lambda: kernels.gabor_bank(3), "wavelengths is 3; give a list of numbers"),
        (lambda: kernels.gabor_bank([]), "wavelengths is empty; give at least one number"),
        (lambda: kernels.gabor_bank([3], 0), "angles is 0; their number must be from 1 to 360"),
        (lambda: kernels.motion(-1), "length is -1; it must be a finite number above 0"),
        (lambda: kernels.motion(20000), "length is 20000; it must be at most 10000 pixels"),
        (lambda: kernels.sharpen("1"), "amount is '1'; it must be a finite number"),
        (lambda: kernels.emboss(None), "strength is None; it must be a finite number"),
        (lambda: kernels.spam(4), "order is 4; it must be 1, 2 or 3"),
        (
            lambda: kernels.spam(1, "north"),
            "direction is 'north'; it must be right, down-right, down, down-left, left, up-left, "
            "up or up-right",
        ),
    ],
)
def test_refusals(call, message):
    with pytest.raises(ParameterError) as error:
        call()
    assert str(error.value) == message
