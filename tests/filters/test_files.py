import os
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from striate.errors import DTypeError, FileError, ShapeError
from striate.filters.files import SUFFIXES, format_of, read, write

GREY, ALPHA, COLOUR, CLEAR = (5, 7), (5, 7, 2), (5, 7, 3), (5, 7, 4)
LOSSLESS = {
    ".png": [("uint8", GREY), ("uint8", ALPHA), ("uint8", COLOUR), ("uint8", CLEAR)],
    ".webp": [("uint8", COLOUR), ("uint8", CLEAR)],
    ".bmp": [("uint8", GREY), ("uint8", COLOUR)],
}
LOSSLESS[".tiff"] = [*LOSSLESS[".png"], ("float32", GREY)]
for deep in (".png", ".tiff"):
    LOSSLESS[deep] = [*LOSSLESS[deep], ("uint16", GREY)]


def random(dtype, shape):
    pixels = np.random.default_rng(0).integers(0, 65536, shape)
    pixels = (pixels % 256 if dtype == "uint8" else pixels).astype(dtype)
    if shape[2:] in ((2,), (4,)):
        pixels[..., -1] |= 1  # WebP does not keep the colours of what is quite clear
    return pixels


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


@pytest.mark.parametrize(
    ("suffix", "dtype", "shape"),
    [(suffix, *kind) for suffix, kinds in LOSSLESS.items() for kind in kinds],
)
def test_what_is_written_is_read_again(tmp_path, suffix, dtype, shape):
    image = random(dtype, shape)
    path = tmp_path / f"image{suffix}"
    write(path, image)
    again = read(path)
    assert again.dtype == image.dtype
    assert again.dtype.isnative
    assert again.flags.writeable
    np.testing.assert_array_equal(again, image)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("shape", [GREY, COLOUR])
def test_jpeg_is_near(tmp_path, shape):
    image = np.full(shape, 180, dtype=np.uint8)
    image[:, :3] = 60
    write(tmp_path / "image.jpg", image)
    again = read(str(tmp_path / "image.jpg"))
    assert again.shape == shape
    assert np.abs(again.astype(int) - image).max() < 8


def test_webp_stores_grey_as_colours(tmp_path):
    image = random("uint8", GREY)
    write(tmp_path / "image.webp", image)
    np.testing.assert_array_equal(read(tmp_path / "image.webp"), np.stack([image] * 3, -1))


def test_one_channel_is_grey_and_byte_order_is_ours(tmp_path):
    image = random("uint16", (5, 7, 1))
    write(tmp_path / "image.png", image.astype(">u2"))
    np.testing.assert_array_equal(read(tmp_path / "image.png"), image[..., 0])


def test_a_view_and_a_replaced_file(tmp_path):
    image = random("uint8", (6, 8, 4))
    path = tmp_path / "IMAGE.PNG"
    path.write_bytes(b"old")
    write(path, image[::-1, ::2, 2::-1])
    np.testing.assert_array_equal(read(path), image[::-1, ::2, 2::-1])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(tmp_path, orientation):
    upright = np.zeros((40, 80), dtype=np.uint8)
    upright[:20, :40] = 250  # a bright top left
    # Exif 2.32, tag 274: where row 0 and column 0 of the stored picture lie.
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.T,
        6: upright.T[::-1],
        7: upright.T[::-1, ::-1],
        8: upright.T[:, ::-1],
    }[orientation]
    exif = Image.Exif()
    exif[274] = orientation
    Image.fromarray(np.ascontiguousarray(stored)).save(
        tmp_path / "turned.jpg", exif=exif, quality=95
    )
    image = read(tmp_path / "turned.jpg")
    assert image.shape == (40, 80)
    np.testing.assert_allclose(image.astype(float), upright, atol=30)


@pytest.mark.parametrize(
    ("mode", "suffix", "shape"),
    [
        ("1", ".png", (3, 4)),
        ("1", ".bmp", (3, 4)),
        ("CMYK", ".jpg", (3, 4, 3)),
        ("CMYK", ".tif", (3, 4, 3)),
        ("YCbCr", ".tif", (3, 4, 3)),
    ],
)
def test_other_modes_are_converted(tmp_path, mode, suffix, shape):
    path = tmp_path / f"image{suffix}"
    Image.new(mode, (4, 3)).save(path)
    image = read(path)
    assert (image.shape, image.dtype) == (shape, np.uint8)


