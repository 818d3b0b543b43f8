"""Shapes of values while a graph is read: known where they do not hang on sizes left open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from striate.errors import StriateError
from striate.network import Constant, Graph, Initial, Input, Node, Parameter, infer_shapes, settled
from striate.network.defined import Deferred
from striate.network.graph import Shape, needed_nodes

if TYPE_CHECKING:
    from striate.interop.onnx.reading.translation import Translation

__all__ = ["Shapes"]

SUPPOSED = ((1, 1024), (2, 2048))
"""Two suppositions: a batch and any other size, where a size is left open."""


class Shapes:
    """Infers shapes under two suppositions of the open sizes; where both agree, it is known."""

    def __init__(self, translation: Translation) -> None:
        self._translation = translation
        self._known: tuple[dict[str, Shape], dict[str, Shape]] = ({}, {})
        self._done = 0

    def of(self, name: str) -> tuple[int | None, ...] | None:
        """Return the shape of a value, None for sizes that vary, or None if nothing is known."""
        self._advance()
        one, two = (
            known[name] if name in known else self._settled(name, i)
            for i, known in enumerate(self._known)
        )
        if one is None or two is None or len(one) != len(two):
            return None
        return tuple(a if a == b else None for a, b in zip(one, two, strict=True))

    def _advance(self) -> None:
        new = self._translation.nodes[self._done :]
        self._done += len(new)
        for supposed, known in zip(SUPPOSED, self._known, strict=True):
            for value in self._translation.inputs:
                known.setdefault(value.name, _supposed(value, supposed))
            for node in new:
                self._note(node, known)

    def _note(self, node: Node, known: dict[str, Shape]) -> None:
        arrays = self._translation.arrays
        inputs = [arrays[n].shape if n in arrays else known.get(n) for n in node.inputs]
        given = [shape for shape in inputs if shape is not None]
        if len(given) < len(inputs) or isinstance(node.operator, Deferred):
            return
        try:
            found = node.operator.infer_all(given)
        except StriateError:  # the supposed size does not fit: nothing is known from here on
            return
        known.update(zip(node.outputs, found, strict=False))

    def _settled(self, name: str, which: int) -> Shape | None:
        """Return the shape of a value behind settings that the graph computes."""
        nodes = needed_nodes(self._translation.nodes, (name,))
        needed = {name, *(read for node in nodes for read in node.inputs)}
        if not any(isinstance(node.operator, Deferred) for node in nodes):
            return None
        inputs = [value for value in self._translation.inputs if value.name in needed]
        arrays = {n: a for n, a in self._translation.arrays.items() if n in needed}
        large = {n for n, a in arrays.items() if a.size > 4096}
        parameters = [Parameter(n, arrays[n].shape, Initial("constant", 0.0)) for n in large]
        constants = [Constant.of(n, a) for n, a in arrays.items() if n not in large]
        sizes = {value.name: _supposed(value, SUPPOSED[which]) for value in inputs}
        try:
            graph = Graph(
                "part",
                tuple(inputs),
                tuple(parameters),
                nodes,
                (name,),
                tuple(constants),
            )
            return infer_shapes(settled(graph, sizes), sizes).get(name)
        except StriateError:  # as above
            return None


def _supposed(value: Input, supposed: tuple[int, int]) -> Shape:
    batch, other = supposed
    sizes = enumerate(value.shape)
    return tuple((batch if i == 0 else other) if n is None else n for i, n in sizes)
