"""Times and passes as people say them."""

from __future__ import annotations

__all__ = ["duration_text", "passes_text"]


def duration_text(seconds: float) -> str:
    """Return a time in the units that suit it.

    Examples
    --------
    >>> [duration_text(seconds) for seconds in (0.034, 7.26, 95, 5400, 200000)]
    ['0.03 s', '7.3 s', '1 min 35 s', '1 h 30 min', '2 d 8 h']
    """
    if seconds < 1:
        return f"{seconds:.2f} s"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    for large, small, unit, part in ((60, 1, "min", "s"), (3600, 60, "h", "min")):
        parts = round(seconds / small)
        if parts < 60 * (60 if part == "s" else 24):
            return f"{parts * small // large} {unit} {parts % 60} {part}"
    hours = round(seconds / 3600)
    return f"{hours // 24} d {hours % 24} h"


def passes_text(count: int) -> str:
    """Return how many passes.

    Examples
    --------
    >>> passes_text(1), passes_text(23)
    ('1 pass', '23 passes')
    """
    return f"{count} pass{'' if count == 1 else 'es'}"
