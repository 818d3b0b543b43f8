"""The one table of what PyTorch's operators become: name -> function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["TABLE", "aten"]

TABLE: dict[str, Callable[..., Any]] = {}
"""Operator's name, as "relu.default" -> function(translation, node, *arguments) -> value."""


def aten(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Enter a function for these operators of PyTorch."""

    def enter(function: Callable[..., Any]) -> Callable[..., Any]:
        TABLE.update(dict.fromkeys(names, function))
        return function

    return enter
