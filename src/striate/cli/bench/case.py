"""What is measured: a network, which may be a single layer, on one input."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.interop import to_onnx
from striate.network import Input, Network, infer_shapes, inspect

__all__ = ["Case"]


@dataclass(frozen=True)
class Case:
    """One row of a report.

    Parameters
    ----------
    name, kind : str
        What it is called, and what it is compared with: rows of one kind share a mean.
    network : Network
        With weights, float32.
    shape : tuple of int
        The input's (N, C, *spatial).
    """

    name: str
    kind: str
    network: Network
    shape: tuple[int, ...]

    @cached_property
    def x(self) -> NDArray[np.float32]:
        """The input: standard normal, the same in every run."""
        return np.random.default_rng(0).standard_normal(self.shape, np.float32)

    @cached_property
    def fixed(self) -> Network:
        """The network for this input's shape alone: peers plan better with known sizes."""
        graph = self.network.graph
        inputs = (Input(graph.inputs[0].name, self.shape),)
        return Network(replace(graph, inputs=inputs), self.network.weights)

    @cached_property
    def inputs(self) -> dict[str, NDArray[Any]]:
        """All inputs by name."""
        return {self.network.graph.inputs[0].name: self.x}

    @cached_property
    def model(self) -> Any:
        """The network as the bytes of an ONNX file."""
        return to_onnx(self.fixed).SerializeToString()

    @cached_property
    def output_shape(self) -> tuple[int, ...]:
        """The shape of the result."""
        graph = self.network.graph
        return infer_shapes(graph, self.shape)[graph.outputs[0]]

    @cached_property
    def macs(self) -> int:
        """Multiply-adds by the definition, whatever a method saves."""
        return inspect(self.network, self.shape).totals.macs

    @cached_property
    def bytes(self) -> int:
        """Bytes that must cross memory at least: input, weights and output, once each."""
        weights: list[NDArray[Any]] = list(self.network.weights.values())
        output = int(np.prod(self.output_shape))
        return 4 * (int(np.prod(self.shape)) + sum(w.size for w in weights) + output)
