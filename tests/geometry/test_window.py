"""Every form of padding is parsed once, into the same numbers."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from striate.errors import GeometryError
from striate.geometry import TransposedWindow, Window


@pytest.mark.parametrize(
    ("padding", "expected"),
    [
        (1, ((1, 1), (1, 1))),
        (np.int64(2), ((2, 2), (2, 2))),
        ((1, 2), ((1, 1), (2, 2))),
        ([1, 2], ((1, 1), (2, 2))),
        (np.array([1, 2]), ((1, 1), (2, 2))),
        (((1, 2), (3, 4)), ((1, 2), (3, 4))),
        (((1, 2), 3), ((1, 2), (3, 3))),
        ("valid", ((0, 0), (0, 0))),
        ("full", ((2, 2), (4, 4))),
    ],
)
def test_padding_forms(padding, expected):
    assert Window.parse((3, 5), padding=padding, rank=2).paddings == expected
    assert TransposedWindow.parse((3, 5), padding=padding, rank=2).paddings == expected


def test_same_waits_for_the_size():
    window = Window.parse(3, stride=2, padding="same", rank=3)
    assert window.at((4, 5, 6)).paddings == ((0, 1), (1, 1), (0, 1))
    assert window.output_shape((4, 5, 6)) == (2, 3, 3)


@settings(deadline=None)
@given(st.integers(1, 6), st.integers(1, 4), st.integers(1, 3), st.integers(1, 9))
def test_transposed_same_multiplies_the_size(kernel, stride, dilation, size):
    extent = dilation * (kernel - 1) + 1
    if extent < stride:
        return
    window = TransposedWindow.parse(kernel, stride, "same", dilation, rank=1)
    assert window.output_shape((size,)) == (size * stride,)


@settings(deadline=None, max_examples=60)
@given(
    st.integers(1, 3),
    st.integers(1, 4),
    st.integers(1, 3),
    st.integers(0, 3),
    st.integers(1, 3),
    st.integers(1, 9),
    st.booleans(),
)
def test_output_shape_is_pytorchs(rank, kernel, stride, padding, dilation, size, ceil):
    window = Window.parse(kernel, stride, padding, dilation, rank=rank, ceil=ceil)
    if 2 * padding > kernel:
        return
    pool = (torch.nn.MaxPool1d, torch.nn.MaxPool2d, torch.nn.MaxPool3d)[rank - 1]
    module = pool(kernel, stride, padding, dilation, ceil_mode=ceil)
    try:
        y = module(torch.zeros([1, 1] + [size] * rank))
    except RuntimeError:
        with pytest.raises(GeometryError, match="is larger than the padded input"):
            window.output_shape((size,) * rank)
    else:
        assert window.output_shape((size,) * rank) == tuple(y.shape[2:])


FORMS = (
    'padding must be a whole number, 2 of them, 2 (before, after) pairs, "same", "valid" or '
    '"full", not '
)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kernel": (3, 3, 3)}, "kernel must be a whole number or 2 of them, not (3, 3, 3)"),
        ({"kernel": "3"}, "kernel must be a whole number or 2 of them, not '3'"),
        ({"kernel": 3, "stride": 1.5}, "stride must be a whole number or 2 of them, not 1.5"),
        ({"kernel": 3, "stride": 0}, "stride must be at least 1, not 0"),
        ({"kernel": 3, "padding": -1}, "padding must be at least 0, not -1"),
        ({"kernel": 3, "padding": "SAME"}, FORMS + "'SAME'"),
        ({"kernel": 3, "padding": (1, 2, 3)}, FORMS + "(1, 2, 3)"),
        ({"kernel": 3, "padding": ((1, 2), (1, 2, 3))}, FORMS + "((1, 2), (1, 2, 3))"),
        ({"kernel": 3, "padding": None}, FORMS + "None"),
    ],
)
def test_errors(arguments, message):
    with pytest.raises(GeometryError) as error:
        Window.parse(**arguments, rank=2)
    assert str(error.value) == message


def test_rank_must_fit():
    with pytest.raises(GeometryError) as error:
        Window.parse(3, rank=2).output_shape((5,))
    assert str(error.value) == "a window over 2 axes cannot slide over (5,)"


def test_transposed_same_needs_a_spanning_kernel():
    with pytest.raises(GeometryError) as error:
        TransposedWindow.parse(2, stride=3, padding="same", rank=1)
    assert str(error.value) == (
        'padding "same" of a transposed window needs kernels that span the stride 3: '
        "use a kernel or output_padding larger by 1"
    )


@pytest.mark.parametrize("kind", [Window, TransposedWindow])
@pytest.mark.parametrize("rank", [-1, 0, 1.5, None])
def test_rank_is_a_whole_number_of_at_least_one(kind, rank):
    with pytest.raises(GeometryError) as error:
        kind.parse(3, rank=rank)
    assert str(error.value) == f"rank must be a whole number of at least 1, not {rank!r}"
