"""How operators that make, move or resize values are written, and matrix products."""

from __future__ import annotations

from typing import Any

import numpy as np

from striate.interop.onnx.writing.emission import Emission, Given
from striate.interop.onnx.writing.form import Writer, attribute, form
from striate.interop.onnx.writing.windows import padded_by
from striate.network import Node, Operator
from striate.network import operators as op

__all__ = ["WRITERS"]


def _constant_of_shape(emission: Emission, node: Node, o: Any) -> None:
    value = np.full(1, o.fill, emission.dtype_of(o.kind))
    shape = emission.setting(node, "shape", o.shape, np.int64)
    tensor = emission.onnx.numpy_helper.from_array(value)
    emission.node("ConstantOfShape", [*node.inputs, shape], node.outputs, value=tensor)


def _gemm(emission: Emission, node: Node, _: Any) -> None:
    """ONNX's Gemm takes two axes; of others, or unknown, a product is written."""
    if len(emission.shape(node.inputs[0]) or ()) == 2:
        emission.node("Gemm", node.inputs, node.outputs, transB=1)
        return
    source, weight, *bias = node.inputs
    factors = source, emission.transposed(weight)
    if not bias:
        emission.node("MatMul", factors, node.outputs)
        return
    product = emission.node("MatMul", factors, emission.value(f"{node.name}.product"))
    emission.node("Add", [product, *bias], node.outputs)


def _one_hot(emission: Emission, node: Node, o: Any) -> None:
    indices, values = node.inputs
    depth = emission.setting(node, "depth", o.depth, np.int64)
    emission.node("OneHot", [indices, depth, values], node.outputs, axis=o.axis)


def _pad(emission: Emission, node: Node, o: Any) -> None:
    pads: Given | list[int]
    if isinstance(o.before, Given) or isinstance(o.after, Given):
        sides = [
            emission.setting(node, name, getattr(o, name), np.int64) for name in ("before", "after")
        ]
        pads = Given(emission.node("Concat", sides, emission.value(f"{node.name}.pads"), axis=0))
    else:
        pads = [*o.before, *o.after]
    padded_by(emission, node, pads, fill=o.fill, mode=o.mode, outputs=node.outputs)


def _range(emission: Emission, node: Node, o: Any) -> None:
    dtype = emission.dtype_of(o.kind)
    bounds = [
        emission.setting(node, name, getattr(o, name), dtype)
        for name in ("start", "limit", "delta")
    ]
    emission.node("Range", [*node.inputs, *bounds], node.outputs)


def _resize(emission: Emission, node: Node, o: Any) -> None:
    settings = (("roi", None), ("scales", np.float32), ("sizes", np.int64))
    inputs = [emission.setting(node, name, getattr(o, name), kind) for name, kind in settings]
    said = {
        "mode": o.mode,
        "coordinate_transformation_mode": o.coordinates,
        "nearest_mode": o.nearest,
        "cubic_coeff_a": o.cubic,
        "exclude_outside": int(o.exclude_outside),
        "extrapolation_value": o.extrapolation,
        "keep_aspect_ratio_policy": o.policy,
        "antialias": int(o.antialias),
    }
    if o.axes is not None:
        said["axes"] = attribute(node, "axes", o.axes)
    emission.node("Resize", [*node.inputs, *inputs], node.outputs, **said)


def _split(emission: Emission, node: Node, o: Any) -> None:
    said = {} if o.sizes is not None else {"num_outputs": o.parts or len(node.outputs)}
    sizes = emission.setting(node, "sizes", o.sizes, np.int64)
    emission.node("Split", [*node.inputs, sizes], node.outputs, axis=o.axis, **said)


WRITERS: dict[type[Operator], Writer] = {
    op.Concat: form("axis"),
    op.ConstantOfShape: _constant_of_shape,
    op.DepthToSpace: form("block=blocksize", "mode"),
    op.Expand: form(settings=("shape",)),
    op.Flatten: form("axis"),
    op.Gather: form("axis"),
    op.GatherElements: form("axis"),
    op.Gemm: _gemm,
    op.MatMul: form(),
    op.OneHot: _one_hot,
    op.Pad: _pad,
    op.Range: _range,
    op.Reshape: form("allow_zero=allowzero", settings=("shape",)),
    op.Resize: _resize,
    op.Shape: form("start", "end"),
    op.Size: form(),
    op.Slice: form(settings=("starts", "ends", "axes", "steps")),
    op.SpaceToDepth: form("block=blocksize"),
    op.Split: _split,
    op.Squeeze: form(settings=("axes",)),
    op.Tile: form(settings=("repeats",)),
    op.Transpose: form("perm"),
    op.Trilu: form("upper", settings=("k",)),
    op.Unsqueeze: form(settings=("axes",)),
}
