"""Addresses of numbers, places for them that loops change, and the loop over a row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from striate.ops.codegen import Index, Pointer, Writer
from striate.ops.codegen.values import ADDRESS, I32, I64, VOID, ir
from striate.ops.images.kinds import BIT, S32, Kind, Lanes, declared

__all__ = ["Cells", "Held", "first", "sweep"]


class Held:
    """A place for numbers that loops change; LLVM keeps it in registers."""

    __slots__ = ("kind", "place", "w")

    def __init__(self, first: Lanes) -> None:
        self.w, self.kind = first.w, first.kind
        with self.w.builder.goto_entry_block():
            self.place = self.w.builder.alloca(first.value.type)
        self.set(first)

    def set(self, value: Lanes) -> None:
        """Give it other numbers."""
        self.w.builder.store(value.value, self.place)

    def get(self) -> Lanes:
        """Return its numbers now."""
        loaded = self.w.builder.load(self.place, typ=self.place.allocated_type)
        return Lanes(self.w, loaded, self.kind)


class Cells:
    """An address of numbers of one kind; offsets are counted in numbers."""

    __slots__ = ("kind", "value", "w")

    def __init__(self, w: Writer, value: Any, kind: Kind) -> None:
        self.w, self.value, self.kind = w, value, kind

    @classmethod
    def at(cls, word: Index, kind: Kind) -> Cells:
        """Return the address that a word is."""
        return cls(word.writer, word.writer.pointer(word).value, kind)

    def __add__(self, offset: Index | int) -> Cells:
        if isinstance(offset, int) and offset == 0:
            return self
        places = [self.w.integer(offset)]
        moved = self.w.builder.gep(self.value, places, source_etype=self.kind.type)
        return Cells(self.w, moved, self.kind)

    @property
    def word(self) -> Index:
        """The address as a number."""
        return Index(self.w, self.w.builder.ptrtoint(self.value, I64))

    @property
    def pointer(self) -> Pointer:
        """The address for functions that ask for no kind."""
        return Pointer(self.w, self.value)

    def load(self, count: int, mask: Any = None) -> Lanes:
        """Return so many numbers; those outside the mask are not read, and are 0."""
        kind = ir.VectorType(self.kind.type, count)
        if mask is None:
            loaded = self.w.builder.load(self.value, typ=kind)
            loaded.align = self.kind.size
            return Lanes(self.w, loaded, self.kind)
        name = f"llvm.masked.load.{self._suffix(count)}"
        kinds = [ADDRESS, I32, ir.VectorType(BIT, count), kind]
        zeros = Lanes.all(self.w, 0, self.kind, count).value
        arguments = [self.value, I32(self.kind.size), mask, zeros]
        function = declared(self.w, name, kind, kinds)
        return Lanes(self.w, self.w.builder.call(function, arguments), self.kind)

    def store(self, lanes: Lanes, mask: Any = None) -> None:
        """Write numbers; those outside the mask are not touched."""
        if mask is None:
            self.w.builder.store(lanes.value, self.value).align = self.kind.size
            return
        name = f"llvm.masked.store.{self._suffix(lanes.count)}"
        kinds = [lanes.value.type, ADDRESS, I32, ir.VectorType(BIT, lanes.count)]
        arguments = [lanes.value, self.value, I32(self.kind.size), mask]
        self.w.builder.call(declared(self.w, name, VOID, kinds), arguments)

    def stream(self, lanes: Lanes) -> None:
        """Write numbers past the caches, to an address that is a multiple of their size."""
        store = self.w.builder.store(lanes.value, self.value)
        store.align = self.kind.size * lanes.count
        store.set_metadata("nontemporal", self.w.module.add_metadata([I32(1)]))

    def until_aligned(self, lanes: int) -> Index:
        """Return how many numbers lie ahead of the next multiple of the size of so many."""
        size = self.kind.size * lanes
        return (self.w.index(size) - self.word % size) % size // self.kind.size

    def _suffix(self, count: int) -> str:
        return f"v{count}{'f' if self.kind.floating else 'i'}{8 * self.kind.size}.p0"

    def scalar(self) -> Any:
        """Return one number, as LLVM has it."""
        return self.w.builder.load(self.value, typ=self.kind.type)

    def put(self, value: Any) -> None:
        """Write one number, as LLVM has it."""
        self.w.builder.store(value, self.value)

    def broadcast(self, count: int) -> Lanes:
        """Return one number in all lanes."""
        return Lanes.spread(self.w, self.scalar(), self.kind, count)


def sweep(
    w: Writer,
    stop: Index,
    lanes: int,
    wide: int,
    body: Callable[[Index, int, Any], None],
    ahead: Index | None = None,
) -> None:
    """Write ``body(at, registers, mask)`` for 0 ... stop - 1: `wide` registers at a time, then one.

    The numbers that fill no register are done under a mask, and so are the first `ahead`, fewer
    than `lanes`; elsewhere the mask is None.
    """
    at = w.variable(w.index(0))
    if ahead is not None:
        with w.when(ahead > 0):
            body(at.get(), 1, first(w, ahead.least(stop), lanes))
            at.set(ahead)
    for registers in dict.fromkeys((wide, 1)):
        step = registers * lanes
        last = stop - (step - 1)
        with w.forever() as after:
            w.leave(after, at.get() >= last)
            body(at.get(), registers, None)
            at.set(at.get() + step)
    with w.when(at.get() < stop):
        body(at.get(), 1, first(w, stop - at.get(), lanes))


def first(w: Writer, count: Index, lanes: int) -> Any:
    """Return the mask of the first `count` lanes."""
    kind = ir.VectorType(I32, lanes)
    places = ir.Constant(kind, list(range(lanes)))
    some = Lanes.spread(w, w.builder.trunc(count.value, I32), S32, lanes)
    return w.builder.icmp_signed("<", places, some.value)
