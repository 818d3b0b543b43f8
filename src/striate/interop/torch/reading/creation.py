"""Tensors made in the forward pass whose shape an input decides; all others are constants."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch.fx import Node as FxNode

from striate.interop.torch.reading.sizes import integer
from striate.interop.torch.reading.table import aten
from striate.interop.torch.reading.translation import Translation
from striate.network import operators as ops
from striate.network.defined import Deferred

__all__: list[str] = []


def _filled(t: Translation, node: FxNode, value: Any) -> str:
    dtype, shape = t.meta(node).dtype, t.shape(node)
    return t.expand(t.cast(value, dtype), (), shape)


@aten("full.default", "full_like.default", "new_full.default")
def _full(t: Translation, node: FxNode, like: Any, *rest: Any, **named: Any) -> str:
    return _filled(t, node, rest[-1])


@aten("fill.Scalar", "fill.Tensor")
def _fill(t: Translation, node: FxNode, x: Any, value: Any) -> str:
    return _filled(t, node, value)


@aten("zeros.default", "zeros_like.default", "new_zeros.default")
def _zeros(t: Translation, node: FxNode, *rest: Any, **named: Any) -> str:
    return _filled(t, node, 0)


@aten("ones.default", "ones_like.default", "new_ones.default")
def _ones(t: Translation, node: FxNode, *rest: Any, **named: Any) -> str:
    return _filled(t, node, 1)


@aten("empty.memory_format", "empty_like.default", "new_empty.default")
def _empty(t: Translation, node: FxNode, *rest: Any, **named: Any) -> str:
    return _filled(t, node, 0)  # written to before it is read, or nobody's promise


@aten("scalar_tensor.default")
def _scalar_tensor(t: Translation, node: FxNode, value: Any, **named: Any) -> str:
    return t.cast(value, t.meta(node).dtype)


@aten("arange.default", "arange.start", "arange.start_step")
def _arange(t: Translation, node: FxNode, *bounds: Any, **named: Any) -> str:
    start, end, step = _bounds(bounds)
    kind = t.kind(t.meta(node).dtype)
    given: list[tuple[str, Any]] = [("kind", kind)]
    settings, values = [], []
    for name, value in (("start", start), ("limit", end), ("delta", step)):
        plain = t.plain(value)
        if isinstance(plain, int | float) or integer(plain) is not None:
            given.append((name, plain))
        else:
            settings.append(name)
            values.append(t.scalar(plain))
    return t.emit(Deferred(ops.Range, tuple(given), tuple(settings)), *values)


def _bounds(bounds: Sequence[Any]) -> tuple[Any, Any, Any]:
    if len(bounds) == 1:
        return 0, bounds[0], 1
    return (bounds[0], bounds[1], bounds[2] if len(bounds) > 2 else 1)
