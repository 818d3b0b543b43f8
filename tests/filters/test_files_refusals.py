"""Image files that cannot be read or written, and hostile ones: one error, and nothing lost."""

import struct
import sys
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from striate.errors import FileError, StriateError
from striate.filters.files import Metadata, read, read_with_metadata, write

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
MAKER = Image.Exif()
MAKER[0x010F] = "A camera"
SAID = Metadata(SRGB, MAKER.tobytes(), (300.0, 200.0))


def random(dtype, shape):
    return np.random.default_rng(0).integers(0, 256, shape).astype(dtype)


def png(bits, kind, channels, rows=3, columns=4):
    """A PNG file of `bits` for each of `channels`, all zero."""

    def chunk(name, data):
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    header = struct.pack(">IIBBBBB", columns, rows, bits, kind, 0, 0, 0)
    pixels = zlib.compress(bytes((1 + columns * channels * bits // 8) * rows))
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    return start + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def message_of(call, *args, **options):
    with pytest.raises(StriateError) as error:
        call(*args, **options)
    return str(error.value)


def test_missing_folder_and_not_an_image(tmp_path):
    missing = tmp_path / "missing.png"
    assert message_of(read, missing) == f"{missing}: no such file; check the path"
    assert (
        message_of(read, tmp_path) == f"{tmp_path}: a folder, not an image file; name a file in it"
    )
    text = tmp_path / "text.png"
    for content in (b"", b"hello"):
        text.write_bytes(content)
        assert message_of(read, text) == (
            f"{text}: not an image that striate reads; it reads PNG, JPEG, WebP, TIFF and BMP"
        )


def test_a_gif_is_not_read(tmp_path):
    path = tmp_path / "moving.gif"
    Image.new("L", (4, 3)).save(path)
    assert message_of(read, path) == (
        f"{path}: not an image that striate reads; it reads PNG, JPEG, WebP, TIFF and BMP"
    )


@pytest.mark.parametrize(
    ("suffix", "dtype"),
    [
        (".png", "uint8"),
        (".jpg", "uint8"),
        (".webp", "uint8"),
        (".tiff", "uint8"),
        (".bmp", "uint8"),
        (".png", "uint16"),
        (".tiff", "uint16"),
        (".tiff", "float32"),
    ],
)
def test_a_file_cut_short(tmp_path, suffix, dtype):
    path = tmp_path / f"whole{suffix}"
    write(path, random(dtype, (64, 64, 3)))
    path.write_bytes(path.read_bytes()[:-2000])
    message = message_of(read, path)
    assert message.startswith(f"{path}: ")
    assert message.endswith(
        ("; get a whole copy of the file", "it reads PNG, JPEG, WebP, TIFF and BMP")
    )
    assert "\n" not in message


def test_a_damaged_file(tmp_path):
    path = tmp_path / "damaged.png"
    whole = png(8, 0, 1)
    middle = whole.index(b"IDAT") + 6
    path.write_bytes(whole[:middle] + b"\xff\xff" + whole[middle + 2 :])
    message = message_of(read, path)
    assert message.startswith(f"{path}: damaged or cut short (")
    assert message.endswith("); get a whole copy of the file")


KINDS = [
    (suffix, dtype)
    for suffix in (".png", ".jpg", ".webp", ".bmp", ".tif")
    for dtype in ("uint8", "uint16", "float32")
    if dtype == "uint8" or suffix == ".tif" or (suffix, dtype) == (".png", "uint16")
]


@settings(deadline=None, max_examples=150)
@given(data=st.data())
def test_any_bytes_are_an_image_or_one_file_error(tmp_path_factory, data):
    suffix, dtype = data.draw(st.sampled_from(KINDS))
    path = tmp_path_factory.mktemp("fuzz") / f"image{suffix}"
    write(path, random(dtype, (9, 8, 3)), SAID)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    end = data.draw(st.just(len(content)) | st.integers(0, len(content)))
    path.write_bytes(content[:end])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            image, metadata = read_with_metadata(path)
    except FileError as error:
        message = str(error)
        assert message.startswith(f"{path}: ")
        assert "\n" not in message
        return
    assert image.dtype.name in ("uint8", "uint16", "float32", "float64")
    assert image.size > 0
    again = path.with_name("again.tif")  # what was read can be written
    write(again, image, metadata)
    np.testing.assert_array_equal(read(again), image)


def test_32_bit_integers_are_refused(tmp_path):
    path = tmp_path / "deep.tif"
    Image.new("I", (4, 3)).save(path)
    assert message_of(read, path) == (
        f"{path}: pixels of Pillow's mode I, which striate does not read; "
        "convert it to 8 or 16 bits, or to floats"
    )


def test_a_decompression_bomb(tmp_path, monkeypatch):
    path = tmp_path / "bomb.png"
    path.write_bytes(png(8, 0, 1, 40, 40))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)  # 1,600 are suspicious, and read
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read(path).shape == (40, 40)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 700)
    assert message_of(read, path) == (
        f"{path}: more than 1400 pixels, which may be a decompression bomb; "
        "if you trust the file, make it smaller in an image editor, or in Python raise "
        "PIL.Image.MAX_IMAGE_PIXELS"
    )


@pytest.mark.parametrize("dtype", ["uint16", "float32"])
def test_a_bomb_of_deep_colours(tmp_path, monkeypatch, dtype):
    path = tmp_path / "bomb.tif"
    write(path, random(dtype, (40, 40, 3)))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 700)
    assert "more than 1400 pixels, which may be a decompression bomb" in message_of(read, path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    assert read(path).shape == (40, 40, 3)


@pytest.mark.parametrize(
    ("image", "options", "message"),
    [
        (
            np.zeros((5, 7, 3), np.uint32),
            {"photometric": "rgb"},
            "pixels of uint32 with axes YXS, which striate does not read; "
            "convert it to 8 or 16 bits, or to floats",
        ),
        (
            np.zeros((5, 7), np.float16),
            {},
            "pixels of float16 with axes YX, which striate does not read; "
            "convert it to 8 or 16 bits, or to floats",
        ),
        (
            np.zeros((5, 7, 4), np.uint16),
            {"photometric": "separated"},
            "deep colours of kind SEPARATED, which striate does not read; "
            "convert it to grey or RGB",
        ),
    ],
)
def test_tiff_files_of_other_numbers_and_colours(tmp_path, image, options, message):
    path = tmp_path / "other.tif"
    tifffile.imwrite(path, image, **options)
    assert message_of(read, path) == f"{path}: {message}"


@pytest.mark.parametrize(("name", "package"), [("a.png", "imagecodecs"), ("a.tif", "tifffile")])
def test_deep_colours_without_the_packages_for_them(tmp_path, monkeypatch, name, package):
    path = tmp_path / name
    image = random("uint16", (5, 7, 3))
    write(path, image)
    monkeypatch.setitem(sys.modules, package, None)
    expected = f"{path}: 16-bit or float colour needs {package}: pip install 'striate[large]'"
    assert message_of(read, path) == expected
    assert message_of(write, path, image) == expected
    write(path, image[..., 0])  # 16-bit grey does without
    np.testing.assert_array_equal(read(path), image[..., 0])
    assert list(tmp_path.iterdir()) == [path]


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


@pytest.mark.parametrize(
    ("name", "image", "message"),
    [
        (
            "a.png",
            np.zeros((2, 2)),
            "PNG cannot hold float64; it holds uint8 or uint16: "
            "filter with dtype uint8, or choose another format",
        ),
        (
            "a.jpg",
            np.zeros((2, 2), np.uint16),
            "JPEG cannot hold uint16; it holds uint8: "
            "filter with dtype uint8, or choose another format",
        ),
        (
            "a.tif",
            np.zeros((2, 2), np.int16),
            "TIFF cannot hold int16; it holds uint8 or uint16 or float32 or float64: "
            "filter with dtype float32, or choose another format",
        ),
        (
            "a.tif",
            np.zeros((2, 2, 5), np.float32),
            "TIFF cannot hold float32 with 5 channels; it holds 1 or 2 or 3 or 4: "
            "choose another format, or drop channels",
        ),
        (
            "a.jpg",
            np.zeros((2, 2, 4), np.uint8),
            "JPEG cannot hold uint8 with 4 channels; it holds 1 or 3: "
            "choose another format, or drop channels",
        ),
        (
            "a.png",
            np.zeros((2, 2, 5), np.uint8),
            "PNG cannot hold uint8 with 5 channels; it holds 1 or 2 or 3 or 4: "
            "choose another format, or drop channels",
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
