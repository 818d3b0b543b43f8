"""The exponential function of registers, and what is made of it.

With n = round(x / ln 2) and r = x - n ln 2, |r| <= ln 2 / 2, exp(x) = 2^n exp(r). Taylor's series
of exp(r) - 1 to r^7 leaves less than 0.35^8 / 8! = 6e-9. Most arguments are never positive here, so
nothing overflows; NaN stays NaN because no comparison with it holds.
"""

from __future__ import annotations

from math import factorial, log

from striate.ops.blocked.lanes import choose_lanes
from striate.ops.codegen import Vector, Writer
from striate.ops.codegen.values import I32, ir

__all__ = [
    "LN2_HIGH",
    "LN2_LOW",
    "exponential",
    "exponential_less_one",
    "exponential_of_any",
    "logistic",
    "tangent",
]

LOWEST = -87.0
"""exp of less is so near to the smallest normal number that it counts as 0."""

FARTHEST = 104.0
"""exp of more is infinite, of less than the negative is 0, in float32."""

LN2_HIGH = 355 / 512
"""ln 2 to so few bits that its products with n are exact; `LN2_LOW` is the rest."""
LN2_LOW = log(2) - LN2_HIGH

SHIFT = 1.5 * 2.0**23
"""A number plus this is rounded to a whole one, which is the low bits of the sum."""


def _parts(x: Vector) -> tuple[Vector, Vector]:
    """Return exp(r) - 1 and 2^n for LOWEST <= x <= 0."""
    part, shifted = _reduced(x)
    return part, _power_of_two(shifted)


def _parts_of_two(x: Vector) -> tuple[Vector, tuple[Vector, Vector]]:
    """Return exp(r) - 1 and two factors of 2^n."""
    part, shifted = _reduced(x)
    half = ((shifted - SHIFT) * 0.5) + SHIFT
    return part, (_power_of_two(half), _power_of_two(shifted - (half - SHIFT)))


def _reduced(x: Vector) -> tuple[Vector, Vector]:
    """Return exp(r) - 1, and n in the low bits of a number."""
    w = x.writer
    shifted = x.multiply_add(w.constant(1 / log(2)), w.constant(SHIFT))
    n = shifted - SHIFT
    r = n.multiply_add(w.constant(-LN2_HIGH), x)
    r = n.multiply_add(w.constant(-LN2_LOW), r)
    series = w.constant(1 / factorial(7))
    for power in range(6, 1, -1):
        series = series.multiply_add(r, w.constant(1 / factorial(power)))
    return (r * r).multiply_add(series, r), shifted


def _power_of_two(shifted: Vector) -> Vector:
    """Return 2^n where n is in the low bits: it becomes the exponent of 1.0."""
    w = shifted.writer
    kind = ir.VectorType(I32, w.lanes)
    bits = w.builder.bitcast(shifted.value, kind)
    exponent = w.builder.shl(bits, ir.Constant(kind, [23] * w.lanes))
    one = ir.Constant(kind, [0x3F800000] * w.lanes)
    return Vector(w, w.builder.bitcast(w.builder.add(exponent, one), w.vector))


def _below(x: Vector, bound: float) -> object:
    w = x.writer
    return w.builder.fcmp_ordered("<", x.value, w.constant(bound).value)


def _absolute(x: Vector) -> Vector:
    return x.writer.intrinsic("llvm.fabs", x)


def exponential(x: Vector) -> Vector:
    """Return exp(x) for x <= 0."""
    w = x.writer
    tiny = _below(x, LOWEST)
    part, power = _parts(choose_lanes(tiny, w.constant(LOWEST), x))
    return choose_lanes(tiny, w.constant(0.0), part.multiply_add(power, power))


def exponential_less_one(x: Vector) -> Vector:
    """Return exp(x) - 1 for x <= 0, exact near 0 too."""
    w = x.writer
    part, power = _parts(choose_lanes(_below(x, LOWEST), w.constant(LOWEST), x))
    return part.multiply_add(power, power - 1.0)


def exponential_of_any(x: Vector) -> Vector:
    """Return exp(x); 2^n is two factors, so that neither overflows before the product does."""
    w = x.writer
    least, most = w.constant(-FARTHEST), w.constant(FARTHEST)
    part, powers = _parts_of_two(x.clip(least, most))
    return (part.multiply_add(powers[0], powers[0])) * powers[1]


def tangent(w: Writer, x: Vector) -> Vector:
    """Return tanh(x) = sign(x) t / (2 - t), t = 1 - exp(-2 |x|), exact near 0 too."""
    doubled = _absolute(x) * -2.0
    least = choose_lanes(_below(doubled, LOWEST), w.constant(LOWEST), doubled)
    part, power = _parts(least)
    negative = part.multiply_add(power, power - 1.0)
    size = negative / (w.constant(-2.0) - negative)
    return w.intrinsic("llvm.copysign", size, x)


def logistic(w: Writer, x: Vector) -> Vector:
    """Return 1 / (1 + exp(-x)), from exp(-|x|)."""
    decay = exponential(_absolute(x) * -1.0)
    one = w.constant(1.0)
    return choose_lanes(_below(x, 0.0), decay, one) / (one + decay)
