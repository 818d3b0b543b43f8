"""Networks from wherever they are: the zoo, an ONNX file, a PyTorch module; and to files."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from striate.errors import ParameterError
from striate.network import InputShape, Network, zoo

__all__ = ["load", "save"]

KINDS = (
    "give a name as 'vgg16', the path of an .onnx file, an onnx.ModelProto, a torch.nn.Module or a "
    "torch.export.ExportedProgram"
)


def load(
    source: Any,
    *,
    pretrained: bool = False,
    weights: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    input_shape: InputShape = None,
) -> Network:
    """Return a network, from the zoo, from an ONNX file or from PyTorch.

    Parameters
    ----------
    source : str, path, onnx.ModelProto, torch.nn.Module or torch.export.ExportedProgram
        A name of the zoo, or the path of an .onnx file, or the model itself.
    pretrained : bool
        Take the trained weights that come with striate, and their preprocessing, for a name of the
        zoo that has them: see `striate.interop.pretrained`. Otherwise the zoo's have no weights.
    weights : path, or mapping of name to array, optional
        Whose weights the network gets: a .safetensors file or a PyTorch checkpoint.
    input_shape : sequence of int, or mapping of name to that, optional
        What a PyTorch module is traced with; for ONNX, sizes that the model leaves open.

    Raises
    ------
    UnknownNameError
        If no network of the zoo has that name, with the nearest that have.
    FileError
        If a file is missing or damaged.
    ParameterError
        If no trained weights of that network come with striate: which do.
    GraphError, ParameterError, ShapeError, GeometryError
        If the model uses what striate does not have, naming the node, or is inconsistent.
    MissingExtraError
        If what reads it is not installed.

    Examples
    --------
    >>> load("vgg16").graph.nodes[0].name
    'conv1_1'
    >>> load("lenet-1989", pretrained=True)
    <Network lenet-1989: input (any, 1, 16, 16); 9,760 parameters, with weights>
    """
    if pretrained:
        return _pretrained(source, weights, input_shape)
    network = _loaded(source, input_shape)
    if weights is None:
        return network
    named: Network = import_module("striate.interop.weights").load_weights(network, weights)
    return named


def save(network: Network, path: str | os.PathLike[str]) -> Path:
    """Write a network to a file, whole or not at all, and return its path.

    Parameters
    ----------
    path : path
        `.onnx` holds the network, `.safetensors` its weights alone.

    Raises
    ------
    ParameterError
        If the name ends in neither.
    FileError, ShapeError, DTypeError, UnknownNameError, MissingExtraError
        As `striate.interop.onnx.save_onnx` and `striate.interop.weights.save_weights`.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(load("lenet-1989").initialize(), Path(folder) / "lenet.onnx").name
    'lenet.onnx'
    """
    target = Path(path)
    ending = target.suffix.lower()
    if ending == ".onnx":
        import_module("striate.interop.onnx").save_onnx(network, target)
    elif ending == ".safetensors":
        import_module("striate.interop.weights").save_weights(network, target)
    else:
        raise ParameterError(
            f"{target}: a network is saved as .onnx, its weights alone as .safetensors; "
            "end the name in one of them"
        )
    return target


def _pretrained(source: Any, weights: object, input_shape: InputShape) -> Network:
    """Return a network of the zoo with the weights that come with striate."""
    for name, given in (("weights", weights), ("input_shape", input_shape)):
        if given is not None:
            raise ParameterError(f"pretrained=True cannot go with {name}; leave one of them out")
    shelf = import_module("striate.interop.pretrained")
    if not isinstance(source, str) or (source not in zoo.names() and Path(source).suffix):
        given = repr(source) if isinstance(source, str) else type(source).__name__
        raise ParameterError(
            f"pretrained=True is for names of the zoo that have trained weights "
            f"({', '.join(shelf.names())}), but source is {given}; leave it out"
        )
    network: Network = shelf.load(source)
    return network


def _loaded(source: Any, input_shape: InputShape) -> Network:
    if isinstance(source, str) and source in zoo.names():
        if input_shape is not None:
            raise ParameterError(
                f"{source} of the zoo has its own input shape; give input_shape to inspect, or "
                "compile it and feed inputs of any shape that fits"
            )
        return zoo.load(source)
    if isinstance(source, str | os.PathLike):
        return _from_file(source, input_shape)
    if _is_of(source, "onnx", "ModelProto"):
        model: Network = import_module("striate.interop.onnx").from_onnx(
            source, input_shape=input_shape
        )
        return model
    if _is_of(source, "torch.nn", "Module") or _is_of(source, "torch.export", "ExportedProgram"):
        traced: Network = import_module("striate.interop.torch").from_torch(source, input_shape)
        return traced
    raise ParameterError(f"source is {type(source).__name__}; {KINDS}")


def _from_file(source: str | os.PathLike[str], input_shape: InputShape) -> Network:
    path = Path(source)
    if path.suffix.lower() == ".onnx":
        network: Network = import_module("striate.interop.onnx").load_onnx(
            path, input_shape=input_shape
        )
        return network
    if path.suffix.lower() in (".pt", ".pth", ".th", ".bin", ".ckpt", ".safetensors"):
        raise ParameterError(
            f"{path}: such files hold weights, or code to run, but no network; give the network "
            f"and them: load('vgg16', weights={str(path)!r})"
        )
    if path.suffix.lower() == ".pt2":
        raise ParameterError(
            f"{path}: an exported program of PyTorch; load(torch.export.load({str(path)!r}))"
        )
    if isinstance(source, str) and path.name == source and not path.exists():
        return zoo.load(source)  # which knows the nearest names
    if path.is_dir():
        raise ParameterError(f"{path}: a folder; give the path of an .onnx file in it")
    raise ParameterError(f"{path}: no .onnx file; {KINDS}")


def _is_of(source: object, module: str, name: str) -> bool:
    """Return whether an object is of a class of a package that somebody else has imported."""
    kind = getattr(sys.modules.get(module), name, None)
    return kind is not None and isinstance(source, kind)
