"""What pooling keeps of the elements it has seen: their sum, or the largest and any NaN.

For gradients, it keeps where the largest was.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Any

from striate.ops.blocked.lanes import choose_lanes, maximum, nan_in_either
from striate.ops.codegen import Index, Vector, Writer
from striate.ops.codegen.values import FLOAT, I32, ir

__all__ = ["Pool", "Winner"]


class Pool:
    """One register of outputs in the making, of kind "max" or "average".

    The instruction for the larger of two elements forgets NaN. So lanes that have seen one are
    kept as the bits to set at the end, all of them, which is a NaN.
    """

    def __init__(self, w: Writer, kind: str) -> None:
        self.w, self.kind = w, kind
        self._value = w.variable(w.constant(-inf if kind == "max" else 0.0))
        self._bits = ir.VectorType(I32, w.lanes)
        self._nan = w.variable(Vector(w, ir.Constant(self._bits, None)))

    def take(self, elements: Sequence[Vector]) -> None:
        """Take a few registers."""
        value: Vector = self._value.get()
        if self.kind == "average":
            for element in elements:
                value = value + element
            self._value.set(value)
            return
        largest = elements[0]
        for element in elements[1:]:
            largest = maximum(element, largest)
        self._value.set(maximum(largest, value))
        pairs = zip(elements[::2], [*elements[1::2], elements[-1]], strict=False)
        self._see([nan_in_either(*pair) for pair in pairs])

    def _see(self, masks: list[Any]) -> None:
        seen = masks[0]
        for mask in masks[1:]:
            seen = self.w.builder.or_(seen, mask)
        self._add_bits(self.w.builder.sext(seen, self._bits))

    def _add_bits(self, more: Any) -> None:
        self._nan.set(Vector(self.w, self.w.builder.or_(self._nan.get().value, more)))

    def join(self, other: Pool) -> None:
        """Take what another pool has taken."""
        if self.kind == "average":
            self._value.set(self._value.get() + other._value.get())
        else:
            self._value.set(maximum(other._value.get(), self._value.get()))
            self._add_bits(other._nan.get().value)

    def result(self, count: Vector) -> Vector:
        """Return the largest element, or the sum divided by a count."""
        value: Vector = self._value.get()
        if self.kind == "average":
            return value / count
        builder = self.w.builder
        bits = builder.or_(builder.bitcast(value.value, self._bits), self._nan.get().value)
        return Vector(self.w, builder.bitcast(bits, self.w.vector))


class Winner:
    """The place of the largest element that was seen, in all lanes."""

    def __init__(self, w: Writer) -> None:
        self._w, self._kind = w, ir.VectorType(I32, w.lanes)
        self._value = w.variable(w.constant(-inf))
        self._place = w.variable(Vector(w, ir.Constant(self._kind, None)))

    def see(self, element: Vector, place: Index) -> None:
        """Take an element if it is larger than those before, or NaN."""
        value = self._value.get()
        larger = self._w.builder.fcmp_ordered(">", element.value, value.value)
        taken = self._w.builder.or_(larger, nan_in_either(element, element))
        self._value.set(choose_lanes(taken, element, value))
        self._place.set(choose_lanes(taken, self._spread(place), self._place.get()))

    def share(self, dy: Vector, place: Index) -> Vector:
        """Return dy in the lanes whose largest element is at a place, else 0."""
        own, wanted = self._place.get().value, self._spread(place).value
        here = self._w.builder.icmp_signed("==", own, wanted)
        return choose_lanes(here, dy, self._w.constant(0.0))

    def _spread(self, place: Index) -> Vector:
        w = self._w
        number = w.builder.bitcast(w.builder.trunc(place.value, I32), FLOAT)
        return Vector(w, w.builder.bitcast(w.spread(number).value, self._kind))
