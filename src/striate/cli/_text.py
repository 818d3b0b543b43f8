"""Names that strangers chose, as text that cannot disturb a terminal."""

from __future__ import annotations

__all__ = ["visible"]


def visible(text: str) -> str:
    r"""Return text with its control characters written as escapes.

    Examples
    --------
    >>> print(visible("red\x1b[31m.png"))
    red\x1b[31m.png
    """
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)
