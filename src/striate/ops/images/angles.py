"""Directions: the angle of two numbers, and the pass that writes it beside their magnitude."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from striate.ops.codegen import Index, Writer, template
from striate.ops.images.cells import Cells, sweep
from striate.ops.images.down import down_function
from striate.ops.images.endings import total_of
from striate.ops.images.kinds import F32, F64, KINDS, Kind, Lanes
from striate.ops.images.separable import WIDE, Walk, separable

__all__ = ["SECOND", "angle", "gradients"]

SECOND = ("second", "second_stride")
"""The words that say where directions go."""

# atan(√u) / √u on 0 ... 1 as a polynomial, interpolated where Chebyshev's is 0. The largest
# relative errors are 2.8e-9 and 3.2e-17, those of the rounding of sums aside.
SINGLE = (
    0.9999999971605454,
    -0.3333327629198255,
    0.19998075281148714,
    -0.14260016082820906,
    0.10932341501303093,
    -0.08349724968301601,
    0.05708955593030619,
    -0.030351864785781172,
    0.010487649254949306,
    -0.0017011700640685973,
)
DOUBLE = (
    1.0,
    -0.333333333333307,
    0.1999999999964796,
    -0.14285714266926733,
    0.11111110578002083,
    -0.09090899793217341,
    0.07692198997458294,
    -0.06665764910689723,
    0.058768281144872724,
    -0.052374234719188166,
    0.04668745304848529,
    -0.040811247503178855,
    0.03387126702700675,
    -0.02556862364437174,
    0.01671959606350739,
    -0.00899108054265826,
    0.003751138483965141,
    -0.0011252544302234645,
    0.00021423810738603946,
    -1.93423475928923e-05,
)


def angle(y: Lanes, x: Lanes) -> Lanes:
    """Return the direction of (x, y) in radians, above -π and up to π; of (0, 0) it is 0.

    As `numpy.arctan2`, but for the sign of zeros, which is not looked at. It is off by at most
    3e-7 in float32, 7e-16 in float64. NaN gives NaN.
    """
    w, kind, builder = x.w, x.kind, x.w.builder

    def either(mask: Any, one: Lanes, other: Lanes) -> Lanes:
        return Lanes(w, builder.select(mask, one.value, other.value), kind)

    def number(value: float) -> Lanes:
        return Lanes.all(w, value, kind, x.count)

    along, up = x.absolute(), y.absolute()
    small, large = along.least(up), along.most(up)
    same = small.compare("==", large)
    ratio = small / large
    square = ratio * ratio
    weights = SINGLE if kind == F32 else DOUBLE
    total = number(weights[-1])
    for weight in reversed(weights[:-1]):
        total = total.multiply_add(square, number(weight))
    turn = either(same, number(math.pi / 4), ratio * total)
    turn = either(large.compare("==", 0.0), number(0.0), turn)
    turn = either(up.compare(">", along), number(math.pi / 2) - turn, turn)
    turn = either(x.compare("<", 0.0), number(math.pi) - turn, turn)
    turn = either(y.compare("<", 0.0), number(0.0) - turn, turn)
    unknown = builder.fcmp_unordered("uno", x.value, y.value)
    return either(unknown, number(math.nan), turn)


@template(*separable.fields, *SECOND)
def gradients(
    w: Writer,
    a: Any,
    *,
    source: str,
    sums: str,
    result: str,
    directions: str,
    **constants: Any,
) -> None:
    """Write the step of `separable` that stores magnitudes, and directions in a second result."""
    kinds = [KINDS[name] for name in (source, sums, result)]
    pairs, tall, down_taps = (constants[name] for name in ("pairs", "tall", "down_taps"))
    flags = constants["scaled"], constants["streams"]
    shape = (pairs, tall, constants["across_taps"])
    walk = _Gradients(w, a, kinds, shape, constants["ending"], flags)
    walk.directions, walk.places = KINDS[directions], constants["places"]
    walk.down = down_function(w, kinds[0], kinds[1], pairs, tall, down_taps)
    walk.write()


class _Gradients(Walk):
    """The loops of `separable` with two results."""

    directions: Kind

    def _across(self, row: Index, start: Index, size: Index, top: Index) -> None:
        w, a = self.w, self.a
        lines = [self.lines + a.line * (row + self.tall * pair) for pair in range(self.pairs)]
        target = Cells.at(a.result + (top + row) * a.result_stride, self.result) + start
        second = Cells.at(a.second + (top + row) * a.second_stride, self.directions) + start

        def body(at: Index, registers: int, mask: Any) -> None:
            sums = [self._sums(line + at, pair, registers) for pair, line in enumerate(lines)]
            slopes = list(zip(*sums, strict=True))
            values = self.ending(slopes, self.scale)
            for place, (one, value) in enumerate(zip(slopes, values, strict=True)):
                (target + at + place * self.lanes).store(value.rounded(self.result), mask)
                cells, turn = second + at + place * self.lanes, _direction(one)
                if self.streams and mask is None:
                    cells.stream(turn.to(self.directions))
                else:
                    cells.store(turn.to(self.directions), mask)

        # Only one of two rows can be sure to be aligned: that of the larger numbers.
        ahead = second.until_aligned(self.lanes) if self.streams else None
        sweep(w, size, self.lanes, min(WIDE, 2), body, ahead)


def _direction(sums: Sequence[Lanes]) -> Lanes:
    kind = F64 if sums[0].kind == F64 else F32
    half = len(sums) // 2
    x, y = (total_of(part).to(kind) for part in (sums[:half], sums[half:]))
    return angle(y, x)
