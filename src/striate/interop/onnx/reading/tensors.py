"""ONNX's tensors as arrays: every claim is checked before anything is allocated."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from errno import ELOOP
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import FileError, GraphError

__all__ = ["DTYPES", "Array", "array_of", "dtype_of", "shape_of_dims"]

Array = NDArray[Any]

DTYPES: Mapping[int, np.dtype[Any]] = {
    number: np.dtype(name)
    for number, name in {
        1: "float32",
        2: "uint8",
        3: "int8",
        4: "uint16",
        5: "int16",
        6: "int32",
        7: "int64",
        9: "bool",
        10: "float16",
        11: "float64",
        12: "uint32",
        13: "uint64",
        16: "float32",  # bfloat16: the upper half of a float32
    }.items()
}
"""What the numbers of onnx.TensorProto.DataType mean in NumPy."""

BFLOAT16 = 16
NAMES = {
    8: "string",
    14: "complex64",
    15: "complex128",
    17: "float8e4m3fn",
    18: "float8e4m3fnuz",
    19: "float8e5m2",
    20: "float8e5m2fnuz",
    21: "uint4",
    22: "int4",
    23: "float4e2m1",
    24: "float8e8m0",
    25: "uint2",
    26: "int2",
}
FIELDS = {
    1: "float_data",
    7: "int64_data",
    11: "double_data",
    12: "uint64_data",
    13: "uint64_data",
}
MOST_AXES = 32
MOST_ELEMENTS = 2**40  # of one array, more than any machine holds


def dtype_of(number: int, where: str) -> np.dtype[Any]:
    """Return the dtype that ONNX means by a number.

    Raises
    ------
    GraphError
        If striate has no such numbers.
    """
    if number in DTYPES:
        return DTYPES[number]
    name = NAMES.get(number)
    if name is None:
        raise GraphError(
            f"{where}: element type {number} is none of ONNX's: the file is damaged or newer "
            "than this version of striate"
        )
    if number in (8, 14, 15):
        raise GraphError(
            f"{where}: elements are {name}; striate has whole numbers, booleans and floats: "
            "export the part of the model behind it"
        )
    raise GraphError(
        f"{where}: elements are {name}, of a quantised model; striate runs floating-point models: "
        "load the float model that it was made from"
    )


def shape_of_dims(dims: Any, where: str) -> tuple[int, ...]:
    """Return the sizes of a tensor.

    Raises
    ------
    FileError
        If one is negative, or there are more axes than any array has.
    """
    shape = tuple(map(int, dims))
    if any(size < 0 for size in shape):
        raise FileError(f"{where}: shape {_short(shape)} has a negative size: the file is damaged")
    if 0 in shape and prod(size or 1 for size in shape) > MOST_ELEMENTS:
        raise FileError(
            f"{where}: shape {_short(shape)} has sizes that no machine holds: the file is damaged"
        )
    if len(shape) > MOST_AXES:
        raise FileError(
            f"{where}: {len(shape)} axes; arrays have at most {MOST_AXES}: the file is damaged"
        )
    return shape


def array_of(tensor: Any, folder: Path | None, where: str) -> Array:
    """Return the array of an `onnx.TensorProto`; it may share the file's memory.

    Parameters
    ----------
    tensor : onnx.TensorProto
    folder : Path, optional
        Where files of external data may lie; None if there is no such folder.
    where : str
        What to call the tensor in errors.

    Raises
    ------
    FileError
        If it does not hold what its shape and element type claim.
    GraphError
        If its elements are of a type that striate does not have.
    """
    shape = shape_of_dims(tensor.dims, where)
    dtype = dtype_of(tensor.data_type, where)
    if tensor.HasField("segment"):
        raise FileError(f"{where}: tensors in segments are not part of ONNX files: save it whole")
    stored = np.dtype("uint16") if tensor.data_type == BFLOAT16 else dtype
    if tensor.data_location == 1:  # EXTERNAL
        array = _external(tensor, shape, stored, folder, where)
    elif tensor.HasField("raw_data"):
        array = _raw(tensor.raw_data, shape, stored, where)
    else:
        array = _typed(tensor, shape, stored, where)
    if tensor.data_type == BFLOAT16:
        array = (array.astype(np.uint32) << 16).view(np.float32)
    return array


def _raw(data: bytes, shape: tuple[int, ...], dtype: np.dtype[Any], where: str) -> Array:
    _check_length(len(data), shape, dtype, where)
    return np.frombuffer(data, dtype.newbyteorder("<")).reshape(shape).astype(dtype, copy=False)


def _check_length(length: int, shape: tuple[int, ...], dtype: np.dtype[Any], where: str) -> None:
    wanted = prod(shape) * dtype.itemsize
    if length != wanted:
        raise FileError(
            f"{where}: {length:,} bytes; {dtype.name} of shape {_short(shape)} takes "
            f"{wanted:,}: the file is damaged"
        )


def _typed(tensor: Any, shape: tuple[int, ...], dtype: np.dtype[Any], where: str) -> Array:
    values = getattr(tensor, FIELDS.get(tensor.data_type, "int32_data"))
    if len(values) != prod(shape):
        raise FileError(
            f"{where}: {len(values):,} elements; shape {_short(shape)} takes {prod(shape):,}: "
            "the file is damaged"
        )
    if dtype.kind == "f" and tensor.data_type != 10:
        return np.array(values, dtype).reshape(shape)
    bits = np.dtype("uint16") if tensor.data_type in (10, BFLOAT16) else dtype
    whole = np.array(values, np.uint64 if bits.kind == "u" and bits.itemsize == 8 else np.int64)
    array = whole.astype(bits)
    if not np.array_equal(array.astype(whole.dtype), whole):
        raise FileError(f"{where}: elements do not fit {dtype.name}: the file is damaged")
    return (array.view(np.float16) if tensor.data_type == 10 else array).reshape(shape)


def _external(
    tensor: Any, shape: tuple[int, ...], dtype: np.dtype[Any], folder: Path | None, where: str
) -> Array:
    entries = {entry.key: entry.value for entry in tensor.external_data}
    location = entries.get("location", "")
    if folder is None:
        raise FileError(
            f"{where}: its data lie in a file {location!r} beside the model: "
            "load the model by its path, or give its folder"
        )
    path = _inside(folder, location, where)
    size = path.stat().st_size
    wanted = prod(shape) * dtype.itemsize
    offset = _count(entries.get("offset", "0"), "offset", where)
    length = _count(entries.get("length", str(wanted)), "length", where)
    _check_length(length, shape, dtype, where)
    if offset + length > size:
        raise FileError(
            f"{where}: bytes {offset:,} to {offset + length:,} of {location!r}, which has "
            f"{size:,}: the file is cut short or belongs to another model"
        )
    if not length:
        return np.empty(shape, dtype)
    try:
        flat = np.memmap(path, dtype.newbyteorder("<"), "r", offset, (prod(shape),))
    except (OSError, ValueError) as error:
        raise FileError(f"{where}: {location!r} cannot be read ({error})") from None
    return np.asarray(flat).reshape(shape)


def _inside(folder: Path, location: str, where: str) -> Path:
    """Return the file that a location names, which must lie in the model's folder."""
    rule = "external data must be a file in the model's folder: move it there"
    plain = Path(location)
    if not location or "\0" in location or plain.is_absolute() or ".." in plain.parts:
        raise FileError(f"{where}: its data are said to lie in {location!r}; {rule}")
    try:
        home = folder.resolve(strict=True)
        path = (home / plain).resolve(strict=True)
        mode = path.stat().st_mode
    except (OSError, RuntimeError) as error:  # Python 3.13 turned the latter into the former
        loop = getattr(error, "errno", ELOOP) == ELOOP
        reason = "a loop of links" if loop else getattr(error, "strerror", None)
        raise FileError(f"{where}: its data {location!r} cannot be read ({reason})") from None
    if not path.is_relative_to(home):
        raise FileError(f"{where}: {location!r} is a link that leads out of the folder; {rule}")
    if not stat.S_ISREG(mode):
        raise FileError(f"{where}: {location!r} is no file; {rule}")
    return path


def _count(text: str, name: str, where: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise FileError(
            f"{where}: {name} {text[:40]!r} of its external data must be a whole number of bytes: "
            "the file is damaged"
        )
    return int(text)


def _short(shape: tuple[int, ...]) -> str:
    shown = ", ".join(map(str, shape[:8]))
    return f"({shown}, ...)" if len(shape) > 8 else f"({shown}{',' * (len(shape) == 1)})"
