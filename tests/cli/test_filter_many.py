"""Files, folders and patterns into a folder: what goes where, and what is said of it."""

import contextlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from striate import filters
from striate.cli import _batch
from striate.filters.files import read, write

SUFFIXES = ".png, .jpg, .jpeg, .webp, .tif, .tiff, .bmp"


@pytest.fixture
def tree(photo, tmp_path):
    """Write a folder `in` with images in folders, and with what is none of them."""
    for name in ("a.png", "b.bmp", "deep/c.png", "deep/er/d.PNG", "deep/.hidden/e.png", ".f.png"):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((tmp_path / "photo.png").read_bytes())
    (tmp_path / "in" / "notes.txt").write_text("no image")


def below(folder):
    """Return the files below a folder that are not hidden."""
    paths = sorted(path for path in Path(folder).rglob("*") if path.is_file())
    return [path.relative_to(folder).as_posix() for path in paths if path.name[0] != "."]


@pytest.mark.parametrize(
    ("inputs", "outputs"),
    [
        (["in"], ["a.png", "b.bmp"]),
        (["in", "-r"], ["a.png", "b.bmp", "deep/c.png", "deep/er/d.PNG"]),
        (["in/deep", "-r", "photo.png"], ["c.png", "er/d.PNG", "photo.png"]),
        (["in/*.png"], ["a.png"]),
        (["in/*"], ["a.png", "b.bmp"]),
        (["in/*/*.png"], ["deep/c.png"]),
        (["i?/**/*.[pP]*"], ["in/a.png", "in/deep/c.png", "in/deep/er/d.PNG"]),
        (["in/**"], ["a.png", "b.bmp", "deep/c.png", "deep/er/d.PNG"]),
        (["in/**/deep/**/*.PNG"], ["deep/er/d.PNG"]),
        (["in/deep/.h*/*"], [".hidden/e.png"]),
        (["in/a.png", "in/*.png", "in"], ["a.png", "b.bmp"]),
        (["**/a.png", "photo.png"], ["in/a.png", "photo.png"]),
    ],
)
def test_what_goes_where(striate, tree, tmp_path, inputs, outputs):
    result = striate("filter", *inputs, "out", "sobel")
    assert (result.code, result.err) == (0, "")
    assert sorted(result.out.split()) == sorted(str(Path("out") / name) for name in outputs)
    assert all((tmp_path / "out" / name).is_file() for name in outputs)


def test_a_name_with_the_signs_of_a_pattern_is_that_name(striate, photo, tmp_path):
    name = "[a]*?.png" if os.name == "posix" else "[a].png"
    (tmp_path / "photo.png").rename(tmp_path / name)
    write("a.png", photo)
    assert striate("filter", name, "out", "sobel").code == 1  # `out` is no name of a file
    assert striate("filter", name, "photo.png", "sobel").out == "photo.png\n"
    (tmp_path / "out").mkdir()
    assert striate("filter", name, "out", "sobel").out == f"{Path('out') / name}\n"


def test_pixels_are_those_of_the_function_however_many_at_a_time(striate, tmp_path):
    generator = np.random.default_rng(1)
    images = {
        f"{index}.png": generator.integers(0, 256, (40 + index, 50, 3), dtype=np.uint8)
        for index in range(7)
    }
    (tmp_path / "in").mkdir()
    for name, image in images.items():
        write(tmp_path / "in" / name, image)
    for jobs in (1, 2, 5, 100):
        out = f"out{jobs}"
        assert striate("filter", "in", out, "gaussian", "--sigma", "2", "-j", jobs).code == 0
        for name, image in images.items():
            np.testing.assert_array_equal(read(f"{out}/{name}"), filters.gaussian(image, 2))


def test_a_folder_for_results_in_the_folder_of_inputs(striate, tree):
    for _ in range(2):
        assert striate("filter", "in", "in/deep/out", "sobel", "-r").code == 0
        assert below("in/deep/out") == ["a.png", "b.bmp", "deep/c.png", "deep/er/d.PNG"]


def test_another_format(striate, tree, photo):
    assert striate("filter", "in", "out", "sobel", "-r", "--format", "tiff").code == 0
    assert below("out") == ["a.tiff", "b.tiff", "deep/c.tiff", "deep/er/d.tiff"]
    np.testing.assert_array_equal(read("out/deep/er/d.tiff"), filters.sobel(photo))


def test_an_input_without_a_suffix_takes_that_of_the_format(striate, photo, tmp_path):
    for name in ("scan.001", "scan.002"):
        (tmp_path / name).write_bytes((tmp_path / "photo.png").read_bytes())
    assert striate("filter", "scan.001", "scan.002", "out", "sobel", "--format", "webp").code == 0
    assert below("out") == ["scan.001.webp", "scan.002.webp"]


