"""How convolutions and poolings are written."""

from __future__ import annotations

from typing import Any

import numpy as np

from striate.errors import GeometryError, ShapeError
from striate.interop.onnx.writing.emission import Emission
from striate.interop.onnx.writing.form import Writer, form
from striate.interop.onnx.writing.windows import ceil_mode, sliding, split
from striate.network import Node, Operator
from striate.network import operators as op

__all__ = ["WRITERS"]


def _conv(emission: Emission, node: Node, o: Any) -> None:
    _, weight, *bias = node.inputs
    if o.table is not None:
        weight = _dense(emission, node, o)
    if ceil_mode(node, o.window):
        raise GeometryError(f"{node.name}: ONNX's Conv knows no ceil mode: pad explicitly")
    by_unit = bool(bias) and len(emission.shape(bias[0]) or ()) > 1
    source, window = sliding(emission, node, o.window)
    output = emission.value(f"{node.name}.sum") if by_unit else node.outputs[0]
    inputs = [source, weight] if by_unit else [source, weight, *bias]
    emission.node("Conv", inputs, output, group=o.groups, dilations=o.window.dilations, **window)
    if by_unit:
        emission.node("Add", [output, *bias], node.outputs)


def _dense(emission: Emission, node: Node, o: op.Conv) -> str:
    """Add the weight of a connection table with zeros where nothing is connected."""
    name = node.inputs[1]
    weight, shape = emission.array(name), emission.shape(node.inputs[0])
    if weight is None:
        raise ShapeError(f"{node.name}: ONNX has no connection tables: its weight must be fixed")
    channels = (shape and shape[1]) or max(map(max, o.table or ())) + 1
    return emission.constant(f"{name}.dense", o.dense(weight, channels))


def _conv_transpose(emission: Emission, node: Node, o: Any) -> None:
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
        node.outputs,
        kernel_shape=window.kernel,
        strides=window.strides,
        dilations=window.dilations,
        group=o.groups,
        pads=cut,
        output_padding=[axis.output_padding for axis in window.axes],
    )


def _pool(emission: Emission, node: Node, o: Any, **settings: int) -> None:
    source, window = sliding(emission, node, o.window)
    if source != node.inputs[0] and len(node.outputs) > 1:
        raise GeometryError(
            f"{node.name}: the indices of a MaxPool whose window crops count cropped elements in "
            "ONNX: pad by at least 0"
        )
    settings |= {"ceil_mode": ceil_mode(node, o.window)}
    extra = {**settings, "dilations": o.window.dilations, **window}
    emission.node(o.onnx, [source], node.outputs, **extra)


def _max_pool(emission: Emission, node: Node, o: Any) -> None:
    _pool(emission, node, o, **({"storage_order": 1} if o.column_major else {}))


def _average_pool(emission: Emission, node: Node, o: Any) -> None:
    _pool(emission, node, o, count_include_pad=int(o.count_include_pad))


def _lp_pool(emission: Emission, node: Node, o: Any) -> None:
    _pool(emission, node, o, p=o.p)


def _global_lp_pool(emission: Emission, node: Node, o: Any) -> None:
    """Add the norm of all that is spatial; ONNX Runtime has no GlobalLpPool of this opset."""
    shape = emission.shape(node.inputs[0])
    if shape is None or o.p not in (1, 2):
        emission.node("GlobalLpPool", node.inputs, node.outputs, p=o.p)
        return
    axes = emission.constant(f"{node.name}.axes", range(2, len(shape)), np.int64)
    emission.node(f"ReduceL{o.p}", [*node.inputs, axes], node.outputs)


WRITERS: dict[type[Operator], Writer] = {
    op.AveragePool: _average_pool,
    op.Conv: _conv,
    op.ConvTranspose: _conv_transpose,
    op.GlobalAveragePool: form(),
    op.GlobalLpPool: _global_lp_pool,
    op.GlobalMaxPool: form(),
    op.LpPool: _lp_pool,
    op.MaxPool: _max_pool,
}
