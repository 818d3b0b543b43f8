"""Activations that have settings, softmax, dropout."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch.fx import Node as FxNode

from striate.errors import GraphError
from striate.interop.torch.reading.naming import path_of
from striate.interop.torch.reading.table import aten
from striate.interop.torch.reading.translation import Translation
from striate.network import operators as ops

__all__: list[str] = []


@aten("leaky_relu.default")
def _leaky_relu(t: Translation, node: FxNode, x: Any, slope: float = 0.01) -> str:
    return t.emit(ops.LeakyRelu(float(slope)), x)


@aten("rrelu.default")
def _rrelu(
    t: Translation,
    node: FxNode,
    x: Any,
    lower: float = 1 / 8,
    upper: float = 1 / 3,
    training: bool = False,
    generator: Any = None,
) -> str:
    """In eval mode the slope is the mean of those drawn in training (Xu et al. 2015)."""
    if training:
        raise GraphError("rrelu of a module in training draws its slopes; pass training=False")
    return t.emit(ops.LeakyRelu((float(lower) + float(upper)) / 2), x)


@aten("elu.default")
def _elu(
    t: Translation, node: FxNode, x: Any, alpha: float = 1, scale: float = 1, inner: float = 1
) -> str:
    if inner == 1 and scale == 1:
        return t.emit(ops.Elu(float(alpha)), x)
    if inner != 1:
        raise GraphError(f"elu with input_scale {inner} has no counterpart; use input_scale 1")
    return t.emit(ops.Selu(float(alpha), float(scale)), x)


@aten("celu.default")
def _celu(t: Translation, node: FxNode, x: Any, alpha: float = 1) -> str:
    return t.emit(ops.Celu(float(alpha)), x)


@aten("gelu.default")
def _gelu(t: Translation, node: FxNode, x: Any, *, approximate: str = "none") -> str:
    return t.emit(ops.Gelu("tanh" if approximate == "tanh" else "none"), x)


@aten("softplus.default")
def _softplus(t: Translation, node: FxNode, x: Any, beta: float = 1, threshold: float = 20) -> str:
    if beta == 1:
        return t.emit(ops.Softplus(), x)
    scale = t.cast(float(beta), t.meta(node).dtype)
    return t.emit(ops.Div(), t.emit(ops.Softplus(), t.emit(ops.Mul(), x, scale)), scale)


@aten("log_sigmoid.default")
def _log_sigmoid(t: Translation, node: FxNode, x: Any) -> str:
    return t.emit(ops.Neg(), t.emit(ops.Softplus(), t.emit(ops.Neg(), x)))


@aten("log_sigmoid_forward.default")
def _log_sigmoid_forward(t: Translation, node: FxNode, x: Any) -> tuple[str, None]:
    return _log_sigmoid(t, node, x), None


@aten("hardshrink.default")
def _hardshrink(t: Translation, node: FxNode, x: Any, lambd: float = 0.5) -> str:
    return t.emit(ops.Shrink(float(lambd), 0.0), x)


@aten("softshrink.default")
def _softshrink(t: Translation, node: FxNode, x: Any, lambd: float = 0.5) -> str:
    return t.emit(ops.Shrink(float(lambd), float(lambd)), x)


@aten("threshold.default")
def _threshold(t: Translation, node: FxNode, x: Any, threshold: float, value: float) -> str:
    dtype = t.meta(node).dtype
    if value == 0:
        return t.emit(ops.ThresholdedRelu(float(threshold)), x)
    over = t.emit(ops.Greater(), x, t.cast(threshold, dtype))
    return t.emit(ops.Where(), over, x, t.cast(value, dtype))


@aten("prelu.default", "_prelu_kernel.default")
def _prelu(t: Translation, node: FxNode, x: Any, slope: Any) -> str:
    count, rank = int(t.shape(slope)[0]) if t.shape(slope) else 1, len(t.shape(x))
    if len(t.shape(slope)) == 1 and count > 1 and rank > 2:  # a slope for each channel
        slope = t.emit(ops.Reshape((count, *(1 for _ in range(rank - 2)))), slope)
    return t.emit(ops.PRelu(), x, slope)


@aten("glu.default")
def _glu(t: Translation, node: FxNode, x: Any, dim: int = -1) -> str:
    half = t.static([t.shape(x)[dim]], "glu")[0] // 2
    one, two = t.emit_all(ops.Split((half, half), dim), x, count=2)
    return t.emit(ops.Mul(), one, t.emit(ops.Sigmoid(), two))


@aten("softmax.int", "_softmax.default", "special_softmax.int")
def _softmax(t: Translation, node: FxNode, x: Any, dim: int, *rest: Any, **named: Any) -> str:
    return t.emit(ops.Softmax(dim), t.cast(x, t.meta(node).dtype))


@aten("log_softmax.int", "_log_softmax.default", "special_log_softmax.int")
def _log_softmax(t: Translation, node: FxNode, x: Any, dim: int, *rest: Any, **named: Any) -> str:
    return t.emit(ops.LogSoftmax(dim), t.cast(x, t.meta(node).dtype))


@aten("_safe_softmax.default")
def _safe_softmax(t: Translation, node: FxNode, x: Any, dim: int, dtype: Any = None) -> str:
    """Softmax that gives zeros where all is masked; without a mask it is softmax."""
    found = t.emit(ops.Softmax(dim), x)
    if "matmul" in str(getattr(x, "target", "")) or "bmm" in str(getattr(x, "target", "")):
        return found
    working = t.meta(node).dtype
    largest = t.emit(ops.ReduceMax((dim,)), x)
    nothing = t.emit(ops.Equal(), largest, t.cast(-math.inf, working))
    return t.emit(ops.Where(), nothing, t.cast(0.0, working), found)


@aten("clone.default")
def _clone(t: Translation, node: FxNode, x: Any, *, memory_format: Any = None) -> str:
    """A copy; where a dropout made it, the dropout, whose rate the program has left out."""
    path = path_of(node)
    if t.module is not None and path:
        owner = t.module.get_submodule(path)
        if isinstance(owner, torch.nn.modules.dropout._DropoutNd):
            return t.emit(ops.Dropout(float(owner.p)), x)
    return t.value(x)


@aten("dropout.default", "feature_dropout.default", "native_dropout.default")
def _dropout(t: Translation, node: FxNode, x: Any, rate: float, train: bool) -> Any:
    if train:
        raise GraphError("dropout of a module in training; export it after module.eval()")
    found = t.emit(ops.Dropout(float(rate)), x)
    return (found, None) if "native" in str(node.target) else found
