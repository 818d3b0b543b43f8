"""A writer of LLVM IR that reads like the loops it writes.

Values are wrapped so that Python's operators write instructions: `Index` is a 64-bit integer,
`Vector` a register of float32 lanes, `Pointer` an address of float32 elements. A kernel is a
Python function that is run once, with a `Writer`, to write itself.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from striate.ops.codegen.target import Target

__all__ = ["Index", "Pointer", "Variable", "Vector", "Writer"]

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


class Writer:
    """Writes one function of a module."""

    def __init__(self, module: Any, name: str, kind: Any, target: Target) -> None:
        self.module, self.target = module, target
        self.lanes = target.lanes
        self.vector = ir.VectorType(FLOAT, target.lanes)
        self.function = ir.Function(module, kind, name)
        self.builder = ir.IRBuilder(self.function.append_basic_block("entry"))

    @property
    def begin(self) -> Index:
        """The first block of a step to do."""
        return Index(self, self.function.args[1])

    @property
    def end(self) -> Index:
        """The block after the last to do."""
        return Index(self, self.function.args[2])

    @property
    def scratch(self) -> Pointer:
        """Memory of the thread's own."""
        return Pointer(self, self.function.args[3])

    def argument(self, place: int) -> Any:
        """Return an argument of the function: an address, or an integer."""
        value = self.function.args[place]
        return Index(self, value) if value.type == I64 else Pointer(self, value)

    # values ------------------------------------------------------------------------------

    def integer(self, value: Index | int) -> Any:
        """Return an integer as LLVM has it."""
        return value.value if isinstance(value, Index) else I64(value)

    def index(self, value: int) -> Index:
        """Return a constant integer."""
        return Index(self, I64(value))

    def constant(self, value: float) -> Vector:
        """Return a number in all lanes."""
        return Vector(
            self, ir.Constant(self.vector, [ir.Constant(FLOAT, float(value))] * self.lanes)
        )

    def spread(self, scalar: Any) -> Vector:
        """Return one element, as LLVM has it, in all lanes."""
        undefined = ir.Constant(self.vector, ir.Undefined)
        one = self.builder.insert_element(undefined, scalar, I32(0))
        lanes = ir.Constant(ir.VectorType(I32, self.lanes), [0] * self.lanes)
        return Vector(self, self.builder.shuffle_vector(one, undefined, lanes))

    def intrinsic(self, name: str, *arguments: Vector) -> Vector:
        """Call one of LLVM's functions of registers."""
        kinds = [argument.value.type for argument in arguments]
        full = f"{name}.v{kinds[0].count}f32"
        function = self.module.globals.get(full)
        if function is None:
            function = ir.Function(self.module, ir.FunctionType(kinds[0], kinds), full)
        return Vector(self, self.builder.call(function, [a.value for a in arguments]))

    def settle_streams(self) -> None:
        """Let other threads see what was streamed before they see what is written after."""
        if self.target.level != "neon":  # there, it is no more than a hint
            self._plain_call("llvm.x86.sse.sfence", [])

    def _plain_call(self, name: str, arguments: Sequence[Any]) -> None:
        """Call one of LLVM's functions that return nothing."""
        function = self.module.globals.get(name)
        if function is None:
            kind = ir.FunctionType(VOID, [argument.type for argument in arguments])
            function = ir.Function(self.module, kind, name)
        self.builder.call(function, arguments)

    def prefetch(self, at: Pointer, level: int = 2, to_write: bool = False) -> None:
        """Fetch the line of the cache at an address, which need not exist, into a level of it."""
        function = self.module.globals.get("llvm.prefetch.p0")
        if function is None:
            kind = ir.FunctionType(VOID, [ADDRESS, I32, I32, I32])
            function = ir.Function(self.module, kind, "llvm.prefetch.p0")
        self.builder.call(function, [at.value, I32(int(to_write)), I32(4 - level), I32(1)])

    def variable(self, first: Index | Vector | Pointer) -> Variable:
        """Return a variable with its first value."""
        return Variable(self, first)

    # words: 64-bit numbers in memory, such as the arguments of a step and tables -----------

    def word(self, table: Pointer, place: Index | int) -> Index:
        """Return a word of a table."""
        pointer = self.builder.gep(
            table.value, [self.integer(place)], inbounds=True, source_etype=I64
        )
        return Index(self, self.builder.load(pointer, typ=I64))

    def pointer(self, word: Index) -> Pointer:
        """Return a word as an address."""
        return Pointer(self, self.builder.inttoptr(word.value, ADDRESS))

    def float_of(self, word: Index) -> Vector:
        """Return the float32 whose bits are the low half of a word, in all lanes."""
        bits = self.builder.trunc(word.value, I32)
        return self.spread(self.builder.bitcast(bits, FLOAT))

    # words that several threads use --------------------------------------------------------

    def shared(self, table: Pointer, place: int) -> Index:
        """Return a word that another thread may just have changed, and see what it did before."""
        loaded = self.builder.load_atomic(self._at(table, place), "acquire", 8, typ=I64)
        return Index(self, loaded)

    def publish(self, table: Pointer, place: int, value: Index | int) -> None:
        """Change a word for other threads, which then see all that was done before."""
        self.builder.store_atomic(self.integer(value), self._at(table, place), "seq_cst", 8)

    def take(self, table: Pointer, place: int, count: int = 1) -> Index:
        """Add to a word in one step and return what it was before."""
        before = self.builder.atomic_rmw("add", self._at(table, place), I64(count), "seq_cst")
        return Index(self, before)

    def pause(self) -> None:
        """Tell the processor that we only wait."""
        if self.target.level == "neon":
            self._plain_call("llvm.aarch64.hint", [I32(1)])
        else:
            self._plain_call("llvm.x86.sse2.pause", [])

    def _at(self, table: Pointer, place: int) -> Any:
        pointer = self.builder.gep(table.value, [I64(place)], inbounds=True, source_etype=I64)
        # llvmlite wants the type of what an atomic instruction points to.
        return self.builder.inttoptr(self.builder.ptrtoint(pointer, I64), I64.as_pointer())

    # control -----------------------------------------------------------------------------

    @contextmanager
    def loop(self, start: Index | int, stop: Index | int, step: int = 1) -> Iterator[Index]:
        """Repeat what is written inside for start, start + step, ... below stop."""
        builder = self.builder
        counter = self.variable(Index(self, self.integer(start)))
        test = builder.append_basic_block("test")
        body = builder.append_basic_block("body")
        after = builder.append_basic_block("after")
        builder.branch(test)
        builder.position_at_end(test)
        builder.cbranch(counter.get() < stop, body, after)
        builder.position_at_end(body)
        now = counter.get()
        yield now
        counter.set(now + step)
        builder.branch(test)
        builder.position_at_end(after)

    @contextmanager
    def forever(self) -> Iterator[Any]:
        """Repeat what is written inside until it branches to the block that this yields."""
        body = self.builder.append_basic_block("body")
        after = self.builder.append_basic_block("after")
        self.builder.branch(body)
        self.builder.position_at_end(body)
        yield after
        self.builder.branch(body)
        self.builder.position_at_end(after)

    def leave(self, after: Any, condition: Any) -> None:
        """Go on after the loop of `forever` where the condition holds."""
        stay = self.builder.append_basic_block("stay")
        self.builder.cbranch(condition, after, stay)
        self.builder.position_at_end(stay)

    @contextmanager
    def when(self, condition: Any) -> Iterator[None]:
        """Do what is written inside where the condition holds."""
        with self.builder.if_then(condition):
            yield

    @contextmanager
    def when_not(self, condition: Any) -> Iterator[None]:
        """Do what is written inside where the condition does not hold."""
        with self.builder.if_then(self.builder.not_(condition)):
            yield

    def choose(self, condition: Any, then: Index | int, otherwise: Index | int) -> Index:
        """Return one of two integers."""
        chosen = self.builder.select(condition, self.integer(then), self.integer(otherwise))
        return Index(self, chosen)

    def call(self, address: Index, kind: Any, *values: Index | Pointer) -> None:
        """Call the function of this kind at an address."""
        function = self.builder.inttoptr(address.value, kind.as_pointer())
        self.builder.call(function, [value.value for value in values])
