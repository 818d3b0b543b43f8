"""Pooling: windows, whole axes, and the uneven windows of adaptive pooling."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import torch
from torch.fx import Node as FxNode

from striate.errors import GraphError
from striate.geometry import Axis, Window
from striate.interop.torch.reading.table import aten
from striate.interop.torch.reading.translation import Translation
from striate.interop.torch.reading.windows import RANKS, batched, each, rank_of, unbatched
from striate.network import operators as ops

__all__: list[str] = []


def _asked(node: FxNode) -> bool:
    """Say whether anything needs the second output, the places."""
    return any(user.args[1] == 1 and user.users for user in node.users if len(user.args) > 1)


@aten(*(f"max_pool{word}.default" for word in RANKS))
def _max_pool(
    t: Translation,
    node: FxNode,
    x: Any,
    kernel: Any,
    stride: Any = (),
    padding: Any = 0,
    dilation: Any = 1,
    ceil: bool = False,
) -> str:
    rank = rank_of(node)
    x, alone = batched(t, x, rank)
    window = _window(rank, kernel, stride, padding, dilation, ceil)
    return unbatched(t, t.emit(ops.MaxPool(window), x), alone)


def _window(
    rank: int, kernel: Any, stride: Any, padding: Any, dilation: Any = 1, ceil: bool = False
) -> Window:
    steps = kernel if stride is None or stride in ((), []) else stride
    return Window.parse(
        each(kernel, rank),
        each(steps, rank),
        each(padding, rank),
        each(dilation, rank),
        rank=rank,
        ceil=ceil,
    )


@aten(
    "max_pool2d_with_indices.default",
    "max_pool3d_with_indices.default",
    "max_pool1d_with_indices.default",
)
def _max_pool_with_indices(
    t: Translation,
    node: FxNode,
    x: Any,
    kernel: Any,
    stride: Any = (),
    padding: Any = 0,
    dilation: Any = 1,
    ceil: bool = False,
) -> tuple[Any, Any]:
    """ONNX counts places through the whole tensor, PyTorch through a channel."""
    rank = rank_of(node)
    window = _window(rank, kernel, stride, padding, dilation, ceil)
    volume = t.shape(x)[-rank:]
    x, alone = batched(t, x, rank)
    if not _asked(node):
        return unbatched(t, t.emit(ops.MaxPool(window), x), alone), None
    found, places = t.emit_all(ops.MaxPool(window, indices=True), x, count=2)
    size = prod(t.static(volume, "the places of a pooling"))
    inside = t.emit(ops.Mod(), places, t.number(size, "int64"))
    return unbatched(t, found, alone), unbatched(t, inside, alone)


@aten(*(f"avg_pool{word}.default" for word in RANKS))
def _avg_pool(
    t: Translation,
    node: FxNode,
    x: Any,
    kernel: Any,
    stride: Any = (),
    padding: Any = 0,
    ceil: bool = False,
    count_include_pad: bool = True,
    divisor: int | None = None,
) -> str:
    rank = rank_of(node)
    window = _window(rank, kernel, stride, padding, ceil=ceil)
    x, alone = batched(t, x, rank)
    if divisor is None:
        found = t.emit(ops.AveragePool(window, count_include_pad), x)
        return unbatched(t, found, alone)
    if ceil:
        raise GraphError("avg_pool with divisor_override and ceil_mode: leave one of them out")
    found = t.emit(ops.AveragePool(window, True), x)
    factor = t.number(prod(window.kernel) / divisor, "float")
    return unbatched(t, t.emit(ops.Mul(), found, factor), alone)


@aten(
    *(f"adaptive_avg_pool{word}.default" for word in RANKS),
    *(f"_adaptive_avg_pool{word}.default" for word in RANKS),
)
def _adaptive_avg(t: Translation, node: FxNode, x: Any, size: Any) -> str:
    return _adaptive(t, node, x, average=True)


@aten(*(f"adaptive_max_pool{word}.default" for word in RANKS))
def _adaptive_max(t: Translation, node: FxNode, x: Any, size: Any) -> tuple[str, None]:
    if _asked(node):
        raise GraphError("the places of adaptive_max_pool are not supported: use max_pool's")
    return _adaptive(t, node, x, average=False), None


def _adaptive(t: Translation, node: FxNode, x: Any, *, average: bool) -> str:
    rank = rank_of(node)
    meta = node.meta["val"]
    wanted = t.static((meta if isinstance(meta, torch.Tensor) else meta[0]).shape[-rank:], "pool")
    before = t.shape(x)[-rank:]
    x, alone = batched(t, x, rank)
    if all(size == 1 for size in wanted):
        whole = ops.GlobalAveragePool() if average else ops.GlobalMaxPool()
        return unbatched(t, t.emit(whole, x), alone)
    sizes = t.static(before, "an adaptive pooling")
    if all(size % count == 0 for size, count in zip(sizes, wanted, strict=True)):
        kernel = [size // count for size, count in zip(sizes, wanted, strict=True)]
        return unbatched(t, t.emit(_pool(kernel, kernel, average), x), alone)
    for axis, (size, count) in enumerate(zip(sizes, wanted, strict=True)):
        x = _uneven(t, x, axis, rank, size, count, average)
    return unbatched(t, x, alone)


def _pool(kernel: Sequence[int], strides: Sequence[int], average: bool) -> Any:
    pairs = zip(kernel, strides, strict=True)
    window = Window(tuple(Axis(size, step) for size, step in pairs))
    return ops.AveragePool(window) if average else ops.MaxPool(window)


def _uneven(
    t: Translation, x: Any, axis: int, rank: int, size: int, count: int, average: bool
) -> str:
    """Pool one axis as PyTorch's adaptive pooling does: output o reads from floor(o I / O) up
    to ceil((o + 1) I / O). Windows of each length slide by one; those that are meant are gathered.
    """
    starts = [place * size // count for place in range(count)]
    ends = [-(-(place + 1) * size // count) for place in range(count)]
    lengths = sorted({end - start for start, end in zip(starts, ends, strict=True)})
    if lengths == [1] and size == count:
        return t.value(x)
    if len(lengths) == 1 and size % count == 0:
        kernel = [lengths[0] if place == axis else 1 for place in range(rank)]
        return t.emit(_pool(kernel, kernel, average), x)
    slid, first, offsets = [], 0, {}
    for length in lengths:
        kernel = [length if place == axis else 1 for place in range(rank)]
        slid.append(t.emit(_pool(kernel, [1] * rank, average), x))
        offsets[length], first = first, first + size - length + 1
    joined = slid[0] if len(slid) == 1 else t.emit(ops.Concat(axis + 2), *slid)
    places = [offsets[end - start] + start for start, end in zip(starts, ends, strict=True)]
    return t.emit(ops.Gather(axis + 2), joined, t.array(places, "int64"))
