"""From one kind of numbers to another on the command line, and what is said of what is lost."""

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from striate import filters
from striate.cli import _filter_large
from striate.filters.files import read, write

SAME = ("box", "--size", "1")


def ramp(dtype, white):
    return np.linspace(0, white, 20 * 30 * 3).reshape(20, 30, 3).astype(dtype)


@pytest.mark.parametrize(
    ("dtype", "white", "near"), [("uint16", 65535, 1), ("float32", 1, 0), ("float64", 1, 0)]
)
def test_white_stays_white(striate, tmp_path, dtype, white, near):
    image = ramp(dtype, white)
    write(tmp_path / "scan.tif", image)
    result = striate("filter", "scan.tif", "out.png", *SAME, "--dtype", "uint8", "--scale")
    assert (result.code, result.err) == (0, "")
    expected = np.rint(image.astype(np.float64) * 255 / white)
    assert np.abs(read("out.png") - expected).max() <= 0
    assert (read("out.png").min(), read("out.png").max()) == (0, 255)


def test_8_bits_become_16_bits_and_floats_with_their_alpha(striate, tmp_path):
    image = np.random.default_rng(0).integers(100, 110, (9, 8, 4), dtype=np.uint8)
    write(tmp_path / "clear.png", image)
    for dtype, white in (("uint16", 65535), ("float32", 1)):
        result = striate("filter", "clear.png", "out.tif", "kv", "--dtype", dtype, "--scale")
        assert (result.code, result.err) == (0, "")
        sums = filters.correlate(image, filters.kernels.kv(), dtype=np.float32, alpha=True)
        expected = sums.astype(np.float64) * white / 255
        if dtype == "uint16":
            expected = np.rint(np.clip(expected, 0, white))
        np.testing.assert_array_equal(read("out.tif"), expected.astype(dtype))
        alpha = image[..., 3].astype(np.float64) * white / 255
        np.testing.assert_array_equal(read("out.tif")[..., 3], alpha.astype(dtype))


def test_large_files_are_scaled_part_by_part(striate, tmp_path, monkeypatch):
    image = np.random.default_rng(0).integers(0, 65536, (200, 150, 3)).astype(np.uint16)
    pages = np.stack([image, image])
    tifffile.imwrite(tmp_path / "scan.tif", pages, photometric="rgb", rowsperstrip=16)
    options = ("gaussian", "--sigma", "2", "--dtype", "uint8")
    told = "scan.tif: the first of its 2 pages or frames was filtered; the others are left out\n"
    kept = (
        "striate: scan.tif: numbers of uint16 are kept in uint8, where white is 255 and not "
        "65535; add --scale to scale them\n"
    )
    results = []
    for limit in (0, 2**27):
        monkeypatch.setattr(_filter_large, "AT_ONCE", limit)
        result = striate("filter", "scan.tif", "out.tif", *options, "--scale")
        assert (result.code, result.err) == (0, f"striate: {told}")
        results.append(read("out.tif"))
        assert striate("filter", "scan.tif", "out.tif", *options).err == f"striate: {told}{kept}"
    np.testing.assert_array_equal(*results)
    assert 100 < results[0].mean() < 150


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--scale"],
            "--scale is for another kind of numbers; add --dtype uint8, uint16, float32 or float64",
        ),
        (
            ["--scale", "--dtype", "int16"],
            "dtype int16 has no white; scale among uint8, uint16, float32, float64",
        ),
        (
            ["--scale", "--dtype", "bytes8"],
            "dtype is 'bytes8'; scale among uint8, uint16, float32, float64",
        ),
    ],
)
def test_what_cannot_be_scaled(striate, photo, arguments, message):
    result = striate("filter", "photo.png", "out.png", *SAME, *arguments)
    assert (result.code, result.err) == (2, f"striate: {message}\n")


def test_a_dtype_that_keeps_numbers_says_so(striate, tmp_path):
    write(tmp_path / "dark.tif", ramp("float32", 1))
    assert striate("filter", "dark.tif", "out.png", *SAME, "--dtype", "uint8").err == (
        "striate: dark.tif: numbers of float32 are kept in uint8, where white is 255 and not 1; "
        "add --scale to scale them\n"
    )
    assert striate("filter", "dark.tif", "out.tif", *SAME, "--dtype", "float64").err == ""


def test_numbers_beyond_white_are_told_of(striate, tmp_path):
    image = np.full((20, 30), 250, np.uint8)
    image[:, 15:] = 255  # half of it is white, which is told of no more
    write(tmp_path / "bright.png", image)
    assert striate("filter", "bright.png", "out.png", *SAME).err == ""
    options = ("convolve", "--kernel", "1.1")
    assert striate("filter", "bright.png", "out.png", *options).err == (
        "striate: bright.png: more than 1 % of its numbers were beyond uint8 and became 255; "
        "--dtype float32 keeps them in a TIFF file\n"
    )


def test_formats_for_what_a_format_cannot_hold(striate, tmp_path):
    write(tmp_path / "clear.png", np.zeros((4, 5, 4), np.uint8))
    write(tmp_path / "many.tif", np.zeros((4, 5, 6), np.uint8))
    assert striate("filter", "clear.png", "out.jpg", *SAME).err == (
        "striate: out.jpg: JPEG cannot hold 4 channels of uint8; choose PNG or WEBP or TIFF\n"
    )
    assert striate("filter", "many.tif", "out.png", *SAME).err == (
        "striate: out.png: PNG cannot hold 6 channels of uint8; choose TIFF\n"
    )
    assert striate("filter", "many.tif", "out.tif", *SAME).code == 0
    assert read("out.tif").shape == (4, 5, 6)


