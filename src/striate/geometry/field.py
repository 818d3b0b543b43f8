"""Receptive fields along one axis, composed exactly in integers.

A field tells, for every output index, the first and the last input index that can reach it. It is
periodic: output ``i + period`` sees what output ``i`` sees, `step` further on. Convolutions and
poolings keep the period at 1, and then ``first(i) = step * i + first(0)`` as in Araujo, Norris and
Sim, "Computing Receptive Fields of Convolutional Neural Networks", Distill 2019, section 2. A
transposed convolution of stride s has s kinds of outputs, hence the period; its stride seen from
the input is the fraction step / period.

Nothing is clipped to the input: indices below 0 or beyond its end are padding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import gcd, lcm

from striate.errors import GeometryError
from striate.geometry.axis import Axis, TransposedAxis
from striate.geometry.sampling import Sampling

__all__ = ["Field", "Interval", "outer_taps"]

Interval = tuple[int, int] | None
"""First and last index, both included; None where nothing is seen."""


@dataclass(frozen=True, slots=True)
class Field:
    """What each output sees of the input, along one axis.

    Parameters
    ----------
    intervals : tuple of (int, int) or None
        The (first, last) input index seen by the outputs 0 ... period - 1.
    step : int
        How much further the outputs of the next period see.
    aligned : bool
        Whether all paths to the output share one centre.

    Examples
    --------
    Two stacked 3x3 convolutions see what one 5x5 sees; a pool of stride 2 doubles the steps.

    >>> field = Field.identity().through(Axis(3, padding=(1, 1))).through(Axis(3, padding=(1, 1)))
    >>> field.size, field.stride, field.start
    (5, Fraction(1, 1), -2)
    >>> field.through(Axis(2, stride=2)).size
    6
    """

    intervals: tuple[Interval, ...]
    step: int
    aligned: bool = True

    @classmethod
    def identity(cls) -> Field:
        """Return the field of the input itself."""
        return cls(((0, 0),), 1)

    @property
    def period(self) -> int:
        """The number of kinds of outputs: 1 unless a transposed convolution has a stride."""
        return len(self.intervals)

    @property
    def size(self) -> int:
        """The largest number of input elements from the first to the last that an output sees."""
        return max((last - first + 1 for first, last in filter(None, self.intervals)), default=0)

    @property
    def stride(self) -> Fraction:
        """Input elements between the fields of neighbouring outputs (the "jump")."""
        return Fraction(self.step, self.period)

    @property
    def start(self) -> int:
        """The first input index that output 0 sees; the padding to the left of it is -start.

        Where output 0 sees nothing, that of the first output that sees something.
        """
        return next((interval[0] for interval in self.intervals if interval), 0)

    def of(self, output: int) -> Interval:
        """Return the (first, last) input index that `output` sees, or None for nothing."""
        turns, phase = divmod(output, self.period)
        interval = self.intervals[phase]
        if interval is None:
            return None
        return interval[0] + turns * self.step, interval[1] + turns * self.step

    def turns(self, axis: Axis | TransposedAxis | Sampling) -> int:
        """Return for how many outputs `through` tells what they see, before they repeat."""
        outputs, taps = _turn(axis)
        return outputs * (self.period // gcd(taps, self.period))

    def through(self, axis: Axis | TransposedAxis | Sampling) -> Field:
        """Return the field behind a window that slides over these outputs."""
        return _through(self, axis)

    def gathered(self, count: int, spacing: int = 1) -> Field:
        """Return the field of one output that sees `count` of these, the first and each next."""
        ends = self.ends(count, spacing)
        return Field((_hull([self.of(o) for o in ends]),), 0, self.aligned)

    def ends(self, count: int, spacing: int = 1) -> tuple[int, ...]:
        """Return few of the outputs 0, spacing, ..., (count - 1) spacing whose hull is that of all.

        Each kind of output moves one way only, so that its first and its last tell the hull.
        """
        kinds = self.period // gcd(spacing, self.period)
        low, high = range(min(count, kinds)), range(max(kinds, count - kinds), count)
        return tuple(o * spacing for o in (*low, *high))

    def joined(self, other: Field, count: int) -> Field:
        """Return the field where two paths of `count` outputs each meet (Add, Concat, ...).

        The hull of both, not aligned if their centres differ. A path that sees the same for every
        output (behind a global pooling) makes the whole so.

        Raises
        ------
        GeometryError
            If the strides of the two differ: no single receptive field exists then.
        """
        if 0 in (self.step, other.step) and self.step != other.step:
            return self.gathered(count).joined(other.gathered(count), count)
        if self.stride != other.stride:
            raise GeometryError(
                f"paths of strides {self.stride} and {other.stride} meet: "
                "no single receptive field exists there"
            )
        period = lcm(self.period, other.period)
        pairs = [(self.of(i), other.of(i)) for i in range(period)]
        centred = all(a is None or b is None or sum(a) == sum(b) for a, b in pairs)
        step = period // self.period * self.step
        aligned = self.aligned and other.aligned and centred
        return Field(tuple(_hull(pair) for pair in pairs), step, aligned).reduced()

    def reduced(self) -> Field:
        """Return the same field with the shortest period."""
        for period in range(1, self.period):
            if self.period % period or self.step * period % self.period:
                continue
            short = Field(self.intervals[:period], self.step * period // self.period, self.aligned)
            if all(short.of(i) == self.of(i) for i in range(self.period)):
                return short
        return self


@lru_cache(maxsize=4096)
def _through(field: Field, axis: Axis | TransposedAxis | Sampling) -> Field:
    outputs, taps = _turn(axis)
    turns = field.period // gcd(taps, field.period)  # until both are where they began
    step = turns * taps // field.period * field.step
    hulls = [
        _hull([field.of(tap) for tap in outer_taps(axis.taps(o), field.period)])
        for o in range(turns * outputs)
    ]
    return Field(tuple(hulls), step, field.aligned).reduced()


def outer_taps(taps: Sequence[int], period: int) -> Sequence[int]:
    """Return few of these taps, evenly spaced, whose hull is that of all, as in `Field.ends`."""
    if not isinstance(taps, range) or len(taps) <= 2 * period:
        return taps
    return (*taps[:period], *taps[-period:])


def _turn(axis: Axis | TransposedAxis | Sampling) -> tuple[int, int]:
    """Return after how many outputs a window is as it was, and how many taps further on."""
    if isinstance(axis, Axis):
        return 1, axis.stride
    return (axis.stride, 1) if isinstance(axis, TransposedAxis) else (axis.period, axis.step)


def _hull(intervals: Sequence[Interval]) -> Interval:
    seen = [interval for interval in intervals if interval is not None]
    if not seen:
        return None
    return min(first for first, _ in seen), max(last for _, last in seen)
