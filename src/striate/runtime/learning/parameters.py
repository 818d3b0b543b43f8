"""The weights of a network in training: all in one piece of memory."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

import numpy as np
from numpy.typing import NDArray

from striate.network import FLOAT, Graph
from striate.ops.blocked.layout import Place
from striate.ops.blocked.program import aligned

__all__ = ["PARAMETERS", "Parameters"]

PARAMETERS = "(parameters)"
LINE = 16  # float32 elements of a line of the cache, which each parameter begins


class Parameters:
    """The arrays of a network by name, those that are trained first.

    Attributes
    ----------
    arrays : views of `memory` by name, and the arrays of other kinds
    memory : (size,) float32; `trained` elements of it belong to parameters that are trained, and
        to the gaps between them, which are 0
    offsets : where each array begins
    """

    def __init__(self, graph: Graph, weights: Mapping[str, NDArray[np.float32]]) -> None:
        floats = [p for p in graph.parameters if p.kind == FLOAT]
        floats.sort(key=lambda parameter: not parameter.trainable)
        self.names = [parameter.name for parameter in floats if parameter.trainable]
        self.offsets: dict[str, int] = {}
        self.shapes = {parameter.name: parameter.shape for parameter in floats}
        self.trained = size = 0
        for parameter in floats:
            self.offsets[parameter.name] = size
            size += -(-prod(parameter.shape) // LINE) * LINE
            if parameter.trainable:
                self.trained = size
        # A register may reach beyond the last one.
        self.memory = aligned(size + LINE)
        self.memory.fill(0)
        self.arrays = dict(weights)
        for name, offset in self.offsets.items():
            view = self.memory[offset : offset + prod(self.shapes[name])]
            self.arrays[name] = view.reshape(self.shapes[name])
            self.arrays[name][...] = weights[name]

    def place(self, name: str) -> Place:
        """Return where an array lies."""
        return Place(PARAMETERS, self.offsets[name])

    def span(self, name: str) -> tuple[int, int]:
        """Return where an array begins and how many elements it takes with the gap behind it."""
        return self.offsets[name], -(-prod(self.shapes[name]) // LINE) * LINE

    def copies(self) -> dict[str, NDArray[np.float32]]:
        """Return copies of all arrays."""
        return {name: array.copy() for name, array in self.arrays.items()}
