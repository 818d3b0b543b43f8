"""A layer in its graph, of which something is explained."""

from __future__ import annotations

from dataclasses import dataclass

from striate.network.graph import Node, Shape
from striate.network.inspection.derivations import by
from striate.network.inspection.layers import Anatomy

__all__ = ["Place"]


@dataclass(frozen=True, slots=True)
class Place:
    """A layer in its graph."""

    node: Node
    anatomy: Anatomy

    @property
    def shapes(self) -> list[Shape]:
        """The shapes of what it reads."""
        return [self.anatomy.shapes[name] for name in self.node.inputs]

    @property
    def outputs(self) -> list[Shape]:
        """The shapes of what it makes."""
        return [self.anatomy.shapes[name] for name in self.node.outputs]

    @property
    def title(self) -> str:
        """The line above what is said of it."""
        values = [
            by(self.anatomy.shapes[name])
            for name in self.node.inputs
            if name not in self.anatomy.parameters
        ]
        made = ", ".join(map(by, self.outputs))
        name = f"{self.node.name} ({self.node.operator.onnx})"
        return f"{name}: {', '.join(values) or 'nothing'} -> {made}"