def test_frames_and_the_shape_that_is_written(striate, tmp_path):
    clear = np.full((12, 10, 4), 255, np.uint8)
    frames = [Image.fromarray(clear // n) for n in (1, 2)]
    frames[0].save(tmp_path / "anim.webp", save_all=True, append_images=frames[1:], lossless=True)
    write(tmp_path / "grey.png", np.zeros((12, 10), np.uint8))
    result = striate("filter", "anim.webp", "grey.png", "out", *SAME, "--format", "webp", "--json")
    said = json.loads(result.out)
    for written in said["written"]:
        assert tuple(written["shape"]) == read(written["output"]).shape == (12, 10, 3)
    assert said["notices"] == [
        "anim.webp: the first of its 2 pages or frames was filtered; the others are left out"
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX system")
def test_pipes_are_told_of(striate, photo, tmp_path):
    (tmp_path / "in").mkdir()
    write(tmp_path / "in/a.png", photo)
    os.mkfifo(tmp_path / "in/pipe.png")
    told = "in/pipe.png: a pipe, socket or device, which is skipped"
    result = striate("filter", "in", "out", *SAME)
    assert (result.code, result.err) == (0, f"striate: {told}\n")
    assert json.loads(striate("filter", "in", "out", *SAME, "-n", "--json").out)["notices"] == [
        told
    ]
    assert striate("filter", "in/pipe.png", "out.png", *SAME).err == (
        "striate: in/pipe.png: a pipe, socket or device; "
        "store the image in a file and filter that\n"
    )


def test_what_fails_alike_is_one_line(striate, photo, tmp_path):
    (tmp_path / "in").mkdir()
    for index in range(7):
        Path("in", f"{index}.png").write_text("no image")
    result = striate("filter", "in", "photo.png", "out", *SAME)
    assert result.err == (
        "striate: 7 of 8 files failed (--json lists each):\n"
        f"  7 files, the first {Path('in/0.png')}: not an image that striate reads; "
        "it reads PNG, JPEG, WebP, TIFF and BMP\n"
    )
    result = striate("filter", "in", "photo.png", "out", *SAME, "--json")
    assert len(json.loads(result.out)["failed"]) == 7


@pytest.mark.parametrize(
    ("arguments", "apply", "positive"),
    [
        (["sobel", "--axis", "1"], lambda x: filters.sobel(x, axis=1, dtype=np.float64), 4),
        (["laplacian"], lambda x: filters.laplacian(x, dtype=np.float64), 4),
        (
            ["kv"],
            lambda x: filters.correlate(x, filters.kernels.kv(), dtype=np.float64),
            filters.kernels.kv()[filters.kernels.kv() > 0].sum(),
        ),
    ],
)
def test_signs_are_shown_around_the_middle_grey(striate, tmp_path, arguments, apply, positive):
    image = np.random.default_rng(0).integers(0, 256, (20, 30), dtype=np.uint8)
    write(tmp_path / "grey.png", image)
    result = striate("filter", "grey.png", "out.png", *arguments, "--signed")
    assert (result.code, result.err) == (0, "")
    expected = 127.5 + apply(image) / (2 * positive)
    assert np.abs(read("out.png") - expected).max() <= 0.51
    assert (read("out.png") < 120).any()
    more = ("--signed", "--dtype", "float32")
    assert striate("filter", "grey.png", "out.tif", *arguments, *more).err == ""
    np.testing.assert_allclose(read("out.tif"), expected / 255, atol=1e-6)


def test_signs_of_transparent_and_of_large_images(striate, tmp_path, monkeypatch):
    image = np.random.default_rng(0).integers(0, 256, (90, 40, 4), dtype=np.uint8)
    write(tmp_path / "clear.tif", image)
    results = []
    for limit in (0, 2**27):
        monkeypatch.setattr(_filter_large, "AT_ONCE", limit)
        options = ("gabor", "--wavelength", "6", "--phase", "-90", "--signed")
        assert striate("filter", "clear.tif", "out.tif", *options).err == ""
        results.append(read("out.tif"))
    np.testing.assert_array_equal(*results)
    np.testing.assert_array_equal(results[0][..., 3], image[..., 3])
    assert abs(results[0][..., :3].mean() - 127.5) < 2


@pytest.mark.parametrize(
    "arguments", [["sobel"], ["median"], ["gaussian", "--sigma", "1"], ["sharpen"], ["emboss"]]
)
def test_filters_without_signs(striate, photo, arguments):
    result = striate("filter", "photo.png", "out.png", *arguments, "--signed")
    assert (result.code, result.err) == (
        2,
        f"striate: --signed is for filters whose weights add up to 0, and {arguments[0]} is none "
        "with these options; leave it out, or give sobel, scharr and prewitt an --axis, roberts a "
        "--diagonal\n",
    )


def test_signs_are_not_of_light(striate, photo):
    result = striate("filter", "photo.png", "out.png", "laplacian", "--signed", "--linear-light")
    assert (result.code, result.err) == (
        2,
        "striate: --signed shows differences of levels, not of light; leave one out\n",
    )
