"""Axes against brute-force counting, hand-made figures and every malformed number."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from striate.errors import GeometryError
from striate.geometry import Axis, TransposedAxis

pairs = st.tuples(st.integers(0, 5), st.integers(0, 5))
axes = st.builds(
    Axis,
    kernel=st.integers(1, 6),
    stride=st.integers(1, 5),
    dilation=st.integers(1, 4),
    padding=pairs | st.just("same"),
    ceil=st.booleans(),
)
transposed_axes = st.tuples(
    st.integers(1, 6), st.integers(1, 5), st.integers(1, 4), pairs, st.integers(0, 4)
).map(lambda a: TransposedAxis(*a[:4], min(a[4], max(a[1], a[2]) - 1)))


def placements(axis: Axis, size: int) -> int:
    """Count window positions one by one, as the definition says."""
    axis = axis.at(size)
    padded = size + axis.before + axis.after
    count = start = 0
    while start + axis.extent <= padded:
        count, start = count + 1, start + axis.stride
    # one more, beginning inside, if the window before it (perhaps before the first) left some over
    left_over = start - axis.stride + axis.extent < padded
    return count + (1 if axis.ceil and left_over and start < size + axis.before else 0)


@settings(deadline=None)
@given(axes, st.integers(1, 20))
def test_output_size_counts_placements(axis, size):
    count = placements(axis, size)
    if count:
        assert axis.output_size(size) == count
    else:
        with pytest.raises(GeometryError, match="is larger than the padded input"):
            axis.output_size(size)


@settings(deadline=None)
@given(axes, st.integers(1, 20))
def test_same_keeps_ceil_of_size_over_stride(axis, size):
    same = Axis(axis.kernel, axis.stride, axis.dilation, "same")
    resolved = same.at(size)
    assert same.output_size(size) == -(-size // axis.stride)
    assert resolved.after - resolved.before in (0, 1)


@settings(deadline=None)
@given(axes, st.integers(1, 20))
def test_outputs_invert_taps(axis, size):
    axis = axis.at(size)
    if not placements(axis, size):
        return
    count = axis.output_size(size)
    for index in range(-6, size + 6):
        readers = [o for o in range(count) if index in axis.taps(o)]
        assert list(axis.outputs(index, size)) == readers


@settings(deadline=None)
@given(axes, st.integers(1, 20))
def test_dropped_are_beyond_the_last_window(axis, size):
    axis = axis.at(size)
    if not placements(axis, size):
        return
    last = axis.taps(axis.output_size(size) - 1)[-1]
    beyond = [i for i in range(-axis.before, size + axis.after) if i > last]
    assert axis.dropped(size) == len(beyond)


@settings(deadline=None)
@given(transposed_axes, st.integers(1, 12))
def test_transposed_writes_what_the_convolution_reads(axis, size):
    forward = Axis(axis.kernel, axis.stride, axis.dilation, axis.padding)
    full = (size - 1) * axis.stride + axis.extent + axis.output_padding
    if full <= sum(axis.padding):
        with pytest.raises(GeometryError, match="cuts away the whole transposed output"):
            axis.output_size(size)
        return
    assert axis.output_size(size) == full - sum(axis.padding)
    for index in range(size):
        assert axis.outputs(index) == forward.taps(index)
    for output in range(axis.output_size(size)):
        writers = [i for i in range(-40, size + 40) if output in axis.outputs(i)]
        assert list(axis.taps(output)) == writers


@pytest.mark.parametrize(
    ("size", "output", "padding", "kernel", "stride", "dilation"),
    [
        (4, 2, 0, 3, 1, 1),
        (5, 6, 2, 4, 1, 1),
        (5, 5, 1, 3, 1, 1),
        (5, 7, 2, 3, 1, 1),
        (5, 2, 0, 3, 2, 1),
        (5, 3, 1, 3, 2, 1),
        (6, 3, 1, 3, 2, 1),
        (7, 3, 0, 3, 1, 2),
    ],
)
def test_figures_of_dumoulin_and_visin(size, output, padding, kernel, stride, dilation):
    """Dumoulin and Visin, arXiv:1603.07285: the repository's figures, both ways."""
    axis = Axis(kernel, stride, dilation, (padding, padding))
    assert axis.output_size(size) == output
    back = TransposedAxis(kernel, stride, dilation, (padding, padding), axis.dropped(size))
    assert back.output_size(output) == size


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Axis(0), "kernel must be at least 1, not 0"),
        (lambda: Axis(3, stride=0), "stride must be at least 1, not 0"),
        (lambda: Axis(3, dilation=-1), "dilation must be at least 1, not -1"),
        (lambda: Axis(3.0), "kernel must be a whole number, not 3.0"),
        (lambda: Axis(True), "kernel must be a whole number, not True"),
        (lambda: Axis(3, padding=(0, 0.5)), "padding must be a whole number, not 0.5"),
        (
            lambda: Axis(5).output_size(3),
            "kernel 5 is larger than the padded input 3 + 0 + 0: "
            "pad by 2 more or use a smaller kernel",
        ),
        (
            lambda: Axis(3, dilation=3, padding=(1, 0)).output_size(4),
            "kernel 3 (it spans 7 with dilation 3) is larger than the padded input 4 + 1 + 0: "
            "pad by 2 more or use a smaller kernel",
        ),
        (lambda: Axis(1).output_size(0), "an axis must have at least 1 element, not 0"),
        (
            lambda: Axis(3, padding="same").before,
            'padding "same" depends on the input size: call at(size) first',
        ),
        (
            lambda: TransposedAxis(3, stride=2, output_padding=2),
            "output_padding must be at least 0 and less than the larger of stride 2 and "
            "dilation 1, not 2",
        ),
        (
            lambda: TransposedAxis(1, padding=(1, 1)).output_size(2),
            "padding 1 + 1 cuts away the whole transposed output of 2: use less padding",
        ),
    ],
)
def test_errors_say_value_rule_and_way_out(make, message):
    with pytest.raises(GeometryError) as error:
        make()
    assert str(error.value) == message
