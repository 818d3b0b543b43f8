"""What can go wrong with files, folders and names while many are filtered."""

import ctypes
import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from striate import filters
from striate.filters.files import read, write

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX system")
NO_IMAGE = "not an image that striate reads; it reads PNG, JPEG, WebP, TIFF and BMP"


def failures(result):
    """Return what the JSON of a run says of files that failed."""
    return {failed["input"]: failed["error"] for failed in json.loads(result.out)["failed"]}


def test_files_that_are_no_images_or_half_of_one(striate, photo, tmp_path):
    (tmp_path / "in").mkdir()
    for suffix in ("png", "jpg", "webp", "tif", "bmp"):
        write(tmp_path / "in" / f"whole.{suffix}", photo)
        data = (tmp_path / "in" / f"whole.{suffix}").read_bytes()
        (tmp_path / "in" / f"half.{suffix}").write_bytes(data[: len(data) // 2])
    (tmp_path / "in" / "empty.png").write_bytes(b"")
    (tmp_path / "in" / "text.jpg").write_text("no image")
    result = striate("filter", "in", "out", "sobel", "--json")
    assert result.code == 1
    failed = failures(result)
    bad = ["empty.png", "half.bmp", "half.jpg", "half.png", "half.tif", "half.webp", "text.jpg"]
    assert list(failed) == [str(Path("in", name)) for name in bad]
    assert all(error.startswith(f"{path}: ") for path, error in failed.items())
    assert failed[str(Path("in/empty.png"))] == f"{Path('in/empty.png')}: {NO_IMAGE}"
    whole = sorted(path.name for path in Path("out").iterdir())
    assert whole == [".striate-filter.jsonl", *(f"whole.{s}" for s in sorted(
        ("png", "jpg", "webp", "tif", "bmp")
    ))]  # fmt: skip
    assert result.err.splitlines() == [
        "striate: 7 of 12 files failed:", *(f"  {error}" for error in failed.values())
    ]  # fmt: skip


def test_an_image_that_the_filter_refuses_is_named(striate, photo, tmp_path):
    write("nan.tif", np.full((4, 4), np.nan, dtype=np.float32))
    result = striate("filter", "nan.tif", "photo.png", "out", "sobel", "--dtype", "uint8")
    assert result.err.splitlines()[1].startswith("  nan.tif: sobel: image holds NaN or infinity")
    assert (result.code, result.out) == (1, f"{Path('out/photo.png')}\n")


def test_what_nobody_foresaw_stops_no_other_file(striate, photo, tmp_path, monkeypatch):
    write("small.png", photo[:5])
    sobel = filters.sobel
    for error, text in [
        (RuntimeError("a bug\nin two lines"), "small.png: RuntimeError: a bug in two lines"),
        (
            MemoryError(),
            "small.png: not enough memory for 5 x 30 x 3 numbers of uint8; "
            "filter fewer files at a time with --jobs 1",
        ),
    ]:

        def surprising(image, error=error, **options):
            if len(image) == 5:
                raise error
            return sobel(image, **options)

        monkeypatch.setattr(filters, "sobel", surprising)
        result = striate("filter", "small.png", "photo.png", "out", "sobel")
        assert result.err == f"striate: 1 of 2 files failed:\n  {text}\n"
        assert (result.code, result.out) == (1, f"{Path('out/photo.png')}\n")


@posix
def test_links(striate, photo, tmp_path):
    (tmp_path / "in/folder").mkdir(parents=True)
    write("in/folder/a.png", photo)
    Path("in/link.png").symlink_to("folder/a.png")
    Path("in/dangling.png").symlink_to("gone.png")
    Path("in/circle.png").symlink_to("circle.png")
    Path("in/folder/up").symlink_to("..")
    Path("in/beside").symlink_to("folder")
    os.mkfifo("in/pipe.png")
    result = striate("filter", "in", "out", "sobel", "-r", "--json")
    assert failures(result) == {
        "in/circle.png": "in/circle.png: cannot be read (Too many levels of symbolic links); "
        "check the path",
        "in/dangling.png": "in/dangling.png: a link to gone.png, which does not exist; "
        "mend the link",
    }
    assert [file["output"] for file in json.loads(result.out)["written"]] == [
        "out/folder/a.png",
        "out/link.png",
    ]
    # A link is followed where it is named, or where a part of a pattern is its name.
    assert striate("filter", "in/beside", "out", "box", "--size", "1").out == "out/a.png\n"
    assert striate("filter", "in/b*/*.png", "out", "kv").out == "out/beside/a.png\n"


@posix
def test_results_are_written_through_no_link_to_an_input(striate, photo, tmp_path):
    (tmp_path / "out").mkdir()
    Path("out/photo.png").symlink_to("../photo.png")
    assert striate("filter", "photo.png", "out", "sobel").err == (
        "striate: out/photo.png is an input and would be lost; choose another output\n"
    )


@posix
def test_odd_names(photo, tmp_path, elsewhere):
    names = [
        os.fsdecode(name)
        for name in (
            b"\x1b[31m.png",
            b" .png",
            b"-x.png",
            b"a\nb.png",
            b"\xff.png",
            b"\xc3\xbc.png",
        )
    ]
    (tmp_path / "in").mkdir()
    for name in names:
        write(tmp_path / "in" / name, photo)
    (tmp_path / "in" / "bad.png").symlink_to("gone\n\x1b[31m")
    result = elsewhere("in", "out", "sobel")
    printed = [os.fsencode(f"out/{name}") for name in sorted(names)]
    assert (result.returncode, result.stdout) == (1, b"\n".join([*printed, b""]))
    assert result.stderr.decode("ascii").splitlines() == [
        "striate: 1 of 7 files failed:",
        "  in/bad.png: a link to gone\\n\\x1b[31m, which does not exist; mend the link",
    ]
    result = elsewhere("in", "out", "sobel", "--resume", "--json")
    skipped = json.loads(result.stdout)["skipped"]
    assert [os.fsencode(file["output"]) for file in skipped] == printed


@posix
def test_a_folder_in_the_place_of_a_result_and_a_file_in_that_of_a_folder(striate, photo, tmp_path):
    for name in ("in/a/x.png", "in/b/y.png", "in/c/z.png"):
        Path(name).parent.mkdir(parents=True)
        write(name, photo)
    (tmp_path / "out/a/x.png").mkdir(parents=True)
    (tmp_path / "out/b").write_bytes(b"a file")
    result = striate("filter", "in", "out", "sobel", "-r", "--json")
    assert failures(result) == {
        "in/b/y.png": "out/b/y.png: its folder cannot be created (File exists); "
        "choose another folder for the results",
        "in/a/x.png": "out/a/x.png: a folder; name a file in it",
    }
    np.testing.assert_array_equal(read("out/c/z.png"), filters.sobel(photo))


def test_folders_that_vanish(striate, photo, tmp_path, monkeypatch):
    """The results' folder, as the first file is filtered; the others say that it is gone."""
    (tmp_path / "in").mkdir()
    for name in ("a.png", "b.png"):
        write(tmp_path / "in" / name, photo)
    sobel = filters.sobel

    def vanishing(image, **options):
        if len(image) > 1 and Path("out").exists():
            Path("out").rename("elsewhere")
        return sobel(image, **options)

    monkeypatch.setattr(filters, "sobel", vanishing)
    result = striate("filter", "in", "out", "sobel", "--json", "-j", "1")
    assert failures(result) == {
        str(Path("in", name)): f"{Path('out', name)}: its folder does not exist; create out first"
        for name in ("a.png", "b.png")
    }


def without_the_rights_of_root():
    """Let permissions count for root too, in a process about to begin."""
    if os.getuid() == 0:
        libc = ctypes.CDLL(None, use_errno=True)
        drop_from_bounding_set, dac_override, dac_read_search = 24, 1, 2
        for capability in (dac_override, dac_read_search):
            if libc.prctl(drop_from_bounding_set, capability, 0, 0, 0):
                raise OSError(ctypes.get_errno(), "prctl")


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's capabilities")
def test_what_may_not_be_read_or_written(photo, tmp_path, elsewhere):
    for name in ("in/a.png", "in/open/b.png", "in/secret/c.png", "in/secret.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        write(tmp_path / name, photo)
    for name in ("in/secret", "in/secret.png"):
        (tmp_path / name).chmod(0)
    arguments = ("in", "out", "sobel", "-r")
    result = elsewhere(*arguments, preexec_fn=without_the_rights_of_root)
    assert result.stderr.decode() == (
        "striate: 2 of 4 files failed:\n  in/secret: the folder cannot be listed (Permission "
        "denied); check its permissions, or leave it out\n"
        "  in/secret.png: not readable; check its permissions\n"
    )
    assert (result.returncode, result.stdout) == (1, b"out/a.png\nout/open/b.png\n")

    for name in ("in/secret", "in/secret.png"):
        (tmp_path / name).chmod(0o755)
    (tmp_path / "out").chmod(0o555)
    result = elsewhere(*arguments, "--resume", preexec_fn=without_the_rights_of_root)
    assert result.stderr.decode() == (
        "striate: 2 of 4 files failed:\n"
        "  out/secret/c.png: its folder cannot be created (Permission denied); "
        "choose another folder for the results\n"
        "  out/secret.png: cannot be written (Permission denied); "
        "check that its folder may be written and has room\n"
    )