def test_quality_goes_to_the_formats_that_have_one(striate, photo, tmp_path):
    write("photo.jpg", np.tile(photo, (4, 4, 1)))
    for quality in (10, 90):
        out, options = f"out{quality}", ["box", "--size", "1", "--quality", quality]
        assert striate("filter", "photo.jpg", "photo.png", out, *options).code == 0
    coarse, fine = (Path(f"out{quality}/photo.jpg").stat().st_size for quality in (10, 90))
    assert coarse < fine / 2
    np.testing.assert_array_equal(read("out10/photo.png"), photo)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["in/deep/er/*.gif", "out"], f"'in/deep/er/*.gif' matches no image file; check the "
         f"pattern: striate reads files that end in {SUFFIXES}"),
        (["none/**/*.png", "out"], f"{str(Path('none/**/*.png'))!r} matches no image file; "
         f"check the pattern: striate reads files that end in {SUFFIXES}"),
        (["outer", "out"], f"outer holds no image file; add --recursive, or: striate reads files "
         f"that end in {SUFFIXES}"),
        (["in", "out.png"], "out.png is named as a file is; several results need a folder"),
        (["in", "photo.png"], "photo.png is a file; several results need a folder"),
        (["in", "in"], f"{Path('in/a.png')} is an input and would be lost; choose another output"),
        (["in/b.bmp", "photo.png", "in/b.png", "out", "--format", "png"],
         f"{Path('in/b.bmp')} and {Path('in/b.png')} would both become {Path('out/b.png')}; "
         "filter them apart"),
        (["photo.png", "other/PHOTO.png", "out"],
         f"photo.png and {Path('other/PHOTO.png')} would both become {Path('out/PHOTO.png')} "
         f"where {Path('out/photo.png')} and {Path('out/PHOTO.png')} are one file; "
         "filter them apart"),
        (["in", "out", "--format", "gif"],
         "--format is 'gif'; it must be one of png, jpeg, webp, tiff, bmp"),
        (["photo.png", "out.png", "--format", "png"],
         "--format is png, but out.png names its own; leave one out"),
        (["in", "out", "--quality", "0"], "--quality is 0; it must be from 1 to 100"),
        (["in", "out", "--quality", "80"],
         "--quality is 80, but no result is a JPEG or WebP file; "
         "add --format jpeg or leave --quality out"),
        (["in", "out", "--jobs", "0"], "--jobs is 0; it must be at least 1"),
        (["photo.png", "out.png", "--resume"],
         "--resume is for results in a folder, but out.png is one file"),
    ],
)  # fmt: skip
def test_refusals_before_anything_is_written(striate, tree, tmp_path, arguments, message):
    for name in ("other/PHOTO.png", "outer/in/photo.png", "in/b.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    before = sorted(tmp_path.rglob("*"))
    result = striate("filter", *arguments, "sobel")
    assert result.err == f"striate: {message}\n"
    assert (result.code, result.out) == (2, "")
    assert sorted(tmp_path.rglob("*")) == before


def test_json(striate, photo, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"not a picture")
    result = striate("filter", "photo.png", "bad.png", "out", "sobel", "--json")
    assert result.code == 1
    assert json.loads(result.out) == {
        "filter": "sobel",
        "written": [
            {
                "input": "photo.png",
                "output": str(Path("out/photo.png")),
                "shape": [20, 30, 3],
                "dtype": "uint8",
            }
        ],
        "skipped": [],
        "failed": [
            {
                "input": "bad.png",
                "error": "bad.png: not an image that striate reads; "
                "it reads PNG, JPEG, WebP, TIFF and BMP",
            }
        ],
        "notices": [],
        "left": 0,
    }


def test_a_dry_run_writes_nothing(striate, tree, tmp_path):
    before = sorted(tmp_path.rglob("*"))
    result = striate("filter", "in", "photo.png", "out", "sobel", "-r", "--dry-run")
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines()[1:3] == [
        f"{Path('in/b.bmp')} -> {Path('out/b.bmp')}",
        f"{Path('in/deep/c.png')} -> {Path('out/deep/c.png')}",
    ]
    printed = json.loads(striate("filter", "in", "out", "sobel", "-n", "--json").out)
    files = [
        {"input": str(Path("in") / name), "output": str(Path("out") / name)}
        for name in ("a.png", "b.bmp")
    ]
    assert printed == {
        "filter": "sobel",
        "planned": files,
        "skipped": [],
        "failed": [],
        "notices": [],
    }
    assert sorted(tmp_path.rglob("*")) == before


def test_a_bar_on_a_terminal_after_a_second(striate, photo, monkeypatch):
    for name in ("a.png", "b.png"):
        write(name, photo)
    Path("c.png").write_bytes(b"not a picture")
    monkeypatch.setattr(_batch, "PATIENCE", -1)
    arguments = ("filter", "a.png", "b.png", "c.png", "out", "sobel")
    silent = striate(*arguments)
    assert silent.err.startswith("striate: 1 of 3 files failed:\n  c.png: ")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("COLUMNS", "80")
    shown = striate(*arguments)
    assert "3 of 3 files, 1 failed, " in shown.err
    assert " megapixels/s" in shown.err
    assert shown.out == silent.out


@pytest.mark.skipif(sys.platform == "win32", reason="has no pseudoterminals")
def test_a_summary_on_a_terminal(photo, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"not a picture")
    terminal, end = os.openpty()
    command = [sys.executable, "-m", "striate", "filter", "photo.png", "bad.png", "out", "sobel"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=end, stderr=end)
    os.close(end)
    shown = b""
    with contextlib.suppress(OSError):  # Linux says so where the other end was closed
        while chunk := os.read(terminal, 4096):
            shown += chunk
    os.close(terminal)
    assert process.wait() == 1
    lines = shown.decode().splitlines()
    first, *failed = [line for line in lines if not line.startswith("striate: compiling")]
    assert re.fullmatch(
        r"striate: 1 file written, 1 failed in \d+\.\d s, \d+\.\d megapixels/s", first
    )
    assert failed[0] == "striate: 1 of 2 files failed:"
    assert failed[1].startswith("  bad.png: not an image")
