from __future__ import annotations

from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from striate.drawing.figures import Figure, Numbers
from striate.drawing.lattice import Cell, Strip, cell
from striate.errors import ParameterError, ShapeError
from striate.geometry import Axis, TransposedAxis

small = st.integers(1, 3)


@st.composite
def axes(draw: st.DrawFn) -> tuple[Axis, int]:
    kernel, stride, dilation = draw(small), draw(small), draw(small)
    padding = (draw(st.integers(0, 2)), draw(st.integers(0, 2)))
    axis = Axis(kernel, stride, dilation, padding, draw(st.booleans()))
    return axis, draw(st.integers(max(1, axis.extent - sum(padding)), 9))


@st.composite
def transposed_axes(draw: st.DrawFn) -> tuple[TransposedAxis, int]:
    kernel, stride, dilation, size = draw(small), draw(small), draw(small), draw(small)
    extra = draw(st.integers(0, max(stride, dilation) - 1))
    full = (size - 1) * stride + dilation * (kernel - 1) + 1 + extra
    before = draw(st.integers(0, min(3, full - 1)))
    after = draw(st.integers(0, min(3, full - 1 - before)))
    return TransposedAxis(kernel, stride, dilation, (before, after), extra), size


@settings(deadline=None, max_examples=60)
@given(axes())
def test_windows_read_what_the_geometry_says(case: tuple[Axis, int]) -> None:
    axis, size = case
    strip = Strip.of(axis, size)
    assert len(strip.starts) == axis.output_size(size)
    for output in range(len(strip.starts)):
        assert strip.taps(output) == axis.taps(output)
    assert len(strip.dropped[1]) == axis.dropped(size)
    assert all(
        strip.low <= tap < strip.high for o in range(len(strip.starts)) for tap in strip.taps(o)
    )


