"""Calls like earlier ones: kept plans change nothing, whoever calls, and with whatever."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from striate import filters
from striate.errors import StriateError


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    "call",
    [
        lambda x, **o: filters.box(x, 5, **o),
        lambda x, **o: filters.gaussian(x, 1.5, **o),
        lambda x, **o: filters.sobel(x, 0, dtype=np.float32, **o),
        lambda x, **o: filters.median(x, **o),
        lambda x, **o: filters.correlate(x, np.arange(9.0).reshape(3, 3), **o),
    ],
)
def test_the_second_call_is_the_first(call, image):
    once = call(image)
    for _ in range(3):
        np.testing.assert_array_equal(call(image), once)
    other = image[::-1].copy()
    np.testing.assert_array_equal(call(other), call(other, method="reference"))
    out = np.empty_like(once)
    for _ in range(3):
        assert call(image, out=out) is out
        np.testing.assert_array_equal(out, once)


def test_equal_numbers_of_other_kinds_are_checked_again(image):
    filters.box(image, 3)
    with pytest.raises(StriateError, match=r"size is 3\.0"):
        filters.box(image, 3.0)
    filters.sobel(image, 1)
    with pytest.raises(StriateError, match="axis is True"):
        filters.sobel(image, True)


def test_other_layouts_are_other_calls(image):
    for view in (image, image[::2], image[:, ::-1], image[..., 0], np.asfortranarray(image)):
        expected = filters.gaussian(view.copy(), 2)
        for _ in range(2):
            np.testing.assert_array_equal(filters.gaussian(view, 2), expected)


def test_a_result_over_its_image_is_right_each_time(image):
    expected = filters.box(image, 3)
    for _ in range(3):
        own = image.copy()
        filters.box(own, 3, out=own)
        np.testing.assert_array_equal(own, expected)


def test_kernels_are_told_apart_by_their_weights(image):
    kernel = np.ones((3, 3))
    first = filters.correlate(image, kernel, dtype=np.float32)
    kernel[1, 1] = 5
    np.testing.assert_array_equal(
        filters.correlate(image, kernel, dtype=np.float32), first + 4 * image.astype(np.float32)
    )


def test_nan_is_looked_for_in_every_image():
    image = np.zeros((8, 8))
    filters.box(image, 3, dtype=np.uint8)
    image[3, 3] = np.nan
    with pytest.raises(StriateError, match="NaN or infinity"):
        filters.box(image, 3, dtype=np.uint8)


def test_several_callers_at_once(image):
    expected = {sigma: filters.gaussian(image, sigma) for sigma in (0.5, 1.0, 2.0)}

    def call(number):
        sigma = (0.5, 1.0, 2.0)[number % 3]
        return np.array_equal(filters.gaussian(image, sigma), expected[sigma])

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(call, range(200)))


def test_the_number_of_threads_does_not_change_a_bit(monkeypatch):
    large = np.random.default_rng(6).random((700, 900), dtype=np.float32)
    results = []
    for threads in ("1", "2", "5"):
        monkeypatch.setenv("STRIATE_NUM_THREADS", threads)
        results.append([filters.gaussian(large, 2), filters.box(large, 31), filters.sobel(large)])
    for other in results[1:]:
        for one, same in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(one, same)
