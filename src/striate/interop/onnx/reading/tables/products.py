"""Matrix products: ONNX's general Gemm becomes the linear layer of striate, or its parts."""

from __future__ import annotations

from math import sqrt

import numpy as np

from striate.interop.onnx.reading.calls import Call
from striate.interop.onnx.reading.tensors import Array
from striate.network import Initial
from striate.network import operators as op

__all__ = ["READERS"]


def _initial(inputs: int | None) -> Initial:
    return Initial("normal", sqrt(2 / max(inputs or 1, 1)))


def _matmul(call: Call) -> None:
    names = []
    for index in (0, 1):
        array = call.known(index)
        fan = array.shape[-2] if array is not None and array.ndim > 1 else None
        names.append(call.weight(index, _initial(fan)))
    call.give(op.MatMul(), *names)


def _gemm(call: Call) -> None:
    alpha, beta = call.number("alpha", 1.0), call.number("beta", 1.0)
    source = call.value(0)
    if call.flag("transA"):
        source = call.between(op.Transpose((1, 0)), source, suffix="transposed")
    weight = call.value(1)
    if not call.flag("transB"):
        weight = call.formed(op.Transpose((1, 0)), weight, suffix="transposed")
    weight = _scaled(call, weight, alpha, "weight")
    array = call.translation.arrays.get(weight)
    if array is not None and array.ndim != 2:
        raise call.error(f"its weight has shape {array.shape}; it must have two axes")
    call.translation.keep(weight, _initial(None if array is None else array.shape[1]), True)
    if not call.has_input(2) or beta == 0:
        call.give(op.Gemm(), source, weight)
        return
    bias = _scaled(call, call.value(2), beta, "bias")
    layered = _as_bias(call, bias, weight)
    if layered is not None:
        call.translation.keep(layered, Initial("constant", 0.0), True)
        call.give(op.Gemm(), source, weight, layered)
        return
    product = call.between(op.Gemm(), source, weight, suffix="product")
    call.give(op.Add(), product, bias)


def _scaled(call: Call, name: str, factor: float, what: str) -> str:
    if factor == 1:
        return name
    array = call.translation.arrays.get(name)
    dtype = np.dtype(np.float32) if array is None else array.dtype
    number = call.constant(np.array(factor, dtype), f"{what}-factor")
    return call.formed(op.Mul(), name, number, suffix="scaled")


def _as_bias(call: Call, name: str, weight: str) -> str | None:
    """Return the bias with one number for each output, or None if it is of another kind."""
    shape, wanted = call.translation.shape_of(name), call.translation.shape_of(weight)
    if shape is None or wanted is None or wanted[0] is None:
        return None
    if shape == wanted[:1]:
        return name
    array = call.translation.arrays.get(name)
    if array is None or array.size not in (1, wanted[0]) or any(size != 1 for size in shape[:-1]):
        return None
    flat: Array = np.broadcast_to(array.reshape(-1), (wanted[0],))
    form = call.translation.free(f"{name}.flat")
    call.translation.know(form, flat)
    call.translation.derive(form, name)
    return form


READERS = {"Gemm": _gemm, "MatMul": _matmul}
