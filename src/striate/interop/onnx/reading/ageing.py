"""Nodes of ONNX before opset 7, told as opset 7 tells them: how values broadcast, above all."""

from __future__ import annotations

from striate.interop.onnx.reading.calls import Call
from striate.network import operators as op

__all__ = ["FIRST_OF_TODAY", "renewed"]

FIRST_OF_TODAY = 7
"""The first opset that broadcasts as NumPy does."""

RETOLD = {
    "Cast": 6,
    "GlobalLpPool": 2,
    "LpPool": 2,
    "Pad": 2,
    "Reshape": 5,
    "Selu": 6,
    "Split": 2,
    "Tile": 6,
    "Upsample": 7,
}
"""The first opset in which these say what they do as they do today."""

BROADCASTING = {"Add", "And", "Div", "Equal", "Greater", "Less", "Mul", "Or", "Pow", "Sub", "Xor"}


def renewed(call: Call) -> None:
    """Change a node of an older opset to what it means in opset 7."""
    if call.opset < RETOLD.get(call.kind, 0):
        raise call.error(
            f"told in another way since opset {RETOLD[call.kind]}: convert the model with "
            "onnx.version_converter"
        )
    call.ignore("consumed_inputs", "is_test")  # hints of memory, and of training
    if call.kind in BROADCASTING:
        _align(call)
    elif call.kind == "Gemm":
        call.ignore("broadcast")  # its bias broadcasts as it does today
    elif call.kind == "PRelu":
        shape = call.shape_of(1)
        if shape is not None and len(shape) == 1 and shape != (1,):
            _spread(call, 1, call.rank_of(0, "export with a newer opset") - 2)
    elif call.kind == "Concat" and call.opset < 4 and not call.has("axis"):
        raise call.error("its axis is left out; convert the model with onnx.version_converter")


def _align(call: Call) -> None:
    """Give the second value the axes that `axis` says it has within the first."""
    if not call.flag("broadcast"):
        call.ignore("axis")
        return
    way_out = "convert the model with onnx.version_converter"
    rank, own = (call.rank_of(index, way_out) for index in (0, 1))
    axis = call.integer("axis", rank - own)
    _spread(call, 1, rank - own - (axis + rank if axis < 0 else axis))


def _spread(call: Call, index: int, count: int) -> None:
    """Add this many axes of size 1 behind an input's own."""
    if count > 0:
        axes = tuple(range(-count, 0))
        spread = call.between(op.Unsqueeze(axes), call.value(index), suffix="aligned")
        call.inputs = (*call.inputs[:index], spread, *call.inputs[index + 1 :])
