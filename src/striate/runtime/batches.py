"""Whether the examples of a batch may be computed apart from each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

from striate.errors import StriateError
from striate.network import Graph, Node, Operator, Shape, infer_shapes
from striate.network import operators as op

__all__ = ["examples_are_apart"]

Shapes = Mapping[str, Shape]


def examples_are_apart(graph: Graph, all_: Shapes, one: Graph, alone: Shapes) -> bool:
    """Tell whether no example of a batch has to do with another.

    Every value must have an entry for each example along axis 0, and no operator may reach along
    that axis: those that are not known to leave it alone are taken to do.

    Parameters
    ----------
    graph, one : Graph
        The network settled for the whole batch and for one example.
    all_, alone : mapping of name to shape
        The shapes of their inputs.
    """
    try:
        many, single = infer_shapes(graph, all_), infer_shapes(one, alone)
    except StriateError:  # the network takes batches of its own size alone
        return False
    examples = many[graph.inputs[0].name][:1]
    fixed = {p.name for p in graph.parameters} | {c.name for c in graph.constants}
    if any(name in fixed for name in graph.outputs):
        return False
    for node in graph.nodes:
        if not _keeps_apart(node, many, fixed):
            return False
        for name in node.outputs:
            shape = single.get(name, ())
            if not shape or shape[0] != 1 or many[name] != (*examples, *shape[1:]):
                return False
    return True


def _keeps_apart(node: Node, shapes: Shapes, fixed: set[str]) -> bool:
    rule = RULES.get(type(node.operator))
    return rule is not None and rule(node.operator, node, shapes, fixed)


Rule = Callable[[Any, Node, Shapes, set[str]], bool]


def _elements(operator: Any, node: Node, shapes: Shapes, fixed: set[str]) -> bool:
    """Values of each example meet those of the same; what is fixed is the same for all."""
    rank = len(shapes[node.outputs[0]])
    for name in node.inputs:
        shape = shapes[name]
        if name in fixed:
            if len(shape) == rank and shape[0] != 1:
                return False
        elif len(shape) != rank:
            return False
    return True


def _layer(operator: Any, node: Node, shapes: Shapes, fixed: set[str]) -> bool:
    """All but the first input are weights."""
    return all(name in fixed for name in node.inputs[1:])


def _axis(operator: Any, node: Node, shapes: Shapes, fixed: set[str]) -> bool:
    """The operator works along one axis, or onwards from it."""
    beyond = _beyond_first(operator.axis, len(shapes[node.inputs[0]]))
    return beyond and _layer(operator, node, shapes, fixed)


def _beyond_first(axis: int, rank: int) -> bool:
    """Tell whether an axis, which may count from the end, is not the first."""
    return axis > 0 or -rank < axis < 0


def _join(operator: op.Concat, node: Node, shapes: Shapes, fixed: set[str]) -> bool:
    beyond = _beyond_first(operator.axis, len(shapes[node.inputs[0]]))
    return beyond and not any(name in fixed for name in node.inputs)


def _axes(operator: Any, node: Node, shapes: Shapes, fixed: set[str]) -> bool:
    """The operator works along some axes; None stands for all."""
    axes, rank = operator.axes, len(shapes[node.inputs[0]])
    return axes is not None and all(_beyond_first(axis, rank) for axis in axes)


def _unsqueeze(operator: Any, node: Node, shapes: Shapes, fixed: set[str]) -> bool:
    rank = len(shapes[node.outputs[0]])
    return all(_beyond_first(axis, rank) for axis in operator.axes)


def _transpose(operator: Any, node: Node, shapes: Shapes, fixed: set[str]) -> bool:
    return operator.perm is not None and operator.perm[0] in (0, -len(operator.perm))


def _pad(operator: op.Pad, node: Node, shapes: Shapes, fixed: set[str]) -> bool:
    whole = len(operator.before) == len(shapes[node.inputs[0]])
    return not whole or operator.before[0] == operator.after[0] == 0


def _tile(operator: Any, node: Node, shapes: Shapes, fixed: set[str]) -> bool:
    return bool(operator.repeats[0] == 1)


def _trilu(operator: Any, node: Node, shapes: Shapes, fixed: set[str]) -> bool:
    return len(shapes[node.inputs[0]]) > 2


def _product(operator: Any, node: Node, shapes: Shapes, fixed: set[str]) -> bool:
    """Rows of x times a fixed matrix, or a matrix of each example times its own."""
    x, other = (shapes[name] for name in node.inputs)
    if node.inputs[0] in fixed:
        return False
    if node.inputs[1] in fixed:
        return len(x) > 1 and prod(other[:-2]) == 1 and len(other) <= len(x)
    return len(x) == len(other) > 2


def _resize(operator: Any, node: Node, shapes: Shapes, fixed: set[str]) -> bool:
    if operator.axes is not None:
        return _axes(operator, node, shapes, fixed)
    if operator.scales is not None:
        return bool(operator.scales[0] == 1)
    return bool(operator.sizes[0] == shapes[node.inputs[0]][0])


def _windows(operator: Any, node: Node, shapes: Shapes, fixed: set[str]) -> bool:
    """Indices of maxima count through the whole batch."""
    return len(node.outputs) == 1


def _same_rows(operator: Any, node: Node, shapes: Shapes, fixed: set[str]) -> bool:
    """In row-major order, rows that are as many after as before hold the same elements."""
    return shapes[node.inputs[0]][:1] == shapes[node.outputs[0]][:1]


def _named(names: str, rule: Rule) -> dict[type[Operator], Rule]:
    return {getattr(op, name): rule for name in names.split()}


RULES: dict[type[Operator], Rule] = {
    **_named(
        "Abs Acos Acosh Add And Asin Asinh Atan Atanh Cast Ceil Celu Clip Cos Cosh Div Dropout "
        "Elu Equal Erf Exp Floor Gelu Greater GreaterOrEqual HardSigmoid HardSwish Identity IsInf "
        "IsNaN LeakyRelu Less LessOrEqual Log Max Mean Min Mish Mod Mul Neg Not Or PRelu Pow "
        "Reciprocal Relu Round ScaledTanh Selu Shrink Sigmoid Sign Sin Sinh Softplus Softsign "
        "Sqrt Sub Sum Swish Tan Tanh ThresholdedRelu Where Xor",
        _elements,
    ),
    **_named(
        "AveragePool BatchNormalization Conv ConvTranspose DepthToSpace Gemm GlobalAveragePool "
        "GlobalLpPool GlobalMaxPool GroupNormalization InstanceNormalization LRN LpPool "
        "SpaceToDepth",
        _layer,
    ),
    **_named(
        "ArgMax ArgMin CumSum Flatten Gather Hardmax LayerNormalization LogSoftmax "
        "LpNormalization RMSNormalization Softmax Split TopK",
        _axis,
    ),
    **_named(
        "MeanVarianceNormalization ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax "
        "ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Slice Squeeze",
        _axes,
    ),
    **_named("Expand Reshape", _same_rows),
    op.Concat: _join,
    op.MatMul: _product,
    op.MaxPool: _windows,
    op.Pad: _pad,
    op.Resize: _resize,
    op.Tile: _tile,
    op.Transpose: _transpose,
    op.Trilu: _trilu,
    op.Unsqueeze: _unsqueeze,
}
"""When each operator leaves axis 0 alone; whether values keep that axis is asked beside it."""
