"""Reductions, the largest elements, and shares of a whole."""

from __future__ import annotations

import numpy as np

from striate.interop.onnx.reading.calls import Call, Reader
from striate.network import Operator
from striate.network import operators as op

__all__ = ["READERS"]


def _reduction(operator: type[Operator], since: int) -> Reader:
    """Return the reader of a reduction whose axes are an input `since` some opset."""

    def read(call: Call) -> None:
        keepdims = call.flag("keepdims", True)
        if call.opset < since:
            axes = call.integers("axes")
            call.give(operator(axes or None, keepdims), call.value(0))  # type: ignore[call-arg]
            return
        nothing = () if call.flag("noop_with_empty_axes") else None
        if not call.has_input(1) or call.shape_of(1) == (0,):
            call.give(operator(nothing, keepdims), call.value(0))  # type: ignore[call-arg]
            return
        call.settle(operator, [call.value(0)], {"axes": call.setting(1, "axes")}, keepdims=keepdims)

    return read


def _arg(operator: type[op.ArgMax | op.ArgMin]) -> Reader:
    def read(call: Call) -> None:
        axis, keepdims = call.integer("axis", 0), call.flag("keepdims", True)
        call.give(operator(axis, keepdims, call.flag("select_last_index")), call.value(0))

    return read


def _share(operator: type[op.Softmax | op.LogSoftmax | op.Hardmax]) -> Reader:
    """Before opset 13 these took all axes from one on as a whole."""

    def read(call: Call) -> None:
        whole = call.opset < 13
        call.give(operator(call.integer("axis", 1 if whole else -1), whole), call.value(0))

    return read


def _top_k(call: Call) -> None:
    settings = {}
    attributes = {"axis": call.integer("axis", -1)}
    if call.opset < 10:
        if not call.has("k"):
            raise call.error("attribute k is left out; it must be given")
        settings["count"] = call.constant(np.array(call.integer("k", 0), np.int64), "k")
    else:
        settings["count"] = call.setting(1, "k", single=True)
        attributes["largest"] = call.flag("largest", True)
        attributes["sorted"] = call.flag("sorted", True)
    outputs = (*call.outputs, "")[:2]
    call.settle(op.TopK, [call.value(0)], settings, outputs=outputs, **attributes)


REDUCTIONS = (
    *(op.ReduceMean, op.ReduceMax, op.ReduceMin, op.ReduceProd, op.ReduceL1, op.ReduceL2),
    *(op.ReduceLogSum, op.ReduceLogSumExp, op.ReduceSumSquare),
)

READERS: dict[str, Reader] = {
    **{operator.onnx: _reduction(operator, 18) for operator in REDUCTIONS},
    "ReduceSum": _reduction(op.ReduceSum, 13),
    "ArgMax": _arg(op.ArgMax),
    "ArgMin": _arg(op.ArgMin),
    "Hardmax": _share(op.Hardmax),
    "LogSoftmax": _share(op.LogSoftmax),
    "Softmax": _share(op.Softmax),
    "TopK": _top_k,
}
