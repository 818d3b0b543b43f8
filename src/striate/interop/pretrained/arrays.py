"""Named arrays as bytes: NumPy's .npz, which needs NumPy alone to be read, and nothing that runs.

Of all that an .npz may hold, only this is read: float32 or float16 arrays, little-endian, row by
row, unpacked, whose claims are no longer than the bytes that are there.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from striate.errors import FileError

__all__ = ["packed", "unpacked"]

KINDS = ("<f4", "<f2")
SUFFIX = ".npy"
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The date of all parts: the same arrays give the same bytes."""


def packed(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Return float32 or float16 arrays as an .npz file: always the same bytes.

    Examples
    --------
    >>> arrays = {"bias": np.ones(2, np.float16)}
    >>> unpacked(packed(arrays), "ones.npz")["bias"]
    array([1., 1.], dtype=float32)
    """
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            part = io.BytesIO()
            kind = np.dtype(array.dtype).newbyteorder("<")
            little = np.ascontiguousarray(array, kind).reshape(np.shape(array))
            npy.write_array(part, little, version=(1, 0), allow_pickle=False)
            entry = zipfile.ZipInfo(name + SUFFIX, EPOCH)
            entry.create_system = 3  # whatever the system
            archive.writestr(entry, part.getvalue())
    return file.getvalue()


def unpacked(content: bytes, where: str) -> dict[str, NDArray[np.float32]]:
    """Return the arrays of an .npz file by name, as float32.

    Parameters
    ----------
    content : bytes
        The file.
    where : str
        Its name, for messages.

    Raises
    ------
    FileError
        If it holds anything but such arrays.
    """
    arrays: dict[str, NDArray[np.float32]] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for entry in archive.infolist():
                name = entry.filename.removesuffix(SUFFIX)
                if name == entry.filename or name in arrays:
                    raise ValueError(f"{entry.filename!r} is no array, or there twice")
                if entry.compress_type != zipfile.ZIP_STORED or entry.file_size > len(content):
                    raise ValueError(f"{name!r} is packed, or claims {entry.file_size} bytes")
                arrays[name] = _array(name, archive.read(entry))
    except (zipfile.BadZipFile, ValueError, EOFError, NotImplementedError, RuntimeError) as error:
        raise FileError(
            f"{where}: no file of weights that can be read ({error}); install striate again"
        ) from None
    return arrays


def _array(name: str, content: bytes) -> NDArray[np.float32]:
    """Return an array of a .npy file; ValueError if it is another than is written here."""
    file = io.BytesIO(content)
    if npy.read_magic(file) != (1, 0):
        raise ValueError(f"{name!r} is of another version than 1.0")
    shape, by_columns, kind = npy.read_array_header_1_0(file)
    if kind.str not in KINDS or by_columns:
        raise ValueError(f"{name!r} is {kind}, not float32 or float16 in rows")
    numbers = content[file.tell() :]
    if len(numbers) != prod(shape) * kind.itemsize:
        raise ValueError(f"{name!r} has {len(numbers)} bytes for the shape {shape}")
    return np.frombuffer(numbers, kind).reshape(shape).astype(np.float32)
