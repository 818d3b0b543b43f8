import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from striate import filters
from striate.errors import ParameterError
from striate.filters.large import Reach, reach
from striate.filters.large.trial import working_bytes


@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_a_part_has_the_bits_of_the_whole(calls, pictures, data):
    function, parameters = data.draw(calls())
    image = data.draw(pictures(parameters))
    whole = function(image, **parameters)
    far = reach(function, image.dtype, **parameters)
    part, wanted, kept = image, [], []
    for axis in (0, 1):
        size = image.shape[axis]
        start = data.draw(st.integers(0, size - 1))
        stop = data.draw(st.integers(start + 1, size))
        cut = far.cut(axis, range(start, stop), size)
        part = part.take([place for one in cut.parts for place in one], axis)
        assert len(cut) == part.shape[axis]
        wanted.append(slice(start, stop))
        kept.append(slice(cut.skip, cut.skip + stop - start))
    np.testing.assert_array_equal(function(part, **parameters)[tuple(kept)], whole[tuple(wanted)])


def test_little_more_than_the_wanted_is_read():
    far = reach(filters.gaussian, sigma=2)
    for wanted in (range(100), range(400, 500), range(900, 1000)):
        assert len(far.cut(0, wanted, 1000)) <= 116
        assert len(Reach((8, 8), (8, 8), wraps=True).cut(0, wanted, 1000)) <= 116


@pytest.mark.parametrize(
    ("function", "parameters", "expected"),
    [
        (filters.gaussian, {"sigma": (1, 2)}, Reach((4, 8), (4, 8))),
        (filters.median, {"size": 4, "border": "wrap"}, Reach((2, 2), (1, 1), wraps=True)),
        (filters.convolve, {"kernel": np.eye(4)}, Reach((1, 1), (2, 2))),
        (filters.correlate, {"kernel": np.eye(4)}, Reach((2, 2), (1, 1))),
        (filters.median, {"size": (1, 5)}, Reach((0, 2), (0, 2))),
        (filters.gradient, {"operator": "gaussian", "sigma": 1}, Reach((4, 4), (4, 4))),
        (filters.gaussian, {"sigma": 1, "linear_light": True}, Reach((4, 4), (4, 4))),
        (
            filters.correlate,
            {"kernel": np.random.default_rng(0).random((31, 61))},
            Reach((15, 30), (15, 30), (226, 452)),
        ),
    ],
)
def test_filters_tell_their_reach(function, parameters, expected):
    assert reach(function, **parameters) == expected


def test_alpha_reaches_as_far_as_the_filter():
    assert reach(filters.gaussian, "uint8", 4, sigma=1, alpha=True).before == (4, 4)


def test_what_notes_nothing_has_no_reach():
    with pytest.raises(ParameterError) as error:
        reach(np.negative)
    assert str(error.value) == (
        "negative is no filter: it tells no reach; give one, as Reach((2, 2), (2, 2))"
    )


def test_memory_is_what_the_function_allocates():
    assert 8 <= working_bytes(lambda x: x.astype(np.float64), "uint8", 0, {}) < 8.2
    assert 24 <= working_bytes(lambda x: np.ones((3, *x.shape)), "uint8", 3, {}) < 24.2
    assert working_bytes(filters.gaussian, "uint8", 0, {"sigma": 2}) < 12
