"""Batches of CIFAR-10 packed as differences between pixels: 102 MB in place of 184 MB.

An xz stream of the labels, then of uint8 residuals of the shape (3, records, 32, 32): of the planes
green, red - green and blue - green, the differences along the rows, then along the columns, all
modulo 256.
"""

from __future__ import annotations

import lzma
from pathlib import Path

import numpy as np

from striate.errors import FileError

__all__ = ["restored"]

MOST_MEMORY = 2**28
"""Bytes that xz may take for its dictionary."""


def restored(place: Path, records: int) -> bytes:
    """Return the bytes of the original ``.bin`` file: labels and pixels, record by record.

    Parameters
    ----------
    place : Path
    records : int
        How many there must be.

    Raises
    ------
    FileError
        If the file is no xz stream, or not of that size when unpacked.
    """
    size = records * (1 + 3 * 1024)
    content = np.frombuffer(_unpacked(place, size), np.uint8)
    residuals = content[records:].reshape(3, records, 32, 32)
    planes = residuals.cumsum(axis=3, dtype=np.uint8).cumsum(axis=2, dtype=np.uint8)
    original = np.empty((records, 1 + 3 * 1024), np.uint8)
    original[:, 0] = content[:records]
    green, red, blue = planes.reshape(3, records, 1024)
    original[:, 1:1025] = red + green
    original[:, 1025:2049] = green
    original[:, 2049:] = blue + green
    return original.tobytes()


def _unpacked(place: Path, size: int) -> bytes:
    """Return the content of an xz stream, of which no more than one byte too many is unpacked."""
    unpacker = lzma.LZMADecompressor(lzma.FORMAT_XZ, MOST_MEMORY)
    try:
        content = unpacker.decompress(place.read_bytes(), size + 1)
        while len(content) <= size and not unpacker.eof and not unpacker.needs_input:
            content += unpacker.decompress(b"", size + 1 - len(content))
    except (OSError, lzma.LZMAError) as error:
        raise FileError(
            f"{place}: cannot be read or unpacked ({error}); put it there anew"
        ) from None
    if len(content) != size:
        found = f"{len(content)}" if len(content) < size else f"more than {size}"
        raise FileError(f"{place}: unpacks to {found} bytes, not {size}; put it there anew")
    return content
