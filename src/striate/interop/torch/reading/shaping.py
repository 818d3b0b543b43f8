"""Operators that only move elements: views, joins, parts, repetitions."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from torch.fx import Node as FxNode

from striate.errors import GraphError
from striate.interop.torch.reading.table import aten
from striate.interop.torch.reading.translation import Size, Translation, integer, same
from striate.network import operators as ops
from striate.network.defined import Deferred

__all__ = ["reshaped", "sliced"]

END = 2**63 - 1
"""What PyTorch and ONNX take for "to the end"."""


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


@aten("expand.default")
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


def sliced(t: Translation, x: Any, axis: int, start: int, end: int, step: int = 1) -> str:
    """Return the part of a value from `start` to before `end`."""
    return t.emit(ops.Slice((start,), (end,), (axis,), (step,)), x)


@aten("slice.Tensor", "narrow.default")
def _slice(
    t: Translation,
    node: FxNode,
    x: Any,
    dim: int = 0,
    start: Any = None,
    end: Any = None,
    step: int = 1,
) -> str:
    if "narrow" in str(node.target):
        end = t.plain(start) + t.plain(end)
    before, after = t.shape(x)[dim], t.shape(node)[dim]
    if step == 1 and same(before, after):
        return t.value(x)
    start = 0 if start is None else t.plain(start)
    end = END if end is None else t.plain(end)
    first, last = integer(start), integer(end)
    if first is not None and last is not None:
        return sliced(t, x, dim, first, min(last, END), step)
    given = (("axes", (dim,)), ("steps", (step,)))
    operator = Deferred(ops.Slice, given, ("starts", "ends"))
    return t.emit(operator, x, t.size(start), t.size(end))


@aten("select.int")
def _select(t: Translation, node: FxNode, x: Any, dim: int, index: Any) -> str:
    return t.emit(ops.Gather(dim), x, t.value(t.plain(index)))


@aten("index_select.default")
def _index_select(t: Translation, node: FxNode, x: Any, dim: int, index: Any) -> str:
    if not t.shape(index):
        index = t.emit(ops.Unsqueeze((0,)), index)
    return t.emit(ops.Gather(dim), x, index)


@aten("embedding.default")
def _embedding(t: Translation, node: FxNode, weight: Any, index: Any, *rest: Any) -> str:
    return t.emit(ops.Gather(0), weight, index)


@aten("gather.default")
def _gather(t: Translation, node: FxNode, x: Any, dim: int, index: Any, **named: Any) -> str:
    return t.emit(ops.GatherElements(dim), x, index)


@aten("index.Tensor", "_unsafe_index.Tensor")
def _index(t: Translation, node: FxNode, x: Any, indices: Sequence[Any]) -> str:
    """x[..., i, j, ...]: one Gather over the indexed axes laid out as one."""
    axes = [axis for axis, index in enumerate(indices) if index is not None]
    if any(t.meta(indices[axis]).dtype.itemsize < 4 for axis in axes):  # bool or uint8
        raise GraphError(
            "indexing by a mask gives a shape that depends on data; use torch.where or masked_fill"
        )
    if len(axes) == 1:
        return t.emit(ops.Gather(axes[0]), x, indices[axes[0]])
    if axes != list(range(axes[0], axes[-1] + 1)):
        raise GraphError("indexing axes apart from each other is not supported: permute them first")
    shape = t.shape(x)
    sizes = t.static([shape[axis] for axis in axes], "an index")
    place = _place(t, [indices[axis] for axis in axes], sizes)
    flat = (*shape[: axes[0]], prod(sizes), *shape[axes[-1] + 1 :])
    return t.emit(ops.Gather(axes[0]), reshaped(t, x, shape, flat), place)


def _place(t: Translation, indices: Sequence[Any], sizes: Sequence[int]) -> str:
    """Return the row-major place of several indices, negative ones counted from the end."""
    found = ""
    for index, size in zip(indices, sizes, strict=True):
        whole = t.number(size, t.kind(t.meta(index).dtype))
        inside = t.emit(ops.Mod(), index, whole)
        found = t.emit(ops.Add(), t.emit(ops.Mul(), found, whole), inside) if found else inside
    return found


@aten("flip.default")
def _flip(t: Translation, node: FxNode, x: Any, dims: Sequence[int]) -> str:
    count = len(dims)
    return t.emit(ops.Slice((-1,) * count, (-END,) * count, tuple(dims), (-1,) * count), x)


@aten("roll.default")
def _roll(t: Translation, node: FxNode, x: Any, shifts: Any, dims: Any = ()) -> str:
    if not dims:
        raise GraphError("roll without dims rolls the flattened tensor: flatten it, name the axis")
    shifts = [shifts] if isinstance(shifts, int) else shifts
    for shift, dim in zip(shifts, [dims] if isinstance(dims, int) else dims, strict=True):
        size = t.static([t.shape(node)[dim]], "roll")[0]
        if cut := -shift % size:
            x = t.emit(ops.Concat(dim), sliced(t, x, dim, cut, END), sliced(t, x, dim, 0, cut))
    return t.value(x)


@aten("slice_scatter.default")
def _slice_scatter(
    t: Translation,
    node: FxNode,
    x: Any,
    source: Any,
    dim: int = 0,
    start: Any = None,
    end: Any = None,
    step: int = 1,
) -> str:
    """Return x with a part of it replaced: what is before, the new part, what is after."""
    if step != 1:
        raise GraphError("writing every other element is not supported: use torch.where")
    part = t.cast(source, t.meta(node).dtype)
    if same(t.shape(node)[dim], t.shape(source)[dim]):
        return part
    size = t.static([t.shape(node)[dim]], "writing a slice")[0]
    first, last = t.static([start or 0, size if end is None else end], "writing a slice")
    first, last, _ = slice(first, last).indices(size)
    parts = [sliced(t, x, dim, 0, first)] if first else []
    parts.append(part)
    parts += [sliced(t, x, dim, last, END)] if last < size else []
    return t.emit(ops.Concat(dim), *parts)


@aten("select_scatter.default")
def _select_scatter(t: Translation, node: FxNode, x: Any, source: Any, dim: int, index: int) -> str:
    size = t.static([t.shape(node)[dim]], "writing an element")[0]
    place = index % size
    wide = t.emit(ops.Unsqueeze((dim,)), t.cast(source, t.meta(node).dtype))
    parts = [sliced(t, x, dim, 0, place)] if place else []
    parts.append(wide)
    parts += [sliced(t, x, dim, place + 1, END)] if place + 1 < size else []
    return t.emit(ops.Concat(dim), *parts)


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
