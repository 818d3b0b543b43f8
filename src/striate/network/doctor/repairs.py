"""Repairs of networks whose shapes do not fit, each tried to the end before it is offered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from striate.errors import StriateError
from striate.geometry import Window
from striate.geometry.text import size_text
from striate.network.doctor import edits
from striate.network.doctor.edits import Edit
from striate.network.doctor.joins import joins
from striate.network.doctor.tracing import Trace, trace, window_of
from striate.network.graph import Graph, Input, Shape
from striate.network.operators import Conv, ConvTranspose, Transpose

__all__ = ["Repair", "input_sizes", "repairs", "spatial_axes"]

STEPS = 12  # that one repair may take: blocks repeat, and so do their faults
RADIUS = 64  # how far from the given size others are tried
ALONE = 256  # the same where the input has but one such axis
USUAL = (28, 32, 64, 96, 128, 160, 192, 224, 227, 256, 299, 320, 384, 448, 512, 640, 1024)


@dataclass(frozen=True, slots=True)
class Repair:
    """A change with which all shapes fit: what to do, and what then comes out.

    `steps` say it in order; later ones are what the first makes necessary. `graph` and
    `input_shape` are the repaired network and its input; a PyTorch module that could not be read
    has no graph.
    """

    kind: str
    steps: tuple[str, ...]
    input_shape: Shape
    output_shapes: tuple[Shape, ...]
    graph: Graph | None = field(repr=False, compare=False)

    def __str__(self) -> str:
        return ", then ".join(self.steps)


def repairs(graph: Graph, found: Trace, shape: Sequence[int]) -> list[Repair]:
    """Return the repairs that work, the likeliest first."""
    kept: dict[str, list[Repair]] = {}
    for repair in _all(graph, found, tuple(shape)):
        alike = kept.setdefault(repair.kind, [])
        if repair not in alike and len(alike) < (4 if repair.kind == "input" else 2):
            alike.append(repair)
    return [repair for alike in kept.values() for repair in alike]


def _all(graph: Graph, found: Trace, shape: Shape) -> Iterator[Repair]:
    if found.failed is None:
        yield from _of_input(graph, shape)
        return
    yield from _transposed(graph, shape)
    for edit in candidates(found, graph):
        repair = _finished(edit, shape)
        if repair is not None:
            yield repair
    yield from _channels(graph, found, shape)
    for other in input_sizes(graph, shape):
        yield _with_input(graph, other, shape)


def candidates(found: Trace, graph: Graph) -> Iterator[Edit]:
    """Return changes that might let the failed node pass, the likeliest first."""
    for group in _groups(found, graph):
        try:
            yield from group
        except StriateError:  # what cannot even be written down is no candidate
            continue


def _groups(found: Trace, graph: Graph) -> Iterator[Iterator[Edit]]:
    node = found.failed
    if node is None or any(name not in found.shapes for name in node.inputs):
        return
    shapes = [found.shapes[name] for name in node.inputs]
    yield edits.flattened(graph, node, shapes)
    yield edits.refitted(graph, node, shapes)
    window = window_of(node)
    if isinstance(window, Window) and len(shapes[0]) == window.rank + 2:
        yield edits.windows(graph, node, window, shapes[0])
        yield edits.strides(graph, node)
    if isinstance(node.operator, Conv | ConvTranspose):
        yield edits.groups(graph, node, shapes)
        yield edits.producers(graph, node, shapes)
    yield joins(graph, node, found.shapes)


def _finished(edit: Edit, shape: Shape) -> Repair | None:
    """Return the repair that begins with an edit, or None if it does not let all shapes fit.

    What fails later is mended in turn, by the first change that gets further: weights, or the
    same sort of change once more.
    """
    graph, steps, progress = edit.graph, [edit.text], -1
    found = trace(graph, shape)
    while found.problem:
        if found.progress <= progress or len(steps) == STEPS:
            return None
        progress = found.progress
        for other in candidates(found, graph):
            if other.kind not in ("weights", "flatten", edit.kind):
                continue
            after = trace(other.graph, shape)
            if after.progress > progress:
                graph, found = other.graph, after
                steps.append(other.text)
                break
        else:
            return None
    outputs = tuple(found.shapes[name] for name in graph.outputs)
    return Repair(edit.kind, tuple(steps), shape, outputs, graph)


def _with_input(graph: Graph, shape: Shape, old: Sequence[int]) -> Repair:
    found = trace(graph, shape)
    outputs = tuple(found.shapes[name] for name in graph.outputs)
    text = f"input {size_text(shape)} instead of {size_text(old)}"
    return Repair("input", (text,), shape, outputs, graph)


def _fits(graph: Graph, shape: Shape) -> bool:
    """Tell whether all shapes fit, and no reshaping made other examples of some sizes."""
    found = trace(graph, shape)
    outputs = [found.shapes[name] for name in graph.outputs] if not found.problem else []
    own = tuple(1 if size is None else size for size in graph.inputs[0].shape)
    if any(output[:1] != shape[:1] for output in outputs) and own != shape:
        usual = trace(graph, own)
        kept = [usual.shapes[name][:1] == own[:1] for name in graph.outputs if not usual.problem]
        return bool(kept) and not all(kept)
    return not found.problem


def _transposed(graph: Graph, shape: Shape) -> Iterator[Repair]:
    """Return the input with its channels first, or last, if that is what is wanted."""
    wanted = graph.inputs[0].shape
    for other in ((*shape[:1], *shape[-1:], *shape[1:-1]), (*shape[:1], *shape[2:], *shape[1:2])):
        known = [w == s for w, s in zip(wanted[1:], other[1:], strict=False) if w is not None]
        meant = len(other) == len(wanted) > 2 and known and all(known) and other != shape
        if meant and _fits(graph, other):
            yield _with_input(graph, other, shape)


def _of_input(graph: Graph, shape: Shape) -> Iterator[Repair]:
    """Return inputs of the wanted rank and channels, and the layer that takes those given."""
    wanted = graph.inputs[0].shape
    yield from _transposed(graph, shape)
    given = [
        (*shape[:1], *wanted[1:2], *(shape[2:] if len(shape) == len(wanted) else ())),
        (1,) * (len(wanted) - len(shape)) + shape,
        (1, *(w or s for w, s in zip(wanted[1:], shape[-len(wanted) + 1 :], strict=False))),
        (*shape[:1], *wanted[1:]),
    ]
    whole = [tuple(size for size in g if size) for g in given]  # None and 0 leave a gap
    for other in dict.fromkeys(g for g in whole if len(g) == len(wanted)):
        if other != shape and _fits(graph, other):
            yield _with_input(graph, other, shape)
    if len(shape) == len(wanted) > 2:
        opened = replace(graph.inputs[0], shape=(wanted[0], shape[1], *wanted[2:]))
        changed = replace(graph, inputs=(opened, *graph.inputs[1:]))
        text = f"an input declared with {shape[1]} channel{'s' * (shape[1] > 1)}"
        edit = Edit(text, "channels", "", changed)
        repair = _finished(edit, shape)
        if repair is not None:
            yield repair


def _channels(graph: Graph, found: Trace, shape: Shape) -> Iterator[Repair]:
    """Return the input with the channels that a convolution which reads it wants."""
    node = found.failed
    if node is None or not isinstance(node.operator, Conv) or node.operator.table is not None:
        return
    first = graph.inputs[0]
    if node.inputs[0] != first.name or len(shape) < 3:
        return
    weight = found.shapes[node.inputs[1]]
    other = (shape[0], weight[1] * node.operator.groups, *shape[2:])
    opened = Input(first.name, (first.shape[0], other[1], *first.shape[2:]), first.kind)
    changed = replace(graph, inputs=(opened, *graph.inputs[1:]))
    if other != shape and _fits(changed, other):
        yield _with_input(changed, other, shape)


def spatial_axes(graph: Graph, shape: Sequence[int]) -> range:
    """Return the axes of the input that are no batch and no channels."""
    first = graph.inputs[0]
    moved = any(
        isinstance(node.operator, Transpose) and node.inputs[0] == first.name
        for node in graph.nodes
    )
    return range(1, len(shape) - 1) if moved else range(2, len(shape))


def input_sizes(graph: Graph, shape: Shape) -> list[Shape]:
    """Return the nearest input shapes that fit, smaller and larger, along each axis.

    Each axis alone if that helps, else all of them by the same amount; none below half its size,
    where values of one element fit anything.
    """
    axes = spatial_axes(graph, shape)
    declared = graph.inputs[0].shape
    own = tuple(d or s for d, s in zip(declared, shape, strict=True))
    own = (*shape[:1], *own[1:])
    found = []
    for axis in axes:
        for sign in (-1, 1):
            moved = (_moved(shape, [axis], sign * d) for d in _distances(shape, [axis], sign))
            found += _first_fit(graph, moved)
    if found or len(axes) < 2:
        return found or (_first_fit(graph, iter([own])) if own != shape else [])
    for sign in (-1, 1):
        moved = (_moved(shape, axes, sign * d) for d in _distances(shape, axes, sign))
        found += _first_fit(graph, moved)
    if not found and own != shape:
        found = _first_fit(graph, iter([own]))
    if not found:
        usual = [tuple(n if i in axes else s for i, s in enumerate(shape)) for n in USUAL]
        near = sorted(usual, key=lambda other: abs(other[axes[0]] - shape[axes[0]]))
        found = _first_fit(graph, iter(near))
    return found


def _distances(shape: Shape, axes: Sequence[int], sign: int) -> range:
    half = min(shape[axis] for axis in axes) // 2
    radius = RADIUS if len(shape) > 3 else ALONE
    return range(1, (min(half, radius) if sign < 0 else radius) + 1)


def _moved(shape: Shape, axes: Sequence[int], by: int) -> Shape:
    return tuple(size + by if axis in axes else size for axis, size in enumerate(shape))


def _first_fit(graph: Graph, shapes: Iterator[Shape]) -> list[Shape]:
    return next(([s] for s in shapes if min(s) > 0 and _fits(graph, s)), [])
