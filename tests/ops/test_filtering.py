import numpy as np
import pytest

from striate.ops.filtering import Frame, correlate_reference, round_into


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
def test_the_definition_is_the_naive_sum(dtype, channels, shape):
    rng = np.random.default_rng(5)
    image = rng.integers(0, 256, (4, 5 * channels)).astype(dtype)
    down, across = (rng.integers(-4, 5, side).astype(np.float64) for side in shape)
    matrix = np.outer(down, across)
    frame = frame_of(image, shape, channels)
    expected = naive(image, matrix, frame)
    np.testing.assert_array_equal(correlate_reference(image, matrix, frame), expected)
    np.testing.assert_array_equal(correlate_reference(image, (down, across), frame), expected)


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
