"""Arrays in the cache folder: whole or not there, whoever writes them, and whenever it ends."""

import os
from pathlib import Path

import numpy as np
import pytest

from striate.errors import FileError
from striate.training.data import arrays
from striate.training.data.arrays import kept_arrays


def numbers(allocate):
    allocate("numbers", (5, 2), np.int16)[...] = np.arange(10).reshape(5, 2)


def test_they_are_mapped_and_read_only(cache):
    found = kept_arrays("a name / with: signs", "key", numbers)["numbers"]
    assert isinstance(found, np.memmap)
    assert not found.flags.writeable
    np.testing.assert_array_equal(found, np.arange(10).reshape(5, 2))
    (folder,) = (cache / "arrays").iterdir()
    assert folder.name.startswith("a-name---with--signs-")
    kept_arrays("a name / with: signs", "key", lambda allocate: pytest.fail("made again"))


def test_what_fails_leaves_nothing_behind(cache):
    def fails(allocate):
        numbers(allocate)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        kept_arrays("x", "key", fails)
    assert not list((cache / "arrays").iterdir())


@pytest.mark.parametrize("damage", ["about", "json", "header", "short", "missing", "list"])
def test_damaged_folders_are_made_anew(cache, damage):
    kept_arrays("x", "key", numbers)
    (folder,) = (cache / "arrays").iterdir()
    about, array = folder / "about.json", folder / "numbers.npy"
    if damage == "about":
        about.unlink()
    elif damage == "json":
        about.write_text("{")
    elif damage == "list":
        about.write_text("[1]")
    elif damage == "header":
        array.write_bytes(b"x" * array.stat().st_size)
    elif damage == "short":
        array.write_bytes(array.read_bytes()[:-1])
    else:
        array.unlink()
    found = kept_arrays("x", "key", numbers)["numbers"]
    np.testing.assert_array_equal(found, np.arange(10).reshape(5, 2))


def test_the_faster_process_wins(cache):
    def slower(allocate):
        faster = kept_arrays("x", "key", numbers)["numbers"]
        numbers(allocate)
        slower.inode = Path(faster.filename).stat().st_ino

    found = kept_arrays("x", "key", slower)["numbers"]
    assert Path(found.filename).stat().st_ino == slower.inode
    assert len(list((cache / "arrays").iterdir())) == 1


def test_what_a_killed_process_left_goes_after_a_day(cache):
    old, new = (cache / "arrays" / name for name in (".x-1.aa.part", ".x-2.bb.part"))
    for folder in (old, new):
        folder.mkdir(parents=True)
    os.utime(old, (1, 1))
    kept_arrays("x", "key", numbers)
    assert not old.exists()
    assert new.exists()


def test_a_disk_without_room_is_told_before_anything_is_written(cache, monkeypatch):
    free = arrays.shutil.disk_usage(cache.parent)._replace(free=19)
    monkeypatch.setattr(arrays.shutil, "disk_usage", lambda path: free)
    with pytest.raises(FileError) as error:
        kept_arrays("x", "key", numbers)
    assert str(error.value) == (
        f"{cache / 'arrays'}: 20 bytes are needed, but 19 are free; make room, or set "
        "STRIATE_CACHE to a folder on another disk"
    )


def test_a_cache_folder_that_cannot_be(cache):
    cache.write_bytes(b"a file")
    with pytest.raises(FileError) as error:
        kept_arrays("x", "key", numbers)
    place = str(error.value).partition(":")[0]
    assert Path(place).parent == cache / "arrays"
    assert str(error.value) == (
        f"{place}: cannot be written (Not a directory); check that there is room, or set "
        "STRIATE_CACHE to another folder"
    )


def test_a_user_without_a_home_is_told(monkeypatch):
    def homeless():
        raise RuntimeError("no home")

    monkeypatch.setattr(arrays, "users_cache_folder", homeless)
    with pytest.raises(FileError) as error:
        kept_arrays("x", "key", numbers)
    assert str(error.value) == (
        "data sets are kept in the user's cache folder, but this user has no home; "
        "set STRIATE_CACHE to a folder that may be written"
    )
