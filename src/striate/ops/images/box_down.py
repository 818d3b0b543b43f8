"""Sums down a box's columns: running ones of integers, staged ones of floats.

Both fill lines of sums, one for each of a few rows of the result, from tables of where the
image's rows begin. They are told which columns to do, since what lies beyond the border may be
another part of the row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from striate.ops.codegen import Index, Writer
from striate.ops.codegen.values import ADDRESS, I64, VOID, ir
from striate.ops.images.kinds import Cells, Held, Kind, Lanes, sweep

__all__ = [
    "carry_function",
    "put_word",
    "running_function",
    "singles_function",
    "suffix_function",
    "sums_function",
]

WIDE = 4
SINGLES = ir.FunctionType(VOID, [ADDRESS, I64, I64, I64, I64])
SUMS = ir.FunctionType(VOID, [ADDRESS, I64, I64, I64, I64, I64, I64])
SUFFIX = ir.FunctionType(VOID, [ADDRESS, I64, I64, I64, I64, I64])
CARRY = ir.FunctionType(VOID, [ADDRESS, I64, I64, I64, I64])
RUNNING = ir.FunctionType(VOID, [ADDRESS, I64, I64, I64, I64, I64])


def word_at(w: Writer, table: Any, place: Index | int) -> Index:
    """Return a word of a table of addresses."""
    cell = w.builder.gep(table, [w.integer(place)], source_etype=I64)
    return Index(w, w.builder.load(cell, typ=I64))


def put_word(w: Writer, table: Any, place: Index | int, word: Index | int) -> None:
    """Write a word of a table of addresses."""
    cell = w.builder.gep(table, [w.integer(place)], source_etype=I64)
    w.builder.store(w.integer(word), cell)


def _inner(w: Writer, name: str, kind: Any) -> Writer:
    inner = Writer(w.module, f"{w.function.name}_{name}", kind, w.target)
    inner.function.linkage = "internal"
    inner.function.attributes.add("noinline")
    return inner


class _Rows:
    """Loads of some registers of the image's rows, and of sums, from a column on."""

    def __init__(self, w: Writer, table: Any, source: Kind, sums: Kind) -> None:
        self.w, self.table, self.source, self.sums = w, table, source, sums
        self.lanes = sums.lanes(w)

    def image(self, entry: Index | int, at: Index, registers: int, mask: Any) -> list[Lanes]:
        """Return numbers of a row of the image, as sums' kind."""
        cells = Cells.at(word_at(self.w, self.table, entry), self.source) + at
        return [
            (cells + k * self.lanes).load(self.lanes, mask).to(self.sums) for k in range(registers)
        ]

    def kept(self, entry: Index | int, at: Index, registers: int) -> list[Lanes]:
        """Return numbers of a row of sums."""
        cells = Cells.at(word_at(self.w, self.table, entry), self.sums) + at
        return [(cells + k * self.lanes).load(self.lanes) for k in range(registers)]

    def store(self, target: Cells, at: Index, values: Sequence[Lanes], mask: Any) -> None:
        """Write numbers of a row of sums."""
        for k, value in enumerate(values):
            (target + at + k * self.lanes).store(value, mask)

    def prefetch(self, entry: Index | int, at: Index, registers: int) -> None:
        """Fetch numbers of a row of the image that is read next."""
        cells = Cells.at(word_at(self.w, self.table, entry), self.source) + at
        for byte in range(0, registers * self.lanes * self.source.size, 64):
            self.w.prefetch((cells + byte // self.source.size).pointer)


def plus(totals: list[Lanes], values: list[Lanes]) -> list[Lanes]:
    """Return sums, register by register."""
    return [total + value for total, value in zip(totals, values, strict=True)]


def add_all(
    w: Writer, totals: list[Lanes], first: Index | int, last: Index, load: Any
) -> list[Lanes]:
    """Return totals with ``load(entry)`` added for entries first ... last - 1."""
    held = [Held(total) for total in totals]
    with w.loop(first, last) as entry:
        for one, value in zip(held, load(entry), strict=True):
            one.set(one.get() + value)
    return [one.get() for one in held]


def singles_function(w: Writer, source: Kind, sums: Kind, unrolled: int) -> Any:
    """Write ``singles(table, rows, target, column, count)``: sums of rows of the image.

    `unrolled` is how many rows there are, or 0 for any number of them. After them in the table
    comes a row to fetch.
    """
    inner = _inner(w, "singles", SINGLES)
    table, rows, target, column, count = inner.function.args
    view = _Rows(inner, table, source, sums)
    some, start = Index(inner, rows), Index(inner, column)
    line = Cells.at(Index(inner, target), sums)

    def body(at: Index, registers: int, mask: Any) -> None:
        place = start + at
        totals = view.image(0, place, registers, mask)
        if unrolled:
            for entry in range(1, unrolled):
                totals = plus(totals, view.image(entry, place, registers, mask))
        else:
            totals = add_all(
                inner, totals, 1, some, lambda entry: view.image(entry, place, registers, mask)
            )
        view.store(line, at, totals, mask)
        if mask is None:
            view.prefetch(some, place, registers)

    sweep(inner, Index(inner, count), view.lanes, WIDE, body)
    inner.builder.ret_void()
    return inner.function


def sums_function(w: Writer, source: Kind, sums: Kind) -> Any:
    """Write ``sums(table, sums, rows, target, place, column, count)``.

    It adds rows of sums, which the table names first, and then rows of the image.
    """
    inner = _inner(w, "sums", SUMS)
    table, kept, rows, target, place, column, count = inner.function.args
    view = _Rows(inner, table, source, sums)
    parts, start, first = Index(inner, kept), Index(inner, column), Index(inner, place)
    last = parts + Index(inner, rows)
    line = Cells.at(Index(inner, target), sums)

    def body(at: Index, registers: int, mask: Any) -> None:
        here, there = first + at, start + at
        totals = plus(view.kept(0, here, registers), view.kept(1, here, registers))
        totals = add_all(inner, totals, 2, parts, lambda entry: view.kept(entry, here, registers))
        totals = add_all(
            inner, totals, parts, last, lambda entry: view.image(entry, there, registers, mask)
        )
        view.store(line, here, totals, mask)

    sweep(inner, Index(inner, count), view.lanes, WIDE, body)
    inner.builder.ret_void()
    return inner.function


def suffix_function(w: Writer, source: Kind, sums: Kind) -> Any:
    """Write ``suffix(table, rows, clear, place, column, count)``: sums from the last row up.

    The table names rows of the image, each before where the sum of it and all that come earlier
    in the table goes. Then nothing, which is added to anything, is written to `clear`.
    """
    inner = _inner(w, "suffix", SUFFIX)
    table, rows, clear, place, column, count = inner.function.args
    view = _Rows(inner, table, source, sums)
    first, start, last = Index(inner, place), Index(inner, column), Index(inner, rows)

    def put(entry: Index | int, at: Index, values: Sequence[Lanes], mask: Any) -> None:
        view.store(Cells.at(word_at(inner, table, entry), sums), first + at, values, mask)

    def body(at: Index, registers: int, mask: Any) -> None:
        there = start + at
        held = [Held(value) for value in view.image(0, there, registers, mask)]
        put(1, at, [one.get() for one in held], mask)
        with inner.loop(1, last) as entry:
            for one, value in zip(held, view.image(entry * 2, there, registers, mask), strict=True):
                one.set(one.get() + value)
            put(entry * 2 + 1, at, [one.get() for one in held], mask)
        nothing = Lanes.all(inner, -0.0, sums, view.lanes)
        view.store(Cells.at(Index(inner, clear), sums), first + at, [nothing] * registers, mask)

    sweep(inner, Index(inner, count), view.lanes, WIDE, body)
    inner.builder.ret_void()
    return inner.function


def carry_function(w: Writer, source: Kind, sums: Kind) -> Any:
    """Write ``carry(table, target, place, column, count)``: sums of a row's window.

    The table names the row of the image that enters the window, the sums of those that entered
    before it, which it is added to, the sums of what is left of the block before, and a row to
    fetch.
    """
    inner = _inner(w, "carry", CARRY)
    table, target, place, column, count = inner.function.args
    view = _Rows(inner, table, source, sums)
    first, start = Index(inner, place), Index(inner, column)
    line = Cells.at(Index(inner, target), sums)
    entered = Cells.at(word_at(inner, table, 1), sums)

    def body(at: Index, registers: int, mask: Any) -> None:
        here, there = first + at, start + at
        prefix = plus(view.kept(1, here, registers), view.image(0, there, registers, mask))
        view.store(entered, here, prefix, mask)
        view.store(line, here, plus(view.kept(2, here, registers), prefix), mask)
        if mask is None:
            view.prefetch(3, there, registers)

    sweep(inner, Index(inner, count), view.lanes, WIDE, body)
    inner.builder.ret_void()
    return inner.function


def running_function(w: Writer, source: Kind, sums: Kind, tall: int) -> Any:
    """Write ``running(table, target, line, place, column, count)``: the next sums of `tall` rows.

    The table names `tall` times the row that leaves the window and the one that enters it, then
    rows to fetch. Targets lie `line` numbers apart; the last holds the sums before the first row,
    and takes those of the last.
    """
    inner = _inner(w, "running", RUNNING)
    table, target, line, place, column, count = inner.function.args
    view = _Rows(inner, table, source, sums)
    start = Index(inner, column)
    lines = Cells.at(Index(inner, target), sums) + Index(inner, place)
    apart = Index(inner, line)

    def body(at: Index, registers: int, mask: Any) -> None:
        there = start + at
        last = lines + apart * (tall - 1) + at
        totals = [(last + k * view.lanes).load(view.lanes, mask) for k in range(registers)]
        for row in range(tall):
            left = view.image(2 * row, there, registers, mask)
            come = view.image(2 * row + 1, there, registers, mask)
            totals = [t + (c - o) for t, c, o in zip(totals, come, left, strict=True)]
            view.store(lines + apart * row, at, totals, mask)
        if mask is None:
            for row in range(tall):
                view.prefetch(2 * tall + row, there, registers)

    sweep(inner, Index(inner, count), view.lanes, WIDE, body)
    inner.builder.ret_void()
    return inner.function
