"""Samplings against NumPy, which slices and pads."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from striate.errors import GeometryError
from striate.geometry import Axis, Field, Sampling

MODES = {"edge": "edge", "reflect": "reflect", "wrap": "wrap"}


@settings(deadline=None)
@given(st.integers(1, 7), st.integers(0, 9), st.integers(0, 9), st.sampled_from(sorted(MODES)))
def test_what_lies_beyond_is_numpys_padding(size, before, after, mode):
    sampling = Sampling(((-before,),), 1, mode)
    padded = np.pad(np.arange(size), (before, after), mode=MODES[mode])
    assert [sampling.inside(o, size) for o in range(len(padded))] == [(i,) for i in padded]


@settings(deadline=None)
@given(st.integers(1, 9), st.integers(-12, 12), st.sampled_from([-3, -2, -1, 1, 2, 3]))
def test_slices(size, start, step):
    picked = np.arange(size)[start::step]
    sampling = Sampling(((range(size)[start::step].start,),), step)
    assert [sampling.inside(o, size) for o in range(len(picked))] == [(i,) for i in picked]


@settings(deadline=None)
@given(
    st.lists(st.lists(st.integers(-3, 5), min_size=1, max_size=3), min_size=1, max_size=4),
    st.integers(-4, 4),
    st.integers(1, 3),
    st.integers(1, 3),
)
def test_fields_behind_samplings_are_hulls_of_all_paths(offsets, step, kernel, stride):
    sampling = Sampling(tuple(map(tuple, offsets)), step)
    axis = Axis(kernel, stride)
    field = Field.identity().through(axis).through(sampling).through(axis)
    for output in range(-4, 9):
        seen = [i for a in axis.taps(output) for b in sampling.taps(a) for i in axis.taps(b)]
        assert field.of(output) == (min(seen), max(seen))
        ends = Field.identity().through(sampling).gathered(7, 2)
        every = [i for a in range(0, 14, 2) for i in sampling.taps(a)]
        assert ends.of(0) == (min(every), max(every))


def test_one_output_at_least():
    with pytest.raises(GeometryError) as error:
        Sampling((), 1)
    assert str(error.value) == "a sampling must have the taps of at least one output"
