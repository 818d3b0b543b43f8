"""What becomes of the sums of a window before they are stored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from striate.ops.codegen import Writer
from striate.ops.codegen.values import ir
from striate.ops.images.kinds import F32, F64, Held, Kind, Lanes

__all__ = ["ENDINGS", "Ending", "any_lane", "total_of"]

Ending = Callable[[Sequence[Lanes], Lanes | None], Lanes]
"""A function of the sums of each kernel, and of what they are multiplied by, if by anything."""


def added(sums: Sequence[Lanes], scale: Lanes | None) -> Lanes:
    """Return the sum of all."""
    total = total_of(sums)
    return total if scale is None else total.to(scale.kind) * scale


def total_of(sums: Sequence[Lanes]) -> Lanes:
    """Return the sum of some."""
    total = sums[0]
    for other in sums[1:]:
        total = total + other
    return total


def magnitude(sums: Sequence[Lanes], scale: Lanes | None) -> Lanes:
    """Return √(x² + y²), x the sum of the first half of sums and y of the second.

    Squares that leave the range of floats are computed in another.
    """
    kind = F64 if sums[0].kind == F64 else F32
    half = len(sums) // 2
    x, y = (total_of(part).to(kind) for part in (sums[:half], sums[half:]))
    if scale is not None:
        x, y = x * scale, y * scale
    if not sums[0].kind.floating:
        return x.multiply_add(x, y * y).root()
    return _safe_magnitude(x, y, kind)


def _safe_magnitude(x: Lanes, y: Lanes, kind: Kind) -> Lanes:
    w = x.w
    largest = x.absolute().most(y.absolute())
    small, large = (1e-12, 1e18) if kind == F32 else (1e-130, 1e150)
    builder = w.builder
    odd = builder.or_(
        builder.not_(largest.compare("<", large)),
        builder.and_(largest.compare("<", small), largest.compare(">", 0.0)),
    )
    squares = x.multiply_add(x, y * y)
    root = Held(squares.root())
    with builder.if_then(any_lane(w, odd), likely=False):
        # Only where it is needed: no result may depend on what lies beside it.
        wide = _wide_root(x, y, largest, kind)
        root.set(Lanes(w, builder.select(odd, wide.value, root.get().value), kind))
    return root.get()


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
