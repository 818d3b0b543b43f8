"""Comparisons, logic, and choosing by them."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch.fx import Node as FxNode

from striate.errors import GraphError
from striate.interop.torch.reading.elementwise import pair
from striate.interop.torch.reading.table import TABLE, aten
from striate.interop.torch.reading.translation import Translation
from striate.network import Operator
from striate.network import operators as ops

__all__: list[str] = []

COMPARISONS: dict[str, type[Operator]] = {
    "eq": ops.Equal,
    "ge": ops.GreaterOrEqual,
    "gt": ops.Greater,
    "le": ops.LessOrEqual,
    "lt": ops.Less,
    "ne": ops.Equal,
}
LOGIC: dict[str, type[Operator]] = {"and": ops.And, "or": ops.Or, "xor": ops.Xor}


def _comparison(operator: type[Operator], t: Translation, node: FxNode, x: Any, y: Any) -> str:
    dtype = torch.result_type(_example(t, x), _example(t, y))
    found = t.emit(operator(), *pair(t, x, y, dtype))
    return t.emit(ops.Not(), found) if str(node.target).startswith("aten.ne") else found


def _example(t: Translation, value: Any) -> Any:
    """Return something of a value's dtype and rank, by which PyTorch promotes."""
    if isinstance(value, bool | int | float):
        return value
    meta = t.meta(value)
    return torch.empty((1,) * meta.dim(), dtype=meta.dtype)


for _name, _kind in COMPARISONS.items():
    for _overload in ("Tensor", "Scalar"):
        TABLE[f"{_name}.{_overload}"] = partial(_comparison, _kind)


def _logic(operator: type[Operator], t: Translation, node: FxNode, x: Any, y: Any) -> str:
    if t.meta(node).dtype != torch.bool:
        raise GraphError("bits of whole numbers have no counterpart; use bool tensors")
    return t.emit(operator(), *pair(t, x, y, torch.bool))


for _name, _kind in LOGIC.items():
    TABLE[f"logical_{_name}.default"] = partial(_logic, _kind)
    for _overload in ("Tensor", "Scalar"):
        TABLE[f"bitwise_{_name}.{_overload}"] = partial(_logic, _kind)
        TABLE[f"__{_name}__.{_overload}"] = partial(_logic, _kind)


@aten("where.self", "where.ScalarOther", "where.ScalarSelf", "where.Scalar")
def _where(t: Translation, node: FxNode, condition: Any, x: Any, y: Any) -> str:
    return t.emit(ops.Where(), t.cast(condition, torch.bool), *pair(t, x, y, t.meta(node).dtype))


@aten("masked_fill.Scalar", "masked_fill.Tensor")
def _masked_fill(t: Translation, node: FxNode, x: Any, mask: Any, value: Any) -> str:
    return t.emit(ops.Where(), mask, t.cast(value, t.meta(node).dtype), x)
