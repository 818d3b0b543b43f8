"""Small changes of a graph that might make its shapes fit; the doctor tries each to the end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from striate.geometry import Axis, TransposedWindow, Window
from striate.geometry.text import size_text
from striate.network.doctor.tracing import window_of
from striate.network.graph import Graph, Node, Operator, Parameter, Shape, needed_nodes
from striate.network.operators import Conv, ConvTranspose, Flatten, Gemm, Identity, MatMul, Reshape

__all__ = [
    "Edit",
    "changed",
    "flattened",
    "giving",
    "groups",
    "inserted",
    "producers",
    "refitted",
    "strides",
    "unused",
    "upstream",
    "weights_of",
    "windows",
    "with_window",
]


@dataclass(frozen=True)
class Edit:
    """One change: what it says, what sort it is, the layer it changes, and the changed graph."""

    text: str
    kind: str
    layer: str
    graph: Graph


def weights_of(graph: Graph) -> dict[str, Parameter]:
    """Return the parameters by name."""
    return {parameter.name: parameter for parameter in graph.parameters}


def changed(
    graph: Graph,
    nodes: Mapping[str, Node] | None = None,
    shapes: Mapping[str, Shape] | None = None,
) -> Graph:
    """Return the graph with other nodes in the place of some, and parameters of other shapes."""
    nodes, shapes = nodes or {}, shapes or {}
    return replace(
        graph,
        nodes=tuple(nodes.get(node.name, node) for node in graph.nodes),
        parameters=tuple(
            replace(p, shape=shapes[p.name]) if p.name in shapes else p for p in graph.parameters
        ),
    )


def inserted(
    graph: Graph, before: Node, place: int, operator: Operator, *parameters: Parameter
) -> Graph:
    """Return the graph with an operator between a node and one of its inputs."""
    name = unused(graph, f"{before.name}.{operator.onnx.lower()}")
    read = (before.inputs[place], *(p.name for p in parameters))
    new = Node(name, operator, read, (name,))
    inputs = (*before.inputs[:place], name, *before.inputs[place + 1 :])
    index = graph.nodes.index(before)
    nodes = (*graph.nodes[:index], new, replace(before, inputs=inputs), *graph.nodes[index + 1 :])
    return replace(graph, nodes=nodes, parameters=(*graph.parameters, *parameters))


def unused(graph: Graph, name: str) -> str:
    """Return a name that no value and no node has, this one if it may be."""
    taken = {value.name for value in graph.inputs} | set(weights_of(graph))
    taken |= {constant.name for constant in graph.constants}
    taken |= {name for node in graph.nodes for name in (node.name, *node.outputs)}
    while name in taken:
        name += "_"
    return name


def flattened(graph: Graph, node: Node, shapes: Sequence[Shape]) -> Iterator[Edit]:
    """Flatten what a linear layer reads, or flatten to as many features as there are."""
    if isinstance(node.operator, Gemm) and len(shapes[0]) > 2:
        text = f"flatten the {size_text(shapes[0])} that {node.name} reads"
        yield Edit(text, "flatten", node.name, inserted(graph, node, 0, Flatten()))
    if isinstance(node.operator, Reshape) and len(node.operator.shape) == 2:
        first = node.operator.shape[0]
        shape = (shapes[0][0] if first == -1 else first, -1)
        new = replace(node, operator=Reshape(shape))
        text = f"reshape to {shape} instead of {node.operator.shape} in {node.name}"
        yield Edit(text, "flatten", node.name, changed(graph, {node.name: new}))


def refitted(graph: Graph, node: Node, shapes: Sequence[Shape]) -> Iterator[Edit]:
    """Give the node's own weights the shapes that its input asks for."""
    weights = weights_of(graph)
    own = {n: s for n, s in zip(node.inputs, shapes, strict=True) if n in weights}
    wanted = {
        name: shape
        for name, shape in _fitting(node, shapes).items()
        if name in own and shape != own[name]
    }
    if wanted:
        parts = [f"{name} {shape} instead of {own[name]}" for name, shape in wanted.items()]
        yield Edit(
            f"{_layer_type(node)} {node.name}: {', '.join(parts)}",
            "weights",
            node.name,
            changed(graph, shapes=wanted),
        )


