"""Arrays kept on disk and mapped into memory, so that only what is looked at is read.

A folder of ``.npy`` files with an ``about.json`` that holds each one's SHA-256 and size. It is
written beside its place and renamed as a whole: it is there with all its arrays, or not at all.
"""

from __future__ import annotations

import ast
import hashlib
import json
import shutil
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap, read_magic
from numpy.typing import DTypeLike, NDArray

from striate.errors import FileError
from striate.ops._cache import users_cache_folder

__all__ = ["Allocate", "cache_folder", "digest", "is_kept", "kept_arrays"]

Allocate = Callable[[str, tuple[int, ...], DTypeLike], NDArray[Any]]
"""A function of (name, shape, element type) that returns an array to fill."""

Make = Callable[[Allocate], Mapping[str, int] | None]
"""What fills arrays; it may return how many rows of each are used, where not all are."""

FORMAT = 1
ABOUT = "about.json"
PIECE = 2**24  # bytes hashed at a time
DAY = 86_400  # seconds

_digests: dict[str, tuple[int, str]] = {}
"""Of each file that is mapped: its bytes of data and their SHA-256."""


def cache_folder() -> Path:
    """Return the folder that keeps data; ``STRIATE_CACHE`` names it, as it does for kernels."""
    try:
        return users_cache_folder()
    except RuntimeError:
        raise FileError(
            "data sets are kept in the user's cache folder, but this user has no home; "
            "set STRIATE_CACHE to a folder that may be written"
        ) from None


def kept_arrays(name: str, key: str, make: Make) -> dict[str, NDArray[Any]]:
    """Return arrays from the cache folder, read-only and mapped; make them if they are not there.

    Parameters
    ----------
    name : str
        For people who look into the folder.
    key : str
        What the arrays are made from, with everything that they depend on.
    make : function of an `Allocate`
        Called if they are not there: fills the arrays that it allocates, none of them empty. It
        may return how many rows are used, by the array's name; the rest is cut off.

    Raises
    ------
    FileError
        If they cannot be written.

    Examples
    --------
    >>> def make(allocate):
    ...     allocate("squares", (4,), np.int64)[:] = [0, 1, 4, 9]
    >>> kept_arrays("example", "squares of 0 to 3", make)["squares"]
    memmap([0, 1, 4, 9])
    """
    shown = "".join(c if c.isalnum() or c in "-_" else "-" for c in name)[:60]
    place = cache_folder() / "arrays" / f"{shown}-{_key(key)}"
    if (arrays := _opened(place)) is not None:
        return arrays
    beside = place.with_name(f".{place.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        beside.mkdir(parents=True)
        _sweep(place.parent)
        _make(beside, make)
        if (arrays := _opened(place)) is not None:  # another process was faster
            return arrays
        shutil.rmtree(place, ignore_errors=True)  # what is there is damaged
        _rename(beside, place)
    except FileError:
        raise
    except OSError as error:
        raise FileError(
            f"{place}: cannot be written ({error.strerror or error}); check that there is room, "
            "or set STRIATE_CACHE to another folder"
        ) from None
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    if (arrays := _opened(place)) is None:
        raise FileError(f"{place}: cannot be read back; set STRIATE_CACHE to another folder")
    return arrays


def digest(array: NDArray[Any]) -> str:
    """Return the SHA-256 of an array's shape, element type and numbers.

    Of an array that `kept_arrays` returned, what is written beside it is believed.

    Examples
    --------
    >>> digest(np.arange(3)) == digest(np.arange(3, dtype=np.int16))
    False
    """
    head = f"{array.shape} {array.dtype.str} ".encode()
    return hashlib.sha256(head + _content(array).encode()).hexdigest()


def is_kept(array: NDArray[Any]) -> bool:
    """Whether `kept_arrays` returned this array, which nobody has changed since it was written."""
    if isinstance(array, np.memmap) and array.flags.c_contiguous and not array.flags.writeable:
        return _digests.get(str(array.filename), (-1, ""))[0] == array.nbytes
    return False


def _content(array: NDArray[Any]) -> str:
    """Return the SHA-256 of an array's bytes."""
    if isinstance(array, np.memmap) and is_kept(array):
        return _digests[str(array.filename)][1]
    found = hashlib.sha256()
    step = max(1, PIECE // max(1, array[:1].nbytes)) if array.ndim else 1
    for i in range(0, len(array) if array.ndim else 0, step):
        found.update(np.ascontiguousarray(array[i : i + step]).data)
    return found.hexdigest()


def _key(key: str) -> str:
    return hashlib.sha256(f"{FORMAT} {key}".encode()).hexdigest()[:16]


def _make(folder: Path, make: Make) -> None:
    """Write the arrays, then what is to be known about them."""
    made: dict[str, np.memmap[Any, Any]] = {}

    def allocate(name: str, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        _require_room(folder, prod(shape) * np.dtype(dtype).itemsize)
        array = open_memmap(folder / f"{name}.npy", "w+", np.dtype(dtype), shape)
        made[name] = array
        return array

    used = make(allocate) or {}
    about = {}
    for name, array in made.items():
        path, rows = folder / f"{name}.npy", used.get(name, len(array))
        content = _content(array[:rows])
        array.flush()
        if rows < len(array):
            _cut(path, rows, array[:rows].nbytes)
        about[name] = {"sha256": content, "bytes": path.stat().st_size}
    (folder / ABOUT).write_text(json.dumps(about, indent=1))


def _sweep(folder: Path) -> None:
    """Remove what processes that were killed left half written, once it is a day old."""
    for left in folder.glob(".*.part"):
        with suppress(OSError):  # another process may remove it too
            if time.time() - left.stat().st_mtime > DAY:
                shutil.rmtree(left, ignore_errors=True)


def _require_room(folder: Path, size: int) -> None:
    """Raise unless the disk has room: to write beyond it into a map would end the process."""
    free = shutil.disk_usage(folder).free
    if size > free:
        raise FileError(
            f"{folder.parent}: {size} bytes are needed, but {free} are free; make room, or set "
            "STRIATE_CACHE to a folder on another disk"
        )


def _cut(path: Path, rows: int, size: int) -> None:
    """Cut an .npy file down to its first rows: the number in its header, and the end."""
    with path.open("r+b") as file:
        read_magic(file)
        length = int.from_bytes(file.read(2), "little")
        begin = file.tell()
        fields = ast.literal_eval(file.read(length).decode("latin1"))
        fields["shape"] = (rows, *fields["shape"][1:])
        file.seek(begin)
        file.write(repr(fields).encode("latin1").ljust(length - 1) + b"\n")
        file.truncate(begin + length + size)


def _rename(beside: Path, place: Path) -> None:
    """Rename a folder, unless another process was faster."""
    try:
        beside.rename(place)
    except OSError:
        if not (place / ABOUT).is_file():
            raise


def _opened(place: Path) -> dict[str, NDArray[Any]] | None:
    """Return the arrays of a folder, or None where one is missing or not as it was written."""
    try:
        about = json.loads((place / ABOUT).read_bytes())
        arrays = {}
        for name, known in about.items():
            path = place / f"{name}.npy"
            if path.stat().st_size != known["bytes"]:
                return None
            array = np.load(path, mmap_mode="r", allow_pickle=False)
            _digests[str(array.filename)] = (array.nbytes, str(known["sha256"]))
            arrays[name] = array
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None
    return arrays
