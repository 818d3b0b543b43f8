"""Safetensors files: names, shapes and numbers, and nothing that could run."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import FileError, MissingExtraError
from striate.files import write_whole
from striate.interop.weights.stored import Stored

__all__ = [
    "BESIDES",
    "open_tensors",
    "read_notes",
    "read_tensors",
    "require_file",
    "require_safetensors",
    "write_tensors",
]

KINDS = {
    "BOOL": "bool",
    **{f"U{bits}": f"uint{bits}" for bits in (8, 16, 32, 64)},
    **{f"I{bits}": f"int{bits}" for bits in (8, 16, 32, 64)},
    **{f"F{bits}": f"float{bits}" for bits in (16, 32, 64)},
    "BF16": "bfloat16",
}
"""What safetensors calls the kinds of numbers that a network can use."""

LONGEST_HEADER = 16 * 2**20
"""Bytes: two hundred thousand tensors; larger ones are not of this world, and slow to read."""


BESIDES = "learning/"
"""How names begin of what a checkpoint of training holds besides weights."""


def require_safetensors(purpose: str, extra: str = "weights") -> None:
    """Raise MissingExtraError unless safetensors is installed."""
    try:
        import safetensors  # noqa: F401  (only whether it is there)
    except ImportError:
        raise MissingExtraError.of("safetensors", extra, purpose) from None


def require_file(path: str | os.PathLike[str]) -> None:
    """Raise FileError unless there is a file."""
    if Path(path).is_dir():
        raise FileError(
            f"{path}: a folder, not a weight file; name a .safetensors file or a PyTorch checkpoint"
        )
    if not Path(path).is_file():
        raise FileError(
            f"{path}: no such file; give a .safetensors file or a PyTorch checkpoint (.pt, .pth)"
        )


def write_tensors(
    path: str | os.PathLike[str], tensors: Mapping[str, NDArray[Any]], notes: dict[str, str]
) -> None:
    """Write named arrays to a safetensors file, whole or not at all.

    Raises
    ------
    FileError
        If the file cannot be written.
    MissingExtraError
        If safetensors is not installed.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "weights.safetensors"
    ...     write_tensors(path, {"bias": np.zeros(3, np.float32)}, {"network": "example"})
    ...     list(read_tensors(path))
    ['bias']
    """
    require_safetensors("writing weights")
    from safetensors.numpy import save

    whole = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    # a scalar becomes (1,) in ascontiguousarray
    shaped = {name: whole[name].reshape(np.shape(array)) for name, array in tensors.items()}
    write_whole(path, save(shaped, notes))


def read_tensors(path: str | os.PathLike[str]) -> dict[str, NDArray[Any]]:
    """Return the named arrays of a safetensors file.

    Raises
    ------
    FileError, MissingExtraError
        As `open_tensors`.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "weights.safetensors"
    ...     write_tensors(path, {"bias": np.zeros(3, np.float32)}, {})
    ...     read_tensors(path)["bias"].shape
    (3,)
    """
    return {name: stored.read() for name, stored in open_tensors(path)[0].items()}


def read_notes(path: str | os.PathLike[str]) -> dict[str, str]:
    """Return what a safetensors file says about itself.

    Raises
    ------
    FileError, MissingExtraError
        As `open_tensors`.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "weights.safetensors"
    ...     write_tensors(path, {"bias": np.zeros(3, np.float32)}, {"network": "example"})
    ...     read_notes(path)
    {'network': 'example'}
    """
    return open_tensors(path)[1]


def open_tensors(path: str | os.PathLike[str]) -> tuple[dict[str, Stored], dict[str, str]]:
    """Return what a safetensors file holds, and what it says about itself.

    Raises
    ------
    FileError
        If the file is missing, corrupt, or holds kinds of numbers that no network has.
    MissingExtraError
        If safetensors is not installed.
    """
    require_safetensors("reading weights")
    from safetensors import SafetensorError, safe_open

    require_file(path)
    try:
        _check_header(path)
        with safe_open(path, framework="np") as file:
            names = list(file.keys())
            kinds = {name: file.get_slice(name).get_dtype() for name in names}
            for name, kind in kinds.items():
                if kind not in KINDS:
                    raise FileError(f"{path}: weight {name!r} is {kind}; it must be F32 or F64")
            notes = dict(file.metadata() or {})
            shapes = {name: tuple(file.get_slice(name).get_shape()) for name in names}
    except SafetensorError as error:
        raise FileError(
            f"{path}: not a whole safetensors file ({_worded(error)}); copy or train it again"
        ) from None
    except OSError as error:
        if isinstance(error, FileError):
            raise
        raise FileError(f"{path}: cannot be read ({error}); check its permissions") from None
    readers = {n: partial(_read, path, n, KINDS[kinds[n]], shapes[n]) for n in names}
    return {n: Stored(shapes[n], KINDS[kinds[n]], readers[n]) for n in names}, notes


def _worded(error: Exception) -> str:
    """Return what is wrong with a file that safetensors refuses."""
    if "incomplete metadata" in str(error):
        return "it is not as long as its header says"
    return "its header is damaged or cut short"


def _check_header(path: str | os.PathLike[str]) -> None:
    """Refuse what has no header, or one so long that reading it alone would take seconds."""
    with Path(path).open("rb") as file:
        begin = file.read(9)
    length = int.from_bytes(begin[:8], "little")
    if len(begin) == 9 and begin[8:] not in (b"{", b"["):
        raise FileError(
            f"{path}: no weight file; give a .safetensors file or a PyTorch checkpoint (.pt, .pth)"
        )
    if length > LONGEST_HEADER:
        raise FileError(
            f"{path}: not a whole safetensors file (its header claims {length} bytes, more than "
            f"{LONGEST_HEADER}); copy or train it again"
        )


def _read(
    path: str | os.PathLike[str], name: str, kind: str, shape: tuple[int, ...]
) -> NDArray[Any]:
    from safetensors import safe_open

    if kind == "bfloat16":
        return _read_bfloat16(path, name, shape)
    with safe_open(path, framework="np") as file:
        array: NDArray[Any] = file.get_tensor(name)
    return array.astype(np.float32) if kind == "float16" else array


def _read_bfloat16(
    path: str | os.PathLike[str], name: str, shape: tuple[int, ...]
) -> NDArray[np.float32]:
    """Return the upper halves of float32 numbers, of a file that safetensors has checked."""
    with Path(path).open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        begin, end = json.loads(file.read(length))[name]["data_offsets"]
        file.seek(8 + length + begin)
        halves = np.frombuffer(file.read(end - begin), np.uint16)
    return (halves.astype(np.uint32) << 16).view(np.float32).reshape(shape)
