"""A network: a graph, and the weights that lie beside it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from math import prod
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from striate.errors import ShapeError
from striate.geometry.text import open_text
from striate.network.graph import FLOAT, Graph, Parameter

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from striate.network.images.preprocessing import Preprocessing

__all__ = ["Network"]


@dataclass(frozen=True, eq=False, repr=False)
class Network:
    """A graph and its weights, name -> array; without weights it can be inspected and drawn.

    `preprocessing` says how an image becomes its input, where that is known.

    Raises
    ------
    ShapeError
        If weights are given and one is missing, unknown or of another shape.

    Examples
    --------
    >>> import striate as st
    >>> net = st.load("lenet-1989")
    >>> net.has_weights, net.initialize(seed=1).has_weights
    (False, True)
    """

    graph: Graph
    weights: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    preprocessing: Preprocessing | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "weights", MappingProxyType(dict(self.weights)))
        if self.weights:
            self._check()

    def __repr__(self) -> str:
        """Return it in few words; `graph` and `weights` tell the rest.

        Examples
        --------
        >>> import striate as st
        >>> st.load("lenet-1989")
        <Network lenet-1989: input (any, 1, 16, 16); 9,760 parameters, no weights>
        """
        count = sum(prod(parameter.shape) for parameter in self.graph.parameters)
        takes = "; ".join(f"{v.name} {open_text(v.shape)}" for v in self.graph.inputs)
        state = "with weights" if self.has_weights else "no weights"
        return f"<Network {self.name}: {takes}; {count:,} parameters, {state}>"

    def _check(self) -> None:
        wanted = {parameter.name: parameter.shape for parameter in self.graph.parameters}
        unknown = [name for name in self.weights if name not in wanted]
        missing = [name for name in wanted if name not in self.weights]
        if missing or unknown:
            raise ShapeError(
                f"{self.name}: weights lack {missing[:3]} and have {unknown[:3]} too many: "
                "they belong to another network"
            )
        for name, shape in wanted.items():
            if self.weights[name].shape != shape:
                raise ShapeError(
                    f"{self.name}: weight {name!r} is {self.weights[name].shape}, not {shape}"
                )

    @property
    def name(self) -> str:
        """The network's name."""
        return self.graph.name

    @property
    def has_weights(self) -> bool:
        """Whether it can run."""
        return bool(self.weights) or not self.graph.parameters

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        """Of the first input, None for any size."""
        return self.graph.inputs[0].shape

    def initialize(self, seed: int = 0) -> Network:
        """Return the network with fresh float32 weights, drawn as its graph says.

        Every parameter has a random stream of its own, made of the seed and its place in the graph.
        """
        weights = {
            parameter.name: _draw(parameter, seed, index)
            for index, parameter in enumerate(self.graph.parameters)
        }
        return replace(self, weights=weights)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the network to a file, whole or not at all, and return its path.

        Parameters
        ----------
        path : path
            `.onnx` holds the network, `.safetensors` its weights alone.

        Raises
        ------
        FileError
            If the file cannot be written, or its name ends in neither.
        ShapeError, ParameterError
            If the network has no weights.
        MissingExtraError
            If what writes such files is not installed.

        Examples
        --------
        >>> import tempfile
        >>> import striate as st
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = st.load("lenet-1989").initialize(seed=1).save(Path(folder) / "lenet.onnx")
        ...     st.load(path).name
        'lenet-1989'
        """
        saved: Path = import_module("striate.interop").save(self, path)
        return saved

    def to_torch(self) -> Any:
        """Return the network as a `torch.nn.Module` in eval mode: see `striate.interop.torch`.

        Raises
        ------
        ParameterError
            If the network has no weights.
        MissingExtraError
            If PyTorch is not installed.
        """
        return import_module("striate.interop.torch").to_torch(self)


def _draw(parameter: Parameter, seed: int, index: int) -> NDArray[np.float32]:
    import numpy as np

    kind, scale = parameter.initial.kind, parameter.initial.scale
    if parameter.kind != FLOAT:
        return np.zeros(parameter.shape, parameter.kind)
    if kind == "constant":
        return np.full(parameter.shape, scale, np.float32)
    random = np.random.default_rng([seed, index])
    if kind == "uniform":
        return random.uniform(-scale, scale, parameter.shape).astype(np.float32)
    return random.standard_normal(parameter.shape, np.float32) * np.float32(scale)
