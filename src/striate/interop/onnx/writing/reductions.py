"""How reductions, sorting and normalisations are written."""

from __future__ import annotations

from typing import Any

import numpy as np

from striate.interop.onnx.writing.emission import Emission, Given
from striate.interop.onnx.writing.form import Writer, attribute, form
from striate.network import Node, Operator
from striate.network import operators as op

__all__ = ["WRITERS"]


def _reduction(emission: Emission, node: Node, o: Any) -> None:
    axes = emission.setting(node, "axes", o.axes or None, np.int64)
    said = {"keepdims": int(o.keepdims), "noop_with_empty_axes": int(o.axes == ())}
    emission.node(o.onnx, [*node.inputs, axes], node.outputs, **said)


def _softmax(emission: Emission, node: Node, o: Any) -> None:
    """Add what normalises one axis; over all axes from one on, as ONNX before opset 13 did."""
    axis = attribute(node, "axis", o.axis)
    shape = emission.shape(node.inputs[0])
    if not o.onwards or axis == -1 or (shape is not None and axis == len(shape) - 1):
        emission.node(o.onnx, node.inputs, node.outputs, axis=axis)
        return
    sizes = emission.node("Shape", node.inputs, emission.value(f"{node.name}.shape"))
    rows = emission.value(f"{node.name}.rows")
    emission.node("Flatten", node.inputs, rows, axis=axis)
    one = emission.node(o.onnx, [rows], emission.value(f"{node.name}.row"), axis=1)
    emission.node("Reshape", [one, sizes], node.outputs)


def _top(emission: Emission, node: Node, o: Any) -> None:
    count = o.count
    if isinstance(count, Given):  # a number or an array of one: ONNX wants the array
        one = emission.constant(f"{node.name}.one", [1], np.int64)
        count = Given(emission.node("Reshape", [count, one], emission.value(f"{node.name}.k")))
    elif isinstance(count, int):
        count = [count]
    inputs = [*node.inputs, emission.setting(node, "count", count, np.int64)]
    said = {"axis": o.axis, "largest": int(o.largest), "sorted": int(o.sorted)}
    emission.node("TopK", inputs, node.outputs, **said)


WRITERS: dict[type[Operator], Writer] = {
    op.ArgMax: form("axis", "keepdims", "last=select_last_index"),
    op.ArgMin: form("axis", "keepdims", "last=select_last_index"),
    op.BatchNormalization: form("epsilon", "momentum"),
    op.CumSum: form("exclusive", "reverse", settings=("axis",)),
    op.GroupNormalization: form("groups=num_groups", "epsilon"),
    op.Hardmax: _softmax,
    op.InstanceNormalization: form("epsilon"),
    op.LRN: form("size", "alpha", "beta", "bias"),
    op.LayerNormalization: form("axis", "epsilon"),
    op.LogSoftmax: _softmax,
    op.LpNormalization: form("axis", "p"),
    op.MeanVarianceNormalization: form("axes"),
    op.RMSNormalization: form("axis", "epsilon", opset=23),
    op.ReduceL1: _reduction,
    op.ReduceL2: _reduction,
    op.ReduceLogSum: _reduction,
    op.ReduceLogSumExp: _reduction,
    op.ReduceMax: _reduction,
    op.ReduceMean: _reduction,
    op.ReduceMin: _reduction,
    op.ReduceProd: _reduction,
    op.ReduceSum: _reduction,
    op.ReduceSumSquare: _reduction,
    op.Softmax: _softmax,
    op.TopK: _top,
}
