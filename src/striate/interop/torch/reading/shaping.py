"""Operators that only move elements: views, joins, splits, repetitions."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from torch.fx import Node as FxNode

from striate.errors import GraphError
from striate.interop.torch.reading.sizes import Size, integer, same
from striate.interop.torch.reading.table import aten
from striate.interop.torch.reading.translation import Translation
from striate.network import operators as ops
from striate.network.defined import Deferred

__all__ = ["reshaped"]


def reshaped(t: Translation, x: Any, before: Sequence[Size], after: Sequence[Size]) -> str:
    """Return a value in another shape; a size left open is copied or inferred."""
    if len(before) == len(after) and all(map(same, before, after)):
        return t.value(x)
    if _flattens(before, after):
        return t.emit(ops.Flatten(1), x)
    wanted: list[int] = []
    for axis, size in enumerate(after):
        number = integer(size)
        if number is None:
            copied = axis < len(before) and same(before[axis], size)
            number = 0 if copied and -1 in wanted else -1
        wanted.append(number)
    if wanted.count(-1) > 1:  # all but one must be copies
        copies = [a < len(before) and same(before[a], size) for a, size in enumerate(after)]
        wanted = [0 if n == -1 and c else n for n, c in zip(wanted, copies, strict=True)]
    if wanted.count(-1) > 1:
        return t.emit(Deferred(ops.Reshape, (), ("shape",)), x, t.sizes(after))
    empty = any(integer(size) == 0 for size in after)
    return t.emit(ops.Reshape(tuple(wanted), allow_zero=empty), x)


def _flattens(before: Sequence[Size], after: Sequence[Size]) -> bool:
    if len(after) != 2 or len(before) < 3 or not same(before[0], after[0]):
        return False
    sizes = [integer(size) for size in before[1:]]
    return None not in sizes and prod(s for s in sizes if s is not None) == integer(after[1])


@aten(
    "view.default",
    "_unsafe_view.default",
    "reshape.default",
    "flatten.using_ints",
    "unflatten.int",
    "squeeze.default",
    "_reshape_alias.default",
    "_reshape_copy.default",
    "view_copy.default",
    "view_as.default",
)
def _view(t: Translation, node: FxNode, x: Any, *rest: Any) -> str:
    return reshaped(t, x, t.shape(x), t.shape(node))


@aten("squeeze.dim", "squeeze.dims")
def _squeeze(t: Translation, node: FxNode, x: Any, dims: Any) -> str:
    shape = t.shape(x)
    dims = [dims] if isinstance(dims, int) else dims
    axes = tuple(dim % len(shape) for dim in dims) if shape else ()
    ones = tuple(axis for axis in axes if integer(shape[axis]) == 1)
    return t.emit(ops.Squeeze(ones), x) if ones else t.value(x)


@aten("unsqueeze.default")
def _unsqueeze(t: Translation, node: FxNode, x: Any, dim: int) -> str:
    return t.emit(ops.Unsqueeze((dim,)), x)


@aten("permute.default")
def _permute(t: Translation, node: FxNode, x: Any, dims: Sequence[int]) -> str:
    axes = tuple(dim % len(dims) for dim in dims)
    return t.value(x) if axes == tuple(range(len(axes))) else t.emit(ops.Transpose(axes), x)


@aten("transpose.int", "t.default", "transpose_copy.int")
def _transpose(t: Translation, node: FxNode, x: Any, one: int = 0, two: int = 1) -> str:
    axes = list(range(len(t.shape(x))))
    if len(axes) < 2:
        return t.value(x)
    axes[one], axes[two] = axes[two], axes[one]
    return _permute(t, node, x, axes)


@aten("movedim.int")
def _movedim(t: Translation, node: FxNode, x: Any, source: int, target: int) -> str:
    axes = list(range(len(t.shape(x))))
    axes.insert(target % len(axes), axes.pop(source % len(axes)))
    return _permute(t, node, x, axes)


@aten("expand.default", "expand_as.default")
def _expand(t: Translation, node: FxNode, x: Any, *rest: Any, **named: Any) -> str:
    return t.expand(x, t.shape(x), t.shape(node))


@aten("copy.default")
def _copy(t: Translation, node: FxNode, x: Any, source: Any, *rest: Any) -> str:
    dtype = t.meta(node).dtype
    return t.expand(t.cast(source, dtype), t.shape(source), t.shape(node))


@aten("repeat.default")
def _repeat(t: Translation, node: FxNode, x: Any, repeats: Sequence[Any]) -> str:
    counts = t.static(repeats, "repeat")
    missing = len(counts) - len(t.shape(x))
    found = t.emit(ops.Unsqueeze(tuple(range(missing))), x) if missing else t.value(x)
    return found if all(count == 1 for count in counts) else t.emit(ops.Tile(counts), found)


@aten("repeat_interleave.self_int")
def _repeat_interleave(
    t: Translation, node: FxNode, x: Any, repeats: Any, dim: int | None = None, **named: Any
) -> str:
    count = t.static([repeats], "repeat_interleave")[0]
    shape = t.shape(x)
    if dim is None:
        x, shape, dim = reshaped(t, x, shape, (prod(shape),)), (prod(shape),), 0
    axis = dim % len(shape)
    wide = t.emit(ops.Unsqueeze((axis + 1,)), x)
    times = [1] * (len(shape) + 1)
    times[axis + 1] = count
    repeated = t.emit(ops.Tile(tuple(times)), wide)
    between = (*shape[: axis + 1], count, *shape[axis + 1 :])
    return reshaped(t, repeated, between, t.shape(node))


@aten("cat.default", "concat.default")
def _cat(t: Translation, node: FxNode, values: Sequence[Any], dim: int = 0) -> str:
    dtype = t.meta(node).dtype
    rank = len(t.shape(node))
    kept = [value for value in values if len(t.shape(value)) == rank]  # PyTorch skips empty ones
    return t.emit(ops.Concat(dim), *(t.cast(value, dtype) for value in kept))


@aten("stack.default")
def _stack(t: Translation, node: FxNode, values: Sequence[Any], dim: int = 0) -> str:
    dtype = t.meta(node).dtype
    parts = [t.emit(ops.Unsqueeze((dim,)), t.cast(value, dtype)) for value in values]
    return t.emit(ops.Concat(dim), *parts)


@aten(
    "split.Tensor",
    "split.sizes",
    "split_with_sizes.default",
    "chunk.default",
    "tensor_split.sections",
    "tensor_split.indices",
)
def _split(t: Translation, node: FxNode, x: Any, how: Any, dim: int = 0) -> Any:
    parts = node.meta["val"]
    if len(parts) == 1:
        return (t.value(x),)
    sizes = t.static([part.shape[dim] for part in parts], "split")
    return t.emit_all(ops.Split(sizes, dim), x, count=len(sizes))


@aten("unbind.int")
def _unbind(t: Translation, node: FxNode, x: Any, dim: int = 0) -> Any:
    count = len(node.meta["val"])
    if count == 1:
        return (t.emit(ops.Squeeze((dim,)), x),)
    parts = t.emit_all(ops.Split((1,) * count, dim), x, count=count)
    return tuple(t.emit(ops.Squeeze((dim,)), part) for part in parts)


@aten("tril.default", "triu.default")
def _trilu(t: Translation, node: FxNode, x: Any, diagonal: int = 0) -> str:
    return t.emit(ops.Trilu("triu" in str(node.target), diagonal), x)


@aten("pixel_shuffle.default")
def _pixel_shuffle(t: Translation, node: FxNode, x: Any, factor: int) -> str:
    _require_images(t, x, "pixel_shuffle")
    return t.emit(ops.DepthToSpace(factor, "CRD"), x)


@aten("pixel_unshuffle.default")
def _pixel_unshuffle(t: Translation, node: FxNode, x: Any, factor: int) -> str:
    """PyTorch keeps a channel's pixels together, which ONNX's SpaceToDepth does not."""
    _require_images(t, x, "pixel_unshuffle")
    n, c, height, width = t.shape(x)
    if integer(c) == 1:
        return t.emit(ops.SpaceToDepth(factor), x)
    apart = (n, c, height // factor, factor, width // factor, factor)
    blocks = t.emit(ops.Transpose((0, 1, 3, 5, 2, 4)), reshaped(t, x, t.shape(x), apart))
    return reshaped(t, blocks, [apart[axis] for axis in (0, 1, 3, 5, 2, 4)], t.shape(node))


def _require_images(t: Translation, x: Any, what: str) -> None:
    if len(t.shape(x)) != 4:
        raise GraphError(f"{what} of {len(t.shape(x))} axes: give it (N, C, H, W)")
