"""The order in which the nodes of an ONNX graph can run, and what they read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import heappop, heappush
from typing import Any

from striate.errors import GraphError

__all__ = ["captured", "in_order", "reads"]

DEEPEST = 32  # graphs within graphs


def reads(node: Any) -> Iterator[str]:
    """Yield the names that a node reads, those that graphs inside it may read from outside too."""
    yield from (name for name in node.input if name)
    yield from captured(node)


def captured(node: Any, depth: int = 0) -> Iterator[str]:
    """Yield the names that graphs inside a node read and do not define themselves."""
    if depth > DEEPEST:
        raise GraphError(
            f"node {node.name!r}: graphs lie more than {DEEPEST} deep in each other: "
            "the file is damaged"
        )
    for attribute in node.attribute:
        for graph in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
            own = {value.name for value in (*graph.input, *graph.initializer)}
            own.update(name for inner in graph.node for name in inner.output)
            read = {value.name for value in graph.output}
            for inner in graph.node:
                read.update(inner.input, captured(inner, depth + 1))
            yield from sorted(read - own - {""})


def in_order(nodes: Sequence[Any], where: str) -> list[Any]:
    """Return the nodes so that each comes after those whose outputs it reads.

    Nodes that are in such an order already keep it.

    Raises
    ------
    GraphError
        If there is a cycle, or two nodes give the same value.
    """
    giver: dict[str, int] = {}
    for index, node in enumerate(nodes):
        for name in node.output:
            if name and giver.setdefault(name, index) != index:
                raise GraphError(
                    f"{where}: two nodes give {name!r}: names must be unique, "
                    "so the file is damaged"
                )
    needs = [{giver[name] for name in reads(node) if name in giver} for node in nodes]
    readers: list[list[int]] = [[] for _ in nodes]
    for index, givers in enumerate(needs):
        for number in givers:
            readers[number].append(index)
    missing = [len(givers) for givers in needs]
    ready = [index for index, count in enumerate(missing) if not count]
    order = []
    while ready:
        index = heappop(ready)
        order.append(nodes[index])
        for reader in readers[index]:
            missing[reader] -= 1
            if not missing[reader]:
                heappush(ready, reader)
    if len(order) < len(nodes):
        stuck = nodes[next(index for index, count in enumerate(missing) if count)]
        name = stuck.name or next(iter(stuck.output), "")
        raise GraphError(
            f"{where}: node {name!r} ({stuck.op_type}) waits for its own output: "
            "a graph must not have cycles"
        )
    return order
