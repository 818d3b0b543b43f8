"""TIFF files of many channels, of many pages, and decoders that would print what they think."""

import logging
import sys
from contextlib import suppress

import numpy as np
import pytest
import tifffile
from PIL import Image

from striate import filters
from striate.errors import FileError, MissingExtraError
from striate.filters import large
from striate.filters.files import Metadata, read, read_with_metadata, write


def random(dtype, shape):
    return np.random.default_rng(0).integers(0, 256, shape).astype(dtype)


@pytest.mark.parametrize("photometric", ["minisblack", "rgb"])
@pytest.mark.parametrize("planes", ["contig", "separate"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("channels", [5, 6, 7])
def test_all_channels_are_read(tmp_path, photometric, planes, dtype, channels):
    image = random(dtype, (9, 8, channels))
    stored = image if planes == "contig" else np.moveaxis(image, -1, 0)
    path = tmp_path / "many.tif"
    tifffile.imwrite(path, stored, photometric=photometric, planarconfig=planes)
    found, metadata = read_with_metadata(path)
    np.testing.assert_array_equal(found, image)
    assert metadata == Metadata()
    large.filter_file(path, tmp_path / "parts.tif", filters.median)
    np.testing.assert_array_equal(read(tmp_path / "parts.tif"), filters.median(image))


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
@pytest.mark.parametrize("channels", [5, 6, 12])
def test_all_channels_are_written(tmp_path, dtype, channels):
    image = random(dtype, (9, 8, channels))
    write(tmp_path / "many.tif", image)
    np.testing.assert_array_equal(read(tmp_path / "many.tif"), image)
    assert large.layout(tmp_path / "many.tif").shape == image.shape


def test_many_channels_without_tifffile(tmp_path, monkeypatch):
    path = tmp_path / "many.tif"
    tifffile.imwrite(path, random("uint8", (9, 8, 5)), photometric="rgb")
    monkeypatch.setitem(sys.modules, "tifffile", None)
    for call in (lambda: read(path), lambda: write(path, np.zeros((2, 2, 5), np.uint8))):
        with pytest.raises(MissingExtraError) as error:
            call()
        assert str(error.value) == (
            f"{path}: an image of more than 4 channels needs tifffile: pip install 'striate[large]'"
        )


@pytest.mark.parametrize(
    ("shape", "photometric", "lost"),
    [
        ((9, 8, 4), "rgb", "a channel that is neither a colour nor alpha"),
        ((9, 8, 4), "minisblack", "3 channels that are neither a colour nor alpha"),
    ],
)
def test_channels_left_out_are_named(tmp_path, shape, photometric, lost):
    path = tmp_path / "more.tif"
    options = {"photometric": photometric, "planarconfig": "contig", "extrasamples": None}
    kinds = [0] * (1 if photometric == "rgb" else 3)
    tifffile.imwrite(path, random("uint8", shape), **options | {"extrasamples": kinds})
    assert read_with_metadata(path)[1].dropped == (lost,)


@pytest.mark.parametrize("name", ["a.tif", "a.webp", "a.png", "a.mpo"])
def test_pages_and_frames_are_counted(tmp_path, name):
    frames = [Image.fromarray(random("uint8", (9, 8, 3)) // n) for n in (1, 2, 3)]
    exif = Image.Exif()
    exif[0x010F] = "A camera"
    frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:], exif=exif.tobytes())
    image, metadata = read_with_metadata(tmp_path / name)
    assert (image.shape, metadata.frames) == ((9, 8, 3), 3)
    if not name.endswith("tif"):
        assert b"A camera" in metadata.exif


def test_pages_of_deep_colours_are_counted(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", random("uint16", (3, 9, 8, 3)), photometric="rgb")
    assert read_with_metadata(tmp_path / "a.tif")[1].frames == 3


def test_decoders_print_nothing(tmp_path, capfd):
    path = tmp_path / "a.tif"
    generator = np.random.default_rng(0)
    Image.fromarray(random("uint8", (60, 60, 3))).save(path, compression="tiff_lzw")
    whole = path.read_bytes()
    refused = 0
    for _ in range(20):
        damaged = bytearray(whole)
        for _ in range(30):
            damaged[generator.integers(8, len(whole) - 200)] = generator.integers(256)
        path.write_bytes(damaged)
        with suppress(FileError):
            read(path)
            continue
        refused += 1
    tifffile.imwrite(path, random("uint8", (9, 8, 7)), photometric="minisblack")
    read(path)
    assert logging.getLogger("PIL").handlers
    assert refused > 10
    assert capfd.readouterr() == ("", "")
