from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from striate.drawing.lettering import rounded, text_width, wrapped
from striate.drawing.scene import Animation, Group, Picture, Rectangle, Scene
from striate.errors import ParameterError, ShapeError


def scene(width: float = 10) -> Scene:
    return Scene(width, 10, "title", "description", (Group((Rectangle(0, 0, 1, 1, "#000000"),)),))


def test_scenes_are_immutable_and_compare_by_value() -> None:
    assert scene() == scene()
    assert hash(scene()) == hash(scene())
    with pytest.raises(dataclasses.FrozenInstanceError):
        scene().title = "other"  # type: ignore[misc]  # that it fails is the test


def test_pictures_keep_their_pixels() -> None:
    for shape in [(2, 3), (2, 3, 3)]:
        pixels = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
        np.testing.assert_array_equal(Picture.of(pixels, 0, 0, 6, 4).array, pixels)
        strided = pixels[:, ::2]
        np.testing.assert_array_equal(Picture.of(strided, 0, 0, 6, 4).array, strided)


@pytest.mark.parametrize(
    ("array", "error", "message"),
    [
        (
            np.zeros((2, 2, 4), np.uint8),
            ShapeError,
            "a picture is (H, W) or (H, W, 3) and not empty, not (2, 2, 4)",
        ),
        (
            np.zeros((0, 2), np.uint8),
            ShapeError,
            "a picture is (H, W) or (H, W, 3) and not empty, not (0, 2)",
        ),
        (
            np.zeros((2, 2)),
            ParameterError,
            "a picture's pixels are uint8, not float64; scale them to 0..255 first",
        ),
    ],
)
def test_pictures_that_are_none(array: np.ndarray, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        Picture.of(array, 0, 0, 1, 1)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((),), "an animation has no frames; give at least one scene"),
        (((scene(),), 61), "seconds per frame must lie in 0.01 to 60, not 61"),
        (((scene(), scene(11)),), "an animation's frames must agree in width, height and layers"),
        (((scene(),), 1, 1), "still must lie in 0 to 0, the animation's frames, not 1"),
    ],
)
def test_animations_that_are_none(arguments: tuple[object, ...], message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        Animation(*arguments)  # type: ignore[arg-type]
    assert str(caught.value) == message


def test_text_is_wrapped_and_cut() -> None:
    lines = wrapped("one two three four five six seven eight nine ten", 10, 70, lines=2)
    assert len(lines) == 2
    assert lines[-1].endswith("…")
    assert all(text_width(line, 10) <= 70 for line in lines)
    (long,) = wrapped("x" * 100, 10, 70)
    assert long.endswith("…")
    assert wrapped("", 10, 70) == []


def test_numbers_are_short() -> None:
    assert [rounded(v) for v in (0, -0.0, 1.5, 1e6, 0.001, -3.14159)] == [
        "0", "0", "1.5", "1000000", "0", "-3.14",
    ]  # fmt: skip
