"""Every name in an ONNX model: a damaged one is missing, or bytes instead of text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from striate.errors import FileError

__all__ = ["check_texts"]


def check_texts(model: Any) -> None:
    """Raise FileError unless all names that reading looks at are there and text."""
    for text in _of_model(model):
        if not isinstance(text, str):
            raise FileError(f"the name {text[:40]!r} is not UTF-8: the file is damaged")


def _of_model(model: Any) -> Iterator[Any]:
    for entry in model.metadata_props:
        yield from (entry.key, entry.value)
    yield from (entry.domain for entry in model.opset_import)
    yield from _of_graph(model.graph)
    for function in model.functions:
        yield from (function.name, function.domain, *function.input, *function.output)
        yield from (entry.domain for entry in function.opset_import)
        for node in function.node:
            yield from _of_node(node)
        yield from (attribute.name for attribute in function.attribute_proto)


def _named(what: str, name: Any) -> Any:
    if not name:
        raise FileError(f"{what} has no name: the file is damaged")
    return name


def _of_graph(graph: Any) -> Iterator[Any]:
    yield graph.name
    yield from (_named("an input", value.name) for value in graph.input)
    yield from (_named("an output", value.name) for value in graph.output)
    for tensor in graph.initializer:
        _named("an initializer", tensor.name)
        yield from _of_tensor(tensor)
    for node in graph.node:
        yield from _of_node(node)


def _of_node(node: Any) -> Iterator[Any]:
    _named("the operator of a node", node.op_type)
    yield from (node.name, node.op_type, node.domain, *node.input, *node.output)
    for attribute in node.attribute:
        yield from (_named("an attribute", attribute.name), attribute.ref_attr_name)
        if attribute.HasField("t"):
            yield from _of_tensor(attribute.t)
        if attribute.HasField("g"):
            yield from _of_graph(attribute.g)


def _of_tensor(tensor: Any) -> Iterator[Any]:
    yield tensor.name
    for entry in tensor.external_data:
        yield from (entry.key, entry.value)
