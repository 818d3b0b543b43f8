"""A way in which a value sees an axis of an input, and what windows make of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

from striate.geometry import Axis, Field, Interval, Sampling, TransposedAxis
from striate.geometry.field import outer_taps
from striate.geometry.text import size_text
from striate.network.graph import Shape
from striate.network.seeing.cutting import Digit, Factors

__all__ = [
    "ALL",
    "LISTED",
    "Along",
    "Digit",
    "Link",
    "Path",
    "along_axis",
    "hull_of",
    "slid",
    "taps_inside",
    "unknown",
]

LISTED = 4096
"""The most outputs whose fields are told one by one, where they follow no step."""

Along = Axis | TransposedAxis | Sampling | None
"""How an output's index along an axis tells which indices are read; None: the very same."""


@dataclass(frozen=True, slots=True)
class Link:
    """How an operator reads an axis: along an axis of its output, or all of it (`axis` None)."""

    axis: int | None
    along: Along = None


ALL = Link(None)


@dataclass(frozen=True, slots=True)
class Path:
    """One way in which a value sees an axis of the input.

    Parameters
    ----------
    field : Field
        What is seen, for each index that the digits make.
    place : tuple of Digit
        The factors of the value along which the field runs; () where all elements see the same.
    reason : str
        Why no field follows from the index, if so: then `field` is the hull of what all see.
    partial : bool
        Whether the hull of a path without field may be too wide.
    """

    field: Field
    place: tuple[Digit, ...]
    reason: str = ""
    partial: bool = False

    @property
    def stepped(self) -> bool:
        """Whether the field moves on by the same step everywhere."""
        return not self.reason and (self.field.period == 1 or self.field.step != 0)

    def placed(self, place: tuple[Digit, ...]) -> Path:
        """Return the path along other factors; without any, that of index 0."""
        if self.reason:
            lost = bool(place) or self.partial
            return replace(self, place=place, reason=self.reason if lost else "")
        if not place:
            return Path(Field((self.field.of(0),), 0, self.field.aligned), ())
        if len(place) == 1 and place[0].weight != 1:
            along = Sampling(((0,),), place[0].weight)
            return Path(self.field.through(along), (replace(place[0], weight=1),))
        return replace(self, place=place)

    def lost(self, factors: Factors, reason: str, place: tuple[Digit, ...]) -> Path:
        """Return a path that only knows what all elements together see."""
        if not self.place:
            return self
        hull = Field((hull_of(self, factors),), 0, self.field.aligned)
        return Path(hull, place, self.reason or reason, self.partial)

    def gathered(self, digit: Digit, factors: Factors) -> Path:
        """Return the path of elements that read all of a factor."""
        count = factors[digit.axis][digit.factor]
        rest = tuple(d for d in self.place if d != digit)
        if self.reason or not digit.weight:
            return self.placed(rest)
        if not rest:
            return Path(self.field.gathered(count, digit.weight), ())
        ends = self.field.ends(count, digit.weight)
        return Path(self.field.through(Sampling((ends,), 1)), self.place).placed(rest)


def hull_of(path: Path, factors: Factors) -> Interval:
    """Return the first and last that any element sees."""
    while path.place:
        path = path.gathered(path.place[0], factors)
    return path.field.of(0)


def slid(path: Path, factors: Factors, links: Sequence[Link], shape: Shape) -> Path:
    """Return the path behind an operator that reads the axes of a value by these links."""
    while gone := [digit for digit in path.place if links[digit.axis].axis is None]:
        path = path.gathered(gone[0], factors)  # which may scale the weights of the others
    for axis in sorted({digit.axis for digit in path.place}):
        if links[axis].along is not None:
            path = _through(path, factors[axis], axis, links[axis], shape)
    new = [
        replace(digit, axis=out)
        for digit in path.place
        if (out := links[digit.axis].axis) is not None
    ]
    return replace(path, place=tuple(new))


