"""Axes and numbers as operators are told them, made plain: negative axes, single numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from striate.errors import ParameterError, ShapeError
from striate.network.graph import Shape

__all__ = ["axes_of", "axis_of", "many", "one", "settle"]


def axis_of(axis: int, shape: Shape, *, ends: bool = False) -> int:
    """Return `axis` counted from the front; `ends` allows the place after the last axis too.

    >>> axis_of(-1, (2, 3, 8, 8))
    3
    """
    rank = len(shape)
    if not -rank <= axis < rank + ends:
        ways = f"axes go from {-rank} to {rank - 1 + ends}" if rank + ends else "it has no axes"
        raise ShapeError(f"axis {axis} of shape {shape} does not exist: {ways}")
    return axis + rank if axis < 0 else axis


def axes_of(axes: Sequence[int] | None, shape: Shape) -> tuple[int, ...]:
    """Return these axes counted from the front, in the order given; None stands for all.

    >>> axes_of((-1, 0), (2, 3, 8, 8))
    (3, 0)
    """
    if axes is None:
        return tuple(range(len(shape)))
    counted = tuple(axis_of(axis, shape) for axis in axes)
    if len(set(counted)) < len(counted):
        raise ShapeError(f"axes {tuple(axes)} of shape {shape} name an axis twice")
    return counted


def one(name: str, value: Any) -> Any:
    """Return a single number, which may come as a sequence of one."""
    if isinstance(value, tuple | list):
        if len(value) != 1:
            raise ParameterError(f"{name} must be one number, not {tuple(value)}")
        return value[0]
    return value


def many(value: Any) -> Any:
    """Return a tuple of numbers, where a single one may come bare; None stays None."""
    if value is None:
        return None
    return tuple(value) if isinstance(value, tuple | list) else (value,)


def settle(operator: object, **attributes: Any) -> None:
    """Set attributes of a frozen operator while it is being made."""
    for name, value in attributes.items():
        object.__setattr__(operator, name, value)
