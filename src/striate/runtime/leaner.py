"""Graphs with fewer nodes that compute the same: what changes nothing, or undoes what was done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace

from striate.geometry import Window
from striate.network import Graph, Node, infer_kinds
from striate.network import operators as op
from striate.network.graph import needed_nodes
from striate.runtime.lowering.fusion import readers_of

__all__ = ["leaner"]

Made = Mapping[str, Node]
Change = Callable[[Node, Made], Node | str | None]
"""What a node becomes, given who made what it reads: another node, or a value that is the same."""


def leaner(graph: Graph) -> Graph:
    """Return the graph without nodes that change nothing.

    These are Identity, Dropout and Cast to the same kind, and transposes that undo each other; a
    Pad in front of a convolution becomes its padding, and a Sum of two an Add.
    """
    kinds, readers = infer_kinds(graph), readers_of(graph)
    changes: tuple[Change, ...] = (
        lambda node, made: _nothing(node, kinds),
        _one_transpose,
        lambda node, made: _with_padding(node, made, readers),
        lambda node, made: _sum_of_two(node),
    )
    alias: dict[str, str] = {}
    made: dict[str, Node] = {}
    nodes: list[Node] = []
    for each in graph.nodes:
        node = replace(each, inputs=tuple(alias.get(name, name) for name in each.inputs))
        for change in changes:
            changed = change(node, made)
            if isinstance(changed, str):
                alias[node.outputs[0]] = changed
                break
            node = changed or node
        else:
            nodes.append(node)
            made |= dict.fromkeys(node.outputs, node)
    outputs = tuple(alias.get(name, name) for name in graph.outputs)
    return replace(graph, nodes=needed_nodes(nodes, outputs), outputs=outputs)


def _nothing(node: Node, kinds: Mapping[str, str]) -> str | None:
    """Return the input of a node that leaves it as it is."""
    operator = node.operator
    same = isinstance(operator, op.Dropout | op.Identity) and len(node.outputs) == 1
    if isinstance(operator, op.Cast):
        same = kinds[node.outputs[0]] == kinds.get(node.inputs[0])
    return node.inputs[0] if same else None


def _one_transpose(node: Node, made: Made) -> Node | str | None:
    """Return one transpose for two, or what both leave as it is."""
    first = made.get(node.inputs[0]) if node.inputs else None
    if first is None or not isinstance(node.operator, op.Transpose):
        return None
    if not isinstance(first.operator, op.Transpose):
        return None
    one, two = first.operator.perm, node.operator.perm
    if one is None or two is None:
        return first.inputs[0] if one is two else None
    rank = len(one)
    order = tuple(one[axis] % rank for axis in two)
    if order == tuple(range(rank)):
        return first.inputs[0]
    return replace(node, operator=op.Transpose(order), inputs=first.inputs)


def _with_padding(node: Node, made: Made, readers: Counter[str]) -> Node | None:
    """Return a convolution that pads with zeros what was padded with zeros before it."""
    before = made.get(node.inputs[0]) if node.inputs else None
    if before is None or not isinstance(before.operator, op.Pad):
        return None
    pad, conv = before.operator, node.operator
    if not isinstance(conv, op.Conv) or readers[before.outputs[0]] > 1:
        return None
    rank = conv.window.rank
    if pad.mode != "constant" or pad.fill != 0 or len(pad.before) > rank + 2:
        return None
    pairs = pad.pairs(rank + 2)
    spread = all(size >= 0 for pair in pairs for size in pair)
    own = [axis.padding for axis in conv.window.axes]
    if not spread or any(pair != (0, 0) for pair in pairs[:2]) or "same" in own:
        return None
    axes = tuple(
        replace(axis, padding=(axis.before + b, axis.after + a))
        for axis, (b, a) in zip(conv.window.axes, pairs[2:], strict=True)
    )
    inputs = (before.inputs[0], *node.inputs[1:])
    return replace(node, operator=replace(conv, window=Window(axes)), inputs=inputs)


def _sum_of_two(node: Node) -> Node | str | None:
    """Return an Add for a Sum of two, and the value itself for that of one."""
    if not isinstance(node.operator, op.Sum):
        return None
    if len(node.inputs) == 1:
        return node.inputs[0]
    return replace(node, operator=op.Add()) if len(node.inputs) == 2 else None
