"""Linear layers, normalisations, softmax, resizing, padding."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from striate.interop.torch.writing.table import How, written
from striate.network import operators as ops

__all__: list[str] = []


@written(ops.Gemm)
def _gemm(op: ops.Gemm, how: How, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    return F.linear(x, weight, bias)


@written(ops.BatchNormalization)
def _batch_norm(
    op: ops.BatchNormalization,
    how: How,
    x: Tensor,
    scale: Tensor,
    bias: Tensor,
    mean: Tensor,
    variance: Tensor,
) -> Tensor:
    return F.batch_norm(x, mean, variance, scale, bias, how.training, 1 - op.momentum, op.epsilon)


def _standard(x: Tensor, axes: tuple[int, ...], epsilon: float) -> Tensor:
    variance, mean = torch.var_mean(x, axes, correction=0, keepdim=True)
    return (x - mean) / torch.sqrt(variance + epsilon)


def _by_channel(values: Tensor, rank: int) -> Tensor:
    return values.reshape(-1, *(1,) * (rank - 2))


@written(ops.InstanceNormalization)
def _instance_norm(
    op: ops.InstanceNormalization, how: How, x: Tensor, scale: Tensor, bias: Tensor
) -> Tensor:
    axes = tuple(range(2, x.dim()))
    plain = _standard(x, axes, op.epsilon) if axes else torch.zeros_like(x)
    return plain * _by_channel(scale, x.dim()) + _by_channel(bias, x.dim())


@written(ops.GroupNormalization)
def _group_norm(
    op: ops.GroupNormalization, how: How, x: Tensor, scale: Tensor, bias: Tensor
) -> Tensor:
    return F.group_norm(x, op.groups, scale, bias, op.epsilon)


@written(ops.LayerNormalization)
def _layer_norm(
    op: ops.LayerNormalization, how: How, x: Tensor, scale: Tensor, bias: Tensor | None = None
) -> Any:
    axes = op.axes(tuple(x.shape))
    y = _standard(x, axes, op.epsilon) * scale
    y = y if bias is None else y + bias
    if not op.statistics:
        return y
    variance, mean = torch.var_mean(x, axes, correction=0, keepdim=True)
    return y, mean, 1 / torch.sqrt(variance + op.epsilon)


@written(ops.RMSNormalization)
def _rms_norm(op: ops.RMSNormalization, how: How, x: Tensor, scale: Tensor) -> Tensor:
    mean = x.square().mean(op.axes(tuple(x.shape)), keepdim=True)
    return x / torch.sqrt(mean + op.epsilon) * scale


@written(ops.LRN)
def _lrn(op: ops.LRN, how: How, x: Tensor) -> Tensor:
    before = (op.size - 1) // 2
    sides = [0, 0] * (x.dim() - 2) + [before, op.size - 1 - before]
    sums = F.pad(x.square(), sides).unfold(1, op.size, 1).sum(-1)
    return x / (op.bias + op.alpha / op.size * sums) ** op.beta


@written(ops.LpNormalization)
def _lp_norm(op: ops.LpNormalization, how: How, x: Tensor) -> Tensor:
    norm = torch.linalg.vector_norm(x, op.p, op.axis, keepdim=True)
    return x / torch.where(norm == 0, torch.ones_like(norm), norm)


@written(ops.MeanVarianceNormalization)
def _mean_variance(op: ops.MeanVarianceNormalization, how: How, x: Tensor) -> Tensor:
    variance, mean = torch.var_mean(x, op.axes, correction=0, keepdim=True)
    return (x - mean) / (torch.sqrt(variance) + 1e-9)


@written(ops.Softmax, ops.LogSoftmax, ops.Hardmax)
def _shares(op: Any, how: How, x: Tensor) -> Tensor:
    rows, axis = x, op.axis
    if op.onwards:
        start = op.axis % x.dim() if op.axis < 0 else op.axis
        rows, axis = x.reshape(prod(x.shape[:start]), prod(x.shape[start:])), 1
    if isinstance(op, ops.Softmax):
        y = torch.softmax(rows, axis)
    elif isinstance(op, ops.LogSoftmax):
        y = torch.log_softmax(rows, axis)
    else:
        places = rows.argmax(axis, keepdim=True)
        y = torch.zeros_like(rows).scatter(axis, places, 1)
    return y.reshape(x.shape)


@written(ops.Resize)
def _resize(op: ops.Resize, how: How, x: Tensor) -> Tensor:
    """Axis after axis, the sum of the samples times their weights."""
    y = x
    for axis in op.resized(tuple(x.shape)):
        if axis.output == axis.size and axis.scale == 1 and not op.coordinates.startswith("tf"):
            continue
        samples, weights = op.taps(axis)
        column = (-1, *(1,) * (x.dim() - 1 - axis.axis))
        parts = []
        for taps, shares in zip(samples.T, weights.T, strict=True):
            part = y.index_select(axis.axis, _indices(taps, how))
            if op.mode != "nearest":
                part = part * torch.as_tensor(
                    np.ascontiguousarray(shares), dtype=y.dtype, device=how.device
                ).reshape(column)
            parts.append(part)
        y = torch.stack(parts).sum(0) if len(parts) > 1 else parts[0]
        if op.coordinates == "tf_crop_and_resize":
            places = np.round(axis.places(op.coordinates), 6)
            inside = torch.as_tensor((places >= 0) & (places <= axis.size - 1), device=how.device)
            outside = torch.full_like(y, op.extrapolation)
            y = torch.where(inside.reshape(column), y, outside)
    return y


def _indices(indices: Any, how: How) -> Tensor:
    return torch.as_tensor(np.ascontiguousarray(indices), device=how.device)


@written(ops.Pad)
def _pad(op: ops.Pad, how: How, x: Tensor) -> Tensor:
    pairs = op.pairs(x.dim())
    if op.mode == "constant":
        sides = [side for pair in reversed(pairs) for side in pair]
        return F.pad(x, sides, value=op.fill)
    for axis, (before, after) in enumerate(pairs):
        if before or after:
            inside = np.arange(max(-before, 0), x.shape[axis] - max(-after, 0))
            added = np.pad(inside, (max(before, 0), max(after, 0)), mode=op.mode)
            x = x.index_select(axis, _indices(added, how))
    return x
