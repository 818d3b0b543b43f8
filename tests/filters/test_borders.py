import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from striate.errors import ParameterError
from striate.filters.borders import BORDERS, OUTSIDE, border_indices, check_border

# scipy.ndimage's documentation of `mode`, on the axis a b c d; k is the constant.
PICTURES = {
    "reflect": "d c b a | a b c d | d c b a",
    "mirror": "d c b | a b c d | c b a",
    "nearest": "a a a a | a b c d | d d d d",
    "constant": "k k k k | a b c d | k k k k",
    "wrap": "a b c d | a b c d | a b c d",
}


@pytest.mark.parametrize("border", BORDERS)
def test_the_pictures_of_scipys_documentation(border):
    ahead, _, beyond = PICTURES[border].split("|")
    shown = border_indices(border, 4, len(ahead.split()), len(beyond.split()))
    letters = ["k" if index == OUTSIDE else "abcd"[index] for index in shown]
    assert " ".join(letters) == PICTURES[border].replace("| ", "")


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_border_wider_than_the_image_repeats_the_pattern(border, size):
    axis = np.arange(1.0, size + 1)
    reach = 7
    indices = border_indices(border, size, reach, reach)
    shown = np.where(indices == OUTSIDE, -5.0, axis[indices])
    for shift in range(-reach, reach + 1):
        taps = np.zeros(2 * reach + 1)
        taps[reach + shift] = 1
        expected = ndimage.correlate1d(axis, taps, mode=border, cval=-5.0)
        np.testing.assert_array_equal(shown[reach + shift :][:size], expected)


@settings(deadline=None, max_examples=40)
@given(
    border=st.sampled_from(["reflect", "mirror", "nearest", "wrap"]),
    size=st.integers(1, 6),
    before=st.integers(0, 15),
    after=st.integers(0, 15),
)
def test_indices_lie_in_the_image_and_the_image_is_in_place(border, size, before, after):
    indices = border_indices(border, size, before, after)
    assert indices.shape == (before + size + after,)
    assert indices.min() >= 0
    assert indices.max() < size
    np.testing.assert_array_equal(indices[before : before + size], np.arange(size))


@pytest.mark.parametrize("border", ["symmetric", "zeros", "", None, 3, ["reflect"]])
def test_an_unknown_border(border):
    with pytest.raises(ParameterError) as error:
        check_border(border)
    assert str(error.value) == (
        f"border is {border!r}; it must be reflect, mirror, nearest, constant or wrap"
    )
