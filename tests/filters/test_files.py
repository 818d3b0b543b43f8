"""Image files: what is written is read again, and what others write."""

import os
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from striate.errors import FileError
from striate.filters.files import SUFFIXES, format_of, read, write

GREY, ALPHA, COLOUR, CLEAR = (5, 7), (5, 7, 2), (5, 7, 3), (5, 7, 4)
ALL = (GREY, ALPHA, COLOUR, CLEAR)
LOSSLESS = {
    ".png": [(dtype, shape) for dtype in ("uint8", "uint16") for shape in ALL],
    ".tiff": [
        (dtype, shape) for dtype in ("uint8", "uint16", "float32", "float64") for shape in ALL
    ],
    ".webp": [("uint8", COLOUR), ("uint8", CLEAR)],
    ".bmp": [("uint8", GREY), ("uint8", COLOUR)],
}


def random(dtype, shape):
    numbers = np.random.default_rng(0).integers(0, 65536, shape)
    if dtype.startswith("float"):
        return (numbers / 65536 - 0.25).astype(dtype)
    return (numbers % 256 if dtype == "uint8" else numbers).astype(dtype)


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


@pytest.mark.parametrize("suffix", [".jpg", ".webp"])
def test_a_lower_quality_takes_fewer_bytes(tmp_path, suffix):
    image = random("uint8", (40, 50, 3))
    sizes = []
    for quality in (5, 50, 100, None):
        path = tmp_path / f"{quality}{suffix}"
        write(path, image, quality=quality)
        assert read(path).shape == image.shape
        sizes.append(path.stat().st_size)
    assert sizes[0] < sizes[1] < sizes[2]
    assert sizes[1] < sizes[3]


@pytest.mark.parametrize(("dtype", "shape"), [("uint8", (64, 64, 3)), ("uint16", (64, 64, 3))])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_smooth_images_are_compressed(tmp_path, suffix, dtype, shape):
    ramp = np.broadcast_to(np.arange(64)[:, None], shape).astype(dtype)
    path = tmp_path / f"ramp{suffix}"
    write(path, ramp)
    assert path.stat().st_size < ramp.nbytes / 4


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


@pytest.mark.parametrize(("name", "options"), [("a.tif", {}), ("a.webp", {"lossless": True})])
def test_the_first_of_several_pages_is_read(tmp_path, name, options):
    path = tmp_path / name
    pages = [np.full((4, 5, 3), value, dtype=np.uint8) for value in (9, 200)]
    first, second = map(Image.fromarray, pages)
    first.save(path, save_all=True, append_images=[second], **options)
    np.testing.assert_array_equal(read(path), pages[0])


def pages(tmp_path, image, **options):
    """What a TIFF file says that tifffile wrote."""
    path = tmp_path / "deep.tif"
    tifffile.imwrite(path, image, metadata=None, **options)
    return read(path)


@pytest.mark.parametrize("dtype", ["uint16", "float32"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"byteorder": ">"},
        {"bigtiff": True},
        {"tile": (16, 16)},
        {"compression": "lzw", "predictor": True},
        {"compression": "zstd", "rowsperstrip": 2},
    ],
)
def test_deep_tiff_files_of_any_kind(tmp_path, dtype, options):
    image = random(dtype, (20, 17, 3))
    again = pages(tmp_path, image, photometric="rgb", **options)
    assert again.dtype.isnative
    np.testing.assert_array_equal(again, image)


def test_deep_tiff_files_plane_by_plane(tmp_path):
    image = random("uint16", (3, 20, 17))
    again = pages(tmp_path, image, photometric="rgb", planarconfig="separate")
    np.testing.assert_array_equal(again, np.moveaxis(image, 0, -1))


def test_deep_tiff_files_whose_white_is_zero(tmp_path):
    image = random("uint16", (5, 7, 2))
    again = pages(
        tmp_path, image, photometric="miniswhite", planarconfig="contig", extrasamples=[0]
    )
    np.testing.assert_array_equal(again, 65535 - image[..., 0])


@pytest.mark.parametrize("dtype", ["uint16", "float32"])
def test_colours_stored_times_alpha_are_divided_again(tmp_path, dtype):
    top = 65535 if dtype == "uint16" else 1
    colours = np.array([[[0.5, 0.25, 0, 0.5], [1, 1, 1, 1], [0, 0, 0, 0]]]) * top
    again = pages(tmp_path, colours.astype(dtype), photometric="rgb", extrasamples=[1])
    expected = np.array([[[1, 0.5, 0, 0.5], [1, 1, 1, 1], [0, 0, 0, 0]]]) * top
    np.testing.assert_allclose(again, expected, atol=2 if top > 1 else 1e-7)


def test_a_fourth_channel_that_is_no_alpha_is_passed_over(tmp_path):
    image = random("uint16", (5, 7, 4))
    again = pages(tmp_path, image, photometric="rgb", extrasamples=[0])
    np.testing.assert_array_equal(again, image[..., :3])


def refused(name):
    with pytest.raises(FileError) as error:
        format_of(name)
    return error.value


def test_formats_by_suffix():
    assert {suffix: format_of(f"a{suffix.upper()}") for suffix in SUFFIXES} == SUFFIXES
    known = ".png, .jpg, .jpeg, .webp, .tif, .tiff, .bmp"
    assert str(refused("a.gif")) == (
        f"a.gif: .gif names no format that striate writes; end the name in {known}"
    )
    assert str(refused("a")) == (
        f"a: its name has no suffix for a format that striate writes; end the name in {known}"
    )


@pytest.mark.data
@pytest.mark.skipif("STRIATE_DATA" not in os.environ, reason="STRIATE_DATA names no folder")
def test_photographs_are_read():
    folder = Path(os.environ["STRIATE_DATA"]) / "images"
    for path in sorted(folder.iterdir()):
        if path.suffix in SUFFIXES:
            image = read(path)
            assert image.dtype == np.uint8
            assert image.ndim in (2, 3)
