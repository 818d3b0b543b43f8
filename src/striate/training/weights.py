"""Weights in safetensors files: names, shapes and numbers, and nothing that could run."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from striate.errors import FileError, MissingExtraError, ParameterError, ShapeError
from striate.files import write_whole
from striate.network import Network

__all__ = ["load_weights", "read_tensors", "require_safetensors", "save_weights", "write_tensors"]

FLOATS = ("F32", "F64")  # as safetensors calls them


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
    write_tensors(path, network.weights, {"network": network.name})


def load_weights(network: Network, path: str | os.PathLike[str]) -> Network:
    """Return the network with the weights of a safetensors file.

    Parameters
    ----------
    network : Network
        Its own weights, if any, are left aside.
    path : path
        A file as `save_weights` and `striate train` write it.

    Raises
    ------
    FileError
        If the file is missing, corrupt, or holds other than finite float32 or float64.
    ParameterError
        If the file says that it belongs to another network, even one of the same shapes.
    ShapeError
        If its weights belong to another network: naming the first that does not fit.
    MissingExtraError
        If safetensors is not installed.

    Examples
    --------
    See `save_weights`.
    """
    tensors, owner = _tensors_and_network(path)
    if owner not in (None, network.name):
        raise ParameterError(
            f"{path}: holds weights of {owner}, not of {network.name}; use it with {owner}"
        )
    wanted = {parameter.name: parameter.shape for parameter in network.graph.parameters}
    for name, shape in wanted.items():
        if name not in tensors:
            raise ShapeError(
                f"{path}: no weight {name!r} {shape}, which {network.name} needs: "
                "the file belongs to another network"
            )
        if tensors[name].shape != shape:
            raise ShapeError(
                f"{path}: weight {name!r} is {tensors[name].shape} but {network.name} "
                f"needs {shape}: the file belongs to another network"
            )
    unknown = [name for name in tensors if name not in wanted]
    if unknown:
        raise ShapeError(
            f"{path}: weight {unknown[0]!r} {tensors[unknown[0]].shape} has no place in "
            f"{network.name}: the file belongs to another network"
        )
    for name, array in tensors.items():
        if count := int(np.count_nonzero(~np.isfinite(array))):
            raise FileError(
                f"{path}: {count} of the {array.size} numbers of weight {name!r} are NaN or "
                "infinite; train it again"
            )
    return Network(network.graph, {name: tensors[name] for name in wanted})


def require_safetensors(purpose: str) -> None:
    """Raise MissingExtraError unless safetensors is installed."""
    try:
        import safetensors  # noqa: F401  (only whether it is there)
    except ImportError:
        raise MissingExtraError.of("safetensors", "train", purpose) from None


def write_tensors(
    path: str | os.PathLike[str], tensors: Mapping[str, NDArray[Any]], notes: dict[str, str]
) -> None:
    """Write named arrays to a safetensors file, whole or not at all."""
    require_safetensors("writing weights")
    from safetensors.numpy import save

    whole = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    write_whole(path, save(whole, notes))


def read_tensors(path: str | os.PathLike[str]) -> dict[str, NDArray[Any]]:
    """Return the named arrays of a safetensors file."""
    return _tensors_and_network(path)[0]


def _tensors_and_network(
    path: str | os.PathLike[str],
) -> tuple[dict[str, NDArray[Any]], str | None]:
    """Return the named arrays of a safetensors file, and whose it says that they are."""
    require_safetensors("reading weights")
    from safetensors import SafetensorError, safe_open

    if Path(path).is_dir():
        raise FileError(
            f"{path}: a folder, not a weight file; name a .safetensors file that striate train "
            "wrote"
        )
    if not Path(path).is_file():
        raise FileError(f"{path}: no such file; give a .safetensors file that striate train wrote")
    try:
        with safe_open(path, framework="np") as file:
            names = list(file.keys())
            kinds = {name: file.get_slice(name).get_dtype() for name in names}
            for name, kind in kinds.items():
                if kind not in FLOATS:
                    raise FileError(f"{path}: weight {name!r} is {kind}; it must be F32 or F64")
            owner = (file.metadata() or {}).get("network")
            return {name: file.get_tensor(name) for name in names}, owner
    except SafetensorError as error:
        raise FileError(
            f"{path}: not a whole safetensors file ({error}); copy or train it again"
        ) from None
    except OSError as error:
        if isinstance(error, FileError):
            raise
        raise FileError(f"{path}: cannot be read ({error}); check its permissions") from None
