"""A network with the weights of a file: every name found, every shape right, or no network."""

from __future__ import annotations

import os
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import FileError, ParameterError, ShapeError
from striate.interop.weights.checkpoints import is_checkpoint, open_checkpoint, stored_arrays
from striate.interop.weights.names import Naming, best_naming, stripped
from striate.interop.weights.notes import notes_of
from striate.interop.weights.stored import FLOATS, Stored
from striate.interop.weights.tensor_files import BESIDES, open_tensors, write_tensors
from striate.network import Network, Parameter
from striate.network.images.preprocessing import Preprocessing

__all__ = ["load_weights", "save_weights"]

OTHER = "the file belongs to another network"


def save_weights(network: Network, path: str | os.PathLike[str]) -> None:
    """Write a network's weights to a safetensors file, whole or not at all.

    Parameters
    ----------
    network : Network
        With weights.
    path : path
        An existing file is replaced.

    Raises
    ------
    ParameterError
        If the network has no weights.
    FileError
        If the file cannot be written.
    MissingExtraError
        If safetensors is not installed.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import striate as st
    >>> network = st.load("lenet-1989").initialize(seed=1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_weights(network, Path(folder) / "lenet.safetensors")
    ...     again = load_weights(st.load("lenet-1989"), Path(folder) / "lenet.safetensors")
    >>> bool((again.weights["H1.weight"] == network.weights["H1.weight"]).all())
    True
    """
    if not network.has_weights:
        raise ParameterError(
            f"save_weights: {network.name} has no weights: train it, or initialize(seed) it first"
        )
    write_tensors(path, network.weights, notes_of(network))


def load_weights(network: Network, source: str | os.PathLike[str] | Mapping[str, Any]) -> Network:
    """Return the network with the weights of a file or of a mapping.

    Names are the network's own, or those of torchvision's and timm's checkpoints of the same
    network. Before a number is read, every name and shape is checked.

    Parameters
    ----------
    network : Network
        Its own weights, if any, are left aside, and so is its preprocessing if the file tells one.
    source : path or mapping
        A safetensors file; a PyTorch checkpoint (.pt, .pth, .th, .bin) that holds a state
        dictionary, itself or under "state_dict" or "model"; or name -> array or tensor.
        Half precision is widened to float32. ``num_batches_tracked`` is left aside, and so is
        what a checkpoint of `striate.fit` holds for going on with training.

    Raises
    ------
    FileError
        If the file is missing, corrupt, or holds other than finite numbers.
    ParameterError
        If the file says that it belongs to another network, even one of the same shapes.
    ShapeError
        If its weights belong to another network: naming the first that does not fit.
    MissingExtraError
        If safetensors or PyTorch, whichever the file needs, is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> from striate.network import Builder
    >>> b = Builder("tiny", (None, 1, 4))
    >>> network = Network(b.graph(b.conv(b.input, "conv", channels=1, kernel=2, bias=False)))
    >>> loaded = load_weights(network, {"module.conv.weight": np.ones((1, 1, 2), np.float32)})
    >>> loaded.weights["conv.weight"]
    array([[[1., 1.]]], dtype=float32)
    """
    where, found, notes = _found(network, source)
    wanted = {parameter.name for parameter in network.graph.parameters}
    short = stripped(found, wanted)
    tensors = {name: found[long] for name, long in short.items() if not _needless(name, wanted)}
    naming = best_naming(network.graph, tensors)
    reader = _Reader(where, network, naming, tensors)
    for parameter in network.graph.parameters:
        reader.check(parameter)
    reader.check_unknown()
    return Network(
        network.graph,
        {p.name: reader.read(p) for p in network.graph.parameters},
        Preprocessing.from_metadata(notes) or network.preprocessing,
    )


def _needless(name: str, wanted: set[str]) -> bool:
    """Say whether a tensor only counts batches, or is for going on with training."""
    besides = name.rpartition(".")[2] == "num_batches_tracked" or name.startswith(BESIDES)
    return besides and name not in wanted


