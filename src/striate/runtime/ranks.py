"""How many axes values have, whatever the sizes of the inputs."""

from __future__ import annotations

from typing import Any

from striate.network import Deferred, Graph, Operator
from striate.network import operators as op

__all__ = ["ranks_of"]

LIKE_X = (
    *(op.AveragePool, op.BatchNormalization, op.Dropout, op.Gemm, op.GlobalAveragePool),
    *(op.GlobalMaxPool, op.GroupNormalization, op.InstanceNormalization, op.LayerNormalization),
    *(op.LogSoftmax, op.MaxPool, op.Pad, op.RMSNormalization, op.Slice, op.Softmax, op.Transpose),
)
REDUCTIONS = (op.ReduceMax, op.ReduceMean, op.ReduceMin, op.ReduceSum)


def ranks_of(graph: Graph) -> dict[str, int]:
    """Return the number of axes of each value, as far as operators alone tell it.

    Examples
    --------
    >>> import striate as st
    >>> graph = st.load("lenet-5").graph
    >>> ranks = ranks_of(graph)
    >>> ranks["input"], ranks[graph.outputs[0]]
    (4, 2)
    """
    ranks = {value.name: len(value.shape) for value in graph.inputs}
    ranks |= {parameter.name: len(parameter.shape) for parameter in graph.parameters}
    ranks |= {constant.name: len(constant.shape) for constant in graph.constants}
    for node in graph.nodes:
        rank = _rank(node.operator, [ranks.get(name) for name in node.inputs])
        if rank is not None:
            ranks.update(dict.fromkeys(node.outputs, rank))
    return ranks


def _rank(operator: Any, inputs: list[int | None]) -> int | None:
    first, known = inputs[0] if inputs else None, [rank for rank in inputs if rank is not None]
    match operator:
        case op.Flatten():
            return 2
        case op.Conv() | op.ConvTranspose():
            return inputs[1]
        case op.Reshape(shape=shape):
            return len(shape)
        case op.Concat():
            return max(known, default=None)
        case op.Squeeze(axes=tuple() as axes) if first is not None:
            return first - len(axes)
        case op.Unsqueeze(axes=axes) if first is not None:
            return first + len(axes)
    if isinstance(operator, REDUCTIONS) and first is not None:
        gone = first if operator.axes is None else len(operator.axes)
        return first if operator.keepdims else first - gone
    if isinstance(operator, LIKE_X):
        return first
    if isinstance(operator, Deferred) or type(operator).infer is not Operator.infer:
        return None
    return max(known, default=None) if len(known) == len(inputs) else None
