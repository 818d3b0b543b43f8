from __future__ import annotations

from collections.abc import Iterator

import pytest

from striate.drawing import (
    Animation,
    Numbers,
    convolution,
    figure,
    palette,
    pooling,
    transposed_convolution,
)
from striate.drawing.formula import size_formulas, window_words
from striate.drawing.lettering import text_width
from striate.drawing.scene import Group, Line, Picture, Polygon, Rectangle, Scene, Shape, Text
from striate.errors import GeometryError, ParameterError, ShapeError
from striate.geometry import TransposedWindow, Window


def shapes(group: Scene | Group) -> Iterator[Shape]:
    for shape in group.layers if isinstance(group, Scene) else group.shapes:
        if isinstance(shape, Group):
            yield from shapes(shape)
        else:
            yield shape


def texts(scene: Scene) -> list[str]:
    return [shape.text for shape in shapes(scene) if isinstance(shape, Text)]


def filled(scene: Scene, colour: str) -> int:
    return sum(
        isinstance(s, Polygon) and s.fill == colour and s.opacity > 0.5 for s in shapes(scene)
    )


def points(shape: Shape) -> list[tuple[float, float]]:
    match shape:
        case Polygon() | Line():
            return list(shape.points)
        case Rectangle() | Picture():
            return [(shape.x, shape.y), (shape.x + shape.width, shape.y + shape.height)]
        case Text():
            return [(shape.x, shape.y)]
        case _:
            return []


def test_padding_and_strides() -> None:
    animation = convolution((5, 5), 3, stride=2, padding=1)
    assert len(animation.frames) == 9
    written = texts(animation.scene)
    assert "O = floor((I + before + after − D(K − 1) − 1)/S) + 1" in written
    assert "= floor((5 + 1 + 1 − 2 − 1)/2) + 1 = 3" in written
    assert {"output 3×3", "input 5×5", "kernel 3×3", "padding"} <= set(written)
    assert animation.scene.description == (
        "The 3×3 output lies above, the 5×5 input below. A window of 3×3 cells moves over the "
        "input, one output at a time. O = floor((I + before + after - D(K - 1) - 1)/S) + 1 "
        "= floor((5 + 1 + 1 - 2 - 1)/2) + 1 = 3"
    )


def test_input_is_below_and_output_above() -> None:
    # Readers of the original found the transposed figures' key reversed (conv_arithmetic#32).
    for animation in (figure("strides"), figure("strides transposed")):
        plane = {
            colour: max(
                y
                for s in shapes(animation.scene)
                if isinstance(s, Polygon) and s.fill == colour
                for _, y in s.points
            )
            for colour in (palette.INPUT, palette.OUTPUT)
        }
        assert plane[palette.OUTPUT] < plane[palette.INPUT]


def test_window_shades_taps_and_leaves_holes() -> None:
    assert filled(figure("dilation").scene, palette.KERNEL) == 9
    assert filled(convolution((4, 5), (1, 4)).scene, palette.KERNEL) == 4


def test_floor_hatches_what_no_window_reads() -> None:
    def hatched(animation: Animation) -> int:
        lines = [s for s in shapes(animation.scene) if isinstance(s, Line)]
        return sum(line.stroke == palette.DROPPED for line in lines)

    assert "never read (floor): 1 row, 1 column" in texts(figure("odd").scene)
    assert hatched(figure("odd")) == 3 * (8 * 8 - 7 * 7) + 3  # 3 a cell, 3 in the legend
    assert hatched(figure("padding and strides")) == 0
    assert "never read (floor): 2 columns" in texts(pooling((4, 8), 2, stride=(1, 4)).scene)


def test_transposed_shows_zeros_between_and_around() -> None:
    scene = figure("padding and strides transposed").scene
    assert filled(scene, palette.INPUT) == 9
    assert {"zeros between", "zeros around: D(K − 1) − padding"} <= set(texts(scene))
    assert "= 2(3 − 1) + 2 + 1 − 1 − 1 = 5" in texts(scene)
    cut = transposed_convolution((3, 3), 2, stride=2, padding=2).scene
    assert "cut by padding: 2 rows, 2 columns" in texts(cut)


def test_ceil_shows_the_overhang() -> None:
    scene = pooling((6, 6), 3, stride=2, ceil=True).scene
    assert "past the padding (ceil)" in texts(scene)
    assert "= ceil((6 + 0 + 0 − 2 − 1)/2) + 1 = 3" in texts(scene)


def test_numbers_fill_in_as_frames_go_on() -> None:
    animation = figure("numerical")
    results = [texts(scene)[-99:] for scene in animation.frames]
    for i, value in enumerate([12, 12, 17, 10, 17, 19, 9, 6, 14]):
        assert str(value) in results[i]
        assert any(text.endswith(f" = {value}") for text in results[i])
    assert "14" not in results[7]
    last = "2·0 + 2·1 + 3·2 + 0·2 + 2·2 + 2·0 + 0·0 + 0·1 + 1·2 = 14"
    assert last in results[8]


def test_averages_have_one_decimal_as_in_the_guide() -> None:
    written = texts(figure("numerical average pooling").scene)
    for value in ("1.7", "1.0", "1.2", "1.8", "1.1", "0.8", "1.3"):
        assert value in written


