"""Sums, means, extremes and ranks along axes; products of matrices."""

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

__all__: list[str] = []

REDUCTIONS: dict[str, type[Operator]] = {
    "mean.dim": ops.ReduceMean,
    "sum.dim_IntList": ops.ReduceSum,
    "amax.default": ops.ReduceMax,
    "amin.default": ops.ReduceMin,
    "logsumexp.default": ops.ReduceLogSumExp,
    "prod.dim_int": ops.ReduceProd,
}
WHOLE: dict[str, type[Operator]] = {
    "mean.default": ops.ReduceMean,
    "sum.default": ops.ReduceSum,
    "max.default": ops.ReduceMax,
    "min.default": ops.ReduceMin,
    "prod.default": ops.ReduceProd,
}


def _axes(dims: Any) -> tuple[int, ...] | None:
    if isinstance(dims, int):
        return (dims,)
    return tuple(dims) if dims else None


def _reduced(
    operator: Any,
    t: Translation,
    node: FxNode,
    x: Any,
    dim: Any = None,
    keepdim: bool = False,
    *,
    dtype: Any = None,
) -> str:
    if not t.shape(x):  # a single number is its own sum
        return t.cast(x, t.meta(node).dtype)
    return t.emit(operator(_axes(dim), keepdim), t.cast(x, t.meta(node).dtype))


def _reduced_whole(
    operator: Any, t: Translation, node: FxNode, x: Any, *, dtype: Any = None
) -> str:
    return _reduced(operator, t, node, x)


for _name, _kind in REDUCTIONS.items():
    TABLE[_name] = partial(_reduced, _kind)
for _name, _kind in WHOLE.items():
    TABLE[_name] = partial(_reduced_whole, _kind)


@aten("any.default", "any.dim", "any.dims", "all.default", "all.dim", "all.dims")
def _any(t: Translation, node: FxNode, x: Any, dim: Any = None, keepdim: bool = False) -> str:
    operator = ops.ReduceMax if "any" in str(node.target) else ops.ReduceMin
    answers = t.emit(ops.Cast("int64"), t.cast(x, torch.bool))
    found = t.emit(operator(_axes(dim), keepdim), answers)
    return t.emit(ops.Cast("bool"), found)


@aten("max.dim", "min.dim")
def _extreme(t: Translation, node: FxNode, x: Any, dim: int, keepdim: bool = False) -> Any:
    largest = "max" in str(node.target)
    reduce, place = (ops.ReduceMax, ops.ArgMax) if largest else (ops.ReduceMin, ops.ArgMin)
    return t.emit(reduce((dim,), keepdim), x), t.emit(place(dim, keepdim), x)


@aten("argmax.default", "argmin.default")
def _arg(t: Translation, node: FxNode, x: Any, dim: Any = None, keepdim: bool = False) -> str:
    operator = ops.ArgMax if "argmax" in str(node.target) else ops.ArgMin
    if dim is not None:
        return t.emit(operator(dim, keepdim), x)
    found = t.emit(operator(0, False), t.emit(ops.Reshape((-1,)), x))
    return t.emit(ops.Reshape((1,) * len(t.shape(x))), found) if keepdim else found


@aten("cumsum.default")
def _cumsum(t: Translation, node: FxNode, x: Any, dim: int, *, dtype: Any = None) -> str:
    return t.emit(ops.CumSum(dim), t.cast(x, t.meta(node).dtype))


@aten("topk.default")
def _topk(
    t: Translation,
    node: FxNode,
    x: Any,
    k: int,
    dim: int = -1,
    largest: bool = True,
    sorted: bool = True,
) -> Any:
    return t.emit_all(ops.TopK(int(k), dim, largest, sorted), x, count=2)


@aten("sort.default", "sort.stable")
def _sort(
    t: Translation, node: FxNode, x: Any, dim: int = -1, descending: bool = False, **named: Any
) -> Any:
    count = t.static([t.shape(x)[dim]], "sort")[0]
    return t.emit_all(ops.TopK(count, dim, descending, True), x, count=2)


