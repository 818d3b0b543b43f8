import os
import re
import subprocess
import sys

import numpy as np
import pytest
import tifffile
import zarr

from striate import filters
from striate.errors import FileError, StriateError
from striate.filters.large import Reach, filter_file, layout

RANDOM = np.random.default_rng(0)
NOISE = RANDOM.integers(0, 256, (128, 160), dtype=np.uint8)


def run_in_child(code: str, *arguments: object) -> str:
    """Run code in a fresh process and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def slide(tmp_path):
    """A TIFF file of 4 x 5 tiles of 32 x 32 pixels, compressed, and its page."""

    def write(compression="zlib"):
        place = tmp_path / "slide.tif"
        tifffile.imwrite(place, NOISE, tile=(32, 32), compression=compression)
        with tifffile.TiffFile(place) as file:
            return place, file.pages.first.dataoffsets, file.pages.first.databytecounts

    return write


@pytest.mark.parametrize("compression", ["zlib", "lzw", "zstd"])
def test_a_damaged_tile_is_named(slide, tmp_path, compression):
    place, offsets, counts = slide(compression)
    content = bytearray(place.read_bytes())
    content[offsets[7] : offsets[7] + counts[7]] = b"\xff" * counts[7]
    place.write_bytes(content)
    target = tmp_path / "out.tif"
    target.write_text("as it was")
    with pytest.raises(FileError) as error:
        filter_file(place, target, filters.box, size=3, memory=200_000)
    assert str(error.value).startswith(f"{place}: tile 7 (row 1, column 2 of 4 x 5) is damaged (")
    assert str(error.value).endswith("); get a whole copy of the file")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["out.tif", "slide.tif"]
    assert target.read_text() == "as it was"


def test_a_file_cut_short_is_refused_at_once(slide, tmp_path):
    place, offsets, counts = slide()
    size = offsets[-1] + counts[-1] - 1
    os.truncate(place, size)
    with pytest.raises(FileError) as error:
        filter_file(place, tmp_path / "out.tif", filters.box, size=3)
    assert str(error.value) == (
        f"{place}: tile 19 (row 3, column 4 of 4 x 5) ends beyond the file's {size} bytes; "
        f"get a whole copy of the file"
    )


def test_a_strip_that_goes_while_it_is_read_is_named(tmp_path):
    place = tmp_path / "slide.tif"
    tifffile.imwrite(place, np.zeros((2048, 1024), np.uint8), rowsperstrip=256)

    def cut_short(image):
        if image.shape[1] == 1024:
            os.truncate(place, 1000)
        return image

    with pytest.raises(FileError) as error:
        filter_file(place, tmp_path / "out.tif", cut_short, reach=Reach(), memory=1_500_000)
    assert re.fullmatch(
        rf"{place}: strip \d \(row \d, column 0 of 8 x 1\) is cut short; get a whole copy",
        str(error.value),
    )


def test_a_damaged_chunk_is_named(tmp_path):
    place = tmp_path / "slide.zarr"
    array = zarr.create_array(place, shape=NOISE.shape, chunks=(64, 80), dtype="u1")
    array[...] = NOISE
    (place / "c" / "1" / "1").write_bytes(b"no chunk")
    with pytest.raises(FileError) as error:
        filter_file(place, tmp_path / "out.zarr", filters.box, size=3)
    assert str(error.value).startswith(
        f"{place}: a chunk in rows 0 to 127, columns 0 to 159 is damaged ("
    )
    assert [one.name for one in tmp_path.iterdir()] == ["slide.zarr"]


@pytest.mark.parametrize("suffix", [".tif", ".zarr"])
def test_an_interruption_leaves_all_as_it_was(slide, tmp_path, suffix):
    place, *_ = slide()
    target = tmp_path / f"out{suffix}"
    filter_file(place, target, filters.box, size=3)
    before = {one: one.read_bytes() for one in tmp_path.rglob("*") if one.is_file()}

    def interrupt(done, total):
        assert 0 < done < total
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        filter_file(place, target, filters.box, size=5, memory=40_000, progress=interrupt)
    assert {one: one.read_bytes() for one in tmp_path.rglob("*") if one.is_file()} == before
    filter_file(place, target, filters.box, size=5)
    assert sorted(one.name for one in tmp_path.iterdir()) == [f"out{suffix}", "slide.tif"]


@pytest.mark.parametrize("name", ["out.tif", "out.zarr"])
def test_a_full_disk_leaves_nothing(tmp_path, name):
    # A limit on the size of files stands for the disk's end.
    code = """
import resource, sys
from striate import filters
from striate.errors import FileError
from striate.filters.large import filter_file
resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
try:
    filter_file(sys.argv[1], sys.argv[2], filters.box, size=3)
except FileError as error:
    print(error)
"""
    place = tmp_path / "slide.tif"
    tifffile.imwrite(place, NOISE, tile=(64, 64))
    assert run_in_child(code, place, tmp_path / name) == (
        f"{tmp_path / name}: cannot be written (File too large); "
        f"check that its folder may be written and has room\n"
    )
    assert [one.name for one in tmp_path.iterdir()] == ["slide.tif"]


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("nowhere/out.tif", "its folder does not exist; create {0}/nowhere first"),
        ("nowhere/out.zarr", "its folder does not exist; create {0}/nowhere first"),
        ("full.zarr", "is there already, and no Zarr array; choose another name"),
        ("full.tif", "a folder; name a file in it"),
        ("out.png", "not written in parts; end the name in .tif, .tiff, .zarr"),
    ],
)
def test_targets_that_cannot_be(slide, tmp_path, target, message):
    place, *_ = slide()
    for folder in ("full.zarr", "full.tif"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "precious.txt").write_text("keep")
    with pytest.raises(FileError) as error:
        filter_file(place, tmp_path / target, filters.box, size=3)
    assert str(error.value) == f"{tmp_path / target}: {message.format(tmp_path)}"
    assert (tmp_path / "full.zarr" / "precious.txt").read_text() == "keep"


def test_damaged_headers_raise_our_errors_alone(slide, tmp_path):
    place, offsets, _ = slide()
    whole = place.read_bytes()
    errors = []
    for _ in range(150):
        content = bytearray(whole)
        for _ in range(3):
            content[RANDOM.integers(offsets[0])] = RANDOM.integers(256)
        place.write_bytes(content)
        try:
            filter_file(place, tmp_path / "out.tif", filters.box, size=3, memory=2**24)
        except StriateError as error:
            errors.append(str(error))
    assert len(errors) > 30
    assert not any("\n" in error for error in errors)


def test_memory_is_bounded(tmp_path):
    """16 bytes of image for each byte allowed; measured in a process of its own."""
    code = """
import re, sys
from pathlib import Path
from striate import filters
from striate.filters.large import filter_file
filter_file(*sys.argv[1:3], filters.gaussian, sigma=2, memory=2**23)
print(re.search(r"VmHWM:\\s*(\\d+) kB", Path("/proc/self/status").read_text())[1])
"""
    tile = RANDOM.integers(0, 256, (256, 256), dtype=np.uint8)
    peaks = []
    for name, side in (("small", 1), ("large", 44)):
        tifffile.imwrite(
            tmp_path / f"{name}.tif",
            iter([tile] * side**2),
            shape=(256 * side, 256 * side),
            dtype="u1",
            tile=(256, 256),
        )
        peaks.append(int(run_in_child(code, tmp_path / f"{name}.tif", tmp_path / "out.tif")))
    assert layout(tmp_path / "large.tif").shape == (11264, 11264)  # 121 MiB
    assert peaks[1] - peaks[0] < 3 * 2**13  # KiB
