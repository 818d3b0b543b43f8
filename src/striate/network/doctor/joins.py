"""Changes that might let values meet which differ in size or channels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import permutations

from striate.geometry import TransposedWindow, Window
from striate.geometry.text import size_text
from striate.network.doctor.edits import (
    Edit,
    giving,
    inserted,
    unused,
    upstream,
    weights_of,
    with_window,
)
from striate.network.doctor.tracing import window_of
from striate.network.graph import Graph, Initial, Node, Parameter, Shape
from striate.network.operators import Conv, Pad

__all__ = ["joins"]

STRIDES = (1, 2, 3, 4)
NEAREST = 3  # windows of a path that are tried


def joins(graph: Graph, node: Node, shapes: Mapping[str, Shape]) -> Iterator[Edit]:
    """Return edits: windows on one path, channels, a projection, and last zeros or a crop."""
    weights = weights_of(graph)
    places = [i for i, name in enumerate(node.inputs) if name not in weights]
    ranks = {len(shapes[node.inputs[i]]) for i in places}
    if len(places) < 2 or len(ranks) != 1 or min(ranks) < 3:
        return
    behind = {i: upstream(graph, node.inputs[i]) for i in places}
    pairs = list(permutations(places, 2))
    last = []
    for place, other in pairs:
        have, want = shapes[node.inputs[place]], shapes[node.inputs[other]]
        own = [n for n in behind[place] if n not in behind[other]]
        if have[2:] != want[2:]:
            yield from _resized(graph, own, have, want)
            last.append(_filled(graph, node, place, have, want))
        differ = have[1] != want[1] and node.operator.onnx != "Concat"
        if differ and own:
            yield from giving(graph, node.inputs[place], want[1])
        larger = have[2] >= 2 * want[2]
        if larger or (differ and have[2:] == want[2:] and len(own) <= len(behind[other])):
            last.insert(0, _projected(graph, node, place, have, want))
    yield from last


def _resized(graph: Graph, own: Sequence[Node], have: Shape, want: Shape) -> Iterator[Edit]:
    """Change one window of a path so that its end has the other's size, if nothing follows it."""
    more = [w - h for h, w in zip(have[2:], want[2:], strict=True)]
    windows = [(node, window_of(node)) for node in own]
    for node, old in windows:
        if isinstance(old, TransposedWindow):
            yield from _lengthened(graph, node, old, more)
    sliding = [(node, old) for node, old in windows if isinstance(old, Window)]
    paddings = [edit for node, old in sliding for edit in _padded(graph, node, old, more)]
    yield from (edit for keeps, edit in sorted(paddings, key=lambda pair: not pair[0]))
    for node, old in sliding[:NEAREST]:
        grow, steps = max(more) > 0, max(old.strides)
        for step in (s for s in STRIDES if (s < steps if grow else s > steps)):
            new = Window(tuple(replace(axis, stride=step) for axis in old.axes))
            yield with_window(graph, node, "stride", old, new)


def _lengthened(
    graph: Graph, node: Node, old: TransposedWindow, more: Sequence[int]
) -> Iterator[Edit]:
    """Let a transposed convolution give the longer of the sizes that its strides leave open."""
    pairs = list(zip(old.axes, more, strict=True))
    if all(0 <= a.output_padding + m < max(a.stride, a.dilation) for a, m in pairs):
        axes = tuple(replace(a, output_padding=a.output_padding + m) for a, m in pairs)
        yield with_window(graph, node, "output padding", old, TransposedWindow(axes))


def _padded(
    graph: Graph, node: Node, old: Window, more: Sequence[int]
) -> Iterator[tuple[bool, Edit]]:
    """Yield (whether it then keeps its size, the edit) for a window that may be padded more."""
    if "same" in (axis.padding for axis in old.axes):
        return
    axes = []
    for axis, extra in zip(old.axes, more, strict=True):
        total = axis.before + axis.after + extra * axis.stride
        sides = (total // 2, total - total // 2)
        if min(sides) < 0 or max(sides) >= axis.extent:
            return
        axes.append(replace(axis, padding=sides))
    keeps = all(2 * axis.before + 1 == axis.extent and axis.stride == 1 for axis in axes)
    yield keeps, with_window(graph, node, "padding", old, Window(tuple(axes)))


def _filled(graph: Graph, node: Node, place: int, have: Shape, want: Shape) -> Edit:
    """Pad a value with zeros, or crop it, to the other's size."""
    more = [w - h for h, w in zip(have[2:], want[2:], strict=True)]
    before = tuple(m // 2 for m in more)
    after = tuple(m - m // 2 for m in more)
    verb = "crop" if max(more) <= 0 else "pad"
    text = (
        f"{verb} {node.inputs[place]} from {size_text(have[2:])} to {size_text(want[2:])} "
        f"before {node.name}"
    )
    return Edit(text, verb, node.name, inserted(graph, node, place, Pad(before, after)))


def _projected(graph: Graph, node: Node, place: int, have: Shape, want: Shape) -> Edit:
    """Put a 1x1 convolution on a value: He et al., arXiv:1512.03385, equation 2."""
    steps = tuple(max(1, round(h / w)) for h, w in zip(have[2:], want[2:], strict=True))
    window = Window.parse(1, steps, rank=len(steps))
    name = unused(graph, f"{node.name}.projection.weight")
    weight = Parameter(name, (want[1], have[1], *window.kernel), Initial("normal", have[1] ** -0.5))
    kernel, stride = size_text(window.kernel), size_text(steps)
    text = (
        f"put a {kernel} convolution of stride {stride} from {have[1]} to {want[1]} channels on "
        f"{node.inputs[place]} before {node.name}"
    )
    return Edit(text, "projection", node.name, inserted(graph, node, place, Conv(window), weight))