@settings(deadline=None, max_examples=60)
@given(transposed_axes())
def test_transposed_windows_read_what_the_geometry_says(case: tuple[TransposedAxis, int]) -> None:
    axis, size = case
    strip = Strip.of(axis, size)
    assert len(strip.starts) == axis.output_size(size)
    for output in range(len(strip.starts)):
        taps = [c for c in strip.taps(output) if strip.kind(c) is Cell.INPUT]
        expected = [i for i in axis.taps(output) if 0 <= i < size]
        assert [c // strip.spacing for c in taps] == expected
        weights = {
            c // strip.spacing: strip.weight(i)
            for i, c in enumerate(strip.taps(output))
            if strip.kind(c) is Cell.INPUT
        }
        assert all(output in axis.outputs(i) for i in weights)
        assert all(axis.outputs(i)[k] == output for i, k in weights.items())


@settings(deadline=None, max_examples=40)
@given(axes(), axes(), st.integers(0, 99))
def test_convolutions_are_pytorchs(
    rows: tuple[Axis, int], columns: tuple[Axis, int], seed: int
) -> None:
    (a, height), (b, width) = rows, columns
    a, b = (Axis(x.kernel, x.stride, x.dilation, x.padding) for x in (a, b))
    numbers = Numbers.seeded((height, width), (a.kernel, b.kernel), seed)
    figure = Figure("convolution", Strip.of(a, height), Strip.of(b, width), numbers)
    x = torch.tensor(numbers.input)[None, None].double()
    x = torch.nn.functional.pad(x, (b.before, b.after, a.before, a.after))
    y = torch.nn.functional.conv2d(
        x,
        torch.tensor(numbers.kernel)[None, None].double(),
        stride=(a.stride, b.stride),
        dilation=(a.dilation, b.dilation),
    )
    assert table(figure) == y[0, 0].tolist()


@settings(deadline=None, max_examples=40)
@given(transposed_axes(), transposed_axes(), st.integers(0, 99))
def test_transposed_convolutions_are_pytorchs(
    rows: tuple[TransposedAxis, int], columns: tuple[TransposedAxis, int], seed: int
) -> None:
    (a, height), (b, width) = rows, columns
    numbers = Numbers.seeded((height, width), (a.kernel, b.kernel), seed)
    figure = Figure("transposed convolution", Strip.of(a, height), Strip.of(b, width), numbers)
    y = torch.nn.functional.conv_transpose2d(
        torch.tensor(numbers.input)[None, None].double(),
        torch.tensor(numbers.kernel)[None, None].double(),
        stride=(a.stride, b.stride),
        dilation=(a.dilation, b.dilation),
        output_padding=(a.output_padding, b.output_padding),
    )[0, 0]
    cut = y[a.before : y.shape[0] - a.after, b.before : y.shape[1] - b.after]
    assert table(figure) == cut.tolist()


@pytest.mark.parametrize("ceil", [False, True])
@pytest.mark.parametrize(
    ("size", "kernel", "stride", "padding"), [(5, 3, 2, 1), (6, 2, 3, 0), (7, 3, 2, 0)]
)
def test_poolings_are_pytorchs(
    size: int, kernel: int, stride: int, padding: int, ceil: bool
) -> None:
    numbers = Numbers.seeded((size, size), (1, 1), 3)
    strip = Strip.of(Axis(kernel, stride, 1, (padding, padding), ceil), size)
    x = torch.tensor(numbers.input)[None].double()
    largest = torch.nn.functional.max_pool2d(x, kernel, stride, padding, ceil_mode=ceil)[0]
    mean = torch.nn.functional.avg_pool2d(x, kernel, stride, padding, ceil_mode=ceil)[0]
    assert table(Figure("max pooling", strip, strip, numbers)) == largest.tolist()
    averages = table(Figure("average pooling", strip, strip, numbers))
    assert [[pytest.approx(v) for v in row] for row in averages] == mean.tolist()


def table(figure: Figure) -> list[list[float]]:
    rows, columns = figure.output
    return [[float(figure.value(i, j)) for j in range(columns)] for i in range(rows)]


def test_the_lectures_max_pooling() -> None:
    x = [[3, 3, 2, 1, 0], [0, 0, 1, 3, 1], [3, 1, 2, 2, 3], [2, 0, 0, 2, 2], [2, 0, 0, 0, 1]]
    strip = Strip.of(Axis(3, 2, 1, (1, 1)), 5)
    figure = Figure("max pooling", strip, strip, Numbers.of(x))
    assert table(figure) == [[3, 3, 3], [3, 3, 3], [2, 2, 2]]


def test_the_lectures_correlation() -> None:
    x = [
        [3, 3, 2, 1, 0, 0],
        [0, 1, 3, 1, 3, 1],
        [2, 2, 3, 2, 0, 0],
        [2, 2, 2, 0, 0, 0],
        [1, 0, 1, 3, 2, 2],
        [3, 2, 0, 3, 0, 1],
    ]
    strip = Strip.of(Axis(3), 6)
    figure = Figure("convolution", strip, strip, Numbers.of(x, [[2, 2, 2], [0, 1, 0], [2, 0, 1]]))
    assert table(figure) == [[24, 21, 13, 9], [16, 17, 20, 10], [19, 19, 14, 12], [18, 16, 7, 9]]


def test_sums_are_written_out() -> None:
    strip = Strip.of(Axis(2, padding=(1, 0)), 2)
    x, k = [[1, 2], [3, 4]], [[5, 6], [7, 8]]
    sums = {
        "convolution": "0·5 + 0·6 + 0·7 + 1·8 = 8",
        "max pooling": "max(1) = 1",
        "average pooling": "(0 + 0 + 0 + 1)/4 = 1/4 = 0.25",
    }
    for operation, text in sums.items():
        assert Figure(operation, strip, strip, Numbers.of(x, k)).sum(0, 0) == text
    thirds = Figure(
        "average pooling", Strip.of(Axis(1), 1), Strip.of(Axis(3), 3), Numbers.of([[1, 0, 0]])
    )
    assert thirds.sum(0, 0) == "(1 + 0 + 0)/3 = 1/3 ≈ 0.33"
    assert thirds.value(0, 0) == Fraction(1, 3)


def test_kinds_of_cells() -> None:
    rows = Strip.of(Axis(2, 2, padding=(1, 0), ceil=True), 4)
    columns = Strip.of(TransposedAxis(2, 2), 2)
    assert (rows.low, rows.high, columns.low, columns.high) == (-1, 5, -1, 4)
    kinds = [[cell(rows, columns, i, j).name[0] for j in range(-1, 4)] for i in range(-1, 5)]
    assert ["".join(row) for row in kinds] == ["PPPPP", *["PIZIP"] * 4, "OOOOO"]


def test_errors() -> None:
    one, three = Strip.of(Axis(1), 3), Strip.of(Axis(3), 3)
    with pytest.raises(ParameterError) as caught:
        Figure("deconvolution", one, one)
    assert str(caught.value) == (
        "operation must be one of convolution, max pooling, average pooling, "
        "transposed convolution, not 'deconvolution'"
    )
    with pytest.raises(ShapeError) as caught_shape:
        Figure("convolution", three, three, Numbers.of([[1] * 3] * 3, [[1]]))
    assert str(caught_shape.value) == "the numbers of the kernel are 1x1 but the kernel is 3x3"
    with pytest.raises(ShapeError) as caught_shape:
        Numbers.of([[1, 2], [3]])
    assert str(caught_shape.value) == "the input's rows differ in length: [2, 1]"
    lost = Strip.of(Axis(1, padding=(1, 0)), 1)
    with pytest.raises(ParameterError) as caught:
        Figure("max pooling", lost, lost, Numbers.of([[1]])).value(0, 0)
    assert str(caught.value) == (
        "output (0, 0) reads padding alone, which has no maximum or average: use less padding"
    )
    with pytest.raises(ParameterError) as caught:
        Figure("convolution", one, one).value(0, 0)
    assert str(caught.value) == "the figure has no numbers; give it some with numbers="
