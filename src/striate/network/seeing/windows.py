"""How windows, normalisations and matrix products read their inputs."""

from __future__ import annotations

from striate.errors import GeometryError
from striate.geometry import Axis, Sampling
from striate.network.seeing.paths import ALL, Link
from striate.network.seeing.steps import Reading, Slide, Step, Use, along_axis, same, whole

__all__ = ["LOOKING", "WINDOWS"]

MOST_READ = 1 << 20
"""The most channels that are told one by one for each of a group."""


def _conv(use: Use) -> tuple[Step, ...] | None:
    if use.place:
        return _weight(use)
    axes = use.operator.window.at(use.shape[2:]).axes
    spatial = tuple(Link(2 + i, axis) for i, axis in enumerate(axes))
    return (Slide((Link(0), _channels(use), *spatial), use.output),)


def _channels(use: Use) -> Link:
    """Return how the input's channels are read: all, those of a group, or those of a table."""
    table, groups = getattr(use.operator, "table", None), use.operator.groups
    seen, made = use.shape[1], use.output[1]
    if table is not None:
        return Link(1, Sampling(tuple(map(tuple, table)), 0))
    if groups == 1:
        return ALL
    if groups == seen == made:
        return Link(1)
    return _groups(seen // groups, made // groups)


def _groups(seen: int, made: int) -> Link:
    """Return how channels are read that are made, so many at a time, of so many."""
    if seen * made > MOST_READ:
        raise GeometryError(
            f"its groups read {seen:,} x {made:,} channels, more than {MOST_READ:,}"
        )
    return Link(1, Sampling((tuple(range(seen)),) * made, seen))


def _weight(use: Use) -> tuple[Step, ...]:
    """Return how a weight or a bias is read, where the network computes it: all of it."""
    return (Slide((ALL,) * len(use.shape), use.output),)


def _pool(use: Use) -> tuple[Step, ...]:
    axes = use.operator.window.at(use.shape[2:]).axes
    spatial = tuple(Link(2 + i, axis) for i, axis in enumerate(axes))
    return (Slide((Link(0), Link(1), *spatial), use.output),)


def _global(use: Use) -> tuple[Step, ...]:
    return whole(use, range(2, len(use.shape)))


def _by_channel(use: Use) -> tuple[Step, ...]:
    """Return how a parameter (C,) is read, where the network computes it."""
    return (Slide((Link(1),), use.output),)


def _batch(use: Use) -> tuple[Step, ...]:
    return _by_channel(use) if use.place else ()


def _instance(use: Use) -> tuple[Step, ...]:
    return _by_channel(use) if use.place else _global(use)


def _group(use: Use) -> tuple[Step, ...]:
    if use.place:
        return _by_channel(use)
    each = use.shape[1] // use.operator.groups
    group = ALL if use.operator.groups == 1 else _groups(each, each)
    return (Slide((Link(0), group, *(ALL for _ in use.shape[2:])), use.output),)


def _onwards(use: Use) -> tuple[Step, ...]:
    if use.place:
        shift = len(use.output) - len(use.shape)
        return (Slide(same(len(use.shape), shift), use.output),)
    axis = use.operator.axis
    first = axis + len(use.shape) if axis < 0 else axis
    return whole(use, range(first, len(use.shape)))


def _share(use: Use) -> tuple[Step, ...]:
    return _onwards(use) if use.operator.onwards else _along(use)


def _along(use: Use) -> tuple[Step, ...]:
    return whole(use, (use.operator.axis,))


def _over(use: Use) -> tuple[Step, ...]:
    return whole(use, use.operator.axes)


def _response(use: Use) -> tuple[Step, ...]:
    size = use.operator.size
    return along_axis(use, 1, Axis(size, padding=((size - 1) // 2, size // 2)))


def _gemm(use: Use) -> tuple[Step, ...]:
    last = len(use.output) - 1
    if use.place == 0:
        return (Slide((*map(Link, range(last)), ALL), use.output),)
    return (Slide((Link(last), ALL)[: len(use.shape)], use.output),)


def _product(use: Use) -> tuple[Step, ...]:
    """Return the step of a matrix product: rows of the one, columns of the other, all between."""
    left, right = use.shapes
    rank, size = len(use.output), len(use.shape)
    first = use.place == 0
    batch = rank - (len(left) > 1) - (len(right) > 1)
    links: list[Link] = []
    for axis in range(size - min(size, 2)):
        out = axis + batch - (size - 2)
        wider = use.shape[axis] == 1 < use.output[out]
        links.append(ALL if wider else Link(out))
    if first:
        links += [Link(batch), ALL] if size > 1 else [ALL]
    else:
        links += [ALL, Link(rank - 1)] if size > 1 else [ALL]
    return (Slide(tuple(links), use.output),)


WINDOWS: dict[str, Reading] = {
    "AveragePool": _pool,
    "BatchNormalization": _batch,
    "Conv": _conv,
    "ConvTranspose": _conv,
    "Gemm": _gemm,
    "GlobalAveragePool": _global,
    "GlobalLpPool": _global,
    "GlobalMaxPool": _global,
    "GroupNormalization": _group,
    "Hardmax": _share,
    "InstanceNormalization": _instance,
    "LRN": _response,
    "LayerNormalization": _onwards,
    "LogSoftmax": _share,
    "LpNormalization": _along,
    "LpPool": _pool,
    "MatMul": _product,
    "MaxPool": _pool,
    "MeanVarianceNormalization": _over,
    "RMSNormalization": _onwards,
    "Softmax": _share,
}

LOOKING = frozenset(
    {
        "AveragePool",
        "Conv",
        "ConvTranspose",
        "GlobalAveragePool",
        "GlobalLpPool",
        "GlobalMaxPool",
        "GroupNormalization",
        "InstanceNormalization",
        "LpPool",
        "MaxPool",
    }
)
"""Operators whose first input is (N, C, *spatial): they tell which axes are spatial."""
