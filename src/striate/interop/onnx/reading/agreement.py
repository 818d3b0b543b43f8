"""What ONNX's schemas say of an operator's inputs: how many, and of which kinds together."""

from __future__ import annotations

from typing import Any

from striate.interop.onnx.reading.ageing import FIRST_OF_TODAY
from striate.interop.onnx.reading.calls import Call

__all__ = ["check_inputs"]


def check_inputs(call: Call, schema: Any) -> None:
    """Check the inputs of a call against the `onnx.defs.OpSchema` of its opset.

    Whole numbers must be some, and inputs of one type parameter must be all whole numbers, all
    floating-point numbers or all truth values. Their precision is left open, and all of opsets
    that told kinds in other ways.

    Raises
    ------
    GraphError
        Naming the inputs that are wrong.
    """
    if len(call.inputs) > schema.max_input:
        raise call.error(f"{len(call.inputs)} inputs; it has at most {schema.max_input}")
    if call.opset < FIRST_OF_TODAY:
        return
    formal, first = schema.inputs, dict[str, int]()
    for place in range(len(call.inputs)):
        if not call.has_input(place):
            continue
        its, kind = formal[min(place, len(formal) - 1)], call.kind_of(place)
        if all("int" in name for name in its.types) and _sort(kind) != "int":
            raise call.error(f"{its.name} are of kind {kind}; they must be whole numbers")
        if not its.is_homogeneous:
            continue
        other = first.setdefault(its.type_str, place)
        if _sort(call.kind_of(other)) != _sort(kind):
            raise call.error(
                f"input {other + 1} is of kind {call.kind_of(other)}, input {place + 1} of kind "
                f"{kind}; they must be alike"
            )


def _sort(kind: str) -> str:
    """Return a kind without its size: "float", "int", "bool"."""
    return kind.removeprefix("b").removeprefix("u").rstrip("0123456789") if kind != "bool" else kind
