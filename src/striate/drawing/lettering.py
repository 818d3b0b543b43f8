"""Lettering: how much room text takes, where to break it, and numbers as text."""

from __future__ import annotations

__all__ = ["rounded", "text_width", "wrapped"]

NARROW, WIDE = "ijlI.,:;'|! ", "mwMWOQGCD%@"


def text_width(text: str, size: float) -> float:
    """Return about how wide `text` is in a sans-serif face, in pixels, a little too wide.

    Files are read on machines with other fonts, so layouts leave room instead of measuring.

    Examples
    --------
    >>> text_width("kernel", 10)
    33.0
    """
    ems = sum(0.3 if c in NARROW else 0.85 if c in WIDE else 0.6 for c in text)
    return round(ems * size, 3)


def wrapped(text: str, size: float, width: float, lines: int = 3) -> list[str]:
    """Return `text` in at most `lines` lines that fit `width`; an ellipsis stands for the rest.

    Examples
    --------
    >>> wrapped("Gaussian blur, sigma 2", 10, 80)
    ['Gaussian blur,', 'sigma 2']
    """
    done: list[str] = []
    rest = text.split()
    while rest and len(done) < lines:
        count = len(rest)
        while count > 1 and text_width(" ".join(rest[:count]), size) > width:
            count -= 1
        done.append(" ".join(rest[:count]))
        rest = rest[count:]
    if rest:
        done[-1] += " …"
    return [_shortened(line, size, width) for line in done]


def _shortened(line: str, size: float, width: float) -> str:
    if text_width(line, size) <= width:
        return line
    while line and text_width(line + "…", size) > width:
        line = line[:-1]
    return line.rstrip(" …") + "…"


def rounded(value: float) -> str:
    """Return a coordinate as text: two decimals, no trailing zeros, never ``-0``.

    Examples
    --------
    >>> rounded(1.0), rounded(2.345), rounded(-0.001)
    ('1', '2.35', '0')
    """
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
