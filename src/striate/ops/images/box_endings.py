"""Means from sums: exact quotients, rounded once."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from striate.ops.codegen import Index, Writer
from striate.ops.codegen.values import ir
from striate.ops.images.cells import Cells
from striate.ops.images.kinds import F32, F64, KINDS, S32, U16, Kind, Lanes

__all__ = ["U32", "U64", "Ending", "Quotient", "divisor_words", "ending_of"]

U32 = Kind("uint32", 4, False, False)
U64 = Kind("uint64", 8, False, False)
S64 = Kind("int64", 8, False, True)
HIGH_PRODUCTS = {
    ("sse", 8): "llvm.x86.sse2.pmulhu.w",
    ("avx2", 16): "llvm.x86.avx2.pmulhu.w",
    ("avx512", 32): "llvm.x86.avx512.pmulhu.w.512",
}
MOST_HALF = 256  # windows whose sums of bytes, and half of the count, fit into 16 bits


class Ending(NamedTuple):
    """How sums end, as far as code depends on it.

    Attributes
    ----------
    way : "sum", "multiply" by 16 bits of the reciprocal, or "divide"
    floats : the dtype of quotients that are divided
    ties : whether quotients of integers may lie halfway between two
    clips : whether the result cannot show all of them
    """

    way: str
    floats: str
    ties: bool
    clips: bool


def ending_of(source: str, result: str, totals: str, count: int, mean: bool) -> Ending:
    """Return how sums of `count` numbers of a dtype end as those of another."""
    kind, there = KINDS[source], KINDS[result]
    ties = count % 2 == 0
    if not mean or count == 1:
        return Ending("sum", "", False, True)
    if kind.floating:
        return Ending("divide", totals, ties, True)
    largest = kind.limits[1]
    clips = not there.floating and there.limits[1] < largest
    if totals == "uint16" and not there.floating and _reciprocal(count) is not None:
        return Ending("multiply", "", ties, clips)
    # A quotient of integers is at least 1 / (2 count) from halfway, or halfway: a float32 that is
    # wrong by 2^-23 of it rounds to the same integer.
    precise = largest * count < (1 << 24 if there == F32 else 1 << 22)
    return Ending("divide", "float32" if precise and there != F64 else "float64", ties, clips)


def _reciprocal(count: int) -> tuple[int, int] | None:
    """Return (factor, shift) so that t * factor >> 16 + shift is t // count for t < 256 * count.

    The error of the factor, times t, must stay below the distance of t / count from the next
    integer (Granlund and Montgomery, Division by invariant integers using multiplication, 1994).
    """
    shift = max(math.ceil(math.log2(count)) - 1, 0)
    factor = -(-(1 << 16 + shift) // count)
    excess = factor * count - (1 << 16 + shift)
    fits = factor < 1 << 16 and excess * 256 * count < 1 << 16 + shift
    return (factor, shift) if fits and count <= MOST_HALF else None


def divisor_words(ending: Ending, count: int) -> NDArray[Any]:
    """Return what the ending divides by, as `Quotient` reads it."""
    if ending.way == "multiply":
        factor, shift = _reciprocal(count) or (0, 0)
        return np.array([count // 2, factor, shift, count], np.uint16)
    floats = np.dtype(ending.floats or "float32")
    below = np.nextafter(floats.type(1 / count), floats.type(0))
    rest = Fraction(1, count) - Fraction(float(below))
    return np.array([count, below, float(rest)], floats)


class Quotient:
    """Writes the end of sums."""

    def __init__(self, w: Writer, ending: Ending, words: Index, result: Kind, lanes: int) -> None:
        self.w, self.ending, self.result = w, ending, result
        kind = U16 if ending.way == "multiply" else KINDS[ending.floats or "float32"]
        cells = Cells.at(words, kind)
        self.known = [(cells + place).broadcast(lanes) for place in range(4 if kind == U16 else 3)]

    def of(self, total: Lanes) -> Lanes:
        """Return numbers of the result's kind."""
        if self.ending.way == "sum":
            return self._clipped(total)
        if self.ending.way == "multiply":
            return self._clipped(self._multiplied(total))
        kind = KINDS[self.ending.floats]
        if total.kind.floating:
            return self._divided(total, True).rounded(self.result)
        if total.kind == U64:  # below 2^53
            total = Lanes(self.w, total.value, S64)
        elif total.kind == U32 and kind == F32:  # below 2^24
            total = Lanes(self.w, total.value, S32)
        value = total.to(kind)
        if self.result.floating:
            return self._divided(value, True).to(self.result)
        quotient = self._divided(value, self.ending.ties)
        if self.ending.clips:
            return quotient.rounded(self.result)
        return quotient.nearest().to(S32).to(self.result)

    def _clipped(self, total: Lanes) -> Lanes:
        """Return the nearest numbers of the result."""
        if total.kind.floating or self.result.floating:
            signed = Lanes(self.w, total.value, S64) if total.kind == U64 else total
            return signed.rounded(self.result)
        high = self.result.limits[1]
        if self.ending.clips and high < total.kind.limits[1]:
            total = total.least(high)
        if self.result.size == total.kind.size:
            return Lanes(self.w, total.value, self.result)
        return total.to(self.result)

    def _multiplied(self, total: Lanes) -> Lanes:
        half, factor, shift, count = self.known
        builder, w = self.w.builder, self.w
        raised = total + half
        quotient = Lanes(w, builder.lshr(high_product(raised, factor).value, shift.value), U16)
        if not self.ending.ties:
            return quotient
        halfway = (quotient * count).compare("==", raised)
        odd = builder.zext(halfway, quotient.value.type)
        return Lanes(w, builder.sub(quotient.value, builder.and_(odd, quotient.value)), U16)

    def _divided(self, total: Lanes, exact: bool) -> Lanes:
        """Return quotients, those asked to be exact correctly rounded but for the closest calls.

        1 / count is the sum of two numbers. A whole multiple of the count is divided exactly,
        and neither part is 0 or negative, so infinity stays infinity.
        """
        count, reciprocal, rest = self.known
        if not self.w.target.fused:
            return total / count
        if not exact:
            return total * reciprocal
        return total.multiply_add(reciprocal, total * rest)


def high_product(one: Lanes, other: Lanes) -> Lanes:
    """Return the high halves of products of 16 bits.

    LLVM does not find the instruction where it takes the widened factor out of a loop.
    """
    w, kind = one.w, one.value.type
    name = HIGH_PRODUCTS.get((w.target.level, one.count))
    if name is not None:
        function = w.module.globals.get(name)
        function = function or ir.Function(w.module, ir.FunctionType(kind, [kind, kind]), name)
        return Lanes(w, w.builder.call(function, [one.value, other.value]), U16)
    wide = one.to(U32) * other.to(U32)
    sixteen = Lanes.all(w, 16, U32, wide.count)
    return Lanes(w, w.builder.lshr(wide.value, sixteen.value), U32).to(U16)
