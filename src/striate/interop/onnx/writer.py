"""Networks as ONNX.

What ONNX cannot say is written in its terms: a connection table as a dense weight with zeros, a
bias for each unit as an addition, a scaled tanh as its three factors, windows that crop as a Pad
by a negative amount. Dropout is written in its inference form, which passes its input on.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from striate.errors import DTypeError, ShapeError, UnknownNameError
from striate.files import replacing, write_whole
from striate.interop.onnx.writing import WRITERS, Emission, known_shapes, undeferred
from striate.interop.onnx.writing.external import write_external
from striate.network import Deferred, Network, infer_kinds

__all__ = ["save_onnx", "to_onnx"]

LARGEST = 2**31 - 1  # bytes of a protocol buffer
STRUCTURE = 1 << 24  # bytes left for all that is no array


def to_onnx(network: Network, *, dtype: DTypeLike | None = None) -> Any:
    """Return the network as an `onnx.ModelProto`.

    Sizes that the graph leaves open (the batch) stay open, and what the network computes from them
    stays computed. Values keep their names; preprocessing goes into the metadata.

    Parameters
    ----------
    network : Network
        With weights; those that learn all float32 or all float64.
    dtype : float32 or float64, optional
        What the model computes in; that of the weights unless told, float32 if there are none.

    Raises
    ------
    MissingExtraError
        If onnx is not installed.
    ShapeError
        If the network has no weights.
    DTypeError
        If the weights are of other or of mixed dtypes, or `dtype` is another.
    UnknownNameError
        If the table has no entry for an operator.
    GeometryError, GraphError
        If ONNX cannot say what a node does.

    Examples
    --------
    >>> import striate as st
    >>> model = to_onnx(st.load("lenet-1989").initialize(seed=0))
    >>> [node.op_type for node in model.graph.node][:6]
    ['Pad', 'Conv', 'Add', 'Mul', 'Tanh', 'Mul']
    """
    return _model(network, _emission(network, dtype))


def save_onnx(
    network: Network, path: str | os.PathLike[str], *, dtype: DTypeLike | None = None
) -> Path:
    """Write the network as an ONNX file, whole or not at all, and return its path.

    One that would be larger than the 2 GiB that such files may hold is written as two: its arrays
    lie beside it in a file of the same name and ".data", which must stay there.

    Raises
    ------
    FileError
        If the file cannot be written.
    MissingExtraError, ShapeError, DTypeError, UnknownNameError, GeometryError, GraphError
        As `to_onnx`.

    Examples
    --------
    >>> import tempfile
    >>> import striate as st
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_onnx(st.load("lenet-1989").initialize(), Path(folder) / "lenet.onnx").name
    'lenet.onnx'
    """
    target = Path(path)
    emission = _emission(network, dtype)
    if sum(array.nbytes for array in emission.arrays.values()) + STRUCTURE <= LARGEST:
        return write_whole(target, _model(network, emission).SerializeToString())
    beside = target.with_name(f"{target.name}.data")
    with replacing(target) as part, replacing(beside) as data:  # the data come into place first
        tensors = write_external(emission, data, beside.name)
        part.write_bytes(_model(network, emission, tensors).SerializeToString())
    return target


def _emission(network: Network, dtype: DTypeLike | None) -> Emission:
    """Return the nodes and arrays of a network in ONNX's terms."""
    if not network.has_weights:
        raise ShapeError(
            f"{network.name} has no weights to write: train it, or network.initialize(seed)"
        )
    if dtype is not None and np.dtype(dtype) not in (np.float32, np.float64):
        raise DTypeError(f"dtype must be float32 or float64, not {np.dtype(dtype)}")
    graph = network.graph
    emission = Emission(graph, network.weights, known_shapes(graph), infer_kinds(graph), dtype)
    for node in graph.nodes:
        operator = node.operator
        kind = operator.operator if isinstance(operator, Deferred) else type(operator)
        if kind not in WRITERS:
            known = [known.onnx for known in WRITERS]
            raise UnknownNameError.of("operator with an ONNX form", operator.onnx, known)
        WRITERS[kind](emission, *undeferred(node))
        emission.entitle(node)
    return emission


def _model(network: Network, emission: Emission, tensors: Sequence[Any] | None = None) -> Any:
    graph, helper = network.graph, emission.onnx.helper
    if tensors is None:
        from_array = emission.onnx.numpy_helper.from_array
        tensors = [from_array(array, name) for name, array in emission.arrays.items()]
    body = helper.make_graph(
        emission.nodes,
        graph.name,
        [_described(emission, value.name) for value in graph.inputs],
        [_described(emission, name) for name in graph.outputs],
        tensors,
    )
    opsets = [helper.make_opsetid("", emission.opset)]
    version = helper.find_min_ir_version_for(opsets)
    model = helper.make_model(
        body, opset_imports=opsets, ir_version=version, producer_name="striate"
    )
    if network.preprocessing is not None:
        helper.set_model_props(model, network.preprocessing.to_metadata())
    return model


def _described(emission: Emission, name: str) -> Any:
    """Return a value's kind, and its shape as far as it is known; open sizes have names."""
    helper = emission.onnx.helper
    kind = helper.np_dtype_to_tensor_dtype(emission.dtype_of(emission.kinds[name]))
    shape = emission.shape(name)
    if shape is None:
        return helper.make_tensor_value_info(name, kind, None)
    sizes = [
        size if size is not None else (f"{name}.{axis}" if axis else "N")
        for axis, size in enumerate(shape)
    ]
    return helper.make_tensor_value_info(name, kind, sizes)
