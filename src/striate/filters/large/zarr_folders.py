"""Zarr arrays in folders: read and written chunk by chunk."""

from __future__ import annotations

import asyncio
import math
import shutil
import time
import uuid
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import FileError, MissingExtraError, one_line
from striate.filters.large.layouts import Layout, Part, checked
from striate.filters.large.zarr_headers import HEADERS, check_header

if TYPE_CHECKING:
    import zarr

__all__ = ["ZarrSource", "replacing_array", "write_zarr", "zarr_layout"]

PATIENCE = 100  # times that the removal of a folder is tried
CHUNK = 512  # rows and columns of a chunk, where the source is not tiled
# What Zarr and its codecs raise on metadata and chunks that are not what they should be.
DAMAGE = (ValueError, RuntimeError, LookupError, TypeError, ArithmeticError, OSError)


def require_zarr() -> None:
    """Raise MissingExtraError unless Zarr arrays can be read and written here."""
    try:
        import zarr  # noqa: F401
    except ImportError:
        raise MissingExtraError.of("zarr", "large", "streaming Zarr arrays") from None


class ZarrSource:
    """A Zarr array, of format 2 or 3."""

    def __init__(self, place: Path) -> None:
        require_zarr()
        self.place = place
        self.array = open_array(place)
        shape = tuple(self.array.shape)
        dtype = checked(place, shape, np.dtype(self.array.dtype))
        chunk = self.array.shards or self.array.chunks
        extras = {"array": self.array}
        compressed = "deflate" if self.array.compressors else None
        self.layout = Layout(shape, dtype, (chunk[0], chunk[1]), True, compressed, extras)

    def read(self, rows: range, columns: range, out: NDArray[Any]) -> None:
        """Fill `out` with a part of the image."""
        try:
            place = slice(rows.start, rows.stop), slice(columns.start, columns.stop)
            out[...] = complete(self.array.async_array.getitem(place))
        except DAMAGE as error:
            raise FileError(
                f"{self.place}: a chunk in rows {rows.start} to {rows.stop - 1}, columns "
                f"{columns.start} to {columns.stop - 1} is damaged ({one_line(error)}); "
                f"get a whole copy"
            ) from None

    def close(self) -> None:
        """Nothing is held open."""


def complete(work: Coroutine[Any, Any, Any]) -> Any:
    """Return what Zarr's work on many chunks gives; once one chunk fails, nothing goes on.

    Zarr's own loop would leave the work on all the others behind.
    """
    with ThreadPoolExecutor(1, "striate-zarr") as thread:  # the caller's may have a loop already
        return thread.submit(asyncio.run, work).result()


def open_array(place: Path) -> zarr.Array[Any]:
    """Return the array in a folder."""
    import zarr

    if not place.exists():
        raise FileError(f"{place}: no such file; check the path")
    check_header(place)
    try:
        found = zarr.open(place, mode="r")
    except DAMAGE as error:
        raise FileError(f"{place}: no Zarr array ({one_line(error)}); check the folder") from None
    if not isinstance(found, zarr.Array):
        names = ", ".join(sorted(name for name, _ in found.arrays())) or "none"
        raise FileError(f"{place}: a group of Zarr arrays ({names}); name one of them")
    return found


def zarr_layout(layout: Layout) -> Layout:
    """Return how an image is laid out in a Zarr array: in the chunks it had."""
    down, across = layout.tile if layout.tiled else (CHUNK, CHUNK)
    tile = min(down, layout.shape[0]), min(across, layout.shape[1])
    return Layout(layout.shape, layout.dtype, tile, True, layout.compression, layout.extras)


def write_zarr(place: Path, layout: Layout, parts: Iterator[tuple[Part, NDArray[Any]]]) -> None:
    """Write an image that comes in parts, which hold whole chunks."""
    require_zarr()
    import zarr

    array = zarr.create_array(
        place,
        shape=layout.shape,
        dtype=layout.dtype,
        **stored_as(layout),
    )
    for (rows, columns), pixels in parts:
        where = slice(rows.start, rows.stop), slice(columns.start, columns.stop)
        complete(array.async_array.setitem(where, pixels))


def stored_as(layout: Layout) -> dict[str, Any]:
    """Return the settings of the source's array, or Zarr's own."""
    source = layout.extras.get("array")
    if source is None:
        numbers = math.prod(layout.shape[2:])
        chunk = (*layout.tile, numbers) if layout.channels else layout.tile
        return {"chunks": chunk, "compressors": "auto" if layout.compression else None}
    return {
        "chunks": source.chunks,
        "shards": source.shards,
        "compressors": source.compressors or None,
        "zarr_format": source.metadata.zarr_format,
        "attributes": dict(source.attrs),
        "dimension_names": getattr(source.metadata, "dimension_names", None),
    }


@contextmanager
def replacing_array(goal: Path) -> Iterator[Path]:
    """Yield the path of a folder beside `goal` to write to; it takes its place if all went well.

    An array that was there is kept until then. See `striate.files.replacing` for files.

    Raises
    ------
    FileError
        If the folder cannot be written, or what is there is no Zarr array.
    """
    there = goal.exists()
    if there and not any((goal / name).is_file() for name in HEADERS):
        raise FileError(f"{goal}: is there already, and no Zarr array; choose another name")
    if not goal.parent.is_dir():
        raise FileError(f"{goal}: its folder does not exist; create {goal.parent} first")
    beside, old = (goal.with_name(f".{goal.name}.{uuid.uuid4().hex[:8]}.part") for _ in range(2))
    try:
        try:
            yield beside
            if there:
                goal.rename(old)
            beside.rename(goal)
        finally:
            if old.exists() and not goal.exists():
                old.rename(goal)
            for folder in (beside, old):
                remove(folder)
    except FileError:
        raise
    except OSError as error:
        raise FileError(
            f"{goal}: cannot be written ({error.strerror or error}); "
            "check that its folder may be written and has room"
        ) from None


def remove(folder: Path) -> None:
    """Remove a folder; after a failure, Zarr's threads may write to it for some more moments."""
    for _ in range(PATIENCE):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.02)
