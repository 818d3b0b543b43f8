"""Which operators run as machine code, and the tasks that each becomes."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

from striate.network import Node, Shape
from striate.network import operators as op
from striate.network.operators.axes import axis_of
from striate.runtime.lowering import layers, norms, reductions, shaping
from striate.runtime.lowering.convolutions import native_convolution
from striate.runtime.lowering.elements import elements, native_elements
from striate.runtime.lowering.expressions import elements_of
from striate.runtime.lowering.fusion import Fused
from striate.runtime.lowering.products import native_product, product
from striate.runtime.lowering.turning import Product
from striate.runtime.lowering.weights import Weights
from striate.runtime.lowering.workspace import Workspace

__all__ = ["lower_natively", "native"]


def native(node: Node, shapes: dict[str, Shape], weights: Weights, lanes: int) -> bool:
    """Tell whether a node runs as machine code."""
    output = shapes[node.outputs[0]]
    found = elements_of(node, weights)
    if found is not None and not all(name in weights for name in node.inputs):
        return native_elements(found, shapes, weights, output)
    x = shapes[node.inputs[0]]
    first, *rest = (name in weights for name in node.inputs)
    if isinstance(node.operator, op.Concat):
        return len(x) > 0 and not all((first, *rest))
    if isinstance(node.operator, Product):
        return True
    if isinstance(node.operator, op.MatMul) and not (first and all(rest)):
        return native_product(node, shapes)
    if first or not all(rest):
        return False
    match node.operator:
        case op.Conv() | op.ConvTranspose():
            return native_convolution(node.operator, x, output, lanes)
        case op.Softmax(axis=axis, onwards=onwards):
            rows = onwards or prod(x[axis_of(axis, x) + 1 :]) == 1
            return rows or (3 <= len(x) <= 5 and axis_of(axis, x) == 1)
        case op.Transpose():
            return shaping.native_transpose(node.operator, x)
        case op.Slice():
            return shaping.native_slice(node.operator, x)
        case op.DepthToSpace() | op.SpaceToDepth():
            return shaping.native_blocks(node.operator, x)
        case op.Pad():
            return shaping.native_pad(node.operator, x)
        case op.LayerNormalization():
            return norms.native_layer_norm(node, shapes)
        case op.MaxPool(indices=True):
            return False
        case op.LRN(size=size):
            return 3 <= len(x) <= 5 and size // 2 <= lanes
        case op.Resize():
            return layers.native_resize(node.operator, x)
    if type(node.operator) in reductions.REDUCED:
        return reductions.native_reduction(node.operator, x)
    if isinstance(node.operator, VOLUMES):
        return 3 <= len(x) <= 5
    return type(node.operator) in LOWERED


VOLUMES = (
    *(op.BatchNormalization, op.InstanceNormalization, op.GroupNormalization),
    *(op.MaxPool, op.AveragePool),
    *(op.GlobalAveragePool, op.GlobalMaxPool),
)
"""Operators that need channels with spatial axes."""


def lower_natively(space: Workspace, step: Fused) -> None:
    """Lower a step that `native` accepts."""
    if step.expression is not None:
        elements(space, step)
    else:
        LOWERED[type(step.node.operator)](space, step)


LOWERED: dict[type, Callable[[Workspace, Fused], None]] = {
    op.Conv: layers.convolution,
    op.ConvTranspose: layers.convolution,
    op.MaxPool: layers.pool,
    op.AveragePool: layers.pool,
    op.GlobalAveragePool: layers.pool,
    op.GlobalMaxPool: layers.pool,
    **dict.fromkeys(reductions.REDUCED, reductions.reduction),
    op.Resize: layers.resize,
    op.Gemm: layers.linear_layer,
    op.MatMul: layers.linear_layer,
    Product: product,
    op.BatchNormalization: norms.batch_norm,
    op.InstanceNormalization: norms.instance_norm,
    op.GroupNormalization: norms.group_norm,
    op.LayerNormalization: norms.layer_norm,
    op.LRN: norms.local_response,
    op.Softmax: norms.softmax,
    op.Flatten: shaping.view,
    op.Reshape: shaping.view,
    op.Squeeze: shaping.view,
    op.Unsqueeze: shaping.view,
    op.Transpose: shaping.transpose,
    op.Slice: shaping.slice_of,
    op.Concat: shaping.concatenate,
    op.Pad: shaping.pad,
    op.DepthToSpace: shaping.blocks_of_space,
    op.SpaceToDepth: shaping.blocks_of_space,
}
"""What lowers a step of one node."""
