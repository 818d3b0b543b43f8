"""Images that are filtered part by part: large TIFF files and Zarr arrays."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr
from PIL import Image

from striate import filters
from striate.cli import _filter_large
from striate.filters import large
from striate.filters.files import read, write

GAUSSIAN = ("gaussian", "--sigma", "1.5")


@pytest.fixture
def slide(tmp_path, monkeypatch):
    """Return an image, write it as a tiled slide.tif, and let it count as large."""
    image = np.random.default_rng(5).integers(0, 2**16, (150, 220, 3), dtype=np.uint16)
    tifffile.imwrite(tmp_path / "slide.tif", image, tile=(64, 64), photometric="rgb")
    monkeypatch.setattr(_filter_large, "AT_ONCE", image.nbytes - 1)
    return image


def is_tiled(path):
    with tifffile.TiffFile(path) as file:
        return file.pages.first.is_tiled


def test_a_large_file_goes_in_parts_and_keeps_its_tiles(striate, slide, monkeypatch):
    for limit, tiled in ((slide.nbytes - 1, True), (slide.nbytes, False)):
        monkeypatch.setattr(_filter_large, "AT_ONCE", limit)
        result = striate("filter", "slide.tif", "out.tif", *GAUSSIAN, "--json")
        assert (result.code, result.err) == (0, "")
        (written,) = json.loads(result.out)["written"]
        assert (written["shape"], written["dtype"]) == ([150, 220, 3], "uint16")
        np.testing.assert_array_equal(read("out.tif"), filters.gaussian(slide, 1.5))
        assert is_tiled("out.tif") == tiled


def test_options_are_those_of_the_image_at_once(striate, slide):
    options = ("sobel", "--axis", "0", "--linear-light", "--border", "wrap", "--dtype", "float32")
    assert striate("filter", "slide.tif", "out.tif", *options).code == 0
    expected = filters.sobel(slide, 0, linear_light=True, border="wrap", dtype="float32")
    np.testing.assert_array_equal(read("out.tif"), expected)
    assert is_tiled("out.tif")


def test_kinds_that_go_in_no_parts_go_at_once(striate, slide, photo):
    palette = np.stack([np.arange(256, dtype=np.uint16) * 257] * 3)
    tifffile.imwrite("map.tif", photo[..., 0], photometric="palette", colormap=palette)
    assert striate("filter", "map.tif", "out.tif", "box", "--size", "1").code == 0
    np.testing.assert_array_equal(read("out.tif"), photo[..., 0])


def test_arrays(striate, slide, photo, tmp_path):
    (tmp_path / "in" / "deep").mkdir(parents=True)
    for name, image in (("a.zarr", photo), ("deep/b.zarr", photo[..., 0])):
        zarr.save_array(tmp_path / "in" / name, image)
    write(tmp_path / "in" / "c.png", photo)
    arguments = ("filter", "in", "out", *GAUSSIAN, "-r")
    result = striate(*arguments)
    names = [Path("out", name) for name in ("a.zarr", "c.png", "deep/b.zarr")]
    assert (result.code, result.err, result.out.split()) == (0, "", [str(path) for path in names])
    np.testing.assert_array_equal(zarr.open_array(names[0])[:], filters.gaussian(photo, 1.5))
    blurred = filters.gaussian(photo[..., 0], 1.5)
    np.testing.assert_array_equal(zarr.open_array(names[2])[:], blurred)

    assert striate(*arguments, "--resume").out == ""
    zarr.open_array("in/a.zarr", mode="r+")[0, 0, 0] ^= 255
    stale = Path("out/.a.zarr.0123abcd.part")
    stale.mkdir()
    (stale / "zarr.json").write_text("half")
    assert striate(*arguments, "--resume").out == f"{names[0]}\n"
    assert not stale.exists()


def test_from_one_kind_to_another(striate, slide):
    for source, target in (("slide.tif", "a.zarr"), ("a.zarr", "b.zarr"), ("b.zarr", "c.tif")):
        for _ in range(2):  # the second time over the first result
            assert striate("filter", source, target, "median").out == f"{target}\n"
    once = filters.median(slide)
    np.testing.assert_array_equal(zarr.open_array("a.zarr")[:], once)
    np.testing.assert_array_equal(read("c.tif"), filters.median(filters.median(once)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["photo.png", "out.zarr"], "photo.png: not streamed; files that are end in "),
        (["a.zarr", "out.png"], "out.png: not written in parts; end the name in "),
        (["a.zarr", "photo.png", "b.zarr"], "b.zarr is named as a file is; several results need "),
        (["a.zarr", "a.zarr"], "a.zarr is an input and would be lost; choose another output"),
    ],
)
def test_refusals(striate, photo, tmp_path, arguments, message):
    zarr.save_array(tmp_path / "a.zarr", photo)
    before = sorted(tmp_path.rglob("*"))
    result = striate("filter", *arguments, "sobel")
    assert result.err.startswith(f"striate: {message}")
    assert result.code != 0
    assert sorted(tmp_path.rglob("*")) == before


def test_a_damaged_tile_stops_no_other_file(striate, slide, photo, tmp_path):
    data = bytearray(Path("slide.tif").read_bytes())
    tifffile.imwrite("packed.tif", slide, tile=(64, 64), photometric="rgb", compression="zlib")
    data = bytearray(Path("packed.tif").read_bytes())
    data[len(data) // 2 : len(data) // 2 + 2000] = bytes(2000)
    (tmp_path / "packed.tif").write_bytes(data)
    result = striate("filter", "packed.tif", "slide.tif", "photo.png", "out", "sobel")
    assert result.code == 1
    assert result.err.startswith("striate: 1 of 3 files failed:\n  packed.tif: tile ")
    assert sorted(path.name for path in Path("out").iterdir())[1:] == ["photo.png", "slide.tif"]


def test_a_large_image_that_the_filter_refuses_is_named(striate, photo, monkeypatch):
    image = np.zeros((200, 200), dtype=np.float32)
    image[150, 150] = np.nan
    tifffile.imwrite("nan.tif", image, tile=(64, 64))
    monkeypatch.setattr(_filter_large, "AT_ONCE", 1)
    result = striate("filter", "nan.tif", "photo.png", "out", "sobel", "--dtype", "uint8")
    assert (result.code, result.out) == (1, f"{Path('out/photo.png')}\n")
    assert result.err.splitlines()[1].startswith("  nan.tif: sobel: image holds NaN or infinity")


def test_memory(striate, slide):
    result = striate("filter", "slide.tif", "out.tif", *GAUSSIAN, "--memory", "1kB")
    needed = re.fullmatch(
        r"striate: slide.tif: memory is 1 kB; this filter needs (.*) for 64 x 64 pixels of this "
        r"image: raise memory, on the command line with --memory\n",
        result.err,
    )
    assert result.code == 1
    assert not Path("out.tif").exists()
    for memory in (f"{2 * float(needed[1].split()[0])} kB", "2gb"):
        result = striate("filter", "slide.tif", "out.tif", *GAUSSIAN, "--memory", memory)
        assert (result.code, result.out, result.err) == (0, "out.tif\n", "")
        np.testing.assert_array_equal(read("out.tif"), filters.gaussian(slide, 1.5))


def test_a_memory_that_is_no_size(striate, slide):
    result = striate("filter", "slide.tif", "out.tif", *GAUSSIAN, "--memory", "much")
    assert (result.code, result.err) == (
        2,
        "striate: --memory: memory is 'much'; it must be a size such as 512MB or 1.5GB\n",
    )


def test_large_scans_are_told_where_to_go(striate, slide, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 150 * 110 - 1)
    result = striate("filter", "slide.tif", "out.png", *GAUSSIAN)
    assert (result.code, result.err) == (
        1,
        "striate: slide.tif: 150 x 220 pixels, too many for out.png; "
        "write a .tif or .zarr, which goes part by part\n",
    )
    assert striate("filter", "slide.tif", "out.zarr", *GAUSSIAN).code == 0
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 150 * 110)
    assert striate("filter", "slide.tif", "out.jpg", *GAUSSIAN, "--dtype", "uint8").code == 0


@pytest.mark.skipif(os.name != "posix", reason="has other signals")
def test_a_signal_stops_a_large_file_between_two_parts(striate, slide, monkeypatch):
    filter_file = large.filter_file

    def interrupted(*arguments, progress, **options):
        def first(done, total):
            os.kill(os.getpid(), signal.SIGINT)
            while signal.getsignal(signal.SIGINT) is not signal.SIG_DFL:
                pass  # until it was seen
            progress(done, total)

        filter_file(*arguments, **options | {"progress": first, "memory": 700_000})

    monkeypatch.setattr(large, "filter_file", interrupted)
    result = striate("filter", "slide.tif", "out.tif", *GAUSSIAN)
    assert result.code == 130
    assert result.err.endswith("striate: interrupted: out.tif was not written\n")
    assert [path.name for path in Path().iterdir()] == ["slide.tif"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


ENDLESS = """
import sys
from striate.cli import main
from striate.filters.large import files

def endless(*arguments):
    print("begun", file=sys.stderr, flush=True)
    while True:
        pass

files.parts_of = endless
sys.argv = ["striate", "filter", "slide.tif", "out.zarr", "median"]
main()
"""


@pytest.mark.skipif(os.name != "posix", reason="has other signals")
@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_ends_what_never_ends(slide, tmp_path, second):
    command = [sys.executable, "-c", ENDLESS]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr.readline() == "begun\n"
            process.send_signal(signal.SIGTERM)
            assert process.stderr.readline().startswith("striate: ending the files at work; once ")
            process.send_signal(second)
            assert process.wait(20) == -second
        finally:
            process.kill()