def _through(path: Path, sizes: tuple[int, ...], axis: int, link: Link, shape: Shape) -> Path:
    """Return the path behind a window over an axis, which is of one factor from then on."""
    along, out = link.along, link.axis
    if along is None or out is None:
        return path
    here = tuple(digit for digit in path.place if digit.axis == axis)
    rest = tuple(digit for digit in path.place if digit.axis != axis)
    alone = Digit(axis, 0, 1)
    if path.reason:
        return replace(path, place=(*rest, alone), partial=True)
    if rest:
        return _beside(path, here, rest, sizes, along, shape[out])
    if len(sizes) > 1:
        merged = _merged(path.field, here, sizes)
        if merged is None:
            return unknown(
                path, f"a window slides over an axis made of {size_text(sizes, ' x ')}", (alone,)
            )
        path = Path(merged, (alone,))
    if path.stepped:
        if (turns := path.field.turns(along)) > max(LISTED, path.field.period):
            return unknown(path, f"outputs see in {turns:,} different ways", (alone,))
        return _settled(path.field.through(along), alone)
    if shape[out] > LISTED:
        return unknown(path, "neighbouring outputs see by unequal steps", (alone,))
    seen = []
    for output in range(shape[out]):
        inside = outer_taps(taps_inside(along, output, prod(sizes)), path.field.period)
        field = path.field.through(Sampling((tuple(inside),), 0)) if inside else None
        seen.append(field.of(0) if field else None)
    return _settled(Field(tuple(seen), 0, path.field.aligned).reduced(), alone)


def _settled(field: Field, digit: Digit) -> Path:
    still = field.period == 1 and field.step == 0
    return Path(field, () if still else (digit,))


def unknown(path: Path, reason: str, place: tuple[Digit, ...]) -> Path:
    """Return a path of which no more is known than why it has no field."""
    field = Field((path.field.of(0),), 0, path.field.aligned)
    text = f"{reason}: no single receptive field exists there"
    return Path(field, place, path.reason or text, partial=True)


def _beside(
    path: Path,
    here: tuple[Digit, ...],
    rest: tuple[Digit, ...],
    sizes: tuple[int, ...],
    along: Axis | TransposedAxis | Sampling,
    outputs: int,
) -> Path:
    """Return the path behind a window over one digit of several, as over the rows of blocks."""
    digit, plain = here[0], replace(here[0], factor=0)
    outermost = all(digit.weight > other.weight for other in rest)
    first, last = along.taps(0), along.taps(outputs - 1)
    within = outermost or (_within(first, prod(sizes)) and _within(last, prod(sizes)))
    even = isinstance(along, Axis) or (isinstance(along, Sampling) and along.period == 1)
    if len(sizes) > 1 or not within or not even or not path.stepped:
        reason = f"a window slides over one of {len(here) + len(rest)} parts of an axis"
        return unknown(path, reason, (*rest, plain))
    step = along.stride if isinstance(along, Axis) else along.step  # type: ignore[union-attr]
    offsets = tuple(digit.weight * tap for tap in outer_taps(first, path.field.period))
    field = path.field.through(Sampling((offsets,), 1))
    moved = (replace(plain, weight=digit.weight * step),) if step else ()
    return Path(field, (*rest, *moved)).placed((*rest, *moved))


def _within(taps: Sequence[int], size: int) -> bool:
    ends = (taps[0], taps[-1]) if isinstance(taps, range) and taps else taps
    return not ends or (min(ends) >= 0 and max(ends) < size)


def along_axis(path: Path, sizes: tuple[int, ...]) -> Field | None:
    """Return a path's field by the index along an axis of these factors, all that it runs along."""
    return _merged(path.field, path.place, sizes)


def _merged(field: Field, digits: Sequence[Digit], sizes: tuple[int, ...]) -> Field | None:
    """Return the field along an axis of several factors; None where it is too long to tell."""
    inner = {digit.factor: prod(sizes[digit.factor + 1 :]) for digit in digits}
    outer = min(digits, key=lambda digit: digit.factor)
    free = prod(sizes[: outer.factor]) == 1  # no factor outside starts the outermost digit again
    period = inner[outer.factor] if free else prod(sizes)
    if period > LISTED:
        return None
    offsets = tuple(
        (sum(d.weight * (o // inner[d.factor] % sizes[d.factor]) for d in digits),)
        for o in range(period)
    )
    return field.through(Sampling(offsets, outer.weight if free else 0))


def taps_inside(along: Axis | TransposedAxis | Sampling, output: int, size: int) -> Sequence[int]:
    """Return the elements of an axis of `size` that an output reads."""
    if isinstance(along, Sampling):
        return along.inside(output, size)
    taps = along.taps(output)
    ahead = max(0, -(taps.start // taps.step))  # of index 0
    return range(taps.start + ahead * taps.step, min(taps.stop, size), taps.step)