def test_long_sums_leave_out_their_middle() -> None:
    numbers = Numbers.seeded((7, 7), (7, 7), 0)
    for animation in (convolution((7, 7), 7, numbers=numbers), pooling((7, 7), 7, numbers=numbers)):
        (written,) = [text for text in texts(animation.scene) if "…" in text]
        assert text_width(written, 12) <= 544
    assert written.startswith("max(3, 3, 0, 2, ")
    assert written.endswith(" = 3")


def test_same_padding_is_resolved() -> None:
    scene = convolution((5, 6), 4, padding="same").scene
    assert scene.title == "Convolution of a 5×6 input: kernel 4×4, stride 1, padding 1+2"


@pytest.mark.parametrize(
    "animation",
    [
        convolution((1, 1), 1),
        convolution((1, 30), (1, 3)),
        convolution((30, 1), (3, 1), stride=(2, 1)),
        convolution((12, 3), 3, padding="full", numbers=Numbers.seeded((12, 3), (3, 3), 0)),
        transposed_convolution((4, 2), (2, 5), stride=(3, 1), dilation=(1, 2), padding=(0, 1)),
        convolution((62, 62), 7, stride=4, padding=1),
    ],
    ids=lambda animation: animation.scene.title,
)
def test_everything_lies_on_the_page(animation: Animation) -> None:
    for scene in (animation.frames[0], animation.scene):
        assert scene.width == 600
        for shape in shapes(scene):
            for x, y in points(shape):
                assert -0.5 <= x <= scene.width + 0.5
                assert 0 <= y <= scene.height


def test_one_step() -> None:
    whole, one = convolution((4, 4), 3), convolution((4, 4), 3, step=2)
    assert one.frames == (whole.frames[2],)


def test_formulas_for_each_axis() -> None:
    window = Window.parse((2, 3), (1, 2), ((0, 1), (2, 0)), rank=2, ceil=True)
    assert size_formulas(window, (4, 9)) == [
        [
            "O = ceil((I + before + after - D(K - 1) - 1)/S) + 1",
            "rows = ceil((4 + 0 + 1 - 1 - 1)/1) + 1 = 4",
            "columns = ceil((9 + 2 + 0 - 2 - 1)/2) + 1 = 5",
        ]
    ]
    left_out = size_formulas(Window.parse(1, 3, rank=2, ceil=True), (3, 3))
    assert (
        left_out[0][1]
        == "  = ceil((3 + 0 + 0 - 0 - 1)/3) + 1 - 1 (a window past the input is left out) = 1"
    )
    window_back = TransposedWindow.parse(3, 2, 1, output_padding=1, rank=2)
    assert size_formulas(window_back, (3, 3))[0] == [
        "O = S(I - 1) + D(K - 1) + 1 - before - after + output padding",
        "  = 2(3 - 1) + 2 + 1 - 1 - 1 + 1 = 6",
    ]
    assert window_words(window_back) == "kernel 3×3, stride 2, padding 1, output padding 1"


@pytest.mark.parametrize(
    ("draw", "error", "message"),
    [
        (
            lambda: convolution((70, 5), 3),
            ParameterError,
            "convolution: 70x5 cells below and 68x3 above are more than the 64x64 that a picture "
            "can show: draw a smaller input with the same window",
        ),
        (
            lambda: transposed_convolution((30, 3), 3, stride=3),
            ParameterError,
            "transposed_convolution: 30x3 cells below and 90x9 above are more than the 64x64 that "
            "a picture can show: draw a smaller input with the same window",
        ),
        (
            lambda: convolution((63, 63), 3, stride=2, padding=1),
            ParameterError,
            "convolution: 65x65 cells below and 32x32 above are more than the 64x64 that a picture "
            "can show: draw a smaller input with the same window",
        ),
        (
            lambda: convolution((30, 30), 3),
            ParameterError,
            "convolution: 784 outputs are more than the 400 frames of an animation: draw a "
            "smaller input, a larger stride, or one step alone",
        ),
        (
            lambda: convolution((18, 4), 3, numbers=Numbers.seeded((18, 4), (3, 3), 0)),
            ParameterError,
            "convolution: numbers in 18x4 cells below and 16x2 above are too small to read, "
            "the most is 16x16: draw them without numbers",
        ),
        (
            lambda: convolution((4, 4), 3, step=4),
            ParameterError,
            "convolution: step must lie in 0 to 3, not 4",
        ),
        (
            lambda: convolution((4, 4), 3, seconds=0),
            ParameterError,
            "convolution: seconds per frame must lie in 0.01 to 60, not 0",
        ),
        (
            lambda: convolution((4, 4, 4), 3),
            ShapeError,
            "convolution: a figure's input is a whole number or (rows, columns), not (4, 4, 4)",
        ),
        (
            lambda: convolution(4.5, 3),
            ShapeError,
            "convolution: a figure's input is a whole number or (rows, columns), not 4.5",
        ),
        (
            lambda: convolution((4, 4), 3, stride=0),
            GeometryError,
            "convolution: stride must be at least 1, not 0",
        ),
        (
            lambda: pooling((4, 4), 2, kind="median"),
            ParameterError,
            "pooling: kind must be max or average, not 'median'",
        ),
    ],
)
def test_errors(draw: object, error: type[Exception], message: str) -> None:
    assert callable(draw)
    with pytest.raises(error) as caught:
        draw()
    assert str(caught.value) == message


def test_one_number_is_a_square() -> None:
    assert convolution(5, 3) == convolution((5, 5), 3)
    assert pooling(4, 2) == pooling((4, 4), 2)
    assert transposed_convolution(3, 3) == transposed_convolution((3, 3), 3)
