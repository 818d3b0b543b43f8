from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from striate.ops.filtering import (
    BLOCK,
    Frame,
    correlate_image,
    correlate_reference,
    round_into,
)


def frame_of(image, kernel_shape, channels, fill=-3.0):
    """The frame with a constant border, centred."""
    height, width = image.shape
    maps = []
    for size, side in zip((height, width // channels), kernel_shape, strict=True):
        position = np.arange(-(side // 2), size + side - 1 - side // 2)
        maps.append(np.where((position >= 0) & (position < size), position, -1))
    return Frame.of(*maps, kernel_shape[1] // 2, channels, fill)


def naive(image, matrix, frame):
    """The definition once more, number by number."""
    result = np.zeros(image.shape)
    for i, j in np.ndindex(image.shape):
        for u, v in np.ndindex(matrix.shape):
            row, column = frame.rows[i + u], frame.columns[j + v * frame.channels]
            pixel = frame.fill if row < 0 or column < 0 else float(image[row, column])
            result[i, j] += matrix[u, v] * pixel
    return result


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("shape", [(1, 1), (3, 3), (2, 4), (9, 5)])
def test_loops_definition_and_naive_are_equal_to_the_bit(dtype, channels, shape):
    rng = np.random.default_rng(5)
    image = rng.integers(0, 256, (4, 5 * channels)).astype(dtype)
    down, across = (rng.integers(-4, 5, side).astype(np.float64) for side in shape)
    matrix = np.outer(down, across)
    frame = frame_of(image, shape, channels)
    expected = naive(image, matrix, frame)
    np.testing.assert_array_equal(correlate_reference(image, matrix, frame), expected)
    np.testing.assert_array_equal(correlate_reference(image, (down, across), frame), expected)
    for weights in (matrix, (down, across)):
        output = np.empty(image.shape)
        correlate_image(image, [weights], frame, lambda values: values, output)
        np.testing.assert_array_equal(output, expected)


@pytest.mark.parametrize("reference", [False, True])
def test_several_kernels_are_combined(reference):
    image = np.array([[3, 4]], dtype=np.uint8)
    one = np.ones((1, 1))
    output = np.empty((1, 2))
    frame = frame_of(image, (1, 1), 1)
    correlate_image(image, [one, 2 * one], frame, np.hypot, output, reference=reference)
    np.testing.assert_allclose(output, image * np.sqrt(5), rtol=1e-15)


def test_rows_longer_than_a_block():
    image = np.arange(2 * (BLOCK + 3), dtype=np.float64).reshape(2, -1)
    kernel = np.array([[1.0, 2.0, 4.0], [8.0, 16.0, 32.0]])
    frame = frame_of(image, (2, 3), 1)
    output = np.empty(image.shape)
    correlate_image(image, [kernel], frame, lambda values: values, output)
    np.testing.assert_array_equal(output, correlate_reference(image, kernel, frame))


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        (np.uint8, [0, 0, 0, 2, 2, 255]),
        (np.int16, [-32768, -2, 0, 2, 2, 32767]),
        (np.float32, [-1e9, -1.5, 0.5, 1.5, 2.5, 1e9]),
    ],
)
def test_rounding_and_clipping(dtype, expected):
    output = np.empty(6, dtype=dtype)
    round_into(output, np.array([-1e9, -1.5, 0.5, 1.5, 2.5, 1e9]))
    np.testing.assert_array_equal(output, np.array(expected, dtype=dtype))


def test_the_number_of_threads_does_not_change_a_bit(monkeypatch):
    image = np.random.default_rng(6).random((120, 320))
    weights = tuple(np.random.default_rng(7).random((2, 7)))
    frame = frame_of(image, (7, 7), 1)
    results = []
    for threads in ("1", "2", "5"):
        monkeypatch.setenv("STRIATE_NUM_THREADS", threads)
        results.append(np.empty(image.shape))
        correlate_image(image, [weights], frame, lambda values: values, results[-1])
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])


def test_several_callers_at_once():
    image = np.random.default_rng(8).integers(0, 256, (250, 250), dtype=np.uint8)
    kernel = np.arange(9.0).reshape(3, 3)
    frame = frame_of(image, (3, 3), 1)
    expected = correlate_reference(image, kernel, frame)

    def call(_):
        output = np.empty(image.shape)
        correlate_image(image, [kernel], frame, lambda values: values, output)
        return np.array_equal(output, expected)

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(call, range(6)))
