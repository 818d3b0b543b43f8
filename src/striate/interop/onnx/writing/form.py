"""How most operators are written: a row that names attributes, and settings that are inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from striate.errors import GraphError
from striate.interop.onnx.writing.emission import OPSET, Emission, Given
from striate.network import Node

__all__ = ["Writer", "attribute", "form"]

Writer = Callable[[Emission, Node, Any], None]
"""Adds a node of striate, with the settings of its operator, to what is written."""


def form(
    *attributes: str,
    settings: tuple[str, ...] = (),
    dtypes: Mapping[str, DTypeLike] | None = None,
    opset: int = OPSET,
) -> Writer:
    """Return the writer of an operator that ONNX says in one node.

    Parameters
    ----------
    attributes : fields of the operator
        That are attributes of that name; "field=name" if ONNX has another name.
    settings : fields of the operator
        That are inputs, after those of the node.
    dtypes : mapping of setting to dtype
        int64 otherwise.
    opset : int
        The first opset that has the operator.
    """
    pairs = [(field, name or field) for field, _, name in (a.partition("=") for a in attributes)]

    def write(emission: Emission, node: Node, o: Any) -> None:
        emission.opset = max(emission.opset, opset)
        given = [
            emission.setting(node, field, getattr(o, field), (dtypes or {}).get(field, np.int64))
            for field in settings
        ]
        said = {name: attribute(node, field, getattr(o, field)) for field, name in pairs}
        said = {name: value for name, value in said.items() if value is not None}
        emission.node(o.onnx, [*node.inputs, *given], node.outputs, **said)

    return write


def attribute(node: Node, field: str, value: Any) -> Any:
    """Return a setting as ONNX keeps it in an attribute."""
    if isinstance(value, Given):
        raise GraphError(
            f"{node.name}: {field} is computed by the network as {str(value)!r}, but ONNX wants it "
            "fixed: settled(graph, input_shape) fixes it"
        )
    if isinstance(value, bool):
        return int(value)
    return list(value) if isinstance(value, tuple) else value
