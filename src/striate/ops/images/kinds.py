"""Registers of numbers of any kind: what image kernels compute with.

A `Kind` is an element type, `Lanes` a register of some, or several registers, as LLVM sees fit.
Operators write LLVM IR, as those of `striate.ops.codegen` do, but nothing is contracted: each
product and sum is rounded as written, in every variant of a loop. `cells` has their addresses.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from striate.ops.codegen import Writer
from striate.ops.codegen.values import I32, ir

__all__ = ["BIT", "F32", "F64", "I16", "KINDS", "S32", "U8", "U16", "Kind", "Lanes", "declared"]

BIT = ir.IntType(1)


class Kind(NamedTuple):
    """An element type.

    Attributes
    ----------
    name : NumPy's name of it
    size : bytes
    floating, signed : what it can show
    """

    name: str
    size: int
    floating: bool
    signed: bool

    @property
    def type(self) -> Any:
        """LLVM's type."""
        if self.floating:
            return ir.FloatType() if self.size == 4 else ir.DoubleType()
        return ir.IntType(8 * self.size)

    @property
    def limits(self) -> tuple[int, int]:
        """The least and the largest number, of an integer kind."""
        bits = 8 * self.size
        return (-(1 << bits - 1), (1 << bits - 1) - 1) if self.signed else (0, (1 << bits) - 1)

    def lanes(self, w: Writer) -> int:
        """Return how many fit into a register."""
        return 4 * w.lanes // self.size


U8 = Kind("uint8", 1, False, False)
U16 = Kind("uint16", 2, False, False)
I16 = Kind("int16", 2, False, True)
S32 = Kind("int32", 4, False, True)
F32 = Kind("float32", 4, True, True)
F64 = Kind("float64", 8, True, True)
KINDS = {kind.name: kind for kind in (U8, U16, I16, S32, F32, F64)}


