"""Sizes of values: numbers, or what is computed of an input's open size."""

from __future__ import annotations

from typing import Any

import torch

__all__ = ["Size", "expression_of", "integer", "same"]

Size = int | torch.SymInt


def integer(size: object) -> int | None:
    """Return a size that does not depend on an input's, None for one that does."""
    if isinstance(size, torch.SymInt):
        expression = size.node.expr
        return int(expression) if expression.is_number else None
    return int(size)  # type: ignore[call-overload, no-any-return]


def same(one: Size, two: Size) -> bool:
    """Say whether two sizes are always the same."""
    numbers = integer(one), integer(two)
    if None in numbers:
        return numbers == (None, None) and one.node.expr == two.node.expr  # type: ignore[union-attr]
    return numbers[0] == numbers[1]


def expression_of(size: Any) -> Any:
    """Return the symbol, or what is computed of symbols, behind a size left open."""
    return size.node.expr
