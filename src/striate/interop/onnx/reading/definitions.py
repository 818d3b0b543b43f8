"""What ONNX itself defines operators by: functions of other operators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from striate.errors import GraphError
from striate.interop.onnx.reading.translation import Translation
from striate.network.graph import FLOAT

__all__ = ["definition"]

DOMAINS = ("", "ai.onnx")


def definition(
    onnx: Any,
    node: Any,
    opset: int,
    inputs: Sequence[str],
    attributes: Mapping[str, Any],
    translation: Translation,
) -> tuple[Any, Mapping[str, Any]] | None:
    """Return the newest `onnx.FunctionProto` that defines an operator, or None if there is none.

    With it come the attributes to call it with: the node's, and the operator's defaults.

    Parameters
    ----------
    onnx : the onnx package
    node : onnx.NodeProto
    opset : int
        Of the node's domain.
    inputs : names of values of the translation, "" for those left out
    attributes : mapping of name to onnx.AttributeProto
    translation : Translation

    Raises
    ------
    GraphError
        If the operator has no such attribute, or does not take so many inputs.
    """
    if node.domain not in DOMAINS or not onnx.defs.has(node.op_type, opset, node.domain):
        return None
    schema = onnx.defs.get_schema(node.op_type, opset, node.domain)
    _check(schema, inputs, attributes)
    defaults = {n: a.default_value for n, a in schema.attributes.items() if a.default_value.name}
    whole = {**defaults, **attributes}
    if schema.function_opset_versions:
        version = max(schema.function_opset_versions)
        text = schema.get_function_with_opset_version(version)
    elif schema.context_dependent_function_opset_versions:
        version = max(schema.context_dependent_function_opset_versions)
        settled = onnx.NodeProto(op_type=node.op_type, domain=node.domain)
        settled.input.extend(node.input)
        settled.output.extend(node.output)
        settled.attribute.extend(whole.values())
        types = [_type(onnx, name, translation).SerializeToString() for name in inputs]
        text = schema.get_context_dependent_function_with_opset_version(
            version, settled.SerializeToString(), types
        )
    else:
        return None
    function = onnx.FunctionProto.FromString(text)
    return (function, whole) if function.node else None  # empty for inputs that it does not cover


def _check(schema: Any, inputs: Sequence[str], attributes: Mapping[str, Any]) -> None:
    fewest, most = schema.min_input, schema.max_input
    if not fewest <= len(inputs) <= most:
        raise GraphError(f"{len(inputs)} inputs; {schema.name} takes {fewest} to {most}")
    for name, attribute in attributes.items():
        known = schema.attributes.get(name)
        if known is None or int(known.type.value) != attribute.type:
            what = "is none that" if known is None else "is of another type than"
            raise GraphError(f"attribute {name!r} {what} {schema.name} has in this opset")


def _type(onnx: Any, name: str, translation: Translation) -> Any:
    """Return what is known of a value, as ONNX says it."""
    if not name:
        return onnx.TypeProto()
    kind = translation.kinds[name]
    dtype = translation.precision if kind == FLOAT else kind
    number = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    return onnx.helper.make_tensor_type_proto(number, translation.shape_of(name))
