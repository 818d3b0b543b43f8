"""What kernels compute with: integers, registers and addresses whose operators write LLVM IR.

`Index` is a 64-bit integer, `Vector` a register of float32 lanes, `Pointer` an address of float32
elements, `Variable` a place for one of them that loops change.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from striate.ops.codegen.writer import Writer

__all__ = [
    "ADDRESS",
    "FLOAT",
    "I32",
    "I64",
    "STEP",
    "VOID",
    "Index",
    "Pointer",
    "Variable",
    "Vector",
    "ir",
]

ir: Any = importlib.import_module("llvmlite.ir")

I32, I64, FLOAT, VOID = ir.IntType(32), ir.IntType(64), ir.FloatType(), ir.VoidType()
ADDRESS = ir.PointerType()
STEP = ir.FunctionType(VOID, [ADDRESS, I64, I64, ADDRESS])
"""What every step is: its words, the first block and the one after the last, and scratch."""


class Index:
    """A 64-bit integer; // and % are for numbers that are not negative."""

    __slots__ = ("value", "writer")

    def __init__(self, writer: Writer, value: Any) -> None:
        self.writer, self.value = writer, value

    def _join(self, instruction: str, other: Index | int) -> Index:
        write = getattr(self.writer.builder, instruction)
        return Index(self.writer, write(self.value, self.writer.integer(other)))

    def __add__(self, other: Index | int) -> Index:
        return self._join("add", other)

    def __sub__(self, other: Index | int) -> Index:
        return self._join("sub", other)

    def __mul__(self, other: Index | int) -> Index:
        return self._join("mul", other)

    def __floordiv__(self, other: Index | int) -> Index:
        return self._join("udiv", other)

    def __mod__(self, other: Index | int) -> Index:
        return self._join("urem", other)

    def _compare(self, sign: str, other: Index | int) -> Any:
        return self.writer.builder.icmp_signed(sign, self.value, self.writer.integer(other))

    def __lt__(self, other: Index | int) -> Any:
        return self._compare("<", other)

    def __gt__(self, other: Index | int) -> Any:
        return self._compare(">", other)

    def __le__(self, other: Index | int) -> Any:
        return self._compare("<=", other)

    def __ge__(self, other: Index | int) -> Any:
        return self._compare(">=", other)

    def equals(self, other: Index | int) -> Any:
        """Return a condition for `Writer.when`."""
        return self._compare("==", other)

    def least(self, other: Index | int) -> Index:
        """Return the smaller of the two."""
        chosen = self.writer.builder.select(self < other, self.value, self.writer.integer(other))
        return Index(self.writer, chosen)


class Vector:
    """A register of float32 lanes."""

    __slots__ = ("value", "writer")

    def __init__(self, writer: Writer, value: Any) -> None:
        self.writer, self.value = writer, value

    def _join(self, instruction: str, other: Vector | float) -> Vector:
        write = getattr(self.writer.builder, instruction)
        other = self.writer.constant(other) if isinstance(other, int | float) else other
        return Vector(self.writer, write(self.value, other.value, flags=("contract",)))

    def __add__(self, other: Vector | float) -> Vector:
        return self._join("fadd", other)

    def __sub__(self, other: Vector | float) -> Vector:
        return self._join("fsub", other)

    def __mul__(self, other: Vector | float) -> Vector:
        return self._join("fmul", other)

    def __truediv__(self, other: Vector | float) -> Vector:
        return self._join("fdiv", other)

    def multiply_add(self, factor: Vector, addend: Vector) -> Vector:
        """Return self * factor + addend, rounded once where the processor can."""
        if not self.writer.target.fused:
            return self * factor + addend
        return self.writer.intrinsic("llvm.fma", self, factor, addend)

    def clip(self, low: Vector, high: Vector) -> Vector:
        """Return the elements moved into [low, high]; NaN stays NaN."""
        builder = self.writer.builder
        above = builder.select(
            builder.fcmp_ordered(">", low.value, self.value), low.value, self.value
        )
        return Vector(
            self.writer,
            builder.select(builder.fcmp_ordered("<", high.value, above), high.value, above),
        )

    def maximum(self, other: Vector) -> Vector:
        """Return the larger elements; NaN where either is NaN."""
        return self.writer.intrinsic("llvm.maximum", self, other)

    def lane(self, place: int) -> Any:
        """Return one element, as LLVM has it."""
        return self.writer.builder.extract_element(self.value, I32(place))

    def shuffle(self, other: Vector, places: Sequence[int]) -> Vector:
        """Take each lane from a place in this register and the other, counted through."""
        constant = ir.Constant(ir.VectorType(I32, len(places)), list(places))
        return Vector(
            self.writer, self.writer.builder.shuffle_vector(self.value, other.value, constant)
        )


class Pointer:
    """An address of float32 elements; offsets are counted in elements."""

    __slots__ = ("value", "writer")

    def __init__(self, writer: Writer, value: Any) -> None:
        self.writer, self.value = writer, value

    def __add__(self, offset: Index | int) -> Pointer:
        if isinstance(offset, int) and offset == 0:
            return self
        return Pointer(
            self.writer,
            self.writer.builder.gep(
                self.value, [self.writer.integer(offset)], inbounds=True, source_etype=FLOAT
            ),
        )

    def load(self, offset: Index | int = 0) -> Vector:
        """Return a register's width of elements."""
        vector = self.writer.builder.load((self + offset).value, typ=self.writer.vector)
        vector.align = 4
        return Vector(self.writer, vector)

    def store(self, vector: Vector, offset: Index | int = 0) -> None:
        """Write a register's width of elements."""
        self.writer.builder.store(vector.value, (self + offset).value).align = 4

    def stream(self, vector: Vector, offset: Index | int = 0) -> None:
        """Write a register to where one begins in memory, past the caches.

        For large results that are not read again soon. End with `Writer.settle_streams`.
        """
        writer = self.writer
        stored = writer.builder.store(vector.value, (self + offset).value)
        stored.align = 4 * writer.lanes
        stored.set_metadata("nontemporal", writer.module.add_metadata([I32(1)]))

    def scalar(self, offset: Index | int = 0) -> Any:
        """Return one element, as LLVM has it."""
        return self.writer.builder.load((self + offset).value, typ=FLOAT)

    def put_scalar(self, value: Any, offset: Index | int = 0) -> None:
        """Write one element, as `scalar` returns it."""
        self.writer.builder.store(value, (self + offset).value)

    def broadcast(self, offset: Index | int = 0) -> Vector:
        """Return one element in all lanes."""
        return self.writer.spread(self.scalar(offset))

    @property
    def word(self) -> Index:
        """The address as a number."""
        return Index(self.writer, self.writer.builder.ptrtoint(self.value, I64))

    def is_null(self) -> Any:
        """Return a condition for `Writer.when`."""
        return self.writer.builder.icmp_unsigned("==", self.value, ir.Constant(ADDRESS, None))


class Variable:
    """A place for a value that loops change; LLVM keeps it in a register."""

    __slots__ = ("kind", "place", "writer")

    def __init__(self, writer: Writer, first: Index | Vector | Pointer) -> None:
        self.writer, self.kind = writer, type(first)
        with writer.builder.goto_entry_block():
            self.place = writer.builder.alloca(first.value.type)
        self.set(first)

    def set(self, value: Any) -> None:
        """Give it another value."""
        self.writer.builder.store(value.value, self.place)

    def get(self) -> Any:
        """Return its value now."""
        loaded = self.writer.builder.load(self.place, typ=self.place.allocated_type)
        return self.kind(self.writer, loaded)
