"""Parts of a value: slices, indices, and writing into them."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from torch.fx import Node as FxNode

from striate.errors import GraphError
from striate.interop.torch.reading.shaping import reshaped
from striate.interop.torch.reading.sizes import integer, same
from striate.interop.torch.reading.table import aten
from striate.interop.torch.reading.translation import Translation
from striate.network import operators as ops
from striate.network.defined import Deferred

__all__: list[str] = []

END = 2**63 - 1
"""What PyTorch and ONNX take for "to the end"."""


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
