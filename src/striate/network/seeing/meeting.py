"""Several ways in which a value sees an axis of an input, where they meet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from striate.geometry import Field, Interval
from striate.network.seeing.cutting import Digit, Factors
from striate.network.seeing.paths import LISTED, Path, hull_of, unknown

__all__ = ["in_turn", "merged_paths", "why"]

MANY = 8
"""The most paths of different steps that are told apart."""


def merged_paths(paths: Sequence[Path], factors: Factors, size: int) -> tuple[Path, ...]:
    """Return few paths that see what these do, along the same factors.

    Paths of the same factors and steps become one, with the hull of both; one that shows all of it
    to every element takes in the others. Paths that have no field together stay apart.
    """
    kept: list[Path] = []
    for path in paths:
        for place, other in enumerate(kept):
            if (one := _merged_pair(other, path)) is not None:
                kept[place] = one
                break
        else:
            kept.append(path)
    if len(kept) > 1:
        kept = _taken_in(kept, factors, size)
    if len(kept) > MANY:
        axes = tuple(dict.fromkeys(digit for path in kept for digit in path.place))
        reason = f"paths of {len(kept)} different steps meet: no single receptive field exists"
        kept = [unknown(path, reason, axes) for path in kept[:1]]
    return tuple(kept)


def in_turn(
    runs: Sequence[Sequence[Path]], ranges: Sequence[range], factors: Factors, axis: int
) -> list[Path]:
    """Return the paths along an axis of several values that lie side by side along it.

    Each is already shifted to its place. If all go on as one, that is their field; else those of
    short axes are told one by one.
    """
    every = [path for way in runs for path in way]
    if all(path == every[0] for path in every):
        return every[:1]
    places = ((), (Digit(axis, 0, 1),))
    single = all(len(way) < 2 and all(path.place in places for path in way) for way in runs)
    count = ranges[-1].stop
    if single and count <= LISTED and not any(path.reason for path in every):
        seen: list[Interval] = []
        for way, outputs in zip(runs, ranges, strict=True):
            seen += [way[0].field.of(o) if way else None for o in outputs]
        return [Path(Field(tuple(seen), 0), (Digit(axis, 0, 1),))]
    reason = f"values lie side by side along axis {axis} that see differently"
    hull = None
    for path in every:
        one = Field((hull_of(path, factors),), 0)
        hull = one if hull is None else hull.joined(one, 1)
    place = tuple(dict.fromkeys(digit for path in every for digit in path.place))
    lost = Path(hull or Field((None,), 0), place, reason, any(path.partial for path in every))
    return [lost]


def _merged_pair(one: Path, two: Path) -> Path | None:
    if one == two:
        return one
    if one.reason and two.reason:
        field = one.field.joined(two.field, 1)
        place = tuple(dict.fromkeys((*one.place, *two.place)))
        return Path(field, place, one.reason, one.partial or two.partial)
    if one.reason or two.reason or one.place != two.place:
        return None
    if one.field.step * two.field.period != two.field.step * one.field.period:
        return None
    return replace(one, field=one.field.joined(two.field, 1))


def _taken_in(paths: Sequence[Path], factors: Factors, size: int) -> list[Path]:
    """Return the path alone that shows to all elements what the others show to some, if one does.

    What it shows of the padding may be less: only elements of the input count.
    """
    for path in paths:
        if path.place or path.reason:
            continue
        whole, field = _clipped(path.field.of(0), size), path.field
        others = [hull_of(other, factors) for other in paths if other is not path]
        if all(_covers(whole, _clipped(other, size)) for other in others):
            for other in others:
                field = field.joined(Field((other,), 0), 1)
            aligned = all(other.field.aligned for other in paths)
            return [Path(replace(field, aligned=field.aligned and aligned), ())]
    return list(paths)


def _clipped(interval: Interval, size: int) -> Interval:
    if interval is None or interval[1] < 0 or interval[0] >= size:
        return None
    return max(interval[0], 0), min(interval[1], size - 1)


def _covers(one: Interval, two: Interval) -> bool:
    if one is None or two is None:
        return two is None
    return one[0] <= two[0] and two[1] <= one[1]


def why(way: tuple[Path, ...], factors: Factors, size: int) -> str:
    """Return why these ways make no single field, "" if they do."""
    if len(way) > 1:
        return _meeting(way, factors, size)
    if way and way[0].reason:
        return way[0].reason
    if way and not way[0].stepped:
        return "neighbouring outputs see by unequal steps: no single receptive field exists there"
    return ""


def _meeting(way: tuple[Path, ...], factors: Factors, size: int) -> str:
    none = "no single receptive field exists there"
    for path in way:
        if path.reason:
            return path.reason
    one, two = way[:2]
    if not one.place or not two.place:
        whole = two if one.place else one
        first, last = hull_of(whole, factors) or (0, -1)
        return f"all outputs see {first} to {last} of {size} beside what each sees: {none}"
    if one.place == two.place:
        strides = " and ".join(str(path.field.stride) for path in way)
        return f"paths of strides {strides} meet: {none}"
    axes = " and ".join(
        ", ".join(str(axis) for axis in sorted({digit.axis for digit in path.place}))
        for path in way
    )
    return f"paths along axes {axes} of the value meet: {none}"
