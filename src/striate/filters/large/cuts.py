"""Which parts of an axis a filter must see so that some of its results are those of the whole.

Inner ends of a part show real pixels to the filter, as many as it reaches; outer ends are the
image's own, where it applies its border. So there is no border of ours.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Cut", "cut"]


@dataclass(frozen=True)
class Cut:
    """What is read of an axis, and where in it the wanted results begin.

    Attributes
    ----------
    parts : tuple of range
        Positions of the axis, laid one part behind the other.
    skip : int
        Results ahead of the wanted ones.
    """

    parts: tuple[range, ...]
    skip: int

    def __len__(self) -> int:
        return sum(len(part) for part in self.parts)


def cut(
    wanted: range, size: int, before: int, after: int, step: int = 1, *, wraps: bool = False
) -> Cut:
    """Return what a filter must see of an axis of `size` pixels to compute `wanted`.

    Parameters
    ----------
    wanted : range
        Positions of the results.
    size : int
        The axis' length.
    before, after, step, wraps
        The filter's `Reach` along the axis.

    Examples
    --------
    >>> cut(range(40, 50), 100, 3, 3)
    Cut(parts=(range(37, 53),), skip=3)
    >>> cut(range(10), 100, 3, 3)
    Cut(parts=(range(0, 13),), skip=0)
    >>> cut(range(10), 100, 3, 3, wraps=True)
    Cut(parts=(range(0, 13), range(97, 100)), skip=0)
    >>> cut(range(90, 100), 100, 3, 3, wraps=True)
    Cut(parts=(range(0, 3), range(87, 100)), skip=6)
    """
    whole = Cut((range(size),), wanted.start)
    start = wanted.start // step * step - before
    stop = min(-(-wanted.stop // step) * step, size) + after
    if start < 0 and stop > size:
        return whole
    if wraps:
        return wrapped(wanted, size, start, stop, step) or whole
    low, high = max(start, 0), min(stop, size)
    if stop > size:  # the farthest pixel that mirror shows again
        low = max(min(low, 2 * size - 1 - stop), 0)
    if start < 0:
        high = min(max(high, 1 - start), size)
    low = low // step * step
    return Cut((range(low, high),), wanted.start - low)


def wrapped(wanted: range, size: int, start: int, stop: int, step: int) -> Cut | None:
    """Return a cut whose ends are each other's neighbours, as those of the axis; None for all.

    The parts that lie at the two ends of the axis are laid at the two ends of the cut.
    """
    first = max(start, 0) // step * step
    if start >= 0 and stop <= size:
        return Cut((range(first, stop),), wanted.start - first)
    if start < 0:
        head, tail = range(stop), range(size + start, size)
        skip = wanted.start
    else:
        head, tail = range(-(-(stop - size) // step) * step), range(first, size)
        skip = len(head) + wanted.start - first
    return Cut((head, tail), skip) if head.stop < tail.start else None
