from __future__ import annotations

import numpy as np
import pytest

from striate.drawing import Example, feature_maps, palette, raster
from striate.drawing.bars import bars
from striate.drawing.colour_map import diverging, grey
from striate.drawing.scene import Group, Picture, Rectangle, Scene, Text
from striate.errors import ParameterError, ShapeError

FILLS = (palette.RIGHT, palette.WRONG, palette.SERIES[5])


def example(truth: int | None = 7, predicted: int = 7, seed: int = 0) -> Example:
    random = np.random.default_rng(seed)
    scores = np.full(10, -0.9)
    scores[predicted] = 0.8
    layers = [
        ("H1", random.uniform(-1, 1, (12, 8, 8))),
        ("H2", random.uniform(-1, 1, (12, 4, 4))),
        ("H3", random.uniform(-1, 1, 30)),
    ]
    return Example(random.uniform(-1, 1, (16, 16)), layers, list(scores), truth)


def members(scene: Scene, kind: type) -> list:
    return [shape for layer in scene.layers for shape in layer.shapes if isinstance(shape, kind)]


def test_lecuns_network() -> None:
    scene = feature_maps([example(), example(3, 5)])
    assert len(members(scene, Picture)) == 2 * (1 + 12 + 12 + 30) + 1  # and the colours' key
    texts = [text.text for text in members(scene, Text)]
    for text in ("H1", "12 maps, 8×8", "H2", "12 maps, 4×4", "H3", "30 units", "10 classes"):
        assert text in texts
    assert "true 7, predicted 7" in texts
    assert "true 3, predicted 5" in texts
    assert scene.description == (
        "2 examples through H1, H2, H3. "
        "Example 1: true 7, predicted 7. Example 2: true 3, predicted 5."
    )


def test_maps_are_pixel_exact() -> None:
    maps = np.zeros((1, 2, 2))
    maps[0, 0, 0], maps[0, 1, 1] = 2.0, -2.0
    scene = feature_maps([Example(np.zeros((4, 4)), [("H", maps)], [0.0, 1.0])])
    image = np.asarray(raster(scene))
    place = next(p for p in members(scene, Picture) if p.rows == p.columns == 2)
    assert (place.width, place.height) == (128, 128)
    y, x = int(place.y), int(place.x)
    expected = diverging(maps[0], 2.0).repeat(64, 0).repeat(64, 1)
    inner = (slice(2, -2), slice(2, -2))  # a thin frame covers the border
    np.testing.assert_array_equal(image[y : y + 128, x : x + 128][inner], expected[inner])


def test_one_scale_for_a_layer_in_all_rows() -> None:
    def one(value: float) -> Example:
        return Example(np.zeros((4, 4)), [("H", np.full((1, 1, 1), value))], [1.0])

    pictures = [p for p in members(feature_maps([one(1.0), one(-4.0)]), Picture) if p.rows == 1]
    colours = [p.array[0, 0].tolist() for p in pictures[:2]]
    assert colours == [diverging(1.0, 4.0).tolist(), diverging(-4.0, 4.0).tolist()]


def test_large_layers_are_averaged_and_counted() -> None:
    maps = np.ones((64, 300, 200))
    many = Example(np.zeros((300, 400, 3), np.uint8), [("c", maps), ("fc", np.ones(4096))], [1.0])
    scene = feature_maps([many])
    texts = [text.text for text in members(scene, Text)]
    assert "48 of 64 maps, 300×200" in texts
    assert "120 of 4096 units" in texts
    assert all(max(p.width, p.height) <= 130 for p in members(scene, Picture))
    ones = [p for p in members(scene, Picture) if p.rows * p.columns > 1][1]
    assert (ones.array == diverging(1.0, 1.0)).all()


