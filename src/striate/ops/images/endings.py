"""What becomes of the sums of a window before they are stored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

from striate.ops.codegen import Writer
from striate.ops.codegen.values import ir
from striate.ops.images.cells import Held
from striate.ops.images.kinds import F32, F64, Kind, Lanes

__all__ = ["ENDINGS", "Ending", "any_lane", "total_of"]

Ending = Callable[[Sequence[Sequence[Lanes]], Lanes | None], list[Lanes]]
"""A function of the sums of each kernel, for some registers of results, and of what they are
multiplied by, if by anything."""


def added(registers: Sequence[Sequence[Lanes]], scale: Lanes | None) -> list[Lanes]:
    """Return the sum of all."""
    totals = [total_of(sums) for sums in registers]
    return totals if scale is None else [total.to(scale.kind) * scale for total in totals]


def total_of(sums: Sequence[Lanes]) -> Lanes:
    """Return the sum of some."""
    total = sums[0]
    for other in sums[1:]:
        total = total + other
    return total


def magnitude(registers: Sequence[Sequence[Lanes]], scale: Lanes | None) -> list[Lanes]:
    """Return √(x² + y²), x the sum of the first half of sums and y of the second.

    Squares that leave the range of floats are computed in another.
    """
    kind = F64 if registers[0][0].kind == F64 else F32
    half = len(registers[0]) // 2
    slopes = [
        [total_of(part).to(kind) for part in (sums[:half], sums[half:])] for sums in registers
    ]
    if scale is not None:
        slopes = [[x * scale, y * scale] for x, y in slopes]
    if registers[0][0].kind.floating:
        return _safe_magnitudes(slopes)
    return [x.multiply_add(x, y * y).root() for x, y in slopes]


def _safe_magnitudes(slopes: Sequence[Sequence[Lanes]]) -> list[Lanes]:
    """Return the magnitudes of floats; one look tells whether any needs to be found otherwise."""
    w, kind = slopes[0][0].w, slopes[0][0].kind
    small, large = (1e-12, 1e18) if kind == F32 else (1e-130, 1e150)
    squares = [x.multiply_add(x, y * y) for x, y in slopes]
    # NaN and what is large show in the sum, what is small in the least.
    total, least = total_of(squares), reduce(Lanes.least, squares)
    all_usual = w.builder.and_(total.compare("<", large**2), least.compare(">", small**2))
    roots = [Held(one.quick_root()) for one in squares]
    with w.builder.if_then(any_lane(w, w.builder.not_(all_usual)), likely=False):
        # Each number by itself: no result may depend on what lies beside it.
        for (x, y), square, root in zip(slopes, squares, roots, strict=True):
            largest = x.absolute().most(y.absolute())
            vanishing = w.builder.and_(largest.compare("<", small), largest.compare(">", 0.0))
            odd = w.builder.or_(w.builder.not_(largest.compare("<", large)), vanishing)
            rare = square.root().unless(odd, _wide_root(x, y, largest, kind))
            usual = w.builder.and_(square.compare("<", large**2), square.compare(">", small**2))
            root.set(rare.unless(usual, root.get()))
    return [root.get() for root in roots]


def _wide_root(x: Lanes, y: Lanes, largest: Lanes, kind: Kind) -> Lanes:
    """Return √(x² + y²) where squares overflow or vanish."""
    if kind == F32:
        a, b = x.to(F64), y.to(F64)
        return (a * a + b * b).root().to(F32)
    builder = x.w.builder
    down, up = (Lanes.all(x.w, 2.0**power, kind, x.count) for power in (-600, 600))
    one = Lanes.all(x.w, 1.0, kind, x.count)
    factor, back = (
        Lanes(
            x.w,
            builder.select(
                largest.compare(">", 1e100),
                big.value,
                builder.select(largest.compare("<", 1e-100), little.value, one.value),
            ),
            kind,
        )
        for big, little in ((down, up), (up, down))
    )
    a, b = x * factor, y * factor
    return (a * a + b * b).root() * back


def any_lane(w: Writer, mask: Any) -> Any:
    """Return whether a mask holds in any lane."""
    bits = ir.IntType(mask.type.count)
    return w.builder.icmp_unsigned("!=", w.builder.bitcast(mask, bits), bits(0))


ENDINGS: dict[str, Ending] = {"sum": added, "magnitude": magnitude}
