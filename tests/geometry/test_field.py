"""Receptive fields against brute force: walk every path back, one index at a time."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from striate.errors import GeometryError
from striate.geometry import Axis, Field, TransposedAxis

pairs = st.tuples(st.integers(0, 3), st.integers(0, 3))
forward = st.builds(Axis, st.integers(1, 4), st.integers(1, 3), st.integers(1, 3), pairs)
backward = st.builds(TransposedAxis, st.integers(1, 4), st.integers(1, 3), st.integers(1, 3), pairs)
chains = st.lists(forward | backward, min_size=1, max_size=4)


def seen(chain, output):
    """Return every input index that reaches `output`, edges ignored."""
    indices = {output}
    for axis in reversed(chain):
        indices = {tap for index in indices for tap in axis.taps(index)}
    return indices


@settings(deadline=None)
@given(chains)
def test_chain_equals_walking_every_path(chain):
    field = Field.identity()
    for axis in chain:
        field = field.through(axis)
    for output in range(-5, 2 * field.period + 5):
        indices = seen(chain, output)
        expected = (min(indices), max(indices)) if indices else None
        assert field.of(output) == expected


@settings(deadline=None)
@given(chains, chains, st.integers(1, 6))
def test_join_is_the_hull_or_an_error(one, other, count):
    fields = []
    for chain in (one, other):
        field = Field.identity()
        for axis in chain:
            field = field.through(axis)
        fields.append(field)
    if fields[0].stride != fields[1].stride:
        with pytest.raises(GeometryError, match="no single receptive field exists there"):
            fields[0].joined(fields[1], count)
        return
    joined = fields[0].joined(fields[1], count)
    for output in range(12):
        indices = seen(one, output) | seen(other, output)
        assert joined.of(output) == ((min(indices), max(indices)) if indices else None)


def test_alignment_is_lost_for_good():
    """A 3-tap path padded on one side only and a 1-tap path do not share a centre."""
    left = Field.identity().through(Axis(3, padding=(2, 0)))
    joined = left.joined(Field.identity(), 5)
    assert not joined.aligned
    assert not joined.through(Axis(3)).aligned
    centred = Field.identity().through(Axis(3, padding=(1, 1)))
    assert centred.joined(Field.identity(), 5).aligned


def test_transposed_convolution_has_a_fractional_stride():
    field = Field.identity().through(TransposedAxis(4, stride=2, padding=(1, 1)))
    assert field.stride == Fraction(1, 2)
    assert field.size == 2
    assert [field.of(i) for i in range(4)] == [(-1, 0), (0, 1), (0, 1), (1, 2)]


def test_outputs_between_strided_kernels_see_nothing():
    field = Field.identity().through(TransposedAxis(1, stride=3))
    assert [field.of(i) for i in range(4)] == [(0, 0), None, None, (1, 1)]


def test_global_pooling_sees_all_and_makes_joins_so():
    field = Field.identity().through(Axis(3, stride=2, padding=(1, 1))).gathered(4)
    assert (field.size, field.start, field.stride) == (9, -1, 0)
    joined = Field.identity().through(Axis(3, stride=2, padding=(1, 1))).joined(field, 4)
    assert joined == field


def test_published_fields():
    """Araujo, Norris and Sim, Distill 2019: AlexNet v2 and VGG-16 (TF-Slim)."""
    alexnet = [(11, 4), (3, 2), (5, 1), (3, 2), (3, 1), (3, 1), (3, 1), (3, 2)]
    sizes, field = [], Field.identity()
    for kernel, stride in alexnet:
        field = field.through(Axis(kernel, stride))
        sizes.append(field.size)
    assert sizes == [11, 19, 51, 67, 99, 131, 163, 195]
    assert field.stride == 32
    sizes, field = [], Field.identity()
    for block in (2, 2, 3, 3, 3):
        for _ in range(block):
            field = field.through(Axis(3, padding=(1, 1)))
        field = field.through(Axis(2, stride=2))
        sizes.append(field.size)
    assert (sizes, field.stride, -field.start) == ([6, 16, 44, 100, 212], 32, 90)


def test_a_kernel_of_billions_takes_no_time():
    field = Field.identity().through(TransposedAxis(3, 2)).through(Axis(1 << 32, stride=3))
    assert (field.size, field.stride) == ((1 << 31) + 1, Fraction(3, 2))
