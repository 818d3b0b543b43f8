"""What every element of a value sees of an input: receptive fields on any graph.

A value's axis is a product of factors, outer before inner: a flattened (C, H, W) is one axis of
three. A `Path` says of one axis of the input that the element at index
``w1 d1 + w2 d2 + ...`` of a `Field` is seen, where d1, d2, ... are the element's digits in some
factors. So fields survive what reshapes, moves and splits axes, and nothing loops over pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from math import prod

from striate.geometry import Field, Sampling
from striate.network.graph import Shape
from striate.network.seeing.cutting import Factors, cut
from striate.network.seeing.meeting import in_turn, merged_paths, why
from striate.network.seeing.paths import Digit, Link, Path, along_axis, hull_of, slid

__all__ = ["Sight"]


@dataclass(frozen=True, slots=True)
class Sight:
    """What a value sees of one input.

    Parameters
    ----------
    sizes : tuple of int
        Those of the input's axes that are followed.
    factors : tuple of tuples of int
        The value's axes, each as a product.
    paths : tuple of tuples of Path
        For each followed axis, the ways in which the value sees it.
    """

    sizes: Shape
    factors: Factors
    paths: tuple[tuple[Path, ...], ...]

    @classmethod
    def of_input(cls, shape: Shape) -> Sight:
        """Return what an input sees of itself."""
        identity = Field.identity()
        paths = tuple((Path(identity, (Digit(axis, 0, 1),)),) for axis in range(len(shape)))
        return cls(shape, tuple((size,) for size in shape), paths)

    @property
    def shape(self) -> Shape:
        """The value's shape."""
        return tuple(map(prod, self.factors))

    def told(self, path: Path) -> tuple[Field, int]:
        """Return the field by the index along the value's axis, and the number of indices.

        Where the axis runs through more than one axis of the input, by the index along one of them.
        """
        axes = {digit.axis for digit in path.place}
        axis = axes.pop() if len(axes) == 1 else -1
        others = {
            digit.factor
            for way in self.paths
            for other in way
            for digit in other.place
            if digit.axis == axis
        } - {digit.factor for digit in path.place}
        if axis >= 0 and len(self.factors[axis]) > 1 and not others:
            merged = along_axis(path, self.factors[axis])
            if merged is not None and merged.step:
                return merged, prod(self.factors[axis])
        steps = (d.weight * (self.factors[d.axis][d.factor] - 1) for d in path.place)
        return path.field, sum(steps) + 1

    def only(self, axes: Iterable[int]) -> Sight:
        """Return the same of fewer axes of the input."""
        kept = tuple(axes)
        sizes, paths = tuple(self.sizes[a] for a in kept), tuple(self.paths[a] for a in kept)
        return Sight(sizes, self.factors, paths)

    def moved(self, order: Sequence[int]) -> Sight:
        """Return it with the value's axes in another order, as a transposition has them."""
        new = {old: axis for axis, old in enumerate(order)}
        factors = tuple(self.factors[old] for old in order)
        return self._each(
            factors,
            lambda path: replace(
                path, place=tuple(replace(d, axis=new[d.axis]) for d in path.place)
            ),
        )

    def regrouped(self, shape: Shape) -> Sight:
        """Return it with the value's elements, row by row, in another shape."""
        return self._cut(shape, ())

    def _cut(self, shape: Shape, bounds: Iterable[int]) -> Sight:
        places = [path.place for way in self.paths for path in way]
        found = cut(self.factors, places, shape, bounds)
        if found is None:
            reason = f"reshaping {self.shape} to {shape} cuts across what is seen"
            return self._lost(tuple((size,) for size in shape), reason, _everywhere(shape))
        factors, change = found
        return self._each(factors, lambda path: path.placed(change(path.place)))

    def _lost(self, factors: Factors, reason: str, place: tuple[Digit, ...]) -> Sight:
        return self._each(factors, lambda path: path.lost(self.factors, reason, place))

    def slid(self, links: Sequence[Link], shape: Shape) -> Sight:
        """Return what an operator sees that reads the axes of this value by these links."""
        kept = {
            link.axis: factors
            for link, factors in zip(links, self.factors, strict=True)
            if link.axis is not None and link.along is None
        }
        factors = tuple(kept.get(axis, (size,)) for axis, size in enumerate(shape))
        return self._each(factors, lambda path: slid(path, self.factors, links, shape))

    def _each(self, factors: Factors, change: Callable[[Path], Path]) -> Sight:
        return Sight(self.sizes, factors, tuple(tuple(map(change, way)) for way in self.paths))

    @classmethod
    def joined(cls, sights: Sequence[Sight]) -> Sight:
        """Return what elements see that are made of elements of several values of one shape."""
        if len(sights) == 1 and all(len(way) < 2 for way in sights[0].paths):
            return sights[0]
        alike = _alike(sights)
        first = alike[0]
        paths = tuple(
            merged_paths([path for sight in alike for path in sight.paths[axis]], first.factors, n)
            for axis, n in enumerate(first.sizes)
        )
        return cls(first.sizes, first.factors, paths)

    @classmethod
    def side_by_side(cls, pieces: Sequence[tuple[Sight, int]], axis: int, shape: Shape) -> Sight:
        """Return what a value sees that is made of these, each from a place along an axis on."""
        spread = [piece._among(axis, start, shape[axis]) for piece, start in pieces]
        alike = _alike(spread)
        factors, sizes = alike[0].factors, alike[0].sizes
        ranges = [range(s, s + prod(piece.factors[axis])) for piece, s in pieces]
        paths = []
        for followed, size in enumerate(sizes):
            ways = [sight.paths[followed] for sight in alike]
            every = [path for way in ways for path in way]
            if any(_runs(path, axis) for path in every):
                every = in_turn(ways, ranges, factors, axis)
            paths.append(merged_paths(every, factors, size))
        return cls(sizes, factors, tuple(paths))

    def _among(self, axis: int, start: int, count: int) -> Sight:
        """Return it as a piece, from `start` on, of a value that is longer along an axis."""
        plain = len(self.factors[axis]) == 1
        factors = (*self.factors[:axis], (count,), *self.factors[axis + 1 :])

        def place(path: Path) -> Path:
            if not _runs(path, axis):
                return path
            if plain and path.place == (Digit(axis, 0, 1),) and not path.reason:
                return replace(path, field=path.field.through(Sampling(((-start,),), 1)))
            reason = f"values lie side by side along axis {axis}, which runs through several axes"
            rest = tuple(digit for digit in path.place if digit.axis != axis)
            return path.lost(self.factors, reason, (*rest, Digit(axis, 0, 0)))

        return self._each(factors, place)

    def unknown(self, shape: Shape, reason: str) -> Sight:
        """Return what is known behind an operator of which, for this reason, nothing is known."""
        factors: Factors = tuple((size,) for size in shape)
        place = _everywhere(shape)
        return self._each(
            factors,
            lambda path: Path(
                Field((hull_of(path, self.factors),), 0), place, path.reason or reason, partial=True
            ),
        )

    def reason(self) -> str:
        """Return why no single field tells what is seen, "" if one does."""
        for way, size in zip(self.paths, self.sizes, strict=True):
            if text := why(way, self.factors, size):
                return text
        return ""

    def fields(self) -> tuple[Field, ...]:
        """Return the field of each followed axis, where `reason` gives none."""
        return tuple(self.told(way[0])[0] for way in self.paths if way)


def _runs(path: Path, axis: int) -> bool:
    return any(digit.axis == axis for digit in path.place)


def _alike(sights: Sequence[Sight]) -> Sequence[Sight]:
    """Return the same sights with the same factors."""
    if all(sight.factors == sights[0].factors for sight in sights):
        return sights
    shape = sights[0].shape
    bounds = set()
    for sight in sights:
        inner = 1
        for size in reversed([size for factors in sight.factors for size in factors]):
            inner *= size
            bounds.add(inner)
    again = [sight._cut(shape, bounds) for sight in sights]
    if all(sight.factors == again[0].factors for sight in again):
        return again
    reason = f"values of shape {shape} meet whose axes were made of different ones"
    plain: Factors = tuple((size,) for size in shape)
    return [sight._lost(plain, reason, _everywhere(shape)) for sight in sights]


def _everywhere(shape: Shape) -> tuple[Digit, ...]:
    """Return the place of what may be seen anywhere along the axes."""
    return tuple(Digit(axis, 0, 0) for axis, size in enumerate(shape) if size > 1)