def test_right_and_wrong_are_told_by_more_than_colour() -> None:
    right = list(bars(["a", "b"], [0.1, 0.9], 1, 0, 0, 40))
    wrong = list(bars(["a", "b"], [0.1, 0.9], 0, 0, 0, 40))
    fills = [[s.fill for s in shapes if isinstance(s, Rectangle)] for shapes in (right, wrong)]
    assert palette.RIGHT in fills[0]
    assert palette.WRONG in fills[1]
    assert "true" in [s.text for s in wrong if isinstance(s, Text)]
    marks = [next(s for s in reversed(shapes) if hasattr(s, "points")) for shapes in (right, wrong)]
    assert len(marks[0].points) != len(marks[1].points)


def test_best_of_many_classes_and_always_the_true_one() -> None:
    names = [f"class {i}" for i in range(1000)]
    shapes = bars(names, list(np.linspace(0, 1, 1000)), 3, 0, 0, 128)
    shown = [s.text for s in shapes if isinstance(s, Text) and s.text.startswith("class")]
    assert shown == [f"class {i}" for i in [*range(999, 990, -1), 3]]


def test_scores_have_numbers_and_one_scale_in_all_rows() -> None:
    def one(*scores: float) -> Example:
        return Example(np.zeros((4, 4)), [], scores)

    scene = feature_maps([one(-1.0, 1.5), one(0.5, 0.25)])
    texts = [text.text for text in members(scene, Text)]
    assert [text for text in texts if "." in text] == ["−1.00", "1.50", "0.50", "0.25"]
    lengths = [r.width for r in members(scene, Rectangle) if r.fill in FILLS]
    np.testing.assert_allclose(np.divide(lengths, lengths[0]), [1.0, 1.5, 0.5, 0.25])


def test_colours_are_symmetric_around_zero() -> None:
    assert diverging(0.0, 1.0).tolist() == [250, 250, 250]
    assert diverging([0.0], 0.0).tolist() == [[250, 250, 250]]
    assert grey([5.0], 5, 5).tolist() == [0]


@pytest.mark.parametrize(
    ("rows", "error", "message"),
    [
        ([], ParameterError, "there are no examples to draw; give at least one"),
        (
            [Example(np.zeros(4), [], [1.0])],
            ShapeError,
            "an input is (H, W) or (H, W, 3) and not empty, not (4,)",
        ),
        (
            [Example(np.zeros((4, 4)), [("H", np.zeros((2, 2)))], [1.0])],
            ShapeError,
            "layer 'H' must be (C, H, W) maps or (C,) units and not empty, not (2, 2)",
        ),
        (
            [Example(np.zeros((4, 4)), [("H", np.array([1.0, np.nan]))], [1.0])],
            ParameterError,
            "layer 'H' has values that are not finite, which have no colour",
        ),
        (
            [Example(np.zeros((4, 4)), [], [])],
            ShapeError,
            "an example has no scores; give one for each class",
        ),
        (
            [Example(np.zeros((4, 4)), [], [1.0, 0.0], labels=["a"])],
            ShapeError,
            "1 labels do not fit 2 scores",
        ),
        (
            [Example(np.zeros((4, 4)), [], [1.0, 0.0], truth=2)],
            ParameterError,
            "truth must lie in 0 to 1, not 2",
        ),
        (
            [Example(np.zeros((4, 4)), [], [1.0]), Example(np.zeros((4, 5)), [], [1.0])],
            ShapeError,
            "example 1 has [('input', (4, 5)), ('scores', (1,))] but example 0 has "
            "[('input', (4, 4)), ('scores', (1,))]",
        ),
    ],
)
def test_errors(rows: list[Example], error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        feature_maps(rows)
    assert str(caught.value) == f"feature_maps: {message}"


def test_no_layers_and_no_truth() -> None:
    scene = feature_maps([Example(np.zeros((4, 4)), [], [0.5, 0.25], labels=["cat", "dog"])])
    assert scene.description.endswith("Example 1: predicted cat.")
    assert isinstance(scene.layers[0], Group)
