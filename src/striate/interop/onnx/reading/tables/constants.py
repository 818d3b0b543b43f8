"""Constants, in all the forms that ONNX has for them."""

from __future__ import annotations

from math import prod

import numpy as np

from striate.errors import GraphError
from striate.interop.onnx.reading.calls import Call
from striate.interop.onnx.reading.tensors import MOST_ELEMENTS
from striate.network import operators as op

__all__ = ["READERS"]

FORMS = {"value_float": 1, "value_int": 2, "value_floats": 6, "value_ints": 7}


def _constant(call: Call) -> None:
    for form in ("value_string", "value_strings", "sparse_value"):
        if call.has(form):
            what = "a sparse tensor" if form == "sparse_value" else "text"
            raise call.error(f"it holds {what}; striate has dense arrays of numbers: export those")
    array = call.tensor("value")
    for name, number in FORMS.items():
        value = call.attribute(name, number)
        if value is not None:
            array = np.array(value, np.float32 if "float" in name else np.int64)
    if array is None:
        raise call.error("it has no value: the file is damaged")
    call.translation.know(call.outputs[0], array, fixed=True)


def _of_shape(call: Call) -> None:
    value = call.tensor("value")
    if value is None:
        value = np.zeros(1, np.float32)
    if value.size != 1:
        raise call.error(f"its value has {value.size} elements; it must have one")
    shape = call.setting(0, "shape")
    known = call.translation.arrays.get(shape)
    kind = call.translation.kind(value.dtype)
    if known is None:
        number = value.item()
        call.settle(op.ConstantOfShape, (), {"shape": shape}, fill=number, kind=kind)
        return
    sizes = tuple(int(size) for size in known.ravel())
    if known.ndim > 1 or len(sizes) > 32 or any(size < 0 for size in sizes):
        raise call.error(f"shape {sizes[:8]} must list at most 32 sizes of at least 0")
    if prod(size or 1 for size in sizes) > MOST_ELEMENTS:
        raise GraphError(
            f"shape {sizes[:8]} has more elements than any machine holds: the file is damaged"
        )
    array = np.broadcast_to(value.reshape(()), sizes)
    call.translation.know(call.outputs[0], array, made=True, kind=kind)


def _range(call: Call) -> None:
    names = ("start", "limit", "delta")
    values = {n: call.alone(call.value(i, n), n) for i, n in enumerate(names)}
    call.settle(op.Range, (), values, kind=call.kind_of(0))


READERS = {
    "Constant": _constant,
    "ConstantOfShape": _of_shape,
    "Range": _range,
}
