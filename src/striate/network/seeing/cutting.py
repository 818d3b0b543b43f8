"""Axes as products of factors: how reshaping cuts them, and what the cuts make of digits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import prod
from operator import mul

from striate.network.graph import Shape

__all__ = ["Digit", "Factors", "cut"]

Factors = tuple[tuple[int, ...], ...]
"""The axes of a value, each as a product of sizes, outer before inner."""


@dataclass(frozen=True, slots=True)
class Digit:
    """A factor of an axis of a value: one step along it is `weight` steps along a field."""

    axis: int
    factor: int
    weight: int


Place = tuple[Digit, ...]


def cut(
    factors: Factors, places: Sequence[Place], shape: Shape, bounds: Iterable[int] = ()
) -> tuple[Factors, Callable[[Place], Place]] | None:
    """Return the factors of the same elements in another shape, and what becomes of places.

    Only factors that some place names need to stay apart. `bounds` are further sizes of inner parts
    at which to cut where possible. Returns None where the new shape cuts across such a factor, or
    holds nothing.
    """
    flat = [(axis, i, size) for axis, sizes in enumerate(factors) for i, size in enumerate(sizes)]
    inner = _inner([size for *_, size in flat])
    needed = {1, prod(shape), *_inner(shape)}
    needed |= _needed(flat, inner, places)
    cuts = sorted(needed)
    if 0 in needed or any(high % low for low, high in pairwise(cuts)):
        return None
    for bound in sorted(set(bounds)):
        cuts = _with(cuts, bound)
    made, homes = _split(shape, cuts)

    def change(place: Place) -> Place:
        named = {(digit.axis, digit.factor): digit.weight for digit in place}
        new: list[Digit] = []
        for (axis, i, size), low in zip(flat, inner, strict=True):
            weight = named.get((axis, i))
            if weight is None or size == 1:
                continue
            for bound in cuts:
                start = max(bound, low)
                if bound in homes and low <= bound < low * size:
                    new.append(Digit(*homes[bound], weight * (start // low)))
        return tuple(new)

    return made, change


def _inner(sizes: Sequence[int]) -> list[int]:
    """Return for each size the product of those after it."""
    return [1, *accumulate(reversed(sizes), mul)][-2::-1] if sizes else []


def _needed(
    flat: Sequence[tuple[int, int, int]], inner: Sequence[int], places: Sequence[Place]
) -> set[int]:
    """Return the bounds between factors that digits do not run across."""
    weights = [{(d.axis, d.factor): d.weight for d in place} for place in places]
    real = [
        (low, size, [named.get((axis, i)) for named in weights])
        for (axis, i, size), low in zip(flat, inner, strict=True)
        if size > 1
    ]
    return {
        low
        for (low, _, outer), (_, size, within) in pairwise(real)
        if any(not _continued(one, two, size) for one, two in zip(outer, within, strict=True))
    }


def _continued(outer: int | None, within: int | None, size: int) -> bool:
    if outer is None or within is None:
        return outer is within
    return outer == within * size


def _with(cuts: list[int], bound: int) -> list[int]:
    """Return the cuts with one more, if it divides them and they it."""
    if not bound or bound in cuts or bound >= cuts[-1]:
        return cuts
    place = next(i for i, other in enumerate(cuts) if other > bound)
    if bound % cuts[place - 1] or cuts[place] % bound:
        return cuts
    return [*cuts[:place], bound, *cuts[place:]]


def _split(shape: Shape, cuts: Sequence[int]) -> tuple[Factors, dict[int, tuple[int, int]]]:
    """Return the axes of a shape as products, and where the factor above each cut lies."""
    made: list[tuple[int, ...]] = []
    homes: dict[int, tuple[int, int]] = {}
    for axis, (size, low) in enumerate(zip(shape, _inner(shape), strict=True)):
        bounds = [cut for cut in cuts if low <= cut <= low * size]
        sizes = [high // bound for bound, high in pairwise(bounds)]
        for i, bound in enumerate(reversed(bounds[:-1])):
            homes[bound] = (axis, i)
        made.append(tuple(reversed(sizes)) or (1,))
    return tuple(made), homes