def _found(
    network: Network, source: str | os.PathLike[str] | Mapping[str, Any]
) -> tuple[str, dict[str, Stored], dict[str, str]]:
    if isinstance(source, Mapping):
        return "load_weights", stored_arrays(source, "load_weights"), {}
    if not isinstance(source, str | os.PathLike):
        raise ParameterError(
            f"load_weights: weights are {type(source).__name__}; give a path, or a mapping of "
            "names to arrays"
        )
    if Path(source).suffix.lower() == ".onnx":
        raise ParameterError(
            f"{source}: a network with its own weights, no weight file; load it itself, or give a "
            ".safetensors file or a PyTorch checkpoint (.pt, .pth)"
        )
    if is_checkpoint(source):
        return str(source), open_checkpoint(source), {}
    tensors, notes = open_tensors(source)
    owner = notes.get("network", network.name)
    if owner != network.name:
        raise ParameterError(
            f"{source}: holds weights of {owner}, not of {network.name}; use it with {owner}"
        )
    return str(source), tensors, notes


class _Reader:
    """Checks what a file holds against what a network wants, and reads it."""

    def __init__(
        self, where: str, network: Network, naming: Naming, tensors: dict[str, Stored]
    ) -> None:
        self.where, self.network, self.naming, self.tensors = where, network, naming, tensors

    def check(self, parameter: Parameter) -> None:
        """Raise unless the file holds this parameter, in its shape and kind."""
        name = self.naming.names[parameter.name]
        stored = self.tensors.get(name)
        if stored is None:
            called = f" ({name!r} in {self.naming.owner}'s names)" if name != parameter.name else ""
            raise ShapeError(
                f"{self.where}: no weight {parameter.name!r}{called} {parameter.shape}, which "
                f"{self.network.name} needs: {OTHER}"
            )
        if not _fits(stored.shape, parameter.shape):
            place = f" for {parameter.name!r}" if name != parameter.name else ""
            raise ShapeError(
                f"{self.where}: weight {name!r} is {stored.shape} but {self.network.name} "
                f"needs {parameter.shape}{place}: {OTHER}"
            )
        allowed = FLOATS if parameter.kind == "float" else (parameter.kind,)
        if stored.kind not in allowed:
            raise FileError(
                f"{self.where}: weight {name!r} is {stored.kind}; it must be "
                f"{' or '.join(allowed[:2])}"
            )

    def check_unknown(self) -> None:
        """Raise if the file holds a weight that has no place, and is no copy of one that has."""
        taken = set(self.naming.names.values())
        for name, stored in self.tensors.items():
            if name not in taken and not self._copied(stored, taken) and not self._constant(name):
                raise ShapeError(
                    f"{self.where}: weight {name!r} {stored.shape} has no place in "
                    f"{self.network.name}: {OTHER}"
                )

    def _copied(self, stored: Stored, taken: set[str]) -> bool:
        """Say whether a tensor is one of those taken by another name: a tied weight."""
        alike = [self.tensors[name] for name in taken]
        return any(
            np.array_equal(stored.read(), other.read())
            for other in alike
            if (other.shape, other.kind) == (stored.shape, stored.kind)
        )

    def _constant(self, name: str) -> bool:
        """Say whether a tensor is a constant of the graph, unchanged."""
        for constant in self.network.graph.constants:
            if constant.name == name and constant.shape == self.tensors[name].shape:
                return np.array_equal(constant.array, self.tensors[name].read())
        return False

    def read(self, parameter: Parameter) -> NDArray[Any]:
        """Return a parameter's numbers, which must be finite."""
        name = self.naming.names[parameter.name]
        array = self.tensors[name].read().reshape(parameter.shape)
        if parameter.kind == "float" and (count := int(np.count_nonzero(~np.isfinite(array)))):
            raise FileError(
                f"{self.where}: {count} of the {array.size} numbers of weight {name!r} are NaN or "
                "infinite; train it again"
            )
        return array


def _fits(shape: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """Say whether shapes agree, or one is a linear layer's and one its convolution's.

    A linear layer (out, in) is a convolution (out, channels, height, width) of the whole volume.
    """
    if shape == wanted:
        return True
    linear, convolution = sorted((shape, wanted), key=len)
    flat = len(linear) == 2 and len(convolution) == 4
    return flat and linear[0] == convolution[0] and linear[1] == prod(convolution[1:])