class Lanes:
    """Some numbers of one kind, side by side; a number joined with them is in all lanes."""

    __slots__ = ("kind", "value", "w")

    def __init__(self, w: Writer, value: Any, kind: Kind) -> None:
        self.w, self.value, self.kind = w, value, kind

    @classmethod
    def all(cls, w: Writer, number: float, kind: Kind, count: int) -> Lanes:
        """Return a number in all lanes."""
        element = ir.Constant(kind.type, float(number) if kind.floating else int(number))
        return cls(w, ir.Constant(ir.VectorType(kind.type, count), [element] * count), kind)

    @classmethod
    def spread(cls, w: Writer, scalar: Any, kind: Kind, count: int) -> Lanes:
        """Return an element, as LLVM has it, in all lanes."""
        undefined = ir.Constant(ir.VectorType(kind.type, count), ir.Undefined)
        one = w.builder.insert_element(undefined, scalar, I32(0))
        zeros = ir.Constant(ir.VectorType(I32, count), [0] * count)
        return cls(w, w.builder.shuffle_vector(one, undefined, zeros), kind)

    @property
    def count(self) -> int:
        """How many lanes there are."""
        count: int = self.value.type.count
        return count

    def _with(self, value: Any) -> Lanes:
        return Lanes(self.w, value, self.kind)

    def _other(self, other: Lanes | float) -> Any:
        if isinstance(other, Lanes):
            return other.value
        return Lanes.all(self.w, other, self.kind, self.count).value

    def _join(self, instruction: str, other: Lanes | float) -> Lanes:
        prefix = "f" if self.kind.floating else ""
        write = getattr(self.w.builder, prefix + instruction)
        return self._with(write(self.value, self._other(other)))

    def __add__(self, other: Lanes | float) -> Lanes:
        return self._join("add", other)

    def __sub__(self, other: Lanes | float) -> Lanes:
        return self._join("sub", other)

    def __mul__(self, other: Lanes | float) -> Lanes:
        return self._join("mul", other)

    def __truediv__(self, other: Lanes | float) -> Lanes:
        return self._with(self.w.builder.fdiv(self.value, self._other(other)))

    def multiply_add(self, factor: Lanes, addend: Lanes) -> Lanes:
        """Return self * factor + addend; of floats rounded once, where the processor can."""
        if not self.kind.floating or not self.w.target.fused:
            return self * factor + addend
        return self.intrinsic("llvm.fma", factor, addend)

    def intrinsic(self, name: str, *others: Lanes) -> Lanes:
        """Call one of LLVM's functions of registers of one kind."""
        letter = "f" if self.kind.floating else "i"
        full = f"{name}.v{self.count}{letter}{8 * self.kind.size}"
        kinds = [self.value.type] * (1 + len(others))
        function = declared(self.w, full, self.value.type, kinds)
        return self._with(self.w.builder.call(function, [self.value, *(o.value for o in others)]))

    def root(self) -> Lanes:
        """Return the square root."""
        return self.intrinsic("llvm.sqrt")

    def quick_root(self) -> Lanes:
        """Return the square root of positive numbers that are neither tiny nor huge.

        Where the processor has an estimate of 14 bits, Newton's step makes 27 of it, in less time
        than a root.
        """
        if self.kind != F32 or self.w.target.level != "avx512" or self.count != 16:
            return self.root()
        kind, mask = self.value.type, ir.IntType(16)
        name = "llvm.x86.avx512.rsqrt14.ps.512"
        function = declared(self.w, name, kind, [kind, kind, mask])
        estimate = self._with(self.w.builder.call(function, [self.value, self.value, mask(-1)]))
        near = self * estimate
        left = self._with(self.w.builder.fneg(near.value)).multiply_add(near, self)
        return left.multiply_add(estimate * 0.5, near)

    def unless(self, mask: Any, other: Lanes) -> Lanes:
        """Return the numbers, but others where the mask holds."""
        return self._with(self.w.builder.select(mask, other.value, self.value))

    def absolute(self) -> Lanes:
        """Return |x| of floats."""
        return self.intrinsic("llvm.fabs")

    def nearest(self) -> Lanes:
        """Return the nearest whole number, the even one of two, of floats."""
        return self.intrinsic("llvm.rint")

    def least(self, other: Lanes | float) -> Lanes:
        """Return the smaller of each two; the other where this is NaN."""
        return self._chosen("<", other)

    def most(self, other: Lanes | float) -> Lanes:
        """Return the larger of each two; the other where this is NaN."""
        return self._chosen(">", other)

    def _chosen(self, sign: str, other: Lanes | float) -> Lanes:
        value = self._other(other)
        return self._with(self.w.builder.select(self.compare(sign, other), self.value, value))

    def compare(self, sign: str, other: Lanes | float) -> Any:
        """Return the mask of the lanes for which `self sign other` holds."""
        builder, value = self.w.builder, self._other(other)
        if self.kind.floating:
            return builder.fcmp_ordered(sign, self.value, value)
        write = builder.icmp_signed if self.kind.signed else builder.icmp_unsigned
        return write(sign, self.value, value)

    def followed(self, other: Lanes, shift: int) -> Lanes:
        """Return what lies `shift` numbers on, where the other register follows this one."""
        if shift == 0:
            return self
        places = ir.Constant(ir.VectorType(I32, self.count), list(range(shift, shift + self.count)))
        return self._with(self.w.builder.shuffle_vector(self.value, other.value, places))

    def to(self, kind: Kind) -> Lanes:
        """Return the numbers as another kind that can show them (a float one rounds)."""
        here, there = self.kind, kind
        if here == there:
            return self
        builder, target = self.w.builder, ir.VectorType(kind.type, self.count)
        if here.floating and there.floating:
            write = builder.fpext if there.size > here.size else builder.fptrunc
        elif there.floating:
            write = builder.sitofp if here.signed else builder.uitofp
            if here.size < 4:  # from 32 bits there is one instruction for all
                return self.to(S32).to(there)
        elif here.floating:
            write = builder.fptosi if there.signed else builder.fptoui
        elif there.size > here.size:
            write = builder.sext if here.signed else builder.zext
        else:
            write = builder.trunc
        return Lanes(self.w, write(self.value, target), kind)

    def rounded(self, kind: Kind) -> Lanes:
        """Return the numbers as another kind: half to even, and clipped to its range.

        Floats of 32 bits show no int32 beyond 2^24 exactly; do not come here with larger ones.
        """
        if kind.floating or kind == self.kind:
            return self.to(kind)
        low, high = kind.limits
        if not self.kind.floating:
            mine = self.kind.limits
            kept = self.most(low) if low > mine[0] else self
            return (kept.least(high) if high < mine[1] else kept).to(kind)
        if kind == S32:  # the largest float32 that is not beyond
            high = high if self.kind == F64 else (1 << 31) - 128
        return self.most(low).least(high).nearest().to(S32).to(kind)


def declared(w: Writer, name: str, result: Any, kinds: Sequence[Any]) -> Any:
    """Return a function of LLVM's, declared once in a module."""
    found = w.module.globals.get(name)
    return found or ir.Function(w.module, ir.FunctionType(result, list(kinds)), name)
