"""Text for terminals of any width, and names that cannot disturb them."""

from __future__ import annotations

__all__ = ["flowing", "visible"]


def flowing(docstring: str) -> str:
    r"""Return a docstring with each paragraph on one line, for the terminal to break.

    Examples
    --------
    >>> flowing("One.\n\n    Two\n    and three.")
    'One.\n\nTwo and three.'
    """
    return "\n\n".join(" ".join(part.split()) for part in docstring.split("\n\n"))


def visible(text: str) -> str:
    r"""Return text with its control characters written as escapes.

    Examples
    --------
    >>> print(visible("red\x1b[31m.png"))
    red\x1b[31m.png
    """
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)
