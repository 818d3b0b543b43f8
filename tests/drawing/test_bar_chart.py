"""Bar charts."""

import pytest

from striate.drawing import bar_chart, palette, svg
from striate.drawing.scene import Line, Rectangle, Text
from striate.errors import ParameterError

BARS = [("3x3, batch 1", (2.0, 1.5, 2.5)), ("1x1", (0.5, 0.5, 0.75))]


def test_bars_are_as_long_as_their_numbers():
    scene = bar_chart(BARS, title="Ratios", x_label="times", mark=1.0)
    shapes = scene.layers[0].shapes
    one, two = (shape for shape in shapes if isinstance(shape, Rectangle))
    assert one.width == pytest.approx(4 * two.width)
    assert (one.fill, two.fill) == (palette.RIGHT, palette.WRONG)
    texts = {shape.text for shape in shapes if isinstance(shape, Text)}
    assert {"Ratios", "times", "3x3, batch 1", "1x1", "2.00", "0.50"} <= texts
    whisker = next(
        s for s in shapes if isinstance(s, Line) and s.stroke == palette.INK and not s.dashes
    )
    assert whisker.points[1][0] - whisker.points[0][0] == pytest.approx(one.width / 2)
    assert scene.description == "A bar chart of times. 3x3, batch 1: 2.00; 1x1: 0.50."
    assert svg(scene).startswith("<svg")


def test_without_a_mark_all_are_of_one_colour():
    shapes = bar_chart(BARS, title="t").layers[0].shapes
    assert {s.fill for s in shapes if isinstance(s, Rectangle)} == {palette.SERIES[0]}


@pytest.mark.parametrize(
    ("bars", "message"),
    [
        ([], "there are no bars to draw"),
        (
            [("a", (1.0, 2.0, 3.0))],
            "'a' is 1.0 in 2.0 to 3.0: numbers must be finite, at least 0 and in order",
        ),
        (
            [("a", (1.0, 1.0, float("inf")))],
            "'a' is 1.0 in 1.0 to inf: numbers must be finite, at least 0 and in order",
        ),
    ],
)
def test_refusals(bars, message):
    with pytest.raises(ParameterError) as error:
        bar_chart(bars, title="t")
    assert str(error.value) == f"bar_chart: {message}"
