"""Operators that work on each element by itself, or on pairs of elements."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial, reduce
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from striate.interop.torch.writing.table import FUNCTIONS, How, written
from striate.network import Operator
from striate.network import operators as ops

__all__: list[str] = []

UNARY: dict[type[Operator], Callable[[Tensor], Tensor]] = {
    ops.Abs: torch.abs,
    ops.Acos: torch.acos,
    ops.Acosh: torch.acosh,
    ops.Asin: torch.asin,
    ops.Asinh: torch.asinh,
    ops.Atan: torch.atan,
    ops.Atanh: torch.atanh,
    ops.Ceil: torch.ceil,
    ops.Cos: torch.cos,
    ops.Cosh: torch.cosh,
    ops.Erf: torch.erf,
    ops.Exp: torch.exp,
    ops.Floor: torch.floor,
    ops.HardSwish: F.hardswish,
    ops.Identity: lambda x: x,
    ops.IsNaN: torch.isnan,
    ops.Log: torch.log,
    ops.Mish: F.mish,
    ops.Neg: torch.neg,
    ops.Not: torch.logical_not,
    ops.Reciprocal: torch.reciprocal,
    ops.Relu: torch.relu,
    ops.Round: torch.round,
    ops.Sigmoid: torch.sigmoid,
    ops.Sign: torch.sign,
    ops.Sin: torch.sin,
    ops.Sinh: torch.sinh,
    ops.Softplus: lambda x: torch.logaddexp(x, torch.zeros_like(x)),
    ops.Softsign: F.softsign,
    ops.Sqrt: torch.sqrt,
    ops.Tan: torch.tan,
    ops.Tanh: torch.tanh,
}
BINARY: dict[type[Operator], Callable[[Tensor, Tensor], Tensor]] = {
    ops.Add: torch.add,
    ops.And: torch.logical_and,
    ops.Equal: torch.eq,
    ops.Greater: torch.gt,
    ops.GreaterOrEqual: torch.ge,
    ops.Less: torch.lt,
    ops.LessOrEqual: torch.le,
    ops.MatMul: torch.matmul,
    ops.Mul: torch.mul,
    ops.Or: torch.logical_or,
    ops.Sub: torch.sub,
    ops.Xor: torch.logical_xor,
}


def _plain(function: Callable[..., Tensor], op: Operator, how: How, *operands: Tensor) -> Tensor:
    return function(*operands)


for _kind, _one in UNARY.items():
    FUNCTIONS[_kind] = partial(_plain, _one)
for _kind, _two in BINARY.items():
    FUNCTIONS[_kind] = partial(_plain, _two)


@written(ops.Div)
def _div(op: ops.Div, how: How, x: Tensor, y: Tensor) -> Tensor:
    return x / y if x.is_floating_point() else torch.div(x, y, rounding_mode="trunc")


@written(ops.Pow)
def _pow(op: ops.Pow, how: How, x: Tensor, y: Tensor) -> Tensor:
    if x.is_floating_point() or not y.is_floating_point():
        return torch.pow(x, y.to(x.dtype))
    return torch.pow(x.double(), y.double()).to(x.dtype)


@written(ops.Mod)
def _mod(op: ops.Mod, how: How, x: Tensor, y: Tensor) -> Tensor:
    return torch.fmod(x, y) if op.fmod else torch.remainder(x, y)


@written(ops.Where)
def _where(op: ops.Where, how: How, condition: Tensor, x: Tensor, y: Tensor) -> Tensor:
    return torch.where(condition, x, y)


@written(ops.Sum, ops.Mean)
def _sum(op: ops.Sum | ops.Mean, how: How, *values: Tensor) -> Tensor:
    total = reduce(torch.add, values)
    return total / len(values) if isinstance(op, ops.Mean) else total


@written(ops.Max)
def _max(op: ops.Max, how: How, *values: Tensor) -> Tensor:
    return reduce(torch.maximum, values)


@written(ops.Min)
def _min(op: ops.Min, how: How, *values: Tensor) -> Tensor:
    return reduce(torch.minimum, values)


@written(ops.IsInf)
def _isinf(op: ops.IsInf, how: How, x: Tensor) -> Tensor:
    found = torch.zeros_like(x, dtype=torch.bool)
    if op.positive:
        found = found | torch.isposinf(x)
    return found | torch.isneginf(x) if op.negative else found


@written(ops.Cast)
def _cast(op: ops.Cast, how: How, x: Tensor) -> Tensor:
    return x.to(how.dtype_of(op.to))


@written(ops.Clip)
def _clip(op: ops.Clip, how: How, x: Tensor) -> Tensor:
    low = None if op.low == -math.inf else op.low
    high = None if op.high == math.inf else op.high
    return x if low is high is None else torch.clamp(x, low, high).to(x.dtype)


@written(ops.ScaledTanh)
def _scaled_tanh(op: ops.ScaledTanh, how: How, x: Tensor) -> Tensor:
    return op.alpha * torch.tanh(op.beta * x)


@written(ops.HardSigmoid)
def _hard_sigmoid(op: ops.HardSigmoid, how: How, x: Tensor) -> Tensor:
    return torch.clamp(op.alpha * x + op.beta, 0, 1)


@written(ops.Swish)
def _swish(op: ops.Swish, how: How, x: Tensor) -> Tensor:
    return F.silu(x) if op.alpha == 1 else x * torch.sigmoid(op.alpha * x)


@written(ops.LeakyRelu)
def _leaky_relu(op: ops.LeakyRelu, how: How, x: Tensor) -> Tensor:
    return F.leaky_relu(x, op.alpha)


@written(ops.PRelu)
def _prelu(op: ops.PRelu, how: How, x: Tensor, slope: Tensor) -> Tensor:
    return torch.where(x < 0, slope * x, x)


@written(ops.Elu)
def _elu(op: ops.Elu, how: How, x: Tensor) -> Tensor:
    return F.elu(x, op.alpha)


@written(ops.Selu)
def _selu(op: ops.Selu, how: How, x: Tensor) -> Tensor:
    return op.gamma * F.elu(x, op.alpha)


@written(ops.Celu)
def _celu(op: ops.Celu, how: How, x: Tensor) -> Tensor:
    return F.celu(x, op.alpha)


@written(ops.Gelu)
def _gelu(op: ops.Gelu, how: How, x: Tensor) -> Tensor:
    return F.gelu(x, approximate=op.approximate)


@written(ops.ThresholdedRelu)
def _thresholded_relu(op: ops.ThresholdedRelu, how: How, x: Tensor) -> Tensor:
    return torch.where(x > op.alpha, x, torch.zeros_like(x))


@written(ops.Shrink)
def _shrink(op: ops.Shrink, how: How, x: Tensor) -> Tensor:
    above = torch.where(x > op.lambd, x - op.bias, torch.zeros_like(x))
    return torch.where(x < -op.lambd, x + op.bias, above)


@written(ops.Dropout)
def _dropout(op: ops.Dropout, how: How, x: Tensor) -> Any:
    if not op.mask:
        return F.dropout(x, op.rate, how.training)
    kept = torch.ones_like(x, dtype=torch.bool)
    if how.training:
        kept = torch.rand_like(x) >= op.rate
        x = x * kept / (1 - op.rate)
    return x, kept
