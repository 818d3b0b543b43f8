"""How operators that work on each element by itself are written."""

from __future__ import annotations

from math import inf
from typing import Any

import numpy as np

from striate.interop.onnx.writing.emission import Emission, Given
from striate.interop.onnx.writing.form import Writer, form
from striate.network import Node, Operator
from striate.network import operators as op

__all__ = ["WRITERS"]


def _cast(emission: Emission, node: Node, o: Any) -> None:
    to = emission.onnx.helper.np_dtype_to_tensor_dtype(emission.dtype_of(o.to))
    emission.node("Cast", node.inputs, node.outputs, to=to)


def _celu(emission: Emission, node: Node, o: Any) -> None:
    if emission.dtype == np.float32:
        emission.node("Celu", node.inputs, node.outputs, alpha=o.alpha)
        return
    alpha = emission.constant(f"{node.name}.alpha", o.alpha)  # ONNX's is of float32 alone
    inner = emission.node("Div", [*node.inputs, alpha], emission.value(f"{node.name}.inner"))
    elu = emission.node("Elu", [inner], emission.value(f"{node.name}.elu"))
    emission.node("Mul", [elu, alpha], node.outputs)


def _clip(emission: Emission, node: Node, o: Any) -> None:
    dtype = emission.dtype_of(emission.kinds[node.inputs[0]])
    bounds = []
    for name, value in (("low", o.low), ("high", o.high)):
        bounded = isinstance(value, Given) or abs(value) < inf
        bounds.append(emission.setting(node, name, value if bounded else None, dtype))
    emission.node("Clip", [*node.inputs, *bounds], node.outputs)


def _dropout(emission: Emission, node: Node, o: Any) -> None:
    ratio = emission.setting(node, "ratio", o.rate)
    emission.node("Dropout", [*node.inputs, ratio], node.outputs)


def _scaled_tanh(emission: Emission, node: Node, o: Any) -> None:
    alpha = emission.constant(f"{node.name}.alpha", o.alpha)
    beta = emission.constant(f"{node.name}.beta", o.beta)
    inner = emission.node("Mul", [*node.inputs, beta], emission.value(f"{node.name}.inner"))
    tanh = emission.node("Tanh", [inner], emission.value(f"{node.name}.tanh"))
    emission.node("Mul", [tanh, alpha], node.outputs)


WRITERS: dict[type[Operator], Writer] = {
    op.Abs: form(),
    op.Acos: form(),
    op.Acosh: form(),
    op.Add: form(),
    op.And: form(),
    op.Asin: form(),
    op.Asinh: form(),
    op.Atan: form(),
    op.Atanh: form(),
    op.Cast: _cast,
    op.Ceil: form(),
    op.Celu: _celu,
    op.Clip: _clip,
    op.Cos: form(),
    op.Cosh: form(),
    op.Div: form(),
    op.Dropout: _dropout,
    op.Elu: form("alpha"),
    op.Equal: form(),
    op.Erf: form(),
    op.Exp: form(),
    op.Floor: form(),
    op.Gelu: form("approximate"),
    op.Greater: form(),
    op.GreaterOrEqual: form(),
    op.HardSigmoid: form("alpha", "beta"),
    op.HardSwish: form(),
    op.Identity: form(),
    op.IsInf: form("negative=detect_negative", "positive=detect_positive"),
    op.IsNaN: form(),
    op.LeakyRelu: form("alpha"),
    op.Less: form(),
    op.LessOrEqual: form(),
    op.Log: form(),
    op.Max: form(),
    op.Mean: form(),
    op.Min: form(),
    op.Mish: form(),
    op.Mod: form("fmod"),
    op.Mul: form(),
    op.Neg: form(),
    op.Not: form(),
    op.Or: form(),
    op.PRelu: form(),
    op.Pow: form(),
    op.Reciprocal: form(),
    op.Relu: form(),
    op.Round: form(),
    op.ScaledTanh: _scaled_tanh,
    op.Selu: form("alpha", "gamma"),
    op.Shrink: form("lambd", "bias"),
    op.Sigmoid: form(),
    op.Sign: form(),
    op.Sin: form(),
    op.Sinh: form(),
    op.Softplus: form(),
    op.Softsign: form(),
    op.Sqrt: form(),
    op.Sub: form(),
    op.Sum: form(),
    op.Swish: form("alpha", opset=24),
    op.Tan: form(),
    op.Tanh: form(),
    op.ThresholdedRelu: form("alpha"),
    op.Where: form(),
    op.Xor: form(),
}
