"""PyTorch's checkpoints: only tensors are read, by `torch.load(weights_only=True)`.

A checkpoint is a pickle, a language that can call functions. PyTorch's restricted reader refuses
all but a few of those, yet two kilobytes may still ask it for gigabytes. So the pickle's text is
looked through before PyTorch sees it: its length, and every name that it mentions.
"""

from __future__ import annotations

import io
import os
import pickletools
import zipfile
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import FileError, MissingExtraError, ParameterError
from striate.interop.weights.stored import Stored
from striate.interop.weights.tensor_files import require_file

__all__ = ["is_checkpoint", "open_checkpoint", "stored_arrays"]

SUFFIXES = (".pt", ".pth", ".th", ".bin", ".ckpt", ".tar")
LONGEST_PICKLE = 4 * 2**20
"""Bytes of names and shapes, without the numbers: ResNet-152 has a fortieth of it."""
LEGACY_PICKLES = 5
"""Before PyTorch 1.6 a file was five pickles, then the numbers."""

HOLDERS = ("state_dict", "model_state_dict", "model", "net", "params_ema", "params")
"""Where trainers keep the state dictionary among other things."""

NAMES = {
    "collections OrderedDict",
    "collections Counter",
    "collections defaultdict",
    "torch Size",
    "torch.nn.parameter Parameter",
    "torch._utils _rebuild_parameter",
    "torch._utils _rebuild_tensor",
    "torch._utils _rebuild_tensor_v2",
    "torch.serialization _get_layout",
    "builtins set",
    "__builtin__ set",
    "_codecs encode",
}
"""What a state dictionary needs, beside storages and dtypes; none can ask for memory."""


def is_checkpoint(path: str | os.PathLike[str]) -> bool:
    """Say whether a file is PyTorch's, by its suffix or else by how it begins."""
    suffix = Path(path).suffix.lower()
    if suffix in SUFFIXES or suffix == ".safetensors" or not Path(path).is_file():
        return suffix in SUFFIXES
    try:
        with Path(path).open("rb") as file:
            return file.read(4) in (b"PK\x03\x04", b"\x80\x02\x8a\x0a")
    except OSError as error:
        raise FileError(f"{path}: cannot be read ({error}); check its permissions") from None


def open_checkpoint(path: str | os.PathLike[str]) -> dict[str, Stored]:
    """Return the tensors of a PyTorch checkpoint, by name.

    Raises
    ------
    FileError
        If the file is missing, corrupt, hostile, or holds no state dictionary.
    MissingExtraError
        If PyTorch is not installed.
    """
    require_file(path)
    try:
        import torch
    except ImportError:
        raise MissingExtraError.of("PyTorch", "torch", "reading a PyTorch checkpoint") from None
    try:
        _inspect(path)
        found = torch.load(path, map_location="cpu", weights_only=True)
    except FileError:
        raise
    except Exception as error:  # PyTorch raises any kind on a damaged file
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise _damaged(path, reason) from None
    return stored_arrays(_state(path, found), str(path))


def stored_arrays(state: Mapping[str, Any], where: str) -> dict[str, Stored]:
    """Return the arrays or tensors of a mapping as `Stored`; other entries are refused."""
    result = {}
    for name, value in state.items():
        if not hasattr(value, "shape") or not hasattr(value, "dtype"):
            raise ParameterError(
                f"{where}: {name!r} is {type(value).__name__}, not a tensor; "
                "give a state dictionary, as model.state_dict() returns it"
            )
        kind = str(value.dtype).removeprefix("torch.")
        result[str(name)] = Stored(tuple(value.shape), kind, partial(_array, value))
    return result


def _array(value: Any) -> NDArray[Any]:
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        value = value.float() if str(value.dtype) in ("torch.bfloat16", "torch.float16") else value
        return np.ascontiguousarray(value.numpy()).reshape(tuple(value.shape))
    array = np.asarray(value)
    return array.astype(np.float32) if array.dtype == np.float16 else array


def _state(path: str | os.PathLike[str], found: object) -> Mapping[str, Any]:
    """Return the state dictionary, which may lie in a dictionary of other things."""
    for _ in range(3):
        if not isinstance(found, Mapping):
            break
        inner = next((found[key] for key in HOLDERS if isinstance(found.get(key), Mapping)), None)
        if inner is None:
            if any(hasattr(value, "shape") for value in found.values()):
                return {k: v for k, v in found.items() if hasattr(v, "shape")}
            break
        found = inner
    held = type(found).__name__
    if isinstance(found, Mapping):
        held = f"a dictionary of {', '.join(map(str, list(found)[:5]))}" if found else "nothing"
    raise FileError(
        f"{path}: holds {held}, no state dictionary; "
        "write one with torch.save(model.state_dict(), path)"
    )


def _inspect(path: str | os.PathLike[str]) -> None:
    """Raise FileError if reading the file could take more than it weighs."""
    if not zipfile.is_zipfile(path):
        with Path(path).open("rb") as file:
            for _ in range(LEGACY_PICKLES):
                _look_through(path, file)
        return
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        claimed = sum(entry.file_size for entry in entries)
        packed = any(entry.compress_type != zipfile.ZIP_STORED for entry in entries)
        if packed or claimed > Path(path).stat().st_size:
            raise _damaged(
                path, f"its parts claim {claimed} bytes, or are packed, as PyTorch's never are"
            )
        pickles = [entry for entry in entries if entry.filename.endswith("data.pkl")]
        if not pickles:
            raise _damaged(path, "no data.pkl in it")
        for entry in pickles:
            if entry.file_size > LONGEST_PICKLE:
                raise _damaged(path, f"{entry.filename} has {entry.file_size} bytes of names")
            _look_through(path, io.BytesIO(archive.read(entry)))


def _look_through(path: str | os.PathLike[str], file: IO[bytes]) -> None:
    """Raise FileError if a pickle is too long, or names what no state dictionary needs."""
    for name in _names(path, file):
        module, _, kind = name.partition(" ")
        storage = module in ("torch", "torch.storage") and kind.endswith("Storage")
        dtype = module == "torch" and kind.rstrip("0123456789") in (
            "float",
            "int",
            "uint",
            "bfloat",
            "bool",
        )
        if name not in NAMES and not storage and not dtype:
            raise FileError(
                f"{path}: holds {module}.{kind}, an object that is no tensor; write the tensors "
                "alone with torch.save(model.state_dict(), path)"
            )


def _names(path: str | os.PathLike[str], file: IO[bytes]) -> Iterator[str]:
    begin = file.tell()
    for code, argument, _ in pickletools.genops(file):
        if file.tell() - begin > LONGEST_PICKLE:
            raise _damaged(path, f"more than {LONGEST_PICKLE} bytes of names")
        if code.name == "GLOBAL":
            yield str(argument)
        elif code.name in ("STACK_GLOBAL", "INST", "EXT1", "EXT2", "EXT4"):
            raise _damaged(path, f"{code.name} in its pickle, which PyTorch never writes")


def _damaged(path: str | os.PathLike[str], reason: str) -> FileError:
    return FileError(f"{path}: not a whole PyTorch checkpoint ({reason}); copy or save it again")
