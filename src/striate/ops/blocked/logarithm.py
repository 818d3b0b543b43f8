"""Logarithms and powers of registers, of any float32 number.

With x = m 2^e, m from sqrt(1/2) to sqrt(2), log(x) = e ln 2 + log(m), and log(m) = 2 artanh(s) =
2 (s + s^3 / 3 + s^5 / 5 ...) for s = (m - 1) / (m + 1), |s| <= 0.172: what follows s^11 is less
than 1e-10 of the sum.
"""

from __future__ import annotations

from math import inf, nan, sqrt

from striate.ops.blocked.exponential import LN2_HIGH, LN2_LOW
from striate.ops.blocked.lanes import choose_lanes
from striate.ops.codegen import Vector
from striate.ops.codegen.values import I32, ir

__all__ = ["POWERS", "less", "log_of_more", "logarithm", "polynomial", "power"]

SMALLEST = 2.0**-126
"""The smallest normal number; those below are multiplied by 2^24 first."""

POWERS = frozenset(quarters / 4 for quarters in range(-32, 33))
"""Exponents for which few multiplications and roots give a power."""

MANTISSA, ONE = 0x007FFFFF, 0x3F800000


def less(one: Vector, other: Vector | float) -> object:
    """Return the mask of the lanes in which one is less than the other: never NaN's."""
    w = one.writer
    bound = w.constant(other) if isinstance(other, int | float) else other
    return w.builder.fcmp_ordered("<", one.value, bound.value)


def polynomial(x: Vector, coefficients: list[float]) -> Vector:
    """Return the sum of coefficients times powers of x, the constant one first."""
    w = x.writer
    total = w.constant(coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        total = total.multiply_add(x, w.constant(coefficient))
    return total


def _artanh_twice(s: Vector, terms: int) -> Vector:
    """Return 2 (s + s^3 / 3 + ...) of so many terms."""
    square = s * s
    series = polynomial(square, [2 / (2 * k + 3) for k in range(terms - 1)])
    return (s * square).multiply_add(series, s * 2.0)


def log_of_more(u: Vector) -> Vector:
    """Return log(1 + u) for 0 <= u <= 1, exact near 0 too: s <= 1/3."""
    return _artanh_twice(u / (u + 2.0), 9)


def logarithm(x: Vector) -> Vector:
    """Return log(x): -inf at 0, NaN below."""
    w = x.writer
    kind = ir.VectorType(I32, w.lanes)

    def all_lanes(number: int) -> object:
        return ir.Constant(kind, [number] * w.lanes)

    tiny = less(x, SMALLEST)
    scaled = choose_lanes(tiny, x * 2.0**24, x)
    bits = w.builder.bitcast(scaled.value, kind)
    mantissa = w.builder.or_(w.builder.and_(bits, all_lanes(MANTISSA)), all_lanes(ONE))
    m = Vector(w, w.builder.bitcast(mantissa, w.vector))
    biased = w.builder.sub(w.builder.lshr(bits, all_lanes(23)), all_lanes(127))
    e = Vector(w, w.builder.sitofp(biased, w.vector))
    e = choose_lanes(tiny, e - 24.0, e)
    large = w.builder.fcmp_ordered(">", m.value, w.constant(sqrt(2)).value)
    m, e = choose_lanes(large, m * 0.5, m), choose_lanes(large, e + 1.0, e)
    f = m - 1.0
    part = _artanh_twice(f / (f + 2.0), 6)
    found = e.multiply_add(w.constant(LN2_HIGH), e.multiply_add(w.constant(LN2_LOW), part))
    found = choose_lanes(less(x, inf), found, x)  # infinity and NaN as they are
    found = choose_lanes(less(x, 0.0), w.constant(nan), found)
    zero = w.builder.fcmp_ordered("==", x.value, w.constant(0.0).value)
    return choose_lanes(zero, w.constant(-inf), found)


def power(x: Vector, exponent: float) -> Vector:
    """Return x to one of `POWERS`."""
    w = x.writer
    if exponent < 0:
        return w.constant(1.0) / power(x, -exponent)
    if exponent != int(exponent):  # -0 and -inf count as 0 and inf
        x = x + 0.0
        endless = w.builder.fcmp_ordered("==", x.value, w.constant(-inf).value)
        x = choose_lanes(endless, w.constant(inf), x)
    root = w.intrinsic("llvm.sqrt", x)
    factors = [x] * int(exponent)
    factors += [root] * (int(2 * exponent) % 2)
    factors += [w.intrinsic("llvm.sqrt", root)] * (int(4 * exponent) % 2)
    product = w.constant(1.0)
    for number, factor in enumerate(factors):
        product = product * factor if number else factor
    return product
