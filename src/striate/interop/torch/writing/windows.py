"""Convolutions and poolings, with any padding, dilation and ceil mode."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from striate.errors import GraphError
from striate.geometry import Axis, Window
from striate.interop.torch.writing.table import How, written
from striate.network import operators as ops

__all__: list[str] = []

CONVOLUTIONS: Sequence[Any] = (F.conv1d, F.conv2d, F.conv3d)
TRANSPOSED: Sequence[Any] = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)
MAXIMA: Sequence[Any] = (F.max_pool1d, F.max_pool2d, F.max_pool3d)
MEANS: Sequence[Any] = (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)


def _of(functions: Sequence[Any], rank: int) -> Any:
    if rank > 3:
        raise GraphError(f"PyTorch has no windows over {rank} axes, only over 1 to 3")
    return functions[rank - 1]


def _spread(x: Tensor, pairs: Sequence[tuple[int, int]], fill: float = 0.0) -> Tensor:
    """Return x with (before, after) added to each of its last axes; negative counts crop."""
    flat = [side for pair in reversed(pairs) for side in pair]
    return F.pad(x, flat, value=fill) if any(flat) else x


def _fitting(axes: Sequence[Axis], sizes: Sequence[int]) -> list[tuple[int, int]]:
    """Return the padding under which the windows fit exactly: ceil mode pads, floor crops."""
    pairs = []
    for axis, size in zip(axes, sizes, strict=True):
        reached = (axis.output_size(size) - 1) * axis.stride + axis.extent
        pairs.append((axis.before, reached - axis.before - size))
    return pairs


def _symmetric(window: Window) -> bool:
    return all(before == after >= 0 for before, after in window.paddings)


@written(ops.Conv)
def _conv(op: ops.Conv, how: How, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    window = op.window.at(x.shape[2:])
    if op.table is not None:
        weight = _dense(weight, op.table, x.shape[1])
    convolve = _of(CONVOLUTIONS, window.rank)
    padding = tuple(before for before, _ in window.paddings)
    if not _symmetric(window):
        x, padding = _spread(x, window.paddings), (0,) * window.rank
    plain = bias if bias is None or bias.dim() == 1 else None
    y: Tensor = convolve(x, weight, plain, window.strides, padding, window.dilations, op.groups)
    return y if plain is bias or bias is None else y + bias  # a bias of its own for each unit


def _dense(weight: Tensor, table: Sequence[Sequence[int]], channels: int) -> Tensor:
    """Return a weight over all channels: each row times the matrix of what it sees."""
    seen = F.one_hot(torch.tensor(table, device=weight.device), channels).to(weight.dtype)
    whole = seen.transpose(1, 2) @ weight.flatten(2)
    return whole.reshape(len(weight), channels, *weight.shape[2:])


@written(ops.ConvTranspose)
def _conv_transpose(
    op: ops.ConvTranspose, how: How, x: Tensor, weight: Tensor, bias: Tensor | None = None
) -> Tensor:
    """The whole output is computed, then cropped: PyTorch crops both sides alike."""
    window = op.window
    transposed = _of(TRANSPOSED, window.rank)
    y: Tensor = transposed(x, weight, None, window.strides, 0, 0, op.groups, window.dilations)
    pairs = [(-a.before, a.output_padding - a.after) for a in window.axes]
    y = _spread(y, pairs)
    return y if bias is None else y + bias.reshape(-1, *(1,) * window.rank)


@written(ops.MaxPool)
def _max_pool(op: ops.MaxPool, how: How, x: Tensor) -> Any:
    window = op.window.at(x.shape[2:])
    pairs = _fitting(window.axes, x.shape[2:])
    lowest = -torch.inf if x.is_floating_point() else torch.iinfo(x.dtype).min
    pool = _of(MAXIMA, window.rank)
    settings = {"stride": window.strides, "dilation": window.dilations}
    if not x.is_floating_point():
        seen = _seen(x, window, lowest)
        return seen.amax(-1) if not op.indices else _first(op, x, window, seen)
    padded = _spread(x, pairs, lowest)
    if not op.indices:
        return pool(padded, window.kernel, **settings)
    y, places = pool(padded, window.kernel, **settings, return_indices=True)
    return y, _counted(op, x.shape, padded.shape, [before for before, _ in pairs], places)


def _counted(
    op: ops.MaxPool,
    shape: Sequence[int],
    padded: Sequence[int],
    before: Sequence[int],
    places: Tensor,
) -> Tensor:
    """Return places in the padded channel as places in all of x."""
    along: list[Tensor] = []
    for size, cut in zip(reversed(padded[2:]), reversed(before), strict=True):
        along.insert(0, places % size - cut)
        places = places // size
    order = list(zip(along, shape[2:], strict=True))
    inside = torch.zeros_like(places)
    for place, size in reversed(order) if op.column_major else order:
        inside = inside * size + place
    channels = torch.arange(prod(shape[:2]), device=places.device)
    return inside + channels.reshape(*shape[:2], *(1,) * len(before)) * prod(shape[2:])


def _first(op: ops.MaxPool, x: Tensor, window: Window, seen: Tensor) -> tuple[Tensor, Tensor]:
    """Return the largest whole numbers and where they are."""
    y = seen.amax(-1)
    double, places = _max_pool(op, How(False, torch.float64, x.device), x.double())
    return double.to(y.dtype), places


def _seen(x: Tensor, window: Window, fill: float) -> Tensor:
    """Return what each window reads, (N, C, *output spatial, taps)."""
    x = _spread(x, _fitting(window.axes, x.shape[2:]), fill)
    for place, axis in enumerate(window.axes):
        x = x.unfold(2 + place, axis.extent, axis.stride)[..., :: axis.dilation]
    return x.flatten(-window.rank)


@written(ops.AveragePool)
def _average_pool(op: ops.AveragePool, how: How, x: Tensor) -> Tensor:
    window = op.window.at(x.shape[2:])
    whole = not any(axis.ceil for axis in window.axes) and set(window.dilations) == {1}
    alike = op.count_include_pad or not any(map(any, window.paddings))
    if whole and alike and x.is_floating_point() and window.rank <= 3:
        pairs = _fitting(window.axes, x.shape[2:])
        means: Tensor = MEANS[window.rank - 1](_spread(x, pairs), window.kernel, window.strides)
        return means
    inside = torch.ones(1, 1, *x.shape[2:], dtype=x.dtype, device=x.device)
    if op.count_include_pad:  # what lies beyond the padding never counts
        inside = _spread(inside, [(max(b, 0), max(a, 0)) for b, a in window.paddings], 1.0)
        bare = Window(
            tuple(
                Axis(a.kernel, a.stride, a.dilation, (min(a.before, 0), min(a.after, 0)), a.ceil)
                for a in window.axes
            )
        )
        counts = _sums(inside, window, bare, x.shape[2:])
    else:
        counts = _seen(inside, window, 0.0).sum(-1)
    return _seen(x, window, 0.0).sum(-1) / counts


def _sums(inside: Tensor, window: Window, bare: Window, sizes: Sequence[int]) -> Tensor:
    """Return how many elements of the padded input lie in each window of the input."""
    for place, (axis, cropped, size) in enumerate(zip(window.axes, bare.axes, sizes, strict=True)):
        reached = (axis.output_size(size) - 1) * axis.stride + axis.extent
        extra = reached - inside.shape[2 + place] - cropped.before
        pairs = [(0, 0)] * window.rank
        pairs[place] = (cropped.before, extra)
        inside = _spread(inside, pairs, 0.0)
    for place, axis in enumerate(window.axes):
        inside = inside.unfold(2 + place, axis.extent, axis.stride)[..., :: axis.dilation]
    return inside.flatten(-window.rank).sum(-1)


@written(ops.LpPool)
def _lp_pool(op: ops.LpPool, how: How, x: Tensor) -> Tensor:
    return _norm(_seen(x, op.window.at(x.shape[2:]), 0.0), (-1,), op.p, keep=False)


def _norm(x: Tensor, axes: tuple[int, ...], p: int, *, keep: bool) -> Tensor:
    return x.abs().pow(p).sum(axes, keepdim=keep).pow(1 / p)


@written(ops.GlobalAveragePool, ops.GlobalMaxPool, ops.GlobalLpPool)
def _global_pool(op: Any, how: How, x: Tensor) -> Tensor:
    axes = tuple(range(2, x.dim()))
    if not axes:
        return _norm(x[..., None], (-1,), op.p, keep=False) if hasattr(op, "p") else x
    if isinstance(op, ops.GlobalLpPool):
        return _norm(x, axes, op.p, keep=True)
    if isinstance(op, ops.GlobalMaxPool):
        return x.amax(axes, keepdim=True)
    return x.mean(axes, keepdim=True)
