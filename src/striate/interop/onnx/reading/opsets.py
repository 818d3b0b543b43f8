"""Versions of ONNX's operators that are read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from striate.errors import GraphError

__all__ = ["NEWEST", "OLDEST", "domain_of", "opsets_of"]

OLDEST, NEWEST = 1, 28
ONNX_DOMAINS = ("", "ai.onnx")


def domain_of(declared: Any) -> str:
    """Return the domain of a node, a function or an import; ONNX's own, which has two, is ""."""
    return "" if declared.domain in ONNX_DOMAINS else str(declared.domain)


def opsets_of(imports: Iterable[Any]) -> dict[str, int]:
    """Return the versions that a model or a function imports, by domain; ONNX's own is "".

    Raises
    ------
    GraphError
        If ONNX's own is none that is read.
    """
    opsets = {domain_of(entry): int(entry.version) for entry in imports}
    version = opsets.get("")
    if version is not None and not OLDEST <= version <= NEWEST:
        raise GraphError(
            f"opset {version} of ONNX; striate reads {OLDEST} to {NEWEST}: export the model for "
            "one of these, or convert it with onnx.version_converter"
        )
    return opsets
