"""Image files that cannot be written: one error, and what was there stays."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from striate.errors import FileError, StriateError
from striate.filters.files import write


def random(dtype, shape):
    return np.random.default_rng(0).integers(0, 256, shape).astype(dtype)


def message_of(call, *args, **options):
    with pytest.raises(StriateError) as error:
        call(*args, **options)
    return str(error.value)


@pytest.mark.parametrize(
    ("name", "image", "message"),
    [
        (
            "a.png",
            np.zeros((2, 2)),
            "PNG cannot hold float64; it holds uint8 or uint16: "
            "scale it with files.scaled, or choose another format",
        ),
        (
            "a.jpg",
            np.zeros((2, 2), np.uint16),
            "JPEG cannot hold uint16; it holds uint8: "
            "scale it with files.scaled, or choose another format",
        ),
        (
            "a.tif",
            np.zeros((2, 2), np.int16),
            "TIFF cannot hold int16; it holds uint8 or uint16 or float32 or float64: "
            "filter with dtype float32, or choose another format",
        ),
        (
            "a.jpg",
            np.zeros((2, 2, 4), np.uint8),
            "JPEG cannot hold uint8 with 4 channels; it holds 1 or 3: "
            "choose PNG or WEBP or TIFF, or drop channels",
        ),
        (
            "a.png",
            np.zeros((2, 2, 5), np.uint8),
            "PNG cannot hold uint8 with 5 channels; it holds 1 or 2 or 3 or 4: "
            "choose TIFF, or drop channels",
        ),
        (
            "a.png",
            np.zeros(4, np.uint8),
            "an image of shape (4,); it must be (H, W) or (H, W, C), not empty",
        ),
        (
            "a.png",
            np.zeros((0, 4), np.uint8),
            "an image of shape (0, 4); it must be (H, W) or (H, W, C), not empty",
        ),
    ],
)
def test_what_a_format_cannot_hold(tmp_path, name, image, message):
    path = tmp_path / name
    assert message_of(write, path, image) == f"{path}: {message}"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "quality", "message"),
    [
        ("a.png", 80, "quality is 80, but PNG loses nothing; leave it out"),
        ("a.tif", 80, "quality is 80, but TIFF loses nothing; leave it out"),
        ("a.jpg", 0, "quality is 0; it must be a whole number from 1 to 100"),
        ("a.webp", 101, "quality is 101; it must be a whole number from 1 to 100"),
        ("a.jpg", True, "quality is True; it must be a whole number from 1 to 100"),
        ("a.jpg", 9.5, "quality is 9.5; it must be a whole number from 1 to 100"),
    ],
)
def test_qualities_that_are_none(tmp_path, name, quality, message):
    path = tmp_path / name
    image = np.zeros((2, 2), np.uint8)
    assert message_of(write, path, image, quality=quality) == f"{path}: {message}"
    assert list(tmp_path.iterdir()) == []


def test_no_such_folder_and_a_folder_in_the_way(tmp_path):
    image = np.zeros((2, 2), np.uint8)
    path = tmp_path / "no" / "a.png"
    assert message_of(write, path, image) == (
        f"{path}: its folder does not exist; create {path.parent} first"
    )
    path = tmp_path / "folder.png"
    path.mkdir()
    assert message_of(write, path, image) == f"{path}: a folder; name a file in it"


def test_a_folder_that_refuses(tmp_path, monkeypatch):
    def refuse(self, *args, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    path = tmp_path / "a.png"
    assert message_of(write, path, np.zeros((2, 2), np.uint8)) == (
        f"{path}: cannot be written (Permission denied); "
        "check that its folder may be written and has room"
    )


def test_a_full_disk_leaves_nothing_and_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    path.write_bytes(b"old")

    def fill_up(self, file, **options):
        file.write(b"half a picture")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", fill_up)
    assert message_of(write, path, np.zeros((2, 2), np.uint8)) == (
        f"{path}: cannot be written (No space left on device); "
        "check that its folder may be written and has room"
    )
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == b"old"


@pytest.mark.parametrize(
    ("name", "coder"), [("a.png", "imagecodecs.png_encode"), ("a.tif", "tifffile.imwrite")]
)
@pytest.mark.parametrize("trouble", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_deep_files_are_whole_or_not_there(tmp_path, monkeypatch, name, coder, trouble):
    path = tmp_path / name
    path.write_bytes(b"old")

    def stop(*args, **options):
        raise trouble

    monkeypatch.setattr(coder, stop)
    with pytest.raises((FileError, KeyboardInterrupt)) as error:
        write(path, random("uint16", (5, 7, 3)))
    if isinstance(trouble, OSError):
        assert str(error.value) == (
            f"{path}: cannot be written (No space left on device); "
            "check that its folder may be written and has room"
        )
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == b"old"


def test_an_interruption_leaves_nothing(tmp_path, monkeypatch):
    def interrupt(self, file, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(Image.Image, "save", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "a.png", np.zeros((2, 2), np.uint8))
    assert list(tmp_path.iterdir()) == []


def test_an_image_too_wide_for_its_format(tmp_path):
    path = tmp_path / "wide.webp"
    message = message_of(write, path, np.zeros((1, 16384, 3), np.uint8))
    assert message.startswith(f"{path}: ")
    assert "encod" in message.lower() or "hold" in message
    assert list(tmp_path.iterdir()) == []
