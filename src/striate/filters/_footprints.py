"""What a filter must see to compute a pixel: noted by the filter itself, where somebody listens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["Footprint", "footprints", "listening", "note"]

Pair = tuple[int, int]
Footprint = tuple[Pair, Pair, Pair, bool]  # before, after, step, each (rows, columns); wraps

_listener: ContextVar[list[Footprint] | None] = ContextVar("footprints", default=None)


def note(before: Pair, after: Pair, step: Pair = (1, 1), *, wraps: bool = False) -> None:
    """Tell who listens that each pixel is computed from those around it.

    Parameters
    ----------
    before, after : (int, int)
        Rows and columns ahead of the pixel and beyond it.
    step : (int, int)
        The sides of the tiles that are computed at once, from the image's first pixel on.
    wraps : bool
        Whether the pixels beyond one edge are those of the opposite edge.
    """
    noted = _listener.get()
    if noted is not None:
        noted.append((before, after, step, wraps))


def listening() -> bool:
    """Whether somebody listens."""
    return _listener.get() is not None


@contextmanager
def footprints() -> Iterator[list[Footprint]]:
    """Listen: yield the list of what is noted inside.

    Examples
    --------
    >>> import numpy as np
    >>> from striate.filters import median
    >>> with footprints() as noted:
    ...     _ = median(np.zeros((1, 1)), (4, 3))
    >>> noted
    [((2, 1), (1, 1), (1, 1), False)]
    """
    noted: list[Footprint] = []
    token = _listener.set(noted)
    try:
        yield noted
    finally:
        _listener.reset(token)
