"""What windows do that is doubtful: data they never read, padding they mostly read, uneven sums."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from math import prod

from striate.errors import StriateError
from striate.geometry import Axis, TransposedWindow, Window
from striate.geometry.text import size_text
from striate.network.doctor.tracing import window_of
from striate.network.graph import Fields, Graph, Node, Shape
from striate.network.operators import ConvTranspose
from striate.network.seeing import infer_fields

__all__ = ["WINDOW_RULES", "Case", "Rules", "unread"]

STEPS = 1 << 22
"""Taps of a window along an axis beyond which no advice on it is given."""
AXES = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}


class Case:
    """A settled graph with the shapes of all its values, and what follows from them."""

    def __init__(self, graph: Graph, shapes: Mapping[str, Shape]) -> None:
        self.graph, self.shapes = graph, shapes
        self.reasons: dict[str, str] = {}

    @cached_property
    def readers(self) -> dict[str, list[Node]]:
        """The nodes that read each value."""
        found: dict[str, list[Node]] = {}
        for node in self.graph.nodes:
            for name in dict.fromkeys(node.inputs):
                found.setdefault(name, []).append(node)
        return found

    @cached_property
    def fields(self) -> Mapping[str, Fields]:
        """The receptive fields of the values that have one; `reasons` say why others do not."""
        try:
            return infer_fields(self.graph, self.shapes, self.reasons)
        except StriateError:
            return {}

    @cached_property
    def weights(self) -> set[str]:
        """The names of the parameters."""
        return {parameter.name for parameter in self.graph.parameters}

    @cached_property
    def sliding(self) -> list[tuple[Node, Window]]:
        """The nodes that slide a window over their input, in few enough steps to follow all."""
        windows = [(node, window_of(node)) for node in self.graph.nodes]
        return [
            (node, window)
            for node, window in windows
            if isinstance(window, Window)
            and len(self.shapes[node.inputs[0]]) == window.rank + 2
            and _few_steps(window, self.shapes[node.inputs[0]][2:])
        ]


def _few_steps(window: Window, sizes: Shape) -> bool:
    return all(
        max(size, axis.stride, axis.output_size(size) * axis.kernel) <= STEPS
        for axis, size in zip(window.at(sizes).axes, sizes, strict=True)
    )


Rules = dict[str, Callable[[Case], Iterator[tuple[str, str]]]]
"""By topic, what yields (layer, text) for each layer that it is true of."""


def unread(case: Case) -> Iterator[tuple[list[Node], int, list[int], int]]:
    """Yield (readers, axis, unread positions, size) where windows leave out part of a value."""
    windows = {node.name: window for node, window in case.sliding}
    kept = set(case.graph.outputs)
    for value, readers in case.readers.items():
        if value in case.weights or value in kept:
            continue
        if any(n.name not in windows or n.inputs[0] != value for n in readers):
            continue
        for axis, size in enumerate(case.shapes[value][2:]):
            seen = bytearray(size)
            for node in readers:
                _mark(seen, windows[node.name].axes[axis], size)
            left = [i for i, is_read in enumerate(seen) if not is_read]
            if left:
                yield readers, axis, left, size


def _mark(seen: bytearray, axis: Axis, size: int) -> None:
    """Mark the positions that a window reads."""
    own = axis.at(size)
    beyond = own.output_size(size) * own.stride
    for tap in range(own.kernel):
        first = tap * own.dilation - own.before
        start = first if first >= 0 else first % own.stride
        stop = min(size, first + beyond)
        count = len(range(start, stop, own.stride))
        if count:
            seen[start : stop : own.stride] = b"\x01" * count


def _dropped(case: Case) -> Iterator[tuple[str, str]]:
    yield from _by_layer(case, tail=True).items()


def _skipped(case: Case) -> Iterator[tuple[str, str]]:
    yield from _by_layer(case, tail=False).items()


def _by_layer(case: Case, *, tail: bool) -> dict[str, str]:
    """Return what the layers that read a value leave out: at its end by floor, or in between."""
    found: dict[str, dict[str, list[str]]] = {}
    windows = {node.name: window for node, window in case.sliding}
    for readers, axis, left, size in unread(case):
        at_end = left == list(range(size - len(left), size))
        if at_end != tail:
            continue
        own = windows[readers[0].name].axes[axis].at(size)
        if tail:
            room = f"{size} + {own.before} + {own.after} - {own.extent}"
            text = (
                f"the last {len(left)} of {size} are never read: floor(({room}) / {own.stride}) + 1"
                f" = {own.output_size(size)} outputs"
            )
        else:
            spread = f", dilation {own.dilation}" * (own.dilation > 1)
            text = (
                f"{len(left)} of {size} are never read (kernel {own.kernel}, stride {own.stride}"
                f"{spread})"
            )
        name = " and ".join(node.name for node in readers)
        axes = AXES.get(windows[readers[0].name].rank, ())
        where = axes[axis] if axes else f"axis {axis + 2}"
        found.setdefault(name, {}).setdefault(text, []).append(where)
    return {
        name: "; ".join(f"along {' and '.join(axes)} {text}" for text, axes in texts.items())
        for name, texts in found.items()
    }


def _checkerboards(case: Case) -> Iterator[tuple[str, str]]:
    for node in case.graph.nodes:
        window = window_of(node)
        if not isinstance(node.operator, ConvTranspose) or not isinstance(window, TransposedWindow):
            continue
        for axis in dict.fromkeys(window.axes):
            steps = Counter(k * axis.dilation % axis.stride for k in range(axis.kernel))
            taps = sorted({*steps.values(), *([0] if len(steps) < axis.stride else [])})
            if len(taps) > 1:
                low = axis.kernel // axis.stride * axis.stride
                better = " or ".join(str(k) for k in (low, low + axis.stride) if k)
                spread = f", dilation {axis.dilation}" * (axis.dilation > 1)
                yield (
                    node.name,
                    f"kernel {axis.kernel} with stride {axis.stride}{spread}: outputs are sums of "
                    f"{taps[0]} to {taps[-1]} taps in turn"
                    + (f"; kernel {better} makes all alike" if axis.dilation == 1 else ""),
                )


def _padding(case: Case) -> Iterator[tuple[str, str]]:
    for node, window in case.sliding:
        sizes = case.shapes[node.inputs[0]][2:]
        share, idle = 1.0, 1.0
        axes = list(zip(window.at(sizes).axes, sizes, strict=True))
        if all(size >= 2 * (axis.before + axis.after) for axis, size in axes):
            continue  # no more than a fifth of each axis is padding
        for axis, size in axes:
            outputs = axis.output_size(size)
            inside = [sum(0 <= t < size for t in axis.taps(o)) for o in range(outputs)]
            share *= sum(inside) / (outputs * axis.kernel)
            met = {k for o in range(outputs) for k, t in enumerate(axis.taps(o)) if 0 <= t < size}
            idle *= len(met) / axis.kernel
        if share <= 0.5:
            kernel = size_text(window.kernel)
            empty = f"{100 * (1 - share):.0f} % of what it reads is padding"
            text = f"kernel {kernel} on {size_text(sizes)}: {empty}"
            if idle < 1:
                total = prod(window.kernel)
                text += f", and {round((1 - idle) * total)} of its {total} taps never meet data"
            yield node.name, text


def _half_pixels(case: Case) -> Iterator[tuple[str, str]]:
    for node, window in case.sliding:
        sizes = case.shapes[node.inputs[0]][2:]
        for axis, size in zip(window.at(sizes).axes, sizes, strict=True):
            if axis.stride == 1 < axis.extent == axis.extent // 2 * 2 and (
                axis.output_size(size) == size
            ):
                shift = (axis.extent - 1) / 2 - axis.before
                yield (
                    node.name,
                    f"even kernel {axis.kernel} padded {axis.before} + {axis.after}: output i is "
                    f"centred on input i {'+' if shift > 0 else '-'} {abs(shift):g}; an odd kernel "
                    "is centred",
                )
                break


WINDOW_RULES: Rules = {
    "pixels dropped": _dropped,
    "pixels skipped": _skipped,
    "checkerboard": _checkerboards,
    "padding": _padding,
    "half-pixel shift": _half_pixels,
}
