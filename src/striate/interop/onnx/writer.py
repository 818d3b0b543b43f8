"""Networks as ONNX: every operator of striate, and one table that says how each is written.

What ONNX cannot say is written in its terms: a connection table as a dense weight with zeros, a
bias for each unit as an addition, a scaled tanh as its three factors, windows that crop as a Pad
by a negative amount. Dropout is written in its inference form, which passes its input on.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from striate.errors import FileError, GeometryError, ShapeError, UnknownNameError
from striate.files import write_whole
from striate.interop.onnx.emission import Emission
from striate.interop.onnx.windows import ceil_mode, padded_by, sliding, split
from striate.network import Graph, Network, Node, Operator, Shape, infer_shapes
from striate.network import operators as op

__all__ = ["save_onnx", "to_onnx"]

OPSET, IR_VERSION = 22, 10  # of 2024: the first opset whose ceil mode is written down as PyTorch's
LARGEST = 2**31 - 1  # bytes of a protocol buffer


def to_onnx(network: Network) -> Any:
    """Return the network as an `onnx.ModelProto`.

    Sizes that the graph leaves open (the batch) stay open. Values keep their names.

    Parameters
    ----------
    network : Network
        With weights, all float32 or all float64.

    Raises
    ------
    MissingExtraError
        If onnx is not installed.
    ShapeError
        If the network has no weights.
    DTypeError
        If the weights are of other or of mixed dtypes.
    UnknownNameError
        If the table has no entry for an operator.

    Examples
    --------
    >>> import striate as st
    >>> model = to_onnx(st.load("lenet-1989").initialize(seed=0))
    >>> [node.op_type for node in model.graph.node][:6]
    ['Pad', 'Conv', 'Add', 'Mul', 'Tanh', 'Mul']
    """
    if not network.has_weights:
        raise ShapeError(
            f"{network.name} has no weights to write: train it, or network.initialize(seed)"
        )
    graph = network.graph
    open_sizes = any(size is None for value in graph.inputs for size in value.shape[1:])
    shapes = None if open_sizes else infer_shapes(graph)
    emission = Emission(graph, network.weights, shapes)
    for node in graph.nodes:
        if type(node.operator) not in WRITERS:
            known = [known.onnx for known in WRITERS]
            raise UnknownNameError.of("operator with an ONNX form", node.operator.onnx, known)
        WRITERS[type(node.operator)](emission, node, node.operator)
    return _model(network, emission)


def save_onnx(network: Network, path: str | os.PathLike[str]) -> Path:
    """Write the network as an ONNX file, whole or not at all, and return its path.

    Raises
    ------
    FileError
        If the file cannot be written, or would be larger than the 2 GiB that ONNX files hold.
    MissingExtraError, ShapeError, DTypeError, UnknownNameError
        As `to_onnx`.

    Examples
    --------
    >>> import tempfile
    >>> import striate as st
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_onnx(st.load("lenet-1989").initialize(), Path(folder) / "lenet.onnx").name
    'lenet.onnx'
    """
    size = sum(array.nbytes for array in network.weights.values())
    if size > LARGEST:
        raise FileError(
            f"{Path(path)}: {network.name} has {size:,} bytes of weights; an ONNX file holds at "
            f"most {LARGEST:,}: save its weights as safetensors"
        )
    return write_whole(path, to_onnx(network).SerializeToString())


def _model(network: Network, emission: Emission) -> Any:
    graph, onnx = network.graph, emission.onnx
    helper = onnx.helper
    kind = helper.np_dtype_to_tensor_dtype(emission.dtype)
    inputs = []
    for value in graph.inputs:
        names = ["N", *(f"{value.name}.{axis}" for axis in range(1, len(value.shape)))]
        sizes = [s or name for s, name in zip(value.shape, names, strict=True)]
        inputs.append(helper.make_tensor_value_info(value.name, kind, sizes))
    outputs = [
        helper.make_tensor_value_info(name, kind, _open(graph, name)) for name in graph.outputs
    ]
    arrays = [onnx.numpy_helper.from_array(a, name) for name, a in emission.arrays.items()]
    body = helper.make_graph(emission.nodes, graph.name, inputs, outputs, arrays)
    opset = [helper.make_opsetid("", OPSET)]
    return helper.make_model(
        body, opset_imports=opset, ir_version=IR_VERSION, producer_name="striate"
    )


def _shapes(graph: Graph, batch: int, size: int) -> dict[str, Shape]:
    """Return the shape of every value with sizes put where the graph leaves them open."""
    first, *sizes = graph.inputs[0].shape
    if None not in (first, *sizes) or len(graph.inputs) > 1:
        return infer_shapes(graph)
    return infer_shapes(graph, [first or batch, *(s or size for s in sizes)])


def _open(graph: Graph, name: str) -> list[int | str]:
    """Return the shape of an output; what changes with the input's open sizes is open too."""
    one, two = (_shapes(graph, 1 + i, 1024 << i)[name] for i in range(2))
    names = ["N", *(f"{name}.{axis}" for axis in range(1, len(one)))]
    return [a if a == b else free for a, b, free in zip(one, two, names, strict=True)]


def _plain(emission: Emission, node: Node, _: Operator) -> None:
    emission.node(node.operator.onnx, node.inputs, node.name)