@aten("argsort.default", "argsort.stable")
def _argsort(t: Translation, node: FxNode, x: Any, dim: int = -1, descending: bool = False) -> Any:
    return _sort(t, node, x, dim, descending)[1]


@aten("var.correction", "std.correction", "var_mean.correction", "std_mean.correction")
def _spread(
    t: Translation,
    node: FxNode,
    x: Any,
    dim: Any = None,
    *,
    correction: Any = None,
    keepdim: bool = False,
) -> Any:
    """The mean squared distance from the mean, over n - correction."""
    target, axes = str(node.target), _axes(dim)
    mean = t.emit(ops.ReduceMean(axes, True), x)
    far = t.emit(ops.Sub(), x, mean)
    found = t.emit(ops.ReduceMean(axes, keepdim), t.emit(ops.Mul(), far, far))
    lost = 1 if correction is None else correction
    if lost:
        sizes = t.shape(x) if axes is None else [t.shape(x)[axis] for axis in axes]
        count = math.prod(t.static(sizes, "var"))
        if count <= lost:
            raise GraphError(f"the variance of {count} elements less {lost} is undefined")
        dtype = t.meta(x).dtype
        found = t.emit(ops.Mul(), found, t.cast(count / (count - lost), dtype))
    if "std" in target:
        found = t.emit(ops.Sqrt(), found)
    if "_mean" in target:
        return found, mean if keepdim else t.emit(ops.ReduceMean(axes, False), x)
    return found


@aten("linalg_vector_norm.default", "norm.ScalarOpt_dim", "norm.Scalar")
def _norm(
    t: Translation,
    node: FxNode,
    x: Any,
    order: Any = 2,
    dim: Any = None,
    keepdim: bool = False,
    *,
    dtype: Any = None,
) -> str:
    axes, known = _axes(dim), {1: ops.ReduceL1, 2: ops.ReduceL2}
    order = 2 if order is None else order
    if order in known:
        return t.emit(known[order](axes, keepdim), x)
    size = t.emit(ops.Abs(), x)
    if abs(order) == math.inf:
        return t.emit((ops.ReduceMax if order > 0 else ops.ReduceMin)(axes, keepdim), size)
    working = t.meta(node).dtype
    powers = t.emit(ops.Pow(), size, t.cast(float(order), working))
    total = t.emit(ops.ReduceSum(axes, keepdim), powers)
    return t.emit(ops.Pow(), total, t.cast(1 / order, working))


@aten("matmul.default", "bmm.default", "mm.default", "mv.default", "dot.default")
def _matmul(t: Translation, node: FxNode, x: Any, y: Any) -> str:
    return t.emit(ops.MatMul(), x, y)


@aten("linear.default")
def _linear(t: Translation, node: FxNode, x: Any, weight: Any, bias: Any = None) -> str:
    layer = len(t.shape(weight)) == 2
    if layer and bias is not None and t.shape(bias) == t.shape(weight)[:1]:
        return t.emit(ops.Gemm(), x, weight, bias)
    found = t.emit(ops.Gemm() if layer else ops.MatMul(), x, weight)
    return found if bias is None else t.emit(ops.Add(), found, bias)


@aten("addmm.default", "baddbmm.default", "addmv.default")
def _addmm(
    t: Translation, node: FxNode, added: Any, x: Any, y: Any, *, beta: Any = 1, alpha: Any = 1
) -> str:
    dtype = t.meta(node).dtype
    found = t.emit(ops.MatMul(), x, y)
    if alpha != 1:
        found = t.emit(ops.Mul(), found, t.cast(alpha, dtype))
    if beta != 1:
        added = t.emit(ops.Mul(), added, t.cast(beta, dtype))
    return t.emit(ops.Add(), found, added)
