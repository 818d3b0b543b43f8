"""How a window of equal weights is cut: sums of neighbours, doubled and taken on by one.

A window of 31 takes the sums of 2, 3, 6, 7, 14, 15 and 30 neighbours: 8 additions instead of 30;
of integers those of 2, 4, 8, 16 and 32, less one number.
How it is cut depends on its size alone, so that sums, also those of floats, are the same
wherever in the image a part begins.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["MOST_LAG", "Link", "chain_of"]

MOST_LAG = 64  # registers that a line may be read ahead of its sums


class Link(NamedTuple):
    """A sum of neighbours from a shorter one.

    Attributes
    ----------
    way : "double", which adds the next sum as long; "add" or "subtract" the number `size` on
    size : how many neighbours the sum before holds
    """

    way: str
    size: int


def chain_of(size: int, exact: bool) -> tuple[Link, ...]:
    """Return the links from one number to the sum of `size` neighbours.

    Only sums that are `exact` may hold a number that is taken from them again.
    """
    links: list[Link] = []
    while size > 1:
        if exact and size > 3 and size & 3 == 3:
            links.append(Link("subtract", size))
            size += 1
        elif size % 2 or (size == 2 and exact):  # registers of 16 bits shift by 2 or 4 fast
            size -= 1
            links.append(Link("add", size))
        else:
            size //= 2
            links.append(Link("double", size))
    return tuple(reversed(links))
