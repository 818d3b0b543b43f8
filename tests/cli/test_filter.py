import json
import math
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from striate import cli, filters
from striate.cli import _batch
from striate.filters.files import read, write


@pytest.fixture
def striate(monkeypatch, capsys, tmp_path):
    """Run the command line in an empty folder: ``striate("filter", ...)``."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["striate", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_:
            cli.main()
        output = capsys.readouterr()
        return SimpleNamespace(code=exit_.value.code or 0, out=output.out, err=output.err)

    return run


def names_in(folder):
    return sorted(path.name for path in Path(folder).iterdir())


@pytest.fixture
def photo(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    write(tmp_path / "photo.png", image)
    return image


KERNEL = [[1, 0, -1], [2, 0, -2], [1, 0, -1]]


@pytest.mark.parametrize(
    ("arguments", "apply"),
    [
        (["box", "--size", "5"], lambda x: filters.box(x, 5)),
        (
            ["box", "--size", "3x4", "--border", "constant", "--cval", "9"],
            lambda x: filters.box(x, (3, 4), border="constant", cval=9),
        ),
        (["gaussian", "--sigma", "2"], lambda x: filters.gaussian(x, sigma=2)),
        (
            ["gaussian", "--sigma", "0.5x3", "--truncate", "2", "--border", "wrap"],
            lambda x: filters.gaussian(x, (0.5, 3), truncate=2, border="wrap"),
        ),
        (["sobel"], filters.sobel),
        (["sobel", "--axis", "0"], lambda x: filters.sobel(x, axis=0)),
        (
            ["convolve", "--kernel", "1 0 -1; 2 0 -2; 1 0 -1"],
            lambda x: filters.convolve(x, KERNEL),
        ),
        (["correlate", "--kernel", "-1 2/1, .5"], lambda x: filters.correlate(x, [-1, 2, 0.5])),
        (
            ["gaussian", "--sigma", "2", "--order", "0x1"],
            lambda x: filters.gaussian(x, 2, order=(0, 1)),
        ),
        (
            ["motion-blur", "--length", "9", "--angle", "30"],
            lambda x: filters.motion_blur(x, 9, angle=math.radians(30)),
        ),
        (["median"], filters.median),
        (["median", "--size", "5"], lambda x: filters.median(x, 5)),
        (["scharr", "--axis", "1"], lambda x: filters.scharr(x, 1)),
        (["prewitt"], filters.prewitt),
        (["roberts", "--diagonal", "1"], lambda x: filters.roberts(x, 1)),
        (
            ["steer", "--sigma", "1.5", "--angle", "45", "--order", "2"],
            lambda x: filters.steer(x, math.radians(45), 1.5, order=2),
        ),
        (["laplacian", "--neighbours", "8"], lambda x: filters.laplacian(x, neighbours=8)),
        (
            ["laplacian-of-gaussian", "--sigma", "2"],
            lambda x: filters.laplacian_of_gaussian(x, 2),
        ),
        (
            ["difference-of-gaussians", "--sigma", "1", "--wider", "3"],
            lambda x: filters.difference_of_gaussians(x, 1, 3),
        ),
        (
            ["gabor", "--wavelength", "6", "--angle", "90", "--phase", "-90"],
            lambda x: filters.gabor(x, 6, math.pi / 2, phase=-math.pi / 2),
        ),
        (["sharpen", "--amount", "0.5"], lambda x: filters.sharpen(x, 0.5)),
        (
            ["unsharp-mask", "--sigma", "2", "--amount", "0.7"],
            lambda x: filters.unsharp_mask(x, 2, 0.7),
        ),
        (["emboss", "--strength", "-1"], lambda x: filters.emboss(x, -1)),
        (["kv"], lambda x: filters.correlate(x, filters.kernels.kv())),
        (["ker-bohme"], lambda x: filters.correlate(x, filters.kernels.ker_bohme())),
        (
            ["spam", "--order", "2", "--direction", "down"],
            lambda x: filters.correlate(x, filters.kernels.spam(2, "down")),
        ),
        (["correlate", "--kernel", "kernel.txt"], lambda x: filters.correlate(x, KERNEL)),
        (["convolve", "--kernel", "kernel.npy"], lambda x: filters.convolve(x, KERNEL)),
    ],
)
def test_one_file(striate, photo, tmp_path, arguments, apply):
    (tmp_path / "kernel.txt").write_text("# Sobel\n1 0 -1\n2 0 -2\n1 0 -1\n")
    np.save(tmp_path / "kernel.npy", KERNEL)
    result = striate("filter", "photo.png", "out.tiff", *arguments)
    assert (result.code, result.out, result.err) == (0, "out.tiff\n", "")
    np.testing.assert_array_equal(read("out.tiff"), apply(photo))


def test_into_an_existing_folder_and_over_an_old_result(striate, photo, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "photo.png").write_bytes(b"old")
    result = striate("filter", "photo.png", "out", "sobel")
    assert (result.code, result.out) == (0, f"{Path('out/photo.png')}\n")
    np.testing.assert_array_equal(read("out/photo.png"), filters.sobel(photo))


def test_a_folder_and_a_file_into_a_new_folder(striate, photo, tmp_path):
    (tmp_path / "in").mkdir()
    for name in ("b.bmp", "a.PNG", "notes.txt", ".hidden.png"):
        (tmp_path / "in" / name).write_bytes(b"")
    write("in/a.PNG", photo)
    write("in/b.bmp", photo)
    result = striate("filter", "in", "photo.png", "deep/out", "box", "--size", "3", "--json")
    assert (result.code, result.err) == (0, "")
    printed = json.loads(result.out)
    assert printed["filter"] == "box"
    assert printed["failed"] == []
    names = [Path(file["output"]).name for file in printed["written"]]
    assert names == ["a.PNG", "b.bmp", "photo.png"]
    assert all(file["shape"] == [20, 30, 3] for file in printed["written"])
    assert all(file["dtype"] == "uint8" for file in printed["written"])
    assert (names_in("deep/out")) == names
    np.testing.assert_array_equal(read("deep/out/b.bmp"), filters.box(photo, 3))


@pytest.mark.parametrize("as_json", [False, True])
def test_a_bad_file_does_not_stop_the_others(striate, photo, tmp_path, as_json):
    (tmp_path / "bad.png").write_bytes(b"not a picture")
    options = ["--json"] if as_json else []
    result = striate("filter", "bad.png", "photo.png", "gone.png", "out", "sobel", *options)
    assert result.code == 1
    bad = "bad.png: not an image that striate reads; it reads PNG, JPEG, WebP, TIFF and BMP"
    gone = "gone.png: no such file; check the path"
    assert result.err == (
        f"striate: {bad}\nstriate: {gone}\nstriate: 2 of 3 files failed: bad.png, gone.png\n"
    )
    assert names_in("out") == ["photo.png"]
    written = str(Path("out/photo.png"))
    if as_json:
        printed = json.loads(result.out)
        assert [file["output"] for file in printed["written"]] == [written]
        assert printed["failed"] == [
            {"input": "bad.png", "error": bad},
            {"input": "gone.png", "error": gone},
        ]
    else:
        assert result.out == f"{written}\n"


def test_a_single_bad_file_is_one_line(striate, tmp_path):
    result = striate("filter", "gone.png", "out.png", "sobel")
    assert (result.code, result.out) == (1, "")
    assert result.err == "striate: gone.png: no such file; check the path\n"
    assert names_in(tmp_path) == []


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
            "box takes no --sigma; it takes --size, --border, --cval, --dtype",
        ),
        (
            ["photo.png", "out.png", "kv", "--order", "2"],
            "kv takes no --order; it takes --border, --cval, --dtype",
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
            "filter with dtype uint8, or choose another format",
        ),
        (
            ["photo.png", "out.tif", "sobel", "--dtype", "float32"],
            "out.tif: TIFF cannot hold float32 with 3 channels; it holds 1: "
            "filter with dtype uint8, or drop channels",
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
    assert names_in(tmp_path) == ["photo.png"]


def test_a_folder_that_cannot_be_created(striate, photo, tmp_path):
    write("second.png", photo)
    result = striate("filter", "photo.png", "second.png", "photo.png/out", "sobel")
    assert result.err == (
        f"striate: {Path('photo.png/out')}: not created (Not a directory); choose another folder\n"
    )
    assert (result.code, result.out) == (1, "")


def test_a_dtype_keeps_the_sign(striate, tmp_path):
    """`filters.sobel` itself is held to its definition elsewhere: here, to what arrives."""
    grey = np.random.default_rng(0).integers(0, 256, (12, 16), dtype=np.uint8)
    write(tmp_path / "grey.png", grey)
    options = ["sobel", "--axis", "1", "--dtype"]
    assert striate("filter", "grey.png", "slope.tiff", *options, "float32").code == 0
    slope = read("slope.tiff")
    assert slope.min() < 0
    np.testing.assert_array_equal(slope, filters.sobel(grey, axis=1, dtype=np.float32))
    assert striate("filter", "slope.tiff", "deep.png", "box", "--size", "1").err == (
        "striate: deep.png: PNG cannot hold float32; it holds uint8 or uint16: "
        "filter with dtype uint8, or choose another format\n"
    )
    options = ["box", "--size", "1", "--dtype", "uint8"]
    assert striate("filter", "slope.tiff", "flat.png", *options).code == 0
    np.testing.assert_array_equal(read("flat.png"), np.clip(slope, 0, 255).astype(np.uint8))


def test_alpha_stays_in_its_dtype(striate, tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (9, 9, 4), dtype=np.uint8)
    write(tmp_path / "clear.png", image)
    for name in (["box", "--size", "3"], ["sobel"]):
        striate("filter", "clear.png", "plain.png", *name)
        assert striate("filter", "clear.png", "same.png", *name, "--dtype", "uint8").code == 0
        np.testing.assert_array_equal(read("same.png"), read("plain.png"))
        assert striate("filter", "clear.png", "a.tif", *name, "--dtype", "float32").err == (
            "striate: --dtype is float32, but an image with alpha stays uint8; "
            "leave --dtype out or remove the alpha\n"
        )


def test_transparent_images(striate, tmp_path):
    image = np.zeros((9, 9, 4), dtype=np.uint8)
    image[2:7, 2:7] = (200, 100, 50, 255)
    write(tmp_path / "clear.png", image)
    assert striate("filter", "clear.png", "blurred.png", "gaussian", "--sigma", "1").code == 0
    blurred = read("blurred.png")
    visible = blurred[..., 3] > 0
    assert np.count_nonzero(visible) > 25
    assert (blurred[visible][:, :3] == (200, 100, 50)).all()
    assert striate("filter", "clear.png", "edges.png", "sobel").code == 0
    np.testing.assert_array_equal(read("edges.png")[..., 3], image[..., 3])
    np.testing.assert_array_equal(read("edges.png")[..., :3], filters.sobel(image[..., :3]))


def test_sharpening_takes_no_edge_from_what_is_transparent(striate, tmp_path):
    image = np.zeros((9, 9, 4), dtype=np.uint8)
    image[2:7, 2:7] = (200, 100, 50, 255)
    write(tmp_path / "clear.png", image)
    for name in (["sharpen"], ["unsharp-mask", "--sigma", "1"]):
        assert striate("filter", "clear.png", "sharp.png", *name).code == 0
        np.testing.assert_array_equal(read("sharp.png"), image)
    derivative = ["gaussian", "--sigma", "1", "--order", "0x1"]
    assert striate("filter", "clear.png", "slope.png", *derivative).code == 0
    np.testing.assert_array_equal(read("slope.png")[..., 3], image[..., 3])


def test_a_bar_on_a_terminal_after_a_second(striate, photo, monkeypatch):
    for name in ("a.png", "b.png"):
        write(name, photo)
    monkeypatch.setattr(_batch, "PATIENCE", -1)
    silent = striate("filter", "a.png", "b.png", "out", "sobel")
    assert silent.err == ""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    shown = striate("filter", "a.png", "b.png", "out", "sobel")
    assert "2/2" in shown.err
    assert shown.out == silent.out


def test_the_command_itself_loads_no_compiler():
    code = "import sys, striate.cli.filter; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
