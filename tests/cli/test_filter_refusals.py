"""What ``striate filter`` refuses, in one line, before it writes anything."""

import os
from pathlib import Path

import numpy as np
import pytest

from striate.filters.files import write

SIGMA = "it must be a finite number above 0, or (rows, columns)"
ROWS = "write rows of equal length, as '1 0 -1; 2 0 -2; 1 0 -1'"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            [],
            "filter: 0 arguments are too few; give inputs, the output and the filter, "
            "as in: striate filter photo.jpg out.png gaussian --sigma 2",
        ),
        (
            ["photo.png", "sobel"],
            "filter: 2 arguments are too few; give inputs, the output and the filter, "
            "as in: striate filter photo.jpg out.png gaussian --sigma 2",
        ),
        (
            ["photo.png", "out.png", "gausian"],
            "no filter is called 'gausian'; did you mean gaussian?",
        ),
        (
            ["sobel", "photo.png", "out.png"],
            "no filter is called 'out.png'; known: box, convolve, correlate, "
            "difference-of-gaussians, emboss, gabor, gaussian, ker-bohme, kv, laplacian, "
            "laplacian-of-gaussian, median, motion-blur, prewitt, roberts, scharr, sharpen, "
            "sobel, spam, steer, unsharp-mask",
        ),
        (
            ["photo.png", "out.png", "gaussian"],
            "gaussian needs --sigma; see striate filter --help",
        ),
        (
            ["photo.png", "out.png", "gaussian", "--sigma", "nan"],
            f"gaussian: sigma is nan; {SIGMA}",
        ),
        (
            ["photo.png", "out.png", "gaussian", "--sigma", "1x-2"],
            f"gaussian: sigma is -2.0; {SIGMA}",
        ),
        (
            ["photo.png", "out.png", "gaussian", "--sigma", "two"],
            "--sigma is 'two'; it must be a number, or rows x columns as 3x5",
        ),
        (
            ["photo.png", "out.png", "gaussian", "--sigma", "1x2x3"],
            "--sigma is '1x2x3'; it must be a number, or rows x columns as 3x5",
        ),
        (
            ["photo.png", "out.png", "box", "--size", "0"],
            "box: size is 0; it must be an integer of at least 1, or (rows, columns)",
        ),
        (
            ["photo.png", "out.png", "box", "--size", "2.5"],
            "--size is '2.5'; it must be a whole number, or rows x columns as 3x5",
        ),
        (
            ["photo.png", "out.png", "box", "--size", "3", "--sigma", "2"],
            "box takes no --sigma; it takes --size, --border, --cval, --dtype, --scale, "
            "--signed, --linear-light",
        ),
        (
            ["photo.png", "out.png", "kv", "--order", "2"],
            "kv takes no --order; it takes --border, --cval, --dtype, --scale, --signed, "
            "--linear-light",
        ),
        (
            ["photo.png", "out.png", "steer", "--sigma", "2"],
            "steer needs --angle; see striate filter --help",
        ),
        (
            ["photo.png", "out.png", "spam", "--direction", "north"],
            "spam: direction is 'north'; it must be right, down-right, down, down-left, left, "
            "up-left, up or up-right",
        ),
        (
            ["photo.png", "out.png", "spam", "--order", "1x2"],
            "spam: order is '1x2'; it must be 1, 2 or 3",
        ),
        (
            ["photo.png", "out.png", "sobel", "--cval", "9"],
            "--cval is 9, but --border is reflect, which shows none of it; "
            "add --border constant or leave --cval out",
        ),
        (
            ["photo.png", "out.png", "sobel", "--dtype", "int"],
            "sobel: dtype is 'int'; a result can be uint8, uint16, int16, int32, float32 or "
            "float64",
        ),
        (
            ["photo.png", "out.png", "sobel", "--dtype", "int16"],
            "out.png: PNG cannot hold int16; it holds uint8 or uint16: "
            "add --dtype uint8 --scale, or choose another format",
        ),
        (
            ["photo.png", "out.jpg", "sobel", "--dtype", "float32"],
            "out.jpg: JPEG cannot hold float32; it holds uint8: "
            "add --dtype uint8 --scale, or choose another format",
        ),
        (
            ["photo.png", "out.png", "sobel", "--axis", "2"],
            "sobel: axis is 2; it must be 1 (along columns: vertical edges), "
            "0 (along rows: horizontal edges) or None (the magnitude)",
        ),
        (
            ["photo.png", "out.png", "sobel", "--border", "edge"],
            "sobel: border is 'edge'; it must be reflect, mirror, nearest, constant or wrap",
        ),
        (
            ["photo.png", "out.png", "convolve", "--kernel", "1 2; 3"],
            f"the kernel has rows of 1 and 2 weights; {ROWS}",
        ),
        (
            ["photo.png", "out.png", "convolve", "--kernel", "edge"],
            "the kernel holds 'edge'; its weights must be finite numbers or fractions, "
            "as '1 0 -1; 2 0 -2; 1 0 -1' or '1/3 1/3 1/3'",
        ),
        (
            ["photo.png", "out.png", "convolve", "--kernel", "empty.txt"],
            f"empty.txt: the kernel has no weight; {ROWS}",
        ),
        (
            ["photo.png", "out.png", "convolve", "--kernel", "cube.npy"],
            "convolve: kernel has shape (1, 1, 1); it must be (columns,) or (rows, columns)",
        ),
        (
            ["photo.png", "photo.png", "sobel"],
            "photo.png is an input and would be lost; choose another output",
        ),
        (
            ["photo.png", "link.png", "sobel"],
            "link.png is an input and would be lost; choose another output",
        ),
        (
            ["photo.png", "empty.txt", "empty.txt", "sobel"],
            "empty.txt is a file; several results need a folder",
        ),
        (
            ["folder", "out", "sobel"],
            "folder holds no image file; striate reads files that end in "
            ".png, .jpg, .jpeg, .webp, .tif, .tiff, .bmp",
        ),
        (
            ["photo.png", str(Path("folder/../photo.png")), "out", "sobel"],
            f"photo.png and {Path('folder/../photo.png')} would both become "
            f"{Path('out/photo.png')}; filter them apart",
        ),
    ],
)
def test_bad_usage_is_one_line_and_writes_nothing(striate, photo, tmp_path, arguments, message):
    (tmp_path / "empty.txt").write_text("\n")
    (tmp_path / "folder").mkdir()
    np.save(tmp_path / "cube.npy", np.ones((1, 1, 1)))
    os.link(tmp_path / "photo.png", tmp_path / "link.png")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    result = striate("filter", *arguments)
    assert result.err == f"striate: {message}\n"
    assert (result.code, result.out) == (2, "")
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["out.gif", "sobel"],
            "out.gif: .gif names no format that striate writes; "
            "end the name in .png, .jpg, .jpeg, .webp, .tif, .tiff, .bmp",
        ),
        (
            ["out", "sobel"],
            "out: its name has no suffix for a format that striate writes; "
            "end the name in .png, .jpg, .jpeg, .webp, .tif, .tiff, .bmp",
        ),
        (
            ["no/out.png", "sobel"],
            f"{Path('no/out.png')}: its folder does not exist; create no first",
        ),
        (
            ["out.png", "convolve", "--kernel", "gone.txt"],
            "gone.txt: no such kernel file; check the path",
        ),
        (
            ["out.png", "convolve", "--kernel", "photo.png"],
            "photo.png: no kernel can be read ('utf-8' codec can't decode byte 0x89 "
            "in position 0: invalid start byte); write rows of numbers",
        ),
    ],
)
def test_files_that_cannot_be(striate, photo, tmp_path, arguments, message):
    result = striate("filter", "photo.png", *arguments)
    assert result.err == f"striate: {message}\n"
    assert (result.code, result.out) == (1, "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photo.png"]


def test_a_folder_that_cannot_be_created(striate, photo, tmp_path):
    write("second.png", photo)
    result = striate("filter", "photo.png", "second.png", "photo.png/out", "sobel")
    assert result.err == (
        f"striate: {Path('photo.png/out')}: not created (Not a directory); choose another folder\n"
    )
    assert (result.code, result.out) == (1, "")
