from __future__ import annotations

import math

import numpy as np
import pytest

from striate.drawing import contact_sheet, curves, raster
from striate.drawing.curves import ticks
from striate.drawing.scene import Line, Picture, Scene, Text
from striate.errors import ParameterError, ShapeError

GREY = np.arange(48, dtype=np.uint8).reshape(6, 8)


def pictures(scene: Scene) -> list[Picture]:
    return [s for s in scene.layers[0].shapes if isinstance(s, Picture)]


def texts(scene: Scene) -> list[str]:
    return [s.text for s in scene.layers[0].shapes if isinstance(s, Text)]


def test_small_pictures_are_enlarged_by_whole_numbers() -> None:
    scene = contact_sheet([("one", GREY, "six by eight")], cell=100)
    (picture,) = pictures(scene)
    assert (picture.width, picture.height) == (96, 72)
    image = np.asarray(raster(scene))
    y, x = int(picture.y), int(picture.x)
    np.testing.assert_array_equal(
        image[y : y + 72, x : x + 96, 0], GREY.repeat(12, 0).repeat(12, 1)
    )


def test_large_pictures_keep_their_proportions() -> None:
    photo = np.full((900, 600, 3), 77, np.uint8)
    (picture,) = pictures(contact_sheet([("photo", photo, "")], cell=120))
    assert (picture.width, picture.height) == (80, 120)
    assert (picture.columns, picture.rows) == (160, 240)
    assert (picture.array == 77).all()


def test_cells_are_equal_and_nothing_overlaps() -> None:
    items = [(f"title {i}", GREY, "a caption of several words " * i) for i in range(7)]
    scene = contact_sheet(items, columns=3, cell=120, title="Seven")
    assert {p.x for p in pictures(scene)} == {28, 168, 308}
    tops = sorted({p.y for p in pictures(scene)})
    lowest = [
        max(s.y for s in scene.layers[0].shapes if isinstance(s, Text) and s.y < y)
        for y in tops[1:]
    ]
    assert all(low + 10 < top for low, top in zip(lowest, tops[1:], strict=True))
    assert max(s.y for s in scene.layers[0].shapes if isinstance(s, Text)) < scene.height
    assert sum(text.endswith("…") for text in texts(scene)) >= 1


@pytest.mark.parametrize(
    ("items", "options", "error", "message"),
    [
        ([], {}, ParameterError, "there are no pictures to lay out; give at least one"),
        ([("a", GREY, "")], {"columns": 0}, ParameterError, "columns must be at least 1, not 0"),
        ([("a", GREY, "")], {"cell": 9}, ParameterError, "cell must lie in 48 to 1024, not 9"),
        (
            [("a", GREY[0], "")],
            {},
            ShapeError,
            "a picture is (H, W) or (H, W, 3) and not empty, not (8,)",
        ),
    ],
)
def test_contact_sheet_errors(
    items: list, options: dict[str, int], error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as caught:
        contact_sheet(items, **options)
    assert str(caught.value) == f"contact_sheet: {message}"


def test_chart_names_everything() -> None:
    scene = curves(
        {"train": [(1, 3.5), (2, 2.0)], "test": [(1, 4.5), (2, 3.0)]},
        title="Error",
        x_label="pass",
        y_label="error, %",
        y_from_zero=True,
    )
    assert {"train", "test", "pass", "error, %", "Error", "0", "5"} <= set(texts(scene))
    assert scene.description == (
        "A line chart of train, test: error, % over pass. train ends at 2; test ends at 3."
    )


def test_chart_breaks_where_values_are_not_finite() -> None:
    points = [(0, 1.0), (1, 2.0), (2, math.nan), (3, 1.0), (4, 0.5), (5, math.inf)]
    scene = curves({"loss": points}, title="Loss")
    strokes = [s for s in scene.layers[0].shapes if isinstance(s, Line) and s.line == 2.0]
    assert [len(s.points) for s in strokes] == [2, 2, 2]  # two pieces, and the legend's


def test_many_names_make_more_rows() -> None:
    few = curves({"a": [(0, 1)]}, title="t")
    many = curves({f"a series with a long name {i}": [(0, 1), (1, i)] for i in range(6)}, title="t")
    assert many.height > few.height
    assert all(s.x < 600 for s in many.layers[0].shapes if isinstance(s, Text))


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (-3, 7, [-4, -2, 0, 2, 4, 6, 8]),
        (5, 5, [4.4, 4.6, 4.8, 5.0, 5.2, 5.4, 5.6]),
        (0, 0, [-1, -0.5, 0, 0.5, 1]),
        (1e-6, 3e-6, [1e-6, 1.5e-6, 2e-6, 2.5e-6, 3e-6]),
    ],
)
def test_ticks_are_round_and_cover(low: float, high: float, expected: list[float]) -> None:
    assert ticks(low, high) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("series", "message"),
    [
        ({}, "a chart shows 1 to 6 series, not 0"),
        ({"a": [(0, math.nan)]}, "no series has a finite point to draw"),
    ],
)
def test_chart_errors(series: dict, message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        curves(series, title="t")
    assert str(caught.value) == f"curves: {message}"
