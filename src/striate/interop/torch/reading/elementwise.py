"""Operators that work on each element by itself, or on pairs of elements."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import torch
from torch.fx import Node as FxNode

from striate.errors import GraphError
from striate.interop.torch.reading.table import TABLE, aten
from striate.interop.torch.reading.translation import Translation
from striate.network import Operator
from striate.network import operators as ops

__all__ = ["pair"]

UNARY: dict[str, Operator] = {
    "abs": ops.Abs(),
    "acos": ops.Acos(),
    "acosh": ops.Acosh(),
    "asin": ops.Asin(),
    "asinh": ops.Asinh(),
    "atan": ops.Atan(),
    "atanh": ops.Atanh(),
    "bitwise_not": ops.Not(),
    "ceil": ops.Ceil(),
    "cos": ops.Cos(),
    "cosh": ops.Cosh(),
    "erf": ops.Erf(),
    "exp": ops.Exp(),
    "floor": ops.Floor(),
    "hardsigmoid": ops.HardSigmoid(1 / 6, 0.5),
    "hardswish": ops.HardSwish(),
    "isnan": ops.IsNaN(),
    "log": ops.Log(),
    "logical_not": ops.Not(),
    "mish": ops.Mish(),
    "neg": ops.Neg(),
    "reciprocal": ops.Reciprocal(),
    "relu": ops.Relu(),
    "relu6": ops.Clip(0.0, 6.0),
    "round": ops.Round(),
    "selu": ops.Selu(),
    "sigmoid": ops.Sigmoid(),
    "sign": ops.Sign(),
    "silu": ops.Swish(),
    "sin": ops.Sin(),
    "sinh": ops.Sinh(),
    "sqrt": ops.Sqrt(),
    "tan": ops.Tan(),
    "tanh": ops.Tanh(),
}


def _unary(operator: Operator, t: Translation, node: FxNode, x: Any) -> Any:
    dtype = torch.bool if operator == ops.Not() else t.meta(node).dtype
    if operator == ops.IsNaN():
        return t.emit(operator, x)
    if operator == ops.Not() and t.meta(x).dtype != torch.bool and "bitwise" in str(node.target):
        raise GraphError("bits of whole numbers have no counterpart; use bool tensors")
    if not dtype.is_floating_point and isinstance(operator, ops.Ceil | ops.Floor | ops.Round):
        return x if isinstance(x, str) else t.value(x)
    return t.emit(operator, t.cast(x, dtype))


for _name, _operator in UNARY.items():
    TABLE[f"{_name}.default"] = partial(_unary, _operator)

ARITHMETIC: dict[str, type[Operator]] = {
    "add": ops.Add,
    "mul": ops.Mul,
    "div": ops.Div,
    "sub": ops.Sub,
    "maximum": ops.Max,
    "minimum": ops.Min,
}


def pair(t: Translation, x: Any, y: Any, dtype: torch.dtype) -> tuple[str, str]:
    """Return the names of two values in one dtype."""
    return t.cast(x, dtype), t.cast(y, dtype)


def _arithmetic(
    operator: type[Operator], t: Translation, node: FxNode, x: Any, y: Any, alpha: Any = 1
) -> str:
    dtype = t.meta(node).dtype
    one, two = pair(t, x, y, dtype)
    if alpha != 1:
        two = t.emit(ops.Mul(), two, t.cast(alpha, dtype))
    if dtype == torch.bool:
        return t.emit(ops.Or() if operator is ops.Add else ops.And(), one, two)
    return t.emit(operator(), one, two)


for _name, _kind in ARITHMETIC.items():
    for _overload in ("Tensor", "Scalar", "default"):
        TABLE[f"{_name}.{_overload}"] = partial(_arithmetic, _kind)


@aten("rsub.Scalar", "rsub.Tensor")
def _rsub(t: Translation, node: FxNode, x: Any, y: Any, alpha: Any = 1) -> str:
    return _arithmetic(ops.Sub, t, node, y, x, alpha)


@aten("div.Tensor_mode", "div.Scalar_mode")
def _rounded(t: Translation, node: FxNode, x: Any, y: Any, rounding_mode: str | None) -> str:
    dtype = t.meta(node).dtype
    working = dtype if dtype.is_floating_point else torch.float64
    found = t.emit(ops.Div(), *pair(t, x, y, working))
    if rounding_mode == "floor":
        found = t.floor(found)
    elif rounding_mode == "trunc":
        found = _chopped(t, found)
    return found if working == dtype else t.emit(ops.Cast(t.kind(dtype)), found)


@aten("floor_divide.default", "floor_divide.Scalar")
def _floor_divide(t: Translation, node: FxNode, x: Any, y: Any) -> str:
    return _rounded(t, node, x, y, "floor")


@aten("trunc.default")
def _trunc(t: Translation, node: FxNode, x: Any) -> str:
    return _chopped(t, t.value(x))


def _chopped(t: Translation, x: str) -> str:
    return t.emit(ops.Mul(), t.emit(ops.Sign(), x), t.floor(t.emit(ops.Abs(), x)))


@aten("remainder.Tensor", "remainder.Scalar", "fmod.Tensor", "fmod.Scalar")
def _mod(t: Translation, node: FxNode, x: Any, y: Any) -> str:
    dtype = t.meta(node).dtype
    one, two = pair(t, x, y, dtype)
    if "fmod" in str(node.target) or not dtype.is_floating_point:
        return t.emit(ops.Mod("fmod" in str(node.target)), one, two)
    # ONNX knows the divisor's sign for whole numbers alone
    times = t.emit(ops.Mul(), t.floor(t.emit(ops.Div(), one, two)), two)
    return t.emit(ops.Sub(), one, times)


@aten("pow.Tensor_Scalar", "pow.Tensor_Tensor", "pow.Scalar")
def _pow(t: Translation, node: FxNode, x: Any, y: Any) -> str:
    dtype = t.meta(node).dtype
    if y == 0.5:
        return t.emit(ops.Sqrt(), t.cast(x, dtype))
    if y == 2:
        x = t.cast(x, dtype)
        return t.emit(ops.Mul(), x, x)
    return t.emit(ops.Pow(), *pair(t, x, y, dtype))


@aten("square.default")
def _square(t: Translation, node: FxNode, x: Any) -> str:
    return t.emit(ops.Mul(), x, x)


@aten("rsqrt.default")
def _rsqrt(t: Translation, node: FxNode, x: Any) -> str:
    return t.emit(ops.Reciprocal(), t.emit(ops.Sqrt(), t.cast(x, t.meta(node).dtype)))


@aten("exp2.default")
def _exp2(t: Translation, node: FxNode, x: Any) -> str:
    return t.emit(ops.Pow(), *pair(t, 2.0, x, t.meta(node).dtype))


@aten("expm1.default")
def _expm1(t: Translation, node: FxNode, x: Any) -> str:
    return t.emit(ops.Sub(), t.emit(ops.Exp(), x), t.cast(1.0, t.meta(node).dtype))


@aten("log1p.default")
def _log1p(t: Translation, node: FxNode, x: Any) -> str:
    return t.emit(ops.Log(), t.emit(ops.Add(), *pair(t, x, 1.0, t.meta(node).dtype)))


@aten("log2.default", "log10.default")
def _log_of(t: Translation, node: FxNode, x: Any) -> str:
    of = 2.0 if "log2" in str(node.target) else 10.0
    dtype = t.meta(node).dtype
    return t.emit(ops.Div(), t.emit(ops.Log(), x), t.cast(math.log(of), dtype))


@aten("erfc.default")
def _erfc(t: Translation, node: FxNode, x: Any) -> str:
    return t.emit(ops.Sub(), t.cast(1.0, t.meta(node).dtype), t.emit(ops.Erf(), x))


@aten("isinf.default")
def _isinf(t: Translation, node: FxNode, x: Any) -> str:
    return t.emit(ops.IsInf(), x)


@aten("clamp.default", "hardtanh.default", "clamp_min.default", "clamp_max.default", "clip.default")
def _clamp(t: Translation, node: FxNode, x: Any, *bounds: Any, **named: Any) -> str:
    low, high = _bounds(str(node.target), bounds, named)
    return t.emit(ops.Clip(float(low), float(high)), t.cast(x, t.meta(node).dtype))


def _bounds(target: str, bounds: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, Any]:
    if "clamp_max" in target:
        return -math.inf, bounds[0]
    limits: list[Any] = [-1.0, 1.0] if "hardtanh" in target else [None, None]
    low, high = [*bounds, *limits[len(bounds) :]]
    low = named.get("min", named.get("min_val", low))
    high = named.get("max", named.get("max_val", high))
    return -math.inf if low is None else low, math.inf if high is None else high


@aten("clamp.Tensor", "clamp_min.Tensor", "clamp_max.Tensor")
def _clamp_tensor(t: Translation, node: FxNode, x: Any, *bounds: Any, **named: Any) -> str:
    low, high = _bounds(str(node.target), bounds, named)
    dtype = t.meta(node).dtype
    found = t.cast(x, dtype)
    for operator, bound in ((ops.Max(), low), (ops.Min(), high)):
        if not isinstance(bound, float):
            found = t.emit(operator, found, t.cast(bound, dtype))
    return found


@aten("_to_copy.default", "to.dtype", "to.device", "to.dtype_layout", "to.other", "type_as.default")
def _cast(t: Translation, node: FxNode, x: Any, *rest: Any, **named: Any) -> str:
    return t.cast(x, t.meta(node).dtype)


@aten(
    "alias.default",
    "contiguous.default",
    "detach.default",
    "lift_fresh_copy.default",
    "detach_.default",
)
def _same(t: Translation, node: FxNode, x: Any, *rest: Any, **named: Any) -> str:
    return t.value(x)


@aten("addcmul.default", "addcdiv.default")
def _addc(t: Translation, node: FxNode, x: Any, y: Any, z: Any, value: Any = 1) -> str:
    dtype = t.meta(node).dtype
    operator = ops.Mul() if "addcmul" in str(node.target) else ops.Div()
    found = t.emit(operator, *pair(t, y, z, dtype))
    if value != 1:
        found = t.emit(ops.Mul(), found, t.cast(value, dtype))
    return t.emit(ops.Add(), t.cast(x, dtype), found)


@aten("lerp.Scalar", "lerp.Tensor")
def _lerp(t: Translation, node: FxNode, x: Any, y: Any, weight: Any) -> str:
    step = t.emit(ops.Mul(), t.emit(ops.Sub(), y, x), t.cast(weight, t.meta(node).dtype))
    return t.emit(ops.Add(), x, step)
