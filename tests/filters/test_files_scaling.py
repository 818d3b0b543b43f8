"""From one kind of numbers to another."""

import numpy as np
import pytest

from striate.errors import DTypeError, ParameterError
from striate.filters.files import scaled


@pytest.mark.parametrize("kind", ["uint8", "uint16", "float32", "float64"])
@pytest.mark.parametrize("goal", ["uint8", "uint16", "float32", "float64"])
def test_black_stays_black_and_white_stays_white(kind, goal):
    white = {"uint8": 255, "uint16": 65535}
    image = np.array([[0, white.get(kind, 1)]], dtype=kind)
    result = scaled(image, goal)
    assert (result.dtype, result.tolist()) == (np.dtype(goal), [[0, white.get(goal, 1)]])


def test_8_bits_come_back_from_16_bits_and_from_floats():
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    for kind in ("uint16", "float32", "float64"):
        np.testing.assert_array_equal(scaled(scaled(levels, kind), "uint8"), levels)
    np.testing.assert_array_equal(scaled(levels, "uint16"), levels.astype(np.uint16) * 257)


def test_many_rows_with_channels_and_the_other_byte_order():
    image = np.random.default_rng(0).integers(0, 65536, (700, 99, 3)).astype(">u2")
    expected = np.rint(image / 257).astype(np.uint8)
    np.testing.assert_array_equal(scaled(image, np.uint8), expected)


def test_a_white_of_its_own_and_what_lies_beyond_it():
    image = np.array([[-7, 510, 900, 1020, 2000]], dtype=np.float32)
    assert scaled(image, np.uint8, white=1020).tolist() == [[0, 128, 225, 255, 255]]


def test_what_cannot_be_scaled():
    image = np.array([[np.nan]])
    for call, kind, message in [
        (
            lambda: scaled(image, np.int16),
            DTypeError,
            "dtype int16 has no white; scale among uint8, uint16, float32, float64",
        ),
        (
            lambda: scaled(image, np.uint8, white=0),
            ParameterError,
            "white is 0; it must be above 0 and finite",
        ),
        (
            lambda: scaled(image, np.uint8),
            ParameterError,
            "image holds NaN or infinity, which uint8 cannot show; "
            "ask for float32, or replace them with numpy.nan_to_num(image)",
        ),
    ]:
        with pytest.raises(kind) as error:
            call()
        assert str(error.value) == message
