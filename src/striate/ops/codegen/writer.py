"""A writer of LLVM IR that reads like the loops it writes.

A kernel is a Python function that is run once, with a `Writer`, to write itself; see `values` for
what it computes with.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from striate.ops.codegen.target import Target
from striate.ops.codegen.values import (
    ADDRESS,
    FLOAT,
    I32,
    I64,
    VOID,
    Index,
    Pointer,
    Variable,
    Vector,
    ir,
)

__all__ = ["Writer"]


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

    def set_word(self, table: Pointer, place: Index | int, value: Index) -> None:
        """Change a word of a table."""
        pointer = self.builder.gep(
            table.value, [self.integer(place)], inbounds=True, source_etype=I64
        )
        self.builder.store(value.value, pointer)

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
