"""Kernels taken apart, and the ways that any kernel may go: all must give one result."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from striate.errors import ParameterError
from striate.filters import convolve, correlate, kernels, separate
from striate.filters._apply import Request
from striate.filters._linear import choose
from striate.filters.separation import binary_places

ROWS = st.lists(st.integers(-50, 50), min_size=1, max_size=9)


@settings(deadline=None, max_examples=60)
@given(column=ROWS, row=ROWS)
def test_whole_products_come_apart_exactly(column, row):
    kernel = np.outer(column, row) / 8
    split = separate(kernel)
    assert (split.rank, split.bound) == (1, 0)
    np.testing.assert_array_equal(split.matrix(), kernel)


@settings(deadline=None, max_examples=60)
@given(
    kernel=hnp.arrays(
        np.float64,
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=9),
        elements=st.floats(-9, 9, width=32),
    )
)
def test_the_bound_is_told_and_small(kernel):
    split = separate(kernel)
    assert split.rank == max(np.linalg.matrix_rank(kernel), 1)
    assert split.bound == np.abs(kernel - split.matrix()).sum()
    assert split.bound <= 1e-12 * max(np.abs(kernel).sum(), 1e-300)


def test_a_lower_rank_is_the_best_and_its_bound_holds():
    kernel = kernels.gabor(6, 0.5)
    image = np.random.default_rng(0).random((30, 30))
    exact = correlate(image, kernel)
    bounds = []
    for rank in range(1, 6):
        split = separate(kernel, rank)
        assert split.rank == rank
        near = correlate(image, split.matrix())
        assert np.abs(near - exact).max() <= split.bound * image.max()
        bounds.append(split.bound)
    assert bounds == sorted(bounds, reverse=True)
    assert separate(kernels.sobel(1), 3).rank == 1


@pytest.mark.parametrize("rank", [0, 4, True, 1.0])
def test_a_rank_out_of_range(rank):
    with pytest.raises(ParameterError) as error:
        separate(np.eye(3), rank)
    assert str(error.value) == (
        f"separate: rank is {rank!r}; for a kernel of shape (3, 3) it must be an "
        "integer from 1 to 3"
    )


@pytest.mark.parametrize(
    ("kernel", "places"),
    [([[1, 2]], 0), ([[0.5, 4]], 1), ([[2.0**-20]], 20), ([[2.0**-21]], None), ([[1 / 3]], None)],
)
def test_binary_places(kernel, places):
    assert binary_places(np.array(kernel, dtype=float)) == places


RANDOM = np.random.default_rng(1)
KERNELS = {
    "products of rank 1": (kernels.gaussian(2), "products"),
    "whole products of rank 1": (np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]), "products"),
    "products of rank 2": (kernels.laplacian_of_gaussian(1.5), "products"),
    "sums": (RANDOM.random((7, 7)), "sums"),
    "whole sums": (RANDOM.integers(-9, 10, (5, 7)), "sums"),
    "fourier": (RANDOM.random((43, 40)), "fourier"),
    "whole fourier": (RANDOM.integers(-9, 10, (40, 41)), "fourier"),
    "fractions by fourier": (RANDOM.integers(-9, 10, (41, 41)) / 16, "fourier"),
}


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(23, 31), (24, 25, 3)])
def test_every_way_is_the_definition_and_scipys(name, dtype, shape, border, by_channel):
    kernel, way = KERNELS[name]
    matrix = np.array(kernel, dtype=np.float64)
    image = np.random.default_rng(2).integers(0, 256, shape).astype(dtype)
    request = Request.of(image, {"border": border})
    assert choose(request, matrix, separate(matrix), binary_places(matrix)) == way
    for ours, theirs in ((correlate, ndimage.correlate), (convolve, ndimage.convolve)):
        expected = by_channel(theirs, image.astype(float), matrix, mode=border, cval=7)
        options = {"border": border, "cval": 7}
        result = ours(image, kernel, dtype=np.float64, **options)
        scale = 256 * np.abs(matrix).sum()
        np.testing.assert_allclose(result, expected, rtol=0, atol=1e-13 * scale)
        definition = ours(image, kernel, method="reference", **options)
        if image.dtype.kind == "u":
            np.testing.assert_array_equal(ours(image, kernel, **options), definition)
            if binary_places(matrix) is not None:
                np.testing.assert_array_equal(result, expected)
        else:
            single = ours(image, kernel, **options)
            np.testing.assert_allclose(single, definition, rtol=1e-6, atol=1e-6 * scale)


def test_large_images_go_through_several_tiles():
    image = np.random.default_rng(3).integers(0, 65536, (530, 1100), dtype=np.uint16)
    kernel = np.random.default_rng(4).integers(0, 9, (41, 41)) / 1024
    np.testing.assert_array_equal(
        correlate(image, kernel), correlate(image, kernel, method="reference")
    )


@pytest.mark.parametrize("kernel", [kernels.laplacian_of_gaussian(2), RANDOM.random((29, 30))])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nan_and_infinity_reach_their_windows_alone(kernel, bad):
    image = np.random.default_rng(5).random((70, 80))
    image[35, 40] = bad
    result = correlate(image, kernel)
    definition = correlate(image, kernel, method="reference")
    np.testing.assert_array_equal(np.isfinite(result), np.isfinite(definition))
    assert np.count_nonzero(~np.isfinite(result)) == kernel.size


def test_fractions_outside_an_integer_image_are_not_snapped():
    image = np.zeros((3, 3), dtype=np.uint8)
    result = correlate(image, np.eye(41), border="constant", cval=0.25, dtype=np.float64)
    definition = correlate(
        image, np.eye(41), border="constant", cval=0.25, dtype=np.float64, method="reference"
    )
    np.testing.assert_array_equal(result, definition)
