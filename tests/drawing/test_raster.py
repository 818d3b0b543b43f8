from __future__ import annotations

import numpy as np
import pytest

from striate.drawing import Scene, convolution, raster
from striate.drawing.raster import frames, plain
from striate.drawing.scene import Group, Line, Picture, Polygon, Rectangle, Shape, Text


def drawn(*shapes: Shape, scale: float = 1) -> np.ndarray:
    page = Scene(40, 20, "t", "d", (Group(shapes),))
    return np.asarray(raster(page, scale)).astype(int)


def test_size_and_background() -> None:
    assert drawn().shape == (20, 40, 3)
    assert drawn(scale=2.5).shape == (50, 100, 3)
    assert (drawn() == 255).all()


def test_fills_are_exact_and_edges_sharp() -> None:
    pixels = drawn(Rectangle(10, 5, 20, 10, "#204060"))
    assert (pixels[5:15, 10:30] == (0x20, 0x40, 0x60)).all()
    pixels[5:15, 10:30] = 255
    assert (pixels == 255).all()


def test_opacity_blends() -> None:
    pixels = drawn(Polygon(((0, 0), (40, 0), (40, 20), (0, 20)), "#000000", opacity=0.5))
    assert abs(pixels[10, 20] - 127).max() <= 1


def test_slopes_are_smooth() -> None:
    pixels = drawn(Polygon(((0, 0), (40, 0), (0, 20)), "#000000"))
    assert len(np.unique(pixels)) > 3


def test_dashes_leave_gaps() -> None:
    row = drawn(Line(((0, 10), (40, 10)), "#000000", 2, dashes=(5, 5)))[10, :, 0]
    assert row[2] == row[12] == row[22] == 0
    assert row[7] == row[17] == row[27] == 255


def test_outline_is_centred_on_the_edge() -> None:
    pixels = drawn(Rectangle(10, 5, 20, 10, None, "#000000", 2))
    assert (pixels[10, [9, 10, 29, 30]] == 0).all()
    assert (pixels[10, [7, 12, 27, 32]] == 255).all()


def test_pictures_are_enlarged_without_smoothing() -> None:
    checks = np.indices((4, 8)).sum(0) % 2 * 255
    pixels = drawn(Picture.of(checks.astype(np.uint8), 0, 0, 40, 20))
    np.testing.assert_array_equal(pixels[..., 0], checks.repeat(5, 0).repeat(5, 1))


@pytest.mark.parametrize("anchor", ["start", "middle", "end"])
def test_text_keeps_its_anchor(anchor: str) -> None:
    columns = np.nonzero((drawn(Text(20, 15, "HH", 12, "#000000", anchor))[..., 0] < 128).any(0))[0]
    edge = {"start": columns[0], "middle": columns.mean(), "end": columns[-1]}[anchor]
    assert abs(edge - 20) <= 2


@pytest.mark.parametrize("sign", ["−", "×"])
def test_signs_are_drawn(sign: str) -> None:
    dark = drawn(Text(20, 15, sign, 16, "#000000"))[..., 0] < 128
    assert 5 < dark.sum() < 60
    assert not dark[:, :20].any()


def test_plain_letters() -> None:
    assert plain("Café → “naïve” … ﬁne\n") == 'Cafe > "naive" ... fine'


def test_large_pictures_take_fewer_samples() -> None:
    page = Scene(5000, 4000, "t", "d", (Group((Rectangle(0, 0, 10, 10, "#000000"),)),))
    assert raster(page).size == (5000, 4000)


def test_frames_equal_their_scenes() -> None:
    animation = convolution((4, 4), 3)
    for frame, scene in zip(frames(animation, 0.5), animation.frames, strict=True):
        assert frame.tobytes() == raster(scene, 0.5).tobytes()
