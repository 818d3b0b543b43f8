"""The one table of what operators become in PyTorch: class -> function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import torch

from striate.network import Operator

__all__ = ["FUNCTIONS", "How", "written"]


@dataclass(frozen=True)
class How:
    """What a function must know beside its operands: the module's state and working dtype."""

    training: bool
    dtype: torch.dtype
    device: torch.device

    def dtype_of(self, kind: str) -> torch.dtype:
        """Return PyTorch's dtype of a kind."""
        found: torch.dtype = self.dtype if kind == "float" else getattr(torch, kind)
        return found


FUNCTIONS: dict[type[Operator], Callable[..., Any]] = {}
"""Operator's class -> function(operator, how, *tensors) -> tensor, or a tuple of tensors."""


Function = TypeVar("Function", bound=Callable[..., Any])


def written(*operators: type[Operator]) -> Callable[[Function], Function]:
    """Enter a function for these operators."""

    def enter(function: Function) -> Function:
        FUNCTIONS.update(dict.fromkeys(operators, function))
        return function

    return enter