def test_palettes_are_looked_up(tmp_path):
    path = tmp_path / "palette.png"
    picture = Image.new("P", (2, 1))
    picture.putpalette([10, 20, 30, 40, 50, 60])
    picture.putdata([1, 0])
    picture.save(path)
    np.testing.assert_array_equal(read(path), [[[40, 50, 60], [10, 20, 30]]])
    picture.save(path, transparency=0)
    np.testing.assert_array_equal(read(path), [[[40, 50, 60, 255], [10, 20, 30, 0]]])
    picture.putpalette([10, 10, 10, 40, 40, 40])
    picture.save(path)
    np.testing.assert_array_equal(read(path), [[40, 10]])


def test_a_transparent_colour_becomes_alpha(tmp_path):
    path = tmp_path / "clear.png"
    Image.fromarray(np.array([[7, 9]], dtype=np.uint8)).save(path, transparency=7)
    np.testing.assert_array_equal(read(path), [[[7, 0], [9, 255]]])
    colours = np.array([[[1, 2, 3], [4, 5, 6]]], dtype=np.uint8)
    Image.fromarray(colours).save(path, transparency=(1, 2, 3))
    np.testing.assert_array_equal(read(path), [[[1, 2, 3, 0], [4, 5, 6, 255]]])


def message_of(call, *args):
    with pytest.raises((FileError, DTypeError, ShapeError)) as error:
        call(*args)
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


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tiff", ".bmp"])
def test_a_file_cut_short(tmp_path, suffix):
    path = tmp_path / f"whole{suffix}"
    write(path, random("uint8", (64, 64, 3)))
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


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_any_bytes_are_an_image_or_one_file_error(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("fuzz")
    path = folder / f"image{data.draw(st.sampled_from(['.png', '.jpg', '.webp', '.bmp']))}"
    write(path, random("uint8", (9, 8, 3)))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        message, size = "", read(path).size
    except FileError as error:
        message, size = str(error), 0
    assert (size > 0) == (message == "")
    assert "\n" not in message


@pytest.mark.parametrize(("kind", "channels"), [(2, 3), (4, 2), (6, 4)])
def test_16_bit_colour_is_not_halved_in_silence(tmp_path, kind, channels):
    path = tmp_path / "deep.png"
    path.write_bytes(png(16, kind, channels))
    assert message_of(read, path) == (
        f"{path}: 16-bit colour, of which Pillow reads 8 bits; "
        "convert it to 8-bit colour or to 16-bit grey"
    )


def test_32_bit_integers_are_refused(tmp_path):
    path = tmp_path / "deep.tif"
    Image.new("I", (4, 3)).save(path)
    assert message_of(read, path) == (
        f"{path}: pixels of Pillow's mode I, which striate does not read; "
        "convert it to 8-bit colour or to 16-bit grey"
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


@pytest.mark.parametrize(("name", "options"), [("a.tif", {}), ("a.webp", {"lossless": True})])
def test_the_first_of_several_pages_is_read(tmp_path, name, options):
    path = tmp_path / name
    pages = [np.full((4, 5, 3), value, dtype=np.uint8) for value in (9, 200)]
    first, second = map(Image.fromarray, pages)
    first.save(path, save_all=True, append_images=[second], **options)
    np.testing.assert_array_equal(read(path), pages[0])


def test_formats_by_suffix():
    assert {suffix: format_of(f"a{suffix.upper()}") for suffix in SUFFIXES} == SUFFIXES
    known = ".png, .jpg, .jpeg, .webp, .tif, .tiff, .bmp"
    assert message_of(format_of, "a.gif") == (
        f"a.gif: .gif names no format that striate writes; end the name in {known}"
    )
    assert message_of(format_of, "a") == (
        f"a: its name has no suffix for a format that striate writes; end the name in {known}"
    )


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
            np.zeros((2, 2)),
            "TIFF cannot hold float64; it holds uint8 or uint16 or float32: "
            "filter with dtype float32, or choose another format",
        ),
        (
            "a.tif",
            np.zeros((2, 2, 3), np.float32),
            "TIFF cannot hold float32 with 3 channels; it holds 1: "
            "filter with dtype uint8, or drop channels",
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


@pytest.mark.data
@pytest.mark.skipif("STRIATE_DATA" not in os.environ, reason="STRIATE_DATA names no folder")
def test_photographs_are_read():
    folder = Path(os.environ["STRIATE_DATA"]) / "images"
    for path in sorted(folder.iterdir()):
        if path.suffix in SUFFIXES:
            image = read(path)
            assert image.dtype == np.uint8
            assert image.ndim in (2, 3)
