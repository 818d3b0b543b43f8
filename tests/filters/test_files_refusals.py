"""Image files that cannot be read, and hostile ones: an image or one error."""

import struct
import sys
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor

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
    assert message == f"{path}: damaged or cut short; get a whole copy of the file"


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
        f"{path}: whole numbers that are signed or have 32 bits, which striate does not read; "
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


def test_threads_read_quietly_and_leave_the_filters_of_warnings_alone(tmp_path, monkeypatch):
    path = tmp_path / "large.png"
    image = random("uint8", (40, 40))
    write(path, image)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)  # 1,600 are suspicious, and read
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        before = list(warnings.filters)
        with ThreadPoolExecutor(8) as threads:
            for again in threads.map(read, [path] * 200):
                np.testing.assert_array_equal(again, image)
        assert warnings.filters == before
        with pytest.raises(Image.DecompressionBombWarning):
            Image.open(path)


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
