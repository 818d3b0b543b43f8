"""What the header of a Zarr array says of its chunks, looked at before a library trusts it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, TypeGuard

from striate.errors import FileError, one_line
from striate.filters.large.sizes import sized

__all__ = ["HEADERS", "check_header"]

HEADERS = ("zarr.json", ".zarray")  # of formats 3 and 2
LONGEST = 2**24  # bytes of a header
LARGEST = 2**31  # numbers in a chunk
SMALL = 256  # numbers in a chunk: of smaller ones there may be few
FEW, MANY = 2**16, 2**24  # chunks of an array


def check_header(place: Path) -> None:
    """Refuse an array whose chunks cannot be, or are too large or too many to be read.

    Headers that say nothing of chunks, and those of groups, are left to the library.

    Raises
    ------
    FileError
        The header cannot be read, or its chunks are refused.
    """
    for path in (place / name for name in HEADERS):
        if path.is_file():
            header = read_header(path)
            shape = header.get("shape")
            if is_sizes(shape):
                check_chunks(place, tuple(shape), chunks_of(header))
            return


def read_header(path: Path) -> dict[str, Any]:
    """Return a header's content."""
    try:
        with path.open("rb") as file:
            text = file.read(LONGEST + 1)
        header = json.loads(text) if len(text) <= LONGEST else None
    except (OSError, ValueError, RecursionError) as error:
        raise FileError(
            f"{path}: no header of a Zarr array ({one_line(error)}); get a whole copy"
        ) from None
    if len(text) > LONGEST:
        raise FileError(f"{path}: more than {sized(LONGEST)} of header; check the file")
    if not isinstance(header, dict):
        raise FileError(f"{path}: no header of a Zarr array; get a whole copy")
    return header


def chunks_of(header: dict[str, Any]) -> list[tuple[int, ...]]:
    """Return the sizes of chunks, and those of the chunks in them where they are shards."""
    found = [header.get("chunks")]
    grid = header.get("chunk_grid")
    codecs = header.get("codecs")
    for part in (grid, *(codecs if isinstance(codecs, list) else ())):
        options = part.get("configuration") if isinstance(part, dict) else None
        found.append(options.get("chunk_shape") if isinstance(options, dict) else None)
    return [tuple(sizes) for sizes in found if is_sizes(sizes)]


def is_sizes(value: object) -> TypeGuard[list[int]]:
    """Whether a value is a list of whole numbers."""
    return isinstance(value, list) and all(type(one) is int for one in value)


def check_chunks(place: Path, shape: tuple[int, ...], grids: list[tuple[int, ...]]) -> None:
    """Refuse what cannot be read; `grids` begins with what a file holds."""
    for chunk in grids:
        sizes = written(chunk)
        if min(chunk, default=1) < 1:
            raise FileError(
                f"{place}: chunks of {sizes}; each side must be at least 1: write the array again"
            )
        if math.prod(chunk) > LARGEST:
            raise FileError(
                f"{place}: chunks of {sizes}, which is more than {LARGEST} numbers each; "
                f"store it in smaller chunks, as 512 x 512"
            )
        count = math.prod(-(-size // side) for size, side in zip(shape, chunk, strict=False))
        most = FEW if math.prod(chunk) < SMALL else MANY
        if count > most:
            raise FileError(
                f"{place}: {count} chunks of {sizes}; of this size there may be {most}: "
                f"store it in larger chunks, as 512 x 512"
            )


def written(sizes: tuple[int, ...]) -> str:
    """Return sizes as people write them."""
    return " x ".join(map(str, sizes))
