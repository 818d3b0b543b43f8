"""How operators that move, pick, reduce and join elements read their inputs."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from striate.geometry import Axis, Beyond, Sampling
from striate.network.graph import Shape
from striate.network.seeing.paths import ALL, Along, Link
from striate.network.seeing.steps import (
    Move,
    Reading,
    Regroup,
    Slide,
    Step,
    Use,
    along_axis,
    broadcast,
    same,
    shifted,
    whole,
)

__all__ = ["MODES", "STRUCTURE"]

MODES: dict[str, Beyond] = {
    "constant": "nothing",
    "reflect": "reflect",
    "edge": "edge",
    "wrap": "wrap",
}
"""What ONNX's modes of padding show beyond an axis, in the words of `Sampling`."""


def _nothing(use: Use) -> None:
    return None


def _regroup(use: Use) -> tuple[Step, ...]:
    return (Regroup(use.output),)


def _transpose(use: Use) -> tuple[Step, ...]:
    return (Move(use.operator.order(len(use.shape))),)


def _slide_each(use: Use, alongs: Sequence[Along]) -> tuple[Step, ...]:
    if not any(alongs):
        return ()
    links = tuple(Link(axis, along) for axis, along in enumerate(alongs))
    return (Slide(links, use.output),)


def _slice(use: Use) -> tuple[Step, ...]:
    picked = use.operator.ranges(use.shape)
    return _slide_each(use, [_picked(p, n) for p, n in zip(picked, use.shape, strict=True)])


def _picked(indices: range, size: int) -> Along:
    if indices == range(size):
        return None
    if indices.step > 0:
        return Axis(1, stride=indices.step, padding=(-indices.start, 0))
    return shifted(indices.start, indices.step)


def _split(use: Use) -> tuple[Step, ...]:
    axis = use.operator.axis % len(use.shape)
    part = use.operator.ranges(use.shape[axis])[use.made]
    return along_axis(use, axis, _picked(part, use.shape[axis]))


def _pad(use: Use) -> tuple[Step, ...]:
    """Return the steps of a padding; what sides below 0 cut goes first, and is not repeated."""
    operator, rank = use.operator, len(use.shape)
    sides = list(zip(operator.before, operator.after, strict=True))
    sides = [(0, 0)] * (rank - len(sides)) + sides
    steps: list[Step] = []
    if min(side for pair in sides for side in pair) < 0:
        cut = [Axis(1, padding=(min(b, 0), 0)) if min(b, a) < 0 else None for b, a in sides]
        left = zip(use.shape, sides, strict=True)
        shape = tuple(size + min(b, 0) + min(a, 0) for size, (b, a) in left)
        steps.append(Slide(tuple(Link(axis, along) for axis, along in enumerate(cut)), shape))
    beyond = MODES[operator.mode]
    added = [Sampling(((-max(b, 0),),), 1, beyond) if max(b, a) > 0 else None for b, a in sides]
    if any(added):
        links = tuple(Link(axis, along) for axis, along in enumerate(added))
        steps.append(Slide(links, use.output))
    return tuple(steps)


def _concat(use: Use) -> tuple[Step, ...]:
    axis = use.operator.axis % len(use.shape)
    start = sum(shape[axis] for shape in use.shapes[: use.place])
    return along_axis(use, axis, shifted(-start))


def _gather(use: Use) -> tuple[Step, ...]:
    axis = use.operator.axis % len(use.shapes[0])
    if use.place == 1:
        return (Slide(same(len(use.shape), axis), use.output),)
    rank = len(use.shapes[1])
    after = tuple(Link(a + rank - 1) for a in range(axis + 1, len(use.shape)))
    indices = use.constants.get(1)
    link, shape = ALL, use.output
    if indices is not None and rank <= 1:
        listed = [int(i) % use.shape[axis] for i in indices.reshape(-1)]
        if rank == 0:  # the axis goes
            shape = (*shape[:axis], 1, *shape[axis:])
            after = tuple(Link(a) for a in range(axis + 1, len(use.shape)))
        link = Link(axis, _listed(listed))
    step = Slide((*same(axis), link, *after), shape)
    return (step,) if shape == use.output else (step, Regroup(use.output))


