"""Networks from ONNX files: every engine that reads them gets the file itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.cli.bench.case import Case
from striate.errors import ParameterError, ShapeError
from striate.interop import load
from striate.network import FLOAT, infer_shapes, inspect

__all__ = ["FileCase", "file_case", "file_cases"]


@dataclass(frozen=True)
class FileCase(Case):
    """A network from the file at `path`, of any inputs and outputs."""

    path: Path = Path()

    @cached_property
    def x(self) -> NDArray[np.float32]:
        """The first input."""
        first: NDArray[np.float32] = next(iter(self.inputs.values()))
        return first

    @cached_property
    def inputs(self) -> dict[str, NDArray[Any]]:
        """All inputs: standard normal, or zeros where they are no floating point numbers."""
        random = np.random.default_rng(0)
        found: dict[str, NDArray[Any]] = {}
        for value in self.network.graph.inputs:
            sizes = tuple(size or 1 for size in value.shape)
            if value.kind == FLOAT:
                found[value.name] = random.standard_normal(sizes, np.float32)
            else:
                found[value.name] = np.zeros(sizes, value.kind)
        return found

    @cached_property
    def model(self) -> bytes:
        """The file as it is."""
        return self.path.read_bytes()

    @cached_property
    def macs(self) -> int:
        """Multiply-adds by the definition, whatever a method saves."""
        return inspect(self.network, self.sizes).totals.macs

    @cached_property
    def bytes(self) -> int:
        """Bytes that must cross memory at least: inputs, weights and outputs, once each."""
        shapes = infer_shapes(self.network.graph, self.sizes)
        arrays = [*self.inputs.values(), *self.network.weights.values()]
        outputs = sum(int(np.prod(shapes[name])) for name in self.network.graph.outputs)
        return sum(array.nbytes for array in arrays) + 4 * outputs

    @property
    def sizes(self) -> dict[str, tuple[int, ...]]:
        """The shapes of all inputs."""
        return {name: array.shape for name, array in self.inputs.items()}


def file_cases(places: Sequence[str]) -> Iterator[FileCase]:
    """Return the cases of files; see `file_case`."""
    return (file_case(place) for place in places)


def file_case(place: str) -> FileCase:
    """Return the case of a file: its path, and the first input's shape if it leaves sizes open.

    Raises
    ------
    ParameterError
        If the shape reads as none.
    ShapeError
        If sizes are left open.
    FileError, GraphError
        If the file cannot be read.
    """
    name, _, sizes = place.partition(":")
    if sizes and not all(size.isdigit() for size in sizes.split("x")):
        raise ParameterError(f"{sizes!r} must be a shape as in {name}:1x3x224x224")
    shape = tuple(map(int, sizes.split("x"))) if sizes else None
    network = load(name, input_shape=shape)
    for value in network.graph.inputs:
        if None in value.shape[1:]:
            wanted = "x".join("?" if size is None else str(size) for size in value.shape)
            raise ShapeError(
                f"{name}: input {value.name!r} ({wanted}) leaves sizes open: "
                f"give them as in {name}:1x3x224x224"
            )
    first = tuple(size or 1 for size in network.graph.inputs[0].shape)
    return FileCase(Path(name).stem, "file", network, first, Path(name))
