"""What convolutions and poolings share: numbers for each axis, and inputs without a batch."""

from __future__ import annotations

from typing import Any

from torch.fx import Node as FxNode

from striate.interop.torch.reading.translation import Translation
from striate.network import operators as ops

__all__ = ["RANKS", "batched", "each", "rank_of", "unbatched"]

RANKS = {"1d": 1, "2d": 2, "3d": 3}


def rank_of(node: FxNode) -> int:
    """Return over how many axes an operator works, by its name."""
    return next(rank for word, rank in RANKS.items() if word in str(node.target))


def each(value: Any, rank: int) -> tuple[int, ...]:
    """Return one number for each axis: PyTorch lets a list of one stand for all."""
    if isinstance(value, int):
        return (value,) * rank
    return tuple(value) * rank if len(value) == 1 else tuple(value)


def batched(t: Translation, x: Any, rank: int) -> tuple[str, bool]:
    """Return a value with a batch axis, and whether it had to be given one."""
    missing = len(t.shape(x)) == rank + 1
    return (t.emit(ops.Unsqueeze((0,)), x) if missing else t.value(x)), missing


def unbatched(t: Translation, found: str, alone: bool) -> str:
    """Return a value without the batch axis that its operand had to be given."""
    return t.emit(ops.Squeeze((0,)), found) if alone else found