def _listed(indices: Sequence[int]) -> Along:
    """Return the sampling of these indices, by steps where they are even."""
    steps = {two - one for one, two in pairwise(indices)}
    if len(steps) == 1:
        return shifted(indices[0], steps.pop())
    return Sampling(tuple((index,) for index in indices), 0)


def _gather_elements(use: Use) -> tuple[Step, ...]:
    if use.place == 1:
        return ()
    axis = use.operator.axis % len(use.shape)
    links = list(same(len(use.shape)))
    links[axis] = ALL
    return (Slide(tuple(links), use.output),)


def _reduce(use: Use) -> tuple[Step, ...]:
    axes = use.operator.axes
    every = range(len(use.shape)) if axes is None else axes
    return whole(use, every, keep=use.operator.keepdims)


def _best(use: Use) -> tuple[Step, ...]:
    return whole(use, (use.operator.axis,), keep=use.operator.keepdims)


def _top(use: Use) -> tuple[Step, ...]:
    return whole(use, (use.operator.axis,))


def _running(use: Use) -> tuple[Step, ...]:
    """Return the step of a running sum: a window over all before, as if padded."""
    axis = use.operator.axis % len(use.shape)
    size, late = use.shape[axis], int(use.operator.exclusive)
    start = late if use.operator.reverse else 1 - size - late
    return along_axis(use, axis, Axis(size, padding=(-start, 0)))


def _tile(use: Use) -> tuple[Step, ...]:
    links = []
    for axis, (size, count) in enumerate(zip(use.shape, use.operator.repeats, strict=True)):
        if count == 1:
            links.append(Link(axis))
        elif size == 1:
            links.append(ALL)
        else:
            links.append(Link(axis, Sampling(tuple((i,) for i in range(size)), 0)))
    return (Slide(tuple(links), use.output),)


def _one_hot(use: Use) -> tuple[Step, ...]:
    if use.place:
        return (Slide((ALL,), use.output),)
    axis = use.operator.axis % len(use.output)
    links = tuple(Link(a + (a >= axis)) for a in range(len(use.shape)))
    return (Slide(links, use.output),)


def _space(use: Use) -> tuple[Step, ...]:
    """Return the steps that lay channels out in blocks of space."""
    n, c, h, w = use.shape
    b = use.operator.block
    if use.operator.mode == "DCR":
        blocks: Shape = (n, b, b, c // b**2, h, w)
        return Regroup(blocks), Move((0, 3, 4, 1, 5, 2)), Regroup(use.output)
    blocks = (n, c // b**2, b, b, h, w)
    return Regroup(blocks), Move((0, 1, 4, 2, 5, 3)), Regroup(use.output)


def _depth(use: Use) -> tuple[Step, ...]:
    """Return the steps that stack blocks of space as channels."""
    n, c, h, w = use.shape
    b = use.operator.block
    blocks = (n, c, h // b, b, w // b, b)
    return Regroup(blocks), Move((0, 3, 5, 1, 2, 4)), Regroup(use.output)


STRUCTURE: dict[str, Reading] = {
    **dict.fromkeys(("Flatten", "Reshape", "Squeeze", "Unsqueeze"), _regroup),
    **dict.fromkeys(("ConstantOfShape", "Range", "Shape", "Size"), _nothing),
    **dict.fromkeys(("ArgMax", "ArgMin"), _best),
    **dict.fromkeys(
        (
            "ReduceL1",
            "ReduceL2",
            "ReduceLogSum",
            "ReduceLogSumExp",
            "ReduceMax",
            "ReduceMean",
            "ReduceMin",
            "ReduceProd",
            "ReduceSum",
            "ReduceSumSquare",
        ),
        _reduce,
    ),
    "Concat": _concat,
    "CumSum": _running,
    "DepthToSpace": _space,
    "Expand": broadcast,
    "Gather": _gather,
    "GatherElements": _gather_elements,
    "OneHot": _one_hot,
    "Pad": _pad,
    "Slice": _slice,
    "SpaceToDepth": _depth,
    "Split": _split,
    "Tile": _tile,
    "TopK": _top,
    "Transpose": _transpose,
}
