from __future__ import annotations

from fractions import Fraction

import pytest

from striate.drawing.catalogue import CATALOGUE, INPUT, KERNEL, Entry, figure
from striate.drawing.figures import Figure, Numbers
from striate.drawing.lattice import Strip
from striate.errors import UnknownNameError
from striate.geometry import Axis, TransposedAxis

# Dumoulin and Visin, arXiv:1603.07285: the numerical figures.
CORRELATION = [[12, 12, 17], [10, 17, 19], [9, 6, 14]]
STRIDED = [[6, 17, 3], [8, 17, 13], [6, 4, 4]]
MAXIMA = [[3, 3, 3], [3, 3, 3], [3, 2, 3]]
NINTHS = [[15, 15, 15], [9, 11, 16], [10, 7, 12]]


def axis_of(entry: Entry) -> Axis | TransposedAxis:
    padding = (entry.padding, entry.padding)
    numbers = (entry.kernel, entry.stride, entry.dilation, padding)
    if entry.what == "transposed convolution":
        return TransposedAxis(*numbers, entry.output_padding)
    return Axis(*numbers)


def values(entry: Entry) -> list[list[Fraction]]:
    strip = Strip.of(axis_of(entry), entry.input)
    numbers = Numbers(INPUT, KERNEL if entry.what == "convolution" else ())
    drawn = Figure(entry.what, strip, strip, numbers)
    return [[drawn.value(i, j) for j in range(entry.output)] for i in range(entry.output)]


@pytest.mark.parametrize("name", CATALOGUE)
def test_output_sizes_are_the_guides(name: str) -> None:
    entry = CATALOGUE[name]
    assert axis_of(entry).output_size(entry.input) == entry.output


@pytest.mark.parametrize("name", CATALOGUE)
def test_one_frame_for_each_output(name: str) -> None:
    assert len(figure(name).frames) == CATALOGUE[name].output ** 2


@pytest.mark.parametrize("name", [name for name in CATALOGUE if name.endswith("transposed")])
def test_transposed_figures_undo_their_convolutions(name: str) -> None:
    there, back = CATALOGUE[name.removesuffix(" transposed")], CATALOGUE[name]
    assert (there.input, there.output) == (back.output, back.input)
    assert (there.padding, there.kernel, there.stride) == (back.padding, back.kernel, back.stride)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("numerical", CORRELATION),
        ("numerical padding and strides", STRIDED),
        ("numerical max pooling", MAXIMA),
        ("numerical average pooling", [[Fraction(n, 9) for n in row] for row in NINTHS]),
    ],
)
def test_numbers_are_the_guides(name: str, expected: list[list[Fraction]]) -> None:
    assert values(CATALOGUE[name]) == expected


def test_unknown_figure() -> None:
    with pytest.raises(UnknownNameError) as caught:
        figure("dilatation")
    assert str(caught.value) == "no figure is called 'dilatation'; did you mean dilation?"
