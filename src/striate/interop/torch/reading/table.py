"""The one table of what PyTorch's operators become: name -> function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["TABLE", "aten"]

TABLE: dict[str, Callable[..., Any]] = {}
"""Operator's name, as "relu.default" -> function(translation, node, *arguments) -> value."""


F = TypeVar("F", bound=Callable[..., Any])


def aten(*names: str) -> Callable[[F], F]:
    """Enter a function for these operators of PyTorch."""

    def enter(function: F) -> F:
        TABLE.update(dict.fromkeys(names, function))
        return function

    return enter
