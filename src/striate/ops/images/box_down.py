"""Sums down a box's columns: running ones of integers, of floats those of some rows together.

Both fill lines of sums, one for each of a few rows of the result, from tables of where the
image's rows begin. They are told which columns to do, since what lies beyond the border may be
another part of the row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from striate.ops.codegen import Index, Writer
from striate.ops.codegen.values import ADDRESS, I64, VOID, ir
from striate.ops.images.cells import Cells, Held, sweep
from striate.ops.images.kinds import Kind, Lanes

__all__ = [
    "put_word",
    "running_function",
    "singles_function",
    "together_function",
]

WIDE = 4
SHORT = 8  # sums of rows that are added one after the other
SINGLES = ir.FunctionType(VOID, [ADDRESS, I64, I64, I64, I64])
TOGETHER = ir.FunctionType(VOID, [ADDRESS, I64, I64, I64, I64, I64, I64])
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

    def kept_sums(self, first: int, last: Index, at: Index, registers: int) -> list[Lanes]:
        """Return numbers of rows of sums added up, some at a time, lest roundings pile up."""

        def some(entry: Index) -> list[Lanes]:
            stop = last.least(entry + SHORT)
            return add_all(
                self.w,
                self.kept(entry, at, registers),
                entry + 1,
                stop,
                lambda one: self.kept(one, at, registers),
            )

        totals = some(self.w.index(first))
        return add_all(self.w, totals, first + SHORT, last, some, SHORT)

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
    w: Writer, totals: list[Lanes], first: Index | int, last: Index, load: Any, step: int = 1
) -> list[Lanes]:
    """Return totals with ``load(entry)`` added for entries first, first + step ... below last."""
    held = [Held(total) for total in totals]
    with w.loop(first, last, step) as entry:
        for one, value in zip(held, load(entry), strict=True):
            one.set(one.get() + value)
    return [one.get() for one in held]


def singles_function(w: Writer, source: Kind, sums: Kind) -> Any:
    """Write ``singles(table, rows, target, column, count)``: sums of rows of the image.

    After them in the table comes a row to fetch.
    """
    inner = _inner(w, "singles", SINGLES)
    table, rows, target, column, count = inner.function.args
    view = _Rows(inner, table, source, sums)
    some, start = Index(inner, rows), Index(inner, column)
    line = Cells.at(Index(inner, target), sums)

    def body(at: Index, registers: int, mask: Any) -> None:
        place = start + at
        totals = view.image(0, place, registers, mask)
        totals = add_all(
            inner, totals, 1, some, lambda entry: view.image(entry, place, registers, mask)
        )
        view.store(line, at, totals, mask)
        if mask is None:
            view.prefetch(some, place, registers)

    sweep(inner, Index(inner, count), view.lanes, WIDE, body)
    inner.builder.ret_void()
    return inner.function


def together_function(
    w: Writer, source: Kind, sums: Kind, tall: int, rest: int, groups: bool
) -> Any:
    """Write ``together(table, groups, target, line, place, column, count)``: sums of `tall` rows.

    The table names `tall` - 1 rows that leave the window one by one, `tall` that enter, as many
    to fetch; where the sum of all that enter goes, and that of the last `rest` of them; then
    such a sum of `rest` rows and so many `groups`, which are in all windows. Targets lie `line`
    numbers apart.
    """
    inner = _inner(w, "together", TOGETHER)
    table, number, target, line, place, column, count = inner.function.args
    view = _Rows(inner, table, source, sums)
    start, apart, first = Index(inner, column), Index(inner, line), Index(inner, place)
    lines = Cells.at(Index(inner, target), sums) + first
    enter, after = tall - 1, 3 * tall - 1
    last = Index(inner, number) + (after + 3)

    def put(entry: int, at: Index, values: Sequence[Lanes], mask: Any) -> None:
        view.store(Cells.at(word_at(inner, table, entry), sums), at, values, mask)

    def body(at: Index, registers: int, mask: Any) -> None:
        there, here = start + at, first + at
        shared: list[Lanes] | None = view.kept(after + 2, here, registers) if rest else None
        if groups:
            many = view.kept_sums(after + 3, last, here, registers)
            shared = plus(shared, many) if shared else many
        totals = [shared]
        for entry in range(tall - 2, -1, -1):
            leaves = view.image(entry, there, registers, mask)
            totals.append(plus(totals[-1], leaves) if totals[-1] else leaves)
        come: list[Lanes] | None = None
        short: list[Lanes] | None = None
        for row in range(tall):
            value = view.image(enter + row, there, registers, mask)
            come = plus(come, value) if come else value
            if row >= tall - rest:
                short = plus(short, value) if short else value
            before = totals[-1 - row]
            total = plus(before, come) if before else come
            view.store(lines + apart * row, at, total, mask)
        if groups and come:
            put(after, here, come, mask)
        if short:
            put(after + 1, here, short, mask)
        if mask is None:
            for row in range(tall):
                view.prefetch(enter + tall + row, there, registers)

    sweep(inner, Index(inner, count), view.lanes, max(WIDE // max(tall // 4, 1), 1), body)
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
