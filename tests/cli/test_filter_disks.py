"""Disks that are full, limits of files, and output that nobody can take."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from striate import filters
from striate.filters.files import read, write


@pytest.fixture
def small_and_large(tmp_path):
    """Write noise into a folder `in`: files of about 60 kB and 3 MB as PNG."""
    generator = np.random.default_rng(4)
    (tmp_path / "in").mkdir()
    for index, side in enumerate((140, 1000, 140, 1000, 140)):
        image = generator.integers(0, 256, (side, side, 3), dtype=np.uint8)
        write(tmp_path / "in" / f"{index}.png", image)


def check_the_small_ones(result, tmp_path, reason):
    """Check that the large files failed for a reason and left nothing, and others are right."""
    failed = [f"  out/{n}.png: cannot be written ({reason}); check that its folder may be written "
              "and has room" for n in (1, 3)]  # fmt: skip
    assert result.stderr.decode().splitlines()[:3] == ["striate: 2 of 5 files failed:", *failed]
    assert (result.returncode, result.stdout.split()) == (
        1,
        [b"out/0.png", b"out/2.png", b"out/4.png"],
    )
    found = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert found == [".striate-filter.jsonl", "0.png", "2.png", "4.png"]
    for name in found[1:]:
        whole = filters.median(read(tmp_path / "in" / name))
        np.testing.assert_array_equal(read(tmp_path / "out" / name), whole)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX system")
def test_results_beyond_the_limit_of_a_file(small_and_large, tmp_path, elsewhere):
    import resource

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))

    result = elsewhere("in", "out", "median", preexec_fn=limit)
    check_the_small_ones(result, tmp_path, "File too large")


@pytest.fixture
def small_disk(tmp_path):
    """Mount a disk of 1 MB as the folder `out`."""
    (tmp_path / "out").mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", tmp_path / "out"]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("may not mount a disk")
    yield
    subprocess.run(["umount", tmp_path / "out"], check=True)


def test_a_full_disk(small_and_large, small_disk, tmp_path, elsewhere):
    result = elsewhere("in", "out", "median")
    check_the_small_ones(result, tmp_path, "No space left on device")
    more_room = ["mount", "-o", "remount,size=20m", tmp_path / "out"]
    subprocess.run(more_room, check=True)
    result = elsewhere("in", "out", "median", "--resume")
    assert (result.returncode, result.stdout.split()) == (0, [b"out/1.png", b"out/3.png"])
    for index in range(5):
        whole = filters.median(read(tmp_path / "in" / f"{index}.png"))
        np.testing.assert_array_equal(read(tmp_path / "out" / f"{index}.png"), whole)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="has no /dev/full")
def test_output_that_cannot_be_printed(photo, tmp_path):
    command = [sys.executable, "-m", "striate", "filter", "photo.png", "out.png", "sobel"]
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(
            command, cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (result.returncode, result.stderr) == (
        1,
        "striate: output cannot be written (No space left on device); make room or redirect it\n",
    )
    np.testing.assert_array_equal(read(tmp_path / "out.png"), filters.sobel(photo))
