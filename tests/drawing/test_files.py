from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from striate.drawing import convolution, palette, svg, write
from striate.errors import FileError, ParameterError


def test_suffix_chooses_the_format(tmp_path: Path) -> None:
    animation = convolution((5, 5), 3, stride=2, padding=1, seconds=0.5)
    assert write(tmp_path / "a.svg", animation).read_text(encoding="utf-8") == svg(animation)
    with Image.open(write(tmp_path / "a.PNG", animation)) as png:
        assert (png.format, png.width) == ("PNG", 1200)
    with Image.open(write(tmp_path / "a.gif", animation)) as gif:
        assert (gif.format, gif.width, gif.n_frames) == ("GIF", 900, 9)  # type: ignore[attr-defined]
        assert gif.info["duration"] == 500
        assert gif.info["loop"] == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.PNG", "a.gif", "a.svg"]


def test_gif_frames_move_and_keep_white_and_the_palette(tmp_path: Path) -> None:
    path = write(tmp_path / "a.gif", convolution((4, 4), 3), scale=1)
    wanted = [int(palette.OUTPUT_NOW[k : k + 2], 16) for k in (1, 3, 5)]
    places = set()
    with Image.open(path) as gif:
        for i in range(4):
            gif.seek(i)
            pixels = np.asarray(gif.convert("RGB")).astype(int)
            assert pixels[0, 0].tolist() == [255, 255, 255]
            now = np.argwhere(abs(pixels - wanted).max(-1) < 9)
            places.add(tuple(np.median(now, 0)))
    assert len(places) == 4


def test_a_scene_is_a_gif_of_one_frame(tmp_path: Path) -> None:
    with Image.open(write(tmp_path / "a.gif", convolution((4, 4), 3).scene, scale=1)) as gif:
        assert gif.size[0] == 600
        assert gif.n_frames == 1  # type: ignore[attr-defined]


def test_errors(tmp_path: Path) -> None:
    animation = convolution((4, 4), 3)
    for name in ("a.pdf", "a", "svg"):
        with pytest.raises(ParameterError) as caught:
            write(tmp_path / name, animation)
        assert str(caught.value) == (
            f"cannot draw '{name}': the file's name must end in .svg, .png or .gif"
        )
    with pytest.raises(ParameterError) as caught:
        write(tmp_path / "a.png", animation, scale=9)
    assert str(caught.value) == "scale must lie in 0.25 to 8, not 9"
    missing = tmp_path / "none" / "a.svg"
    with pytest.raises(FileError) as caught_file:
        write(missing, animation)
    assert str(caught_file.value) == (
        f"{missing}: its folder does not exist; create {missing.parent} first"
    )


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "a.svg").mkdir()
    with pytest.raises(FileError) as caught:
        write(tmp_path / "a.svg", convolution((4, 4), 3))
    assert str(caught.value) == (f"{tmp_path / 'a.svg'}: a folder; name a file in it")
    assert [path.name for path in tmp_path.iterdir()] == ["a.svg"]


def test_progress_is_reported(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    write(tmp_path / "a.gif", convolution((4, 4), 3), 0.5, lambda *n: told.append(n))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
