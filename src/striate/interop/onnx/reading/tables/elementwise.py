"""Operators that work on single elements, broadcast where they take several values."""

from __future__ import annotations

import numpy as np

from striate.errors import ParameterError
from striate.interop.onnx.reading.calls import Call, Reader
from striate.interop.onnx.reading.tensors import dtype_of
from striate.network import Initial, Operator
from striate.network import operators as op

__all__ = ["READERS"]


def plain(operator: type[Operator]) -> Reader:
    """Return the reader of an operator that has no attributes."""

    def read(call: Call) -> None:
        call.give(operator(), *call.values())

    return read


def numbers(operator: type[Operator], **defaults: float) -> Reader:
    """Return the reader of an operator whose attributes are floating-point numbers."""

    def read(call: Call) -> None:
        values = {name: call.number(name, default) for name, default in defaults.items()}
        call.give(operator(**values), call.value(0))

    return read


def _clip(call: Call) -> None:
    if call.opset < 11:
        low, high = call.number("min", -np.inf), call.number("max", np.inf)
        call.give(op.Clip(low, high), call.value(0))
        return
    bounds = [(i, call.known(i)) for i in (1, 2) if call.has_input(i)]
    if all(array is not None and array.size == 1 for _, array in bounds):
        low, high = -np.inf, np.inf
        for i, array in bounds:
            assert array is not None
            value = array.item()
            if value != value:
                raise ParameterError("a bound is nan; it must be a number")
            low, high = (value, high) if i == 1 else (low, value)
        call.give(op.Clip(low, high), call.value(0))
        return
    value = call.value(0)
    if call.has_input(1) and call.has_input(2):
        value = call.between(op.Max(), value, call.value(1), suffix="low")
        call.give(op.Min(), value, call.value(2))
    elif call.has_input(1):
        call.give(op.Max(), value, call.value(1))
    else:
        call.give(op.Min(), value, call.value(2))


def _cast(call: Call) -> None:
    call.ignore("saturate", "round_mode")
    dtype = dtype_of(call.integer("to", 0), "attribute to")
    call.give(op.Cast(call.translation.kind(dtype)), call.value(0))


def _cast_like(call: Call) -> None:
    call.ignore("saturate", "round_mode")
    call.give(op.Cast(call.kind_of(1)), call.value(0))


def _gelu(call: Call) -> None:
    tanh = call.text("approximate", "none", ("none", "tanh")) == "tanh"
    call.give(op.Gelu("tanh" if tanh else "none"), call.value(0))


def _prelu(call: Call) -> None:
    call.give(op.PRelu(), call.value(0), call.weight(1, Initial("constant", 0.25)))


def _mod(call: Call) -> None:
    call.give(op.Mod(call.flag("fmod")), call.value(0), call.value(1))


def _is_inf(call: Call) -> None:
    negative, positive = call.flag("detect_negative", True), call.flag("detect_positive", True)
    call.give(op.IsInf(negative, positive), call.value(0))


def _dropout(call: Call) -> None:
    call.ignore("seed")
    rate = call.number("ratio", 0.5)
    if call.opset >= 12 and call.has_input(1):
        array = call.known(1)
        if array is not None and array.size == 1:  # what is computed matters in training alone
            rate = float(str(array.reshape(())[()]))
    if call.opset >= 12 and call.has_input(2):
        training = call.known(2)
        if training is None or training.size != 1 or (bool(training.item()) and rate > 0):
            raise call.error(
                "it is in training mode, in which it draws random numbers: "
                "export the model for inference"
            )
    mask = call.gives(1)
    call.give(op.Dropout(rate, mask), call.value(0), outputs=call.outputs[: 1 + mask])


PLAIN = (
    *(op.Abs, op.Neg, op.Exp, op.Log, op.Sqrt, op.Reciprocal, op.Floor, op.Ceil, op.Round),
    *(op.Sign, op.Erf, op.Not, op.IsNaN, op.Identity),
    *(op.Sin, op.Cos, op.Tan, op.Asin, op.Acos, op.Atan),
    *(op.Sinh, op.Cosh, op.Asinh, op.Acosh, op.Atanh),
    *(op.Relu, op.Tanh, op.Sigmoid, op.Softplus, op.Softsign, op.HardSwish, op.Mish),
    *(op.Add, op.Sub, op.Mul, op.Div, op.Pow, op.And, op.Or, op.Xor),
    *(op.Equal, op.Less, op.LessOrEqual, op.Greater, op.GreaterOrEqual, op.Where),
    *(op.Sum, op.Mean, op.Max, op.Min),
)

READERS: dict[str, Reader] = {
    **{operator.onnx: plain(operator) for operator in PLAIN},
    "Cast": _cast,
    "CastLike": _cast_like,
    "Celu": numbers(op.Celu, alpha=1.0),
    "Clip": _clip,
    "Dropout": _dropout,
    "Elu": numbers(op.Elu, alpha=1.0),
    "Gelu": _gelu,
    "HardSigmoid": numbers(op.HardSigmoid, alpha=0.2, beta=0.5),
    "IsInf": _is_inf,
    "LeakyRelu": numbers(op.LeakyRelu, alpha=0.01),
    "Mod": _mod,
    "PRelu": _prelu,
    "ScaledTanh": numbers(op.ScaledTanh, alpha=1.0, beta=1.0),
    "Selu": numbers(op.Selu, alpha=1.67326319217681884765625, gamma=1.05070102214813232421875),
    "Shrink": numbers(op.Shrink, lambd=0.5, bias=0.0),
    "Swish": numbers(op.Swish, alpha=1.0),
    "ThresholdedRelu": numbers(op.ThresholdedRelu, alpha=1.0),
}
