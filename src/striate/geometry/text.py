"""Sizes as people read them."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["open_text", "size_text"]


def size_text(sizes: Iterable[int], sign: str = "x") -> str:
    """Return sizes joined by a sign.

    Examples
    --------
    >>> size_text((1, 3, 224, 224))
    '1x3x224x224'
    """
    return sign.join(map(str, sizes))


def open_text(sizes: Iterable[int | None]) -> str:
    """Return a shape that may leave sizes open, in brackets.

    Examples
    --------
    >>> open_text((None, 3, 224, 224))
    '(any, 3, 224, 224)'
    """
    return f"({', '.join('any' if size is None else str(size) for size in sizes)})"
