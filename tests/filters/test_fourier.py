import numpy as np
import pytest

from striate.filters import correlate
from striate.filters._fourier import tile_sides, tile_step

RANDOM = np.random.default_rng(7)


@pytest.mark.parametrize("kernel", [(15, 15), (3, 101), (128, 2), (200, 1)])
def test_tiles_hold_five_kernels_and_step_by_what_is_kept(kernel):
    for side, weights, step in zip(tile_sides(kernel), kernel, tile_step(kernel), strict=True):
        assert side >= max(64, 5 * weights)
        assert side & (side - 1) == 0
        assert step == side - weights + 1


def test_a_part_that_begins_at_a_tile_has_the_bits_of_the_whole(border):
    kernel = RANDOM.random((32, 31))
    down, across = tile_step(kernel.shape)
    image = RANDOM.random((3 * down + 20, 2 * across + 40, 2))
    whole = correlate(image, kernel, border=border)
    part = correlate(image[down:, across:], kernel, border="nearest")
    kept = slice(down, -20 - down), slice(30, -80)
    np.testing.assert_array_equal(part[kept], whole[down:, across:][kept])
    beside = correlate(image[:, across - 1 :], kernel, border="nearest")
    assert (beside[kept] != whole[:, across - 1 :][kept]).any()  # the grid does matter


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_leaves_other_tiles_alone(bad):
    kernel = RANDOM.random((31, 32)) - 0.5
    down, across = tile_step(kernel.shape)
    image = RANDOM.random((3 * down, 3 * across))
    clean = correlate(image, kernel)
    image[down + 50, across + 50] = bad
    result = correlate(image, kernel)
    definition = correlate(image, kernel, method="reference")
    np.testing.assert_array_equal(np.isfinite(result), np.isfinite(definition))
    np.testing.assert_array_equal(result[~np.isfinite(result)], definition[~np.isfinite(result)])
    np.testing.assert_allclose(result, definition, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(result[:down], clean[:down])
    np.testing.assert_array_equal(result[:, :across], clean[:, :across])


def test_a_constant_of_nan_stays_at_the_edge():
    image, kernel = RANDOM.random((300, 300)), RANDOM.random((31, 31))
    result = correlate(image, kernel, border="constant", cval=np.nan)
    assert np.isnan(result[:15]).all()
    assert np.isnan(result[:, -15:]).all()
    assert np.isfinite(result[15:-15, 15:-15]).all()