def _conv(emission: Emission, node: Node, o: op.Conv) -> None:
    source, weight, *bias = node.inputs
    if o.table is not None:
        weight = _dense(emission, node, o, o.table)
    if ceil_mode(node, o.window):
        raise GeometryError(f"{node.name}: ONNX's Conv knows no ceil mode: pad explicitly")
    by_unit = bool(bias) and emission.weights[bias[0]].ndim > 1
    source, window = sliding(emission, node, source, o.window)
    output = emission.value(f"{node.name}.sum") if by_unit else node.name
    inputs = [source, weight] if by_unit else [source, weight, *bias]
    emission.node("Conv", inputs, output, group=o.groups, dilations=o.window.dilations, **window)
    if by_unit:
        emission.node("Add", [output, *bias], node.name)


def _dense(emission: Emission, node: Node, o: op.Conv, table: tuple[tuple[int, ...], ...]) -> str:
    """Add the weight of a connection table with zeros where nothing is connected."""
    name = node.inputs[1]
    weight = emission.weights[name]
    channels = max(map(max, table)) + 1
    if emission.shapes is not None:
        channels = emission.shapes[node.inputs[0]][1]
    return emission.constant(f"{name}.dense", o.dense(weight, channels))


def _conv_transpose(emission: Emission, node: Node, o: op.ConvTranspose) -> None:
    window = o.window
    cut, grown = split(window.paddings)
    if any(grown):
        raise GeometryError(
            f"{node.name}: ONNX's ConvTranspose cuts no negative amounts, as in {window.paddings}: "
            "pad by at least 0"
        )
    emission.node(
        "ConvTranspose",
        node.inputs,
        node.name,
        kernel_shape=window.kernel,
        strides=window.strides,
        dilations=window.dilations,
        group=o.groups,
        pads=cut,
        output_padding=[axis.output_padding for axis in window.axes],
    )


def _max_pool(emission: Emission, node: Node, o: op.MaxPool) -> None:
    source, window = sliding(emission, node, node.inputs[0], o.window)
    extra = {"dilations": o.window.dilations, "ceil_mode": ceil_mode(node, o.window)}
    emission.node("MaxPool", [source], node.name, **extra, **window)


def _average_pool(emission: Emission, node: Node, o: op.AveragePool) -> None:
    source, window = sliding(emission, node, node.inputs[0], o.window)
    extra = {"dilations": o.window.dilations, "ceil_mode": ceil_mode(node, o.window)}
    count = int(o.count_include_pad)
    emission.node("AveragePool", [source], node.name, count_include_pad=count, **extra, **window)


def _pad(emission: Emission, node: Node, o: op.Pad) -> None:
    pads = (*o.before, *o.after)
    padded_by(emission, node.name, node.inputs[0], pads, o.value, final=node.name)


def _batch_normalization(emission: Emission, node: Node, o: op.BatchNormalization) -> None:
    settings = {"epsilon": o.epsilon, "momentum": o.momentum}
    emission.node("BatchNormalization", node.inputs, node.name, **settings)


def _clip(emission: Emission, node: Node, o: op.Clip) -> None:
    low = emission.constant(f"{node.name}.low", o.low)
    high = emission.constant(f"{node.name}.high", o.high)
    emission.node("Clip", [*node.inputs, low, high], node.name)


def _gemm(emission: Emission, node: Node, _: op.Gemm) -> None:
    emission.node("Gemm", node.inputs, node.name, transB=1)


def _scaled_tanh(emission: Emission, node: Node, o: op.ScaledTanh) -> None:
    alpha = emission.constant(f"{node.name}.alpha", o.alpha)
    beta = emission.constant(f"{node.name}.beta", o.beta)
    inner = emission.node("Mul", [*node.inputs, beta], emission.value(f"{node.name}.inner"))
    tanh = emission.node("Tanh", [inner], emission.value(f"{node.name}.tanh"))
    emission.node("Mul", [tanh, alpha], node.name)


def _dropout(emission: Emission, node: Node, o: op.Dropout) -> None:
    ratio = emission.constant(f"{node.name}.ratio", o.rate)
    emission.node("Dropout", [*node.inputs, ratio], node.name)


def _with_axis(emission: Emission, node: Node, o: op.Softmax | op.Concat) -> None:
    emission.node(o.onnx, node.inputs, node.name, axis=o.axis)


WRITERS: dict[type[Operator], Callable[[Emission, Node, Any], None]] = {
    op.Add: _plain,
    op.AveragePool: _average_pool,
    op.BatchNormalization: _batch_normalization,
    op.Clip: _clip,
    op.Concat: _with_axis,
    op.Conv: _conv,
    op.ConvTranspose: _conv_transpose,
    op.Dropout: _dropout,
    op.Flatten: _plain,
    op.Gemm: _gemm,
    op.GlobalAveragePool: _plain,
    op.GlobalMaxPool: _plain,
    op.Identity: _plain,
    op.MaxPool: _max_pool,
    op.Mul: _plain,
    op.Pad: _pad,
    op.Relu: _plain,
    op.ScaledTanh: _scaled_tanh,
    op.Sigmoid: _plain,
    op.Softmax: _with_axis,
    op.Tanh: _plain,
}
