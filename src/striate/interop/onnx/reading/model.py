"""ONNX models as networks: checked, put in order, read node by node."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from importlib import import_module
from operator import index
from pathlib import Path
from typing import Any

from striate.errors import (
    FileError,
    GraphError,
    ParameterError,
    ShapeError,
    UnknownNameError,
    explained,
)
from striate.geometry.text import open_text
from striate.interop.onnx.reading.opsets import NEWEST, OLDEST, domain_of, opsets_of
from striate.interop.onnx.reading.tensors import BFLOAT16, MOST_AXES, dtype_of
from striate.interop.onnx.reading.texts import check_texts
from striate.interop.onnx.reading.translation import Translation
from striate.interop.onnx.reading.walk import Scope, Walk
from striate.interop.onnx.writing.emission import onnx_module
from striate.network import Input, InputShape, Network
from striate.network.images.preprocessing import Preprocessing

__all__ = ["NEWEST", "OLDEST", "from_onnx", "load_onnx", "working_precision"]

LARGEST = 2**31  # bytes of a protocol buffer
PRODUCER = "striate"
FLOAT32, FLOAT16, DOUBLE = 1, 10, 11
FORMS = {
    "sequence_type": "a sequence",
    "map_type": "a map",
    "optional_type": "optional",
    "sparse_tensor_type": "a sparse tensor",
    "opaque_type": "of a type of its own",
}


def load_onnx(path: str | os.PathLike[str], *, input_shape: InputShape = None) -> Network:
    """Return the network that an ONNX file describes, with its weights.

    Parameters
    ----------
    path : path
        Weights in files beside it are read too, if they lie in its folder.
    input_shape : sequence of int, or mapping of name to that, optional
        Fixes sizes that the model leaves open, of the first input or of inputs by name.

    Raises
    ------
    FileError
        If the file is missing, damaged, or asks for what it does not hold.
    GraphError, ParameterError, ShapeError, GeometryError
        If the model uses what striate does not have, naming the node, or is inconsistent.
    MissingExtraError
        If onnx is not installed.

    Examples
    --------
    >>> import tempfile
    >>> import striate as st
    >>> net = st.load("lenet-5").initialize(seed=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     again = load_onnx(net.save(Path(folder) / "lenet.onnx"))
    >>> [node.operator.onnx for node in again.graph.nodes[:3]]
    ['Conv', 'Mul', 'Tanh']
    """
    place = Path(path)
    model = _parsed(place)
    with explained(str(place)):
        # Exporters call every graph the same; people know a network by its file.
        name = None if getattr(model, "producer_name", "") == PRODUCER else place.stem
        return from_onnx(model, input_shape=input_shape, folder=place.parent, name=name)


def from_onnx(
    model: Any,
    *,
    input_shape: InputShape = None,
    folder: str | os.PathLike[str] | None = None,
    name: str | None = None,
) -> Network:
    """Return the network that an `onnx.ModelProto` describes, with its weights.

    Nodes keep their operators and names, values theirs; a node without a name, or with that of
    another, is called after its output. What depends on no input is computed.
    Opsets 1 to 28 are read, with the functions that a model carries. Numbers in float16 and
    bfloat16 are read as float32.

    Parameters
    ----------
    model : onnx.ModelProto
    input_shape : sequence of int, or mapping of name to that, optional
        Fixes sizes that the model leaves open, of the first input or of inputs by name.
    folder : path, optional
        Where files with its weights lie, if it does not hold them itself.
    name : str, optional
        The network's; its graph's own if left out. Files are called after themselves, unless
        striate wrote them.

    Raises
    ------
    FileError, GraphError, ParameterError, ShapeError, GeometryError, MissingExtraError
        As `load_onnx`.

    Examples
    --------
    >>> import onnx.parser
    >>> text = '''<ir_version: 8, opset_import: ["" : 17]>
    ... example (float[N, 3, 8, 8] x) => (float[N, 3, 1, 1] y) {
    ...     r = Relu(x)
    ...     y = GlobalAveragePool(r)
    ... }'''
    >>> net = from_onnx(onnx.parser.parse_model(text))
    >>> [(node.operator.onnx, node.outputs) for node in net.graph.nodes]
    [('Relu', ('r',)), ('GlobalAveragePool', ('y',))]
    """
    onnx = onnx_module()
    if not isinstance(model, onnx.ModelProto):
        raise ParameterError(
            f"model is {type(model).__name__}; give an onnx.ModelProto, or a path to load_onnx"
        )
    check_texts(model)
    place = Path(folder) if folder is not None else None
    return _network(model, input_shape, place, name or model.graph.name or "model")


def _parsed(path: Path) -> Any:
    onnx = onnx_module()
    decode_error = import_module("google.protobuf.message").DecodeError
    try:
        if not path.is_file():
            raise FileError(f"{path}: no such file; give the path of an .onnx file")
        if path.stat().st_size >= LARGEST:
            raise FileError(f"{path}: larger than the 2 GiB that an ONNX file holds: it is damaged")
        return onnx.ModelProto.FromString(path.read_bytes())
    except decode_error:
        raise FileError(
            f"{path}: not an ONNX model, or cut short: fetch or export it anew"
        ) from None
    except (OSError, ValueError) as error:
        if isinstance(error, FileError):
            raise
        reason = getattr(error, "strerror", None) or error
        raise FileError(f"{path}: cannot be read ({reason})") from None


def _network(model: Any, input_shape: InputShape, folder: Path | None, name: str) -> Network:
    if not model.HasField("graph") or not model.graph.output:
        raise FileError("the model holds no graph that gives an output: the file is damaged")
    graph = model.graph
    opsets = opsets_of(model.opset_import)
    precision, halves = working_precision(graph)
    translation = Translation(name, precision, halves=halves, folder=folder)
    scope = Scope()
    walk = Walk(translation, {_key(function): function for function in model.functions})
    walk.arrays(graph, scope)
    _inputs(graph, translation, scope, input_shape)
    outputs = [value.name for value in graph.output]
    _check_given(outputs, graph, translation.name)
    walk.nodes(graph.node, scope, opsets, outputs)
    found = [scope.find(output) or output for output in outputs]
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    return translation.network(found, Preprocessing.from_metadata(metadata))


def _check_given(outputs: Sequence[str], graph: Any, name: str) -> None:
    given = {value.name for value in (*graph.input, *graph.initializer)}
    given.update(output for node in graph.node for output in node.output)
    for output in outputs:
        if output not in given:
            raise GraphError(f"{name}: its output {output!r} is given by no node")


def _key(function: Any) -> tuple[str, str]:
    return domain_of(function), function.name


def working_precision(graph: Any) -> tuple[str, bool]:
    """Return the dtype of the model's floating-point numbers, and whether it has half ones."""
    values = [value.type.tensor_type.elem_type for value in (*graph.input, *graph.output)]
    numbers = {*values, *(tensor.data_type for tensor in graph.initializer)}
    halves = not numbers.isdisjoint((FLOAT16, BFLOAT16))
    double = DOUBLE in numbers and FLOAT32 not in numbers and not halves
    return ("float64" if double else "float32"), halves


def _inputs(graph: Any, translation: Translation, scope: Scope, input_shape: InputShape) -> None:
    stored = {tensor.name for tensor in graph.initializer}
    values = [value for value in graph.input if value.name not in stored]
    given = _given(input_shape, [value.name for value in values])
    for value in values:
        where = f"{translation.name}: input {value.name!r}"
        form = value.type.WhichOneof("value")
        if form != "tensor_type":
            raise GraphError(
                f"{where} is {FORMS.get(form, 'of no type')}; striate takes tensors: "
                "export the model with tensors alone"
            )
        tensor = value.type.tensor_type
        kind = translation.kind(dtype_of(tensor.elem_type, where))
        shape = _shape(tensor, given.get(value.name), where)
        translation.take(value.name)
        translation.feed(Input(value.name, shape, kind))
        scope.bind(value.name, value.name)


def _given(input_shape: InputShape, names: Sequence[str]) -> Mapping[str, Sequence[int]]:
    if input_shape is None:
        return {}
    if not isinstance(input_shape, Mapping):
        return dict.fromkeys(names[:1], input_shape)
    for name in input_shape:
        if name not in names:
            raise UnknownNameError.of("input", name, names)
    return input_shape


def _shape(tensor: Any, given: Sequence[int] | None, where: str) -> tuple[int | None, ...]:
    """Return the sizes that a model declares; -1, which some exporters write, is any size."""
    if given is not None:
        given = tuple(map(index, given))
    if not tensor.HasField("shape"):
        if given is None:
            raise ShapeError(f"{where} has no shape in the file: give input_shape")
        return given
    declared: list[int | None] = [
        int(dim.dim_value)
        if dim.WhichOneof("value") == "dim_value" and dim.dim_value >= 0
        else None
        for dim in tensor.shape.dim
    ]
    if len(declared) > MOST_AXES:
        raise FileError(f"{where}: {len(declared)} axes; arrays have at most {MOST_AXES}")
    if given is None:
        return tuple(declared)
    fits = len(given) == len(declared) and all(
        size in (None, wanted) for size, wanted in zip(declared, given, strict=True)
    )
    if not fits:
        raise ShapeError(f"{where}: input_shape {tuple(given)} must fit {open_text(declared)}")
    return tuple(given)
