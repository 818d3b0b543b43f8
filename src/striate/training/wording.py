"""Counts as people say them."""

from __future__ import annotations

__all__ = ["count_text"]


def count_text(count: int, one: str) -> str:
    """Return a number of things.

    Examples
    --------
    >>> count_text(1, "file"), count_text(2, "file")
    ('1 file', '2 files')
    """
    return f"{count} {one}{'' if count == 1 else 's'}"
