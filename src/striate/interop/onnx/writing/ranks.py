"""How many axes values have whose sizes are known only when the values of inputs are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import fields

from striate.errors import StriateError
from striate.network import Deferred, Graph, Node, Operator
from striate.network import operators as op

__all__ = ["OpenShape", "known_axes"]

OpenShape = tuple[int | None, ...]
"""The shape of a value, None for sizes that are open."""

Rule = Callable[[int, int, bool], int]
"""Axes of the first value and elements of the setting, and whether axes are kept -> axes."""

STAND_INS = (1, 64, 1024)
"""Sizes for what is open, of which one may fit an operator; only the axes are counted then."""

LIKE_X = (
    *(op.Clip, op.CumSum, op.Dropout, op.Pad, op.Resize, op.Slice, op.Split, op.Tile, op.TopK),
    op.Trilu,
)
REDUCTIONS = (
    *(op.ReduceL1, op.ReduceL2, op.ReduceLogSum, op.ReduceLogSumExp, op.ReduceMax, op.ReduceMean),
    *(op.ReduceMin, op.ReduceProd, op.ReduceSum, op.ReduceSumSquare),
)
RULES: dict[type[Operator], Rule] = {
    **dict.fromkeys(LIKE_X, lambda x, count, keep: x),
    **dict.fromkeys(REDUCTIONS, lambda x, count, keep: x if keep else x - count),
    op.ConstantOfShape: lambda x, count, keep: count,
    op.Expand: lambda x, count, keep: max(x, count),
    op.OneHot: lambda x, count, keep: x + 1,
    op.Range: lambda x, count, keep: 1,
    op.Reshape: lambda x, count, keep: count,
    op.Squeeze: lambda x, count, keep: x - count,
    op.Unsqueeze: lambda x, count, keep: x + count,
}


def known_axes(graph: Graph) -> dict[str, OpenShape]:
    """Return the shapes of values, as far as they follow from nothing but shapes of inputs.

    Behind what the values of inputs decide, axes are counted where operators have rules, and their
    sizes are None; other values are missing.
    """
    shapes: dict[str, OpenShape] = {value.name: value.shape for value in graph.inputs}
    shapes |= {parameter.name: parameter.shape for parameter in graph.parameters}
    shapes |= {constant.name: constant.shape for constant in graph.constants}
    for node in graph.nodes:
        inputs = [shapes.get(name) for name in node.inputs]
        shapes.update(zip(node.outputs, _outputs(node, inputs), strict=False))
    return shapes


def _outputs(node: Node, inputs: Sequence[OpenShape | None]) -> Sequence[OpenShape]:
    operator = node.operator
    if isinstance(operator, Deferred):
        return _deferred(node, operator, inputs)
    given = [shape for shape in inputs if shape is not None]
    if len(given) < len(inputs):
        return ()
    known = [tuple(size for size in shape if size is not None) for shape in given]
    if list(map(len, known)) == list(map(len, given)):
        return operator.infer_all(known)
    for size in STAND_INS:
        tried = [tuple(size if own is None else own for own in shape) for shape in given]
        with suppress(StriateError):
            return [(None,) * len(shape) for shape in operator.infer_all(tried)]
    axes = operator.shape if isinstance(operator, op.Reshape) else max(given, key=len)
    return [(None,) * len(axes)]


def _deferred(
    node: Node, operator: Deferred, inputs: Sequence[OpenShape | None]
) -> Sequence[OpenShape]:
    rule, first = RULES.get(operator.operator), inputs[0]
    setting = () if operator.operator in LIKE_X else inputs[-len(operator.settings)]
    count = None if setting is None else setting[0] if setting else 1
    if rule is None or count is None or first is None:
        return ()
    defaults = {field.name: field.default for field in fields(operator.operator)}
    keep = bool({**defaults, **dict(operator.attributes)}.get("keepdims", True))
    return [(None,) * rule(len(first), count, keep)] * len(node.outputs)
