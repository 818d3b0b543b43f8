"""Reductions, ranks, views, parts: whatever is about axes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from striate.interop.torch.writing.table import How, written
from striate.network import operators as ops

__all__: list[str] = []

REDUCTIONS: dict[Any, Any] = {
    ops.ReduceSum: lambda x, axes: x.sum(axes, keepdim=True),
    ops.ReduceMean: lambda x, axes: x.mean(axes, keepdim=True),
    ops.ReduceMax: lambda x, axes: x.amax(axes, keepdim=True),
    ops.ReduceMin: lambda x, axes: x.amin(axes, keepdim=True),
    ops.ReduceL1: lambda x, axes: x.abs().sum(axes, keepdim=True),
    ops.ReduceL2: lambda x, axes: torch.linalg.vector_norm(x, 2, axes, keepdim=True),
    ops.ReduceLogSum: lambda x, axes: x.sum(axes, keepdim=True).log(),
    ops.ReduceLogSumExp: lambda x, axes: torch.logsumexp(x, axes, keepdim=True),
    ops.ReduceSumSquare: lambda x, axes: x.square().sum(axes, keepdim=True),
}
MEASURED = (ops.ReduceMean, ops.ReduceL2, ops.ReduceLogSum, ops.ReduceLogSumExp)
"""Those that PyTorch computes of floating point numbers alone."""


@written(*REDUCTIONS, ops.ReduceProd)
def _reduce(op: Any, how: How, x: Tensor) -> Tensor:
    shape, rank = tuple(x.shape), x.dim()
    listed = range(rank) if op.axes is None else op.axes
    axes = tuple(sorted({axis % rank for axis in listed})) if rank else ()
    wide = x.double() if isinstance(op, MEASURED) and not x.is_floating_point() else x
    if not axes:  # each element by itself
        wide, axes = wide[None], (0,)
    if isinstance(op, ops.ReduceProd):
        for axis in axes:
            wide = wide.prod(axis, keepdim=True)
    else:
        wide = REDUCTIONS[type(op)](wide, axes)
    reduced: Tensor = wide.to(x.dtype).reshape(op.infer([shape]))
    return reduced


@written(ops.ArgMax, ops.ArgMin)
def _arg(op: Any, how: How, x: Tensor) -> Tensor:
    find: Any = torch.argmax if isinstance(op, ops.ArgMax) else torch.argmin
    if op.last:
        x = x.flip(op.axis)
    found: Tensor = find(x, op.axis, keepdim=op.keepdims)
    return x.shape[op.axis] - 1 - found if op.last else found


@written(ops.TopK)
def _topk(op: ops.TopK, how: How, x: Tensor) -> tuple[Tensor, Tensor]:
    """Sorted whole, since `torch.topk` may take any of equal ones."""
    values, places = torch.sort(x, dim=op.axis, descending=op.largest, stable=True)
    return values.narrow(op.axis, 0, op.count), places.narrow(op.axis, 0, op.count)


@written(ops.CumSum)
def _cumsum(op: ops.CumSum, how: How, x: Tensor) -> Tensor:
    terms = x.flip(op.axis) if op.reverse else x
    sums = torch.cumsum(terms, op.axis, dtype=x.dtype)
    sums = sums - terms if op.exclusive else sums
    return sums.flip(op.axis) if op.reverse else sums


@written(ops.Reshape, ops.Flatten, ops.Squeeze, ops.Unsqueeze)
def _view(op: Any, how: How, x: Tensor) -> Tensor:
    return x.reshape(op.infer([tuple(x.shape)]))


@written(ops.Expand)
def _expand(op: ops.Expand, how: How, x: Tensor) -> Tensor:
    return x.expand(op.infer([tuple(x.shape)]))


@written(ops.Transpose)
def _transpose(op: ops.Transpose, how: How, x: Tensor) -> Tensor:
    return x.permute(op.perm if op.perm is not None else tuple(range(x.dim()))[::-1])


@written(ops.Tile)
def _tile(op: ops.Tile, how: How, x: Tensor) -> Tensor:
    return x.repeat(op.repeats) if x.dim() else x


@written(ops.Concat)
def _concat(op: ops.Concat, how: How, *values: Tensor) -> Tensor:
    return torch.cat(values, op.axis)


@written(ops.Split)
def _split(op: ops.Split, how: How, x: Tensor) -> tuple[Tensor, ...]:
    sizes = [shape[op.axis] for shape in op.infer_all([tuple(x.shape)])]
    return tuple(torch.split(x, sizes, op.axis))


@written(ops.Slice)
def _slice(op: ops.Slice, how: How, x: Tensor) -> Tensor:
    axes = op.axes if op.axes is not None else range(len(op.starts))
    steps = op.steps if op.steps is not None else (1,) * len(op.starts)
    for axis, start, end, step in zip(axes, op.starts, op.ends, steps, strict=True):
        places = range(*slice(start, end, step).indices(x.shape[axis]))
        if step == 1:
            x = x.narrow(axis, places.start if places else 0, len(places))
        else:
            indices = torch.arange(places.start, places.stop, step, device=x.device)
            x = x.index_select(axis, indices)
    return x


def _counted(indices: Tensor, size: int) -> Tensor:
    """Return indices counted from the start."""
    indices = indices.long()
    return torch.where(indices < 0, indices + size, indices)


@written(ops.Gather)
def _gather(op: ops.Gather, how: How, x: Tensor, indices: Tensor) -> Tensor:
    axis = op.axis % x.dim()
    places = _counted(indices, x.shape[axis])
    found = x.index_select(axis, places.reshape(-1))
    return found.reshape(*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :])


@written(ops.GatherElements)
def _gather_elements(op: ops.GatherElements, how: How, x: Tensor, indices: Tensor) -> Tensor:
    return x.gather(op.axis, _counted(indices, x.shape[op.axis]))


@written(ops.OneHot)
def _one_hot(op: ops.OneHot, how: How, indices: Tensor, values: Tensor) -> Tensor:
    places = torch.where(indices < 0, indices + op.depth, indices)
    axis = op.axis % (indices.dim() + 1)
    classes = torch.arange(op.depth, device=indices.device, dtype=places.dtype)
    hot = places.unsqueeze(axis) == classes.reshape(-1, *(1,) * (indices.dim() - axis))
    return torch.where(hot, values[1], values[0])


@written(ops.Trilu)
def _trilu(op: ops.Trilu, how: How, x: Tensor) -> Tensor:
    return torch.triu(x, op.k) if op.upper else torch.tril(x, op.k)


@written(ops.DepthToSpace)
def _depth_to_space(op: ops.DepthToSpace, how: How, x: Tensor) -> Tensor:
    n, c, height, width = x.shape
    b, left = op.block, c // op.block**2
    if op.mode == "CRD":
        apart = x.reshape(n, left, b, b, height, width).permute(0, 1, 4, 2, 5, 3)
    else:
        apart = x.reshape(n, b, b, left, height, width).permute(0, 3, 4, 1, 5, 2)
    return apart.reshape(n, left, height * b, width * b)


@written(ops.SpaceToDepth)
def _space_to_depth(op: ops.SpaceToDepth, how: How, x: Tensor) -> Tensor:
    n, c, height, width = x.shape
    b = op.block
    apart = x.reshape(n, c, height // b, b, width // b, b).permute(0, 3, 5, 1, 2, 4)
    return apart.reshape(n, c * b * b, height // b, width // b)


@written(ops.Shape)
def _shape(op: ops.Shape, how: How, x: Tensor) -> Tensor:
    sizes = list(x.shape)[op.start : op.end]
    return torch.tensor(sizes, dtype=torch.int64, device=how.device)


@written(ops.Size)
def _size(op: ops.Size, how: How, x: Tensor) -> Tensor:
    return torch.tensor(x.numel(), device=how.device)


@written(ops.ConstantOfShape)
def _constant_of_shape(op: ops.ConstantOfShape, how: How) -> Tensor:
    return torch.full(op.shape, op.fill, dtype=how.dtype_of(op.kind), device=how.device)


@written(ops.Range)
def _range(op: ops.Range, how: How) -> Tensor:
    (count,) = op.infer([])
    places = torch.arange(count, device=how.device, dtype=torch.float64)
    return (op.start + places * op.delta).to(how.dtype_of(op.kind))
