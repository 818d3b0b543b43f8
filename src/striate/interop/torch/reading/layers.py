"""Convolutions and normalisations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch.fx import Node as FxNode

from striate.errors import GraphError
from striate.geometry import TransposedWindow, Window
from striate.interop.torch.reading.table import aten
from striate.interop.torch.reading.translation import Translation
from striate.interop.torch.reading.windows import RANKS, batched, each, rank_of, unbatched
from striate.network import operators as ops

__all__: list[str] = []


@aten(*(f"conv{word}.{kind}" for word in RANKS for kind in ("default", "padding")))
def _conv(
    t: Translation,
    node: FxNode,
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> str:
    rank = rank_of(node)
    kernel = t.static(t.shape(weight)[2:], "a kernel")
    sides: Any = padding if isinstance(padding, str) else each(padding, rank)
    window = Window.parse(kernel, each(stride, rank), sides, each(dilation, rank), rank=rank)
    x, alone = batched(t, x, rank)
    operands = [x, weight] if bias is None else [x, weight, bias]
    found = t.emit(ops.Conv(window, groups), *operands)
    return unbatched(t, found, alone)


@aten("convolution.default")
def _convolution(t: Translation, node: FxNode, x: Any, weight: Any, bias: Any, *rest: Any) -> str:
    stride, padding, dilation, transposed, added, groups = rest
    rank = len(t.shape(weight)) - 2
    if transposed:
        return _transposed(t, rank, x, weight, bias, stride, padding, added, groups, dilation)
    kernel = t.static(t.shape(weight)[2:], "a kernel")
    window = Window.parse(
        kernel, each(stride, rank), each(padding, rank), each(dilation, rank), rank=rank
    )
    operands = [x, weight] if bias is None else [x, weight, bias]
    return t.emit(ops.Conv(window, groups), *operands)


@aten("conv_transpose1d.default", "conv_transpose2d.input", "conv_transpose3d.input")
def _conv_transpose(
    t: Translation,
    node: FxNode,
    x: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> str:
    rank = rank_of(node)
    return _transposed(t, rank, x, weight, bias, stride, padding, output_padding, groups, dilation)


def _transposed(
    t: Translation,
    rank: int,
    x: Any,
    weight: Any,
    bias: Any,
    stride: Any,
    padding: Any,
    added: Any,
    groups: int,
    dilation: Any,
) -> str:
    window = TransposedWindow.parse(
        t.static(t.shape(weight)[2:], "a kernel"),
        each(stride, rank),
        each(padding, rank),
        each(dilation, rank),
        each(added, rank),
        rank=rank,
    )
    x, alone = batched(t, x, rank)
    operands = [x, weight] if bias is None else [x, weight, bias]
    found = t.emit(ops.ConvTranspose(window, groups), *operands)
    return unbatched(t, found, alone)


def _filled(t: Translation, given: Any, shape: tuple[int, ...], value: float) -> str:
    """Return a scale or bias, which a layer without one has all ones or zeros."""
    if given is not None:
        return t.value(given)
    return t.array(np.full(shape, value, np.float32))


def _channels(t: Translation, x: Any) -> tuple[int, ...]:
    return t.static([t.shape(x)[1]], "a normalisation")


@aten("_native_batch_norm_legit_no_training.default")
def _batch_norm_inference(
    t: Translation,
    node: FxNode,
    x: Any,
    weight: Any,
    bias: Any,
    mean: Any,
    variance: Any,
    momentum: float,
    epsilon: float,
) -> tuple[Any, ...]:
    shape = _channels(t, x)
    scale, shift = _filled(t, weight, shape, 1), _filled(t, bias, shape, 0)
    operator = ops.BatchNormalization(epsilon, 1 - momentum)
    return t.emit(operator, x, scale, shift, mean, variance), None, None


@aten("batch_norm.default")
def _batch_norm(
    t: Translation,
    node: FxNode,
    x: Any,
    weight: Any,
    bias: Any,
    mean: Any,
    variance: Any,
    training: bool,
    momentum: float,
    epsilon: float,
    *rest: Any,
) -> Any:
    operands = x, weight, bias
    if not training:
        found = _batch_norm_inference(t, node, *operands, mean, variance, momentum, epsilon)
    elif mean is None:
        found = _batch_norm_of_batch(t, node, *operands, epsilon)
    else:
        raise GraphError("batch_norm of a module in training; export it after module.eval()")
    return found[0]


@aten("_native_batch_norm_legit.no_stats", "_native_batch_norm_legit_functional.default")
def _batch_norm_of_batch(
    t: Translation, node: FxNode, x: Any, weight: Any, bias: Any, *rest: Any
) -> tuple[Any, ...]:
    """A batch norm that keeps no statistics: those of the batch itself."""
    axes = (0, *range(2, len(t.shape(x))))
    found = _standard(t, x, axes, rest[-1])
    wide = (*_channels(t, x), *(1 for _ in axes[1:]))
    for operator, given in ((ops.Mul(), weight), (ops.Add(), bias)):
        if given is not None:
            found = t.emit(operator, found, t.emit(ops.Reshape(wide), given))
    return (found, *(None,) * 4)


def _standard(t: Translation, x: Any, axes: Sequence[int], epsilon: float) -> str:
    """Return (x - mean) / sqrt(variance + epsilon) along these axes."""
    mean = t.emit(ops.ReduceMean(tuple(axes), True), x)
    far = t.emit(ops.Sub(), x, mean)
    variance = t.emit(ops.ReduceMean(tuple(axes), True), t.emit(ops.Mul(), far, far))
    safe = t.emit(ops.Add(), variance, t.number(epsilon, "float"))
    return t.emit(ops.Div(), far, t.emit(ops.Sqrt(), safe))


@aten("instance_norm.default")
def _instance_norm(
    t: Translation,
    node: FxNode,
    x: Any,
    weight: Any,
    bias: Any,
    mean: Any,
    variance: Any,
    use_input: bool,
    momentum: float,
    epsilon: float,
    *rest: Any,
) -> str:
    shape = _channels(t, x)
    scale, shift = _filled(t, weight, shape, 1), _filled(t, bias, shape, 0)
    if use_input:
        return t.emit(ops.InstanceNormalization(epsilon), x, scale, shift)
    operator = ops.BatchNormalization(epsilon, 1 - momentum)
    return t.emit(operator, x, scale, shift, mean, variance)


@aten("group_norm.default")
def _group_norm(
    t: Translation,
    node: FxNode,
    x: Any,
    groups: int,
    weight: Any = None,
    bias: Any = None,
    epsilon: float = 1e-5,
    *rest: Any,
) -> str:
    shape = _channels(t, x)
    scale, shift = _filled(t, weight, shape, 1), _filled(t, bias, shape, 0)
    return t.emit(ops.GroupNormalization(groups, epsilon), x, scale, shift)


@aten("layer_norm.default")
def _layer_norm(
    t: Translation,
    node: FxNode,
    x: Any,
    shape: Sequence[int],
    weight: Any = None,
    bias: Any = None,
    epsilon: float = 1e-5,
    *rest: Any,
) -> str:
    sizes = t.static(shape, "a normalisation")
    operands = [x, _filled(t, weight, sizes, 1)]
    if bias is not None:
        operands.append(bias)
    return t.emit(ops.LayerNormalization(-len(sizes), epsilon), *operands)


@aten("rms_norm.default")
def _rms_norm(
    t: Translation,
    node: FxNode,
    x: Any,
    shape: Sequence[int],
    weight: Any = None,
    epsilon: float | None = None,
) -> str:
    sizes = t.static(shape, "a normalisation")
    least = torch.finfo(t.meta(x).dtype).eps if epsilon is None else epsilon
    scale = _filled(t, weight, sizes, 1)
    return t.emit(ops.RMSNormalization(-len(sizes), least), x, scale)
