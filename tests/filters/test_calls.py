"""Calls like earlier ones: kept plans change nothing, whoever calls, and with whatever."""

import subprocess
import sys
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
        lambda x, **o: filters.correlate(x, kernel=np.arange(9.0).reshape(3, 3), **o),
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


@pytest.mark.parametrize("border", ["reflect", "wrap", "constant"])
def test_narrow_images_are_called_alike(border):
    for shape in ((30, 5), (1, 1), (9, 40, 3)):
        own = np.random.default_rng(1).random(shape)
        for _ in range(2):
            np.testing.assert_allclose(
                filters.gaussian(own, 4, border=border, cval=2),
                filters.gaussian(own, 4, border=border, cval=2, method="reference"),
                rtol=1e-12,
            )


def test_constants_that_float32_cannot_show():
    image = np.zeros((20, 20), np.float32)
    options = {"border": "constant", "cval": 0.1, "dtype": np.float64}
    for call in (
        lambda **o: filters.gaussian(image, 1, **o),
        lambda **o: filters.box(image, 3, **o),
    ):
        np.testing.assert_allclose(
            call(**options), call(**options, method="reference"), rtol=1e-13, atol=1e-17
        )
    assert np.isinf(filters.box(image, 3, border="constant", cval=1e300)).any()


SEVERAL = """
import sys, threading, numpy as np
from striate import filters
sys.setswitchinterval(1e-6)
image, barrier = np.ones((64, 64), np.uint8), threading.Barrier(8)
def work():
    barrier.wait()
    for size in (3, 5, 3):
        assert (filters.box(image, size) == 1).all()
threads = [threading.Thread(target=work) for _ in range(8)]
[one.start() for one in threads]; [one.join() for one in threads]
"""


def test_the_first_calls_may_come_from_several_threads():
    for _ in range(4):
        subprocess.run([sys.executable, "-c", SEVERAL], check=True, timeout=100)


def test_masked_arrays_are_refused():
    with pytest.raises(StriateError, match="masked array"):
        filters.box(np.ma.masked_array(np.zeros((3, 3)), np.eye(3)), 3)


def test_equal_numbers_of_other_kinds_are_checked_again(image):
    filters.box(image, (3, 3))
    with pytest.raises(StriateError, match="size is"):
        filters.box(image, (3.0, 3.0))
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


def test_addresses_that_are_no_multiples_of_a_numbers_size():
    image = np.random.default_rng(2).random((1100, 1000), dtype=np.float32)
    expected = filters.gaussian(image, 1, out=np.empty_like(image))
    for odd in (1, 2):
        out, own = (
            np.zeros(image.nbytes + 4, np.uint8)[odd : odd + image.nbytes].view(np.float32)
            for _ in range(2)
        )
        out, own = out.reshape(image.shape), own.reshape(image.shape)
        own[...] = image
        np.testing.assert_array_equal(filters.gaussian(image, 1, out=out), expected)
        np.testing.assert_array_equal(filters.gaussian(own, 1, out=np.empty_like(image)), expected)


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


def test_filters_load_no_numba():
    code = (
        "import sys, numpy as np; from striate import filters; "
        "filters.gaussian(np.zeros((9, 9)), 1); filters.box(np.zeros((9, 9)), 3); "
        "filters.median(np.zeros((9, 9))); assert 'numba' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=100)