def _layer_type(node: Node) -> str:
    return "Linear" if isinstance(node.operator, Gemm) else node.operator.onnx


def _fitting(node: Node, shapes: Sequence[Shape]) -> dict[str, Shape]:
    """Return the shapes of weights that would fit the node's first input."""
    operator, x, names = node.operator, shapes[0], node.inputs
    if len(x) < 2:
        return {}
    if isinstance(operator, Conv) and operator.table is None and len(x) > 2:
        if x[1] % operator.groups:
            return {}
        weight = (shapes[1][0], x[1] // operator.groups, *operator.window.kernel)
        return dict(zip(names[1:], (weight, (weight[0],)), strict=False))
    if isinstance(operator, ConvTranspose) and len(x) > 2:
        weight = (x[1], shapes[1][1], *operator.window.kernel)
        return dict(zip(names[1:], (weight, (weight[1] * operator.groups,)), strict=False))
    if isinstance(operator, Gemm) and len(x) <= 3 and len(shapes[1]) == 2:
        out = shapes[1][0]
        return dict(zip(names[1:], ((out, x[-1]), (out,)), strict=False))
    if isinstance(operator, MatMul) and len(shapes[1]) == 2:
        return {names[1]: (x[-1], shapes[1][1])}
    if isinstance(operator, Conv | ConvTranspose | Gemm):
        return {}
    others = list(zip(names[1:], shapes[1:], strict=True))
    return {name: (x[1], *s[1:]) for name, s in others if s and s[1:] == (1,) * (len(s) - 1)}


def windows(graph: Graph, node: Node, window: Window, x: Shape) -> Iterator[Edit]:
    """Pad more, or take a smaller dilation or kernel, where the kernel is larger than its input."""
    large = []
    for axis, size in zip(window.axes, x[2:], strict=True):
        own = axis.at(size)
        large.append(max(0, own.extent - size - own.before - own.after))
    if not any(large):
        return
    for kind, change in (("padding", _padded), ("dilation", _closer), ("kernel", _smaller)):
        triples = zip(window.axes, x[2:], large, strict=True)
        new = Window(tuple(change(a.at(n), n, more) if more else a for a, n, more in triples))
        if new == window or (kind == "dilation" and max(window.dilations) == 1):
            continue
        yield with_window(graph, node, kind, window, new)
    if not isinstance(node.operator, Conv):
        left_out = replace(node, operator=Identity(), inputs=node.inputs[:1])
        yield Edit(
            f"leave out {node.name}", "layer", node.name, changed(graph, {node.name: left_out})
        )


def _padded(axis: Axis, size: int, more: int) -> Axis:
    """Return the axis with more padding, the odd one after; enough to keep the size if it can."""
    even = (axis.extent - 1) // 2
    if axis.stride == 1 and axis.extent % 2 and 2 * even >= axis.before + axis.after + more:
        return replace(axis, padding=(even, even))
    return replace(axis, padding=(axis.before + more // 2, axis.after + more - more // 2))


def _closer(axis: Axis, size: int, more: int) -> Axis:
    room = size + axis.before + axis.after - 1
    return replace(axis, dilation=max(1, room // max(1, axis.kernel - 1)))


def _smaller(axis: Axis, size: int, more: int) -> Axis:
    kernel = (size + axis.before + axis.after - 1) // axis.dilation + 1
    return replace(axis, kernel=max(1, kernel))


def with_window(
    graph: Graph, node: Node, kind: str, old: Window | TransposedWindow, new: Any
) -> Edit:
    """Return the edit that gives a node another window, and its weight the new kernel."""
    operator = replace(node.operator, window=new)  # type: ignore[call-arg]  # all that come have one
    weights = weights_of(graph)
    shapes = {
        name: (*weights[name].shape[:2], *new.kernel)
        for name in node.inputs[1:2]
        if name in weights and new.kernel != old.kernel
    }
    text = f"{kind} {_numbers(new, kind)} instead of {_numbers(old, kind)} in {node.name}"
    return Edit(
        text, kind, node.name, changed(graph, {node.name: replace(node, operator=operator)}, shapes)
    )


def _numbers(window: Any, kind: str) -> str:
    """Return 1 where all axes agree, else 1x2; paddings that differ by side as 0+1."""
    if kind == "padding":
        sides = [axis.padding for axis in window.axes]
        texts = [
            s if isinstance(s, str) else f"{s[0]}" if s[0] == s[1] else f"{s[0]}+{s[1]}"
            for s in sides
        ]
    else:
        name = {"stride": "stride", "output padding": "output_padding"}.get(kind, kind)
        texts = [str(getattr(axis, name)) for axis in window.axes]
    return texts[0] if len(set(texts)) == 1 else "x".join(texts)


def upstream(graph: Graph, value: str) -> list[Node]:
    """Return the nodes that a value depends on, the nearest first."""
    return list(reversed(needed_nodes(graph.nodes, (value,))))


def strides(graph: Graph, node: Node, most: int = 3) -> Iterator[Edit]:
    """Let a strided layer before the failed one keep the size."""
    before = [(other, window_of(other)) for other in upstream(graph, node.inputs[0])]
    strided = [(n, w) for n, w in before if isinstance(w, Window) and max(w.strides) > 1]
    for other, window in strided[:most]:
        new = Window(tuple(replace(axis, stride=1) for axis in window.axes))
        yield with_window(graph, other, "stride", window, new)


def groups(graph: Graph, node: Node, shapes: Sequence[Shape]) -> Iterator[Edit]:
    """Take as many groups as the weight and the input agree on."""
    operator, x, weight = node.operator, shapes[0], shapes[1]
    if not isinstance(operator, Conv) or operator.table is not None or len(x) < 3:
        return
    count = x[1] // weight[1]
    fits = count > 0 and count * weight[1] == x[1] and weight[0] % count == 0
    if fits and count != operator.groups:
        new = replace(node, operator=replace(operator, groups=count))
        text = f"groups={count} instead of {operator.groups} in {node.name}"
        yield Edit(text, "groups", node.name, changed(graph, {node.name: new}))


def producers(graph: Graph, node: Node, shapes: Sequence[Shape]) -> Iterator[Edit]:
    """Let the layer before give the channels that this one takes."""
    operator, weight = node.operator, shapes[1]
    wanted = weight[0] if isinstance(operator, ConvTranspose) else weight[1] * operator.groups  # type: ignore[attr-defined]
    if wanted != shapes[0][1]:
        yield from giving(graph, node.inputs[0], wanted)


def giving(graph: Graph, value: str, wanted: int) -> Iterator[Edit]:
    """Return the edit that makes the nearest convolution before a value give other channels."""
    weights = weights_of(graph)
    for maker in upstream(graph, value):
        if isinstance(maker.operator, Conv) and maker.inputs[1] in weights:
            old = weights[maker.inputs[1]].shape
            if wanted % maker.operator.groups or maker.operator.table is not None:
                return
            shapes = {maker.inputs[1]: (wanted, *old[1:])}
            shapes |= {n: (wanted,) for n in maker.inputs[2:] if n in weights}
            text = f"Conv {maker.name}: {wanted} output channels instead of {old[0]}"
            yield Edit(text, "channels", maker.name, changed(graph, shapes=shapes))
            return
        if len([n for n in maker.inputs if n not in weights]) > 1:
            return  # joins add or keep channels: which way is not ours to choose
