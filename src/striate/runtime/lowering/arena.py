"""Buffers that are in use at different times share memory: where each lies in one arena."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

__all__ = ["lives", "places"]

LINE = 16  # float32 elements of a line of the cache


def lives(
    work: Iterable[Sequence[str]], elsewhere: Collection[str | None]
) -> dict[str, tuple[int, int]]:
    """Return the first and the last piece of work that uses each buffer.

    `work` lists the buffers that each piece uses; those in `elsewhere` are not of the arena.

    >>> lives([("a", "b"), ("b", "c"), ("c",)], {"a"})
    {'b': (0, 1), 'c': (1, 2)}
    """
    found: dict[str, tuple[int, int]] = {}
    for number, buffers in enumerate(work):
        for name in buffers:
            if name not in elsewhere:
                found[name] = (found.get(name, (number, 0))[0], number)
    return found


def places(
    used: Mapping[str, tuple[int, int]], sizes: Mapping[str, int]
) -> tuple[dict[str, int], int]:
    """Put the largest buffers first, each at the lowest offset that is free during its life.

    Returns the offsets, and the size of all; both count float32 elements.
    """
    offsets: dict[str, int] = {}
    arena = 0
    for name in sorted(used, key=lambda name: -sizes[name]):
        first, last = used[name]
        taken = sorted(
            (offsets[other], offsets[other] + _rounded(sizes[other]))
            for other in offsets
            if used[other][0] <= last and first <= used[other][1]
        )
        at = 0
        for start, end in taken:
            if start - at >= _rounded(sizes[name]):
                break
            at = max(at, end)
        offsets[name] = at
        arena = max(arena, at + _rounded(sizes[name]))
    return offsets, arena


def _rounded(size: int) -> int:
    """Return a size up to whole lines, with one of slack that last registers may write into."""
    return (-(-size // LINE) + 1) * LINE
