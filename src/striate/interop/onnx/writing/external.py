"""Arrays in a file of their own, beside a model that is too large for one file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from striate.interop.onnx.writing.emission import Array, Emission

__all__ = ["write_external"]

ALIGNMENT = 4096  # bytes: arrays start on pages, so that readers may map them
SMALL = 4096  # bytes of arrays that stay in the model, where checkers look for settings


def write_external(emission: Emission, path: Path, location: str) -> list[Any]:
    """Write the large arrays to `path` and return tensors that say where in `location` they lie.

    Small ones hold their elements themselves.
    """
    tensors = []
    with path.open("wb") as file:
        for name, array in emission.arrays.items():
            if array.nbytes <= SMALL:
                tensors.append(emission.onnx.numpy_helper.from_array(array, name))
                continue
            file.seek(-file.tell() % ALIGNMENT, 1)
            entries = {"location": location, "offset": file.tell(), "length": array.nbytes}
            file.write(_little_endian(array).data)
            tensors.append(_described(emission.onnx, name, array, entries))
    return tensors


def _described(onnx: Any, name: str, array: Array, entries: dict[str, Any]) -> Any:
    tensor = onnx.TensorProto(
        name=name,
        dims=array.shape,
        data_type=onnx.helper.np_dtype_to_tensor_dtype(array.dtype),
        data_location=onnx.TensorProto.EXTERNAL,
    )
    for key, value in entries.items():
        tensor.external_data.add(key=key, value=str(value))
    return tensor


def _little_endian(array: Array) -> Array:
    return np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
