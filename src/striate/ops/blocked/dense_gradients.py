"""Gradients of fully connected layers of few examples, as fast as memory moves their weights.

Columns of the weights are done in chunks. What a chunk takes again and again lies in the thread's
memory, a tile of columns of all examples after the other: the gradients of the data while they
are summed, or the data themselves. Rows of the weights are read or written once, in long runs.

The sum of each element has one order, whatever chunk it is in.
"""

from __future__ import annotations

from typing import Any

from striate.ops.blocked.lanes import first_lanes, load_first, store_first
from striate.ops.blocked.layout import Place
from striate.ops.blocked.task import Task, Word
from striate.ops.blocked.walk import cut_task, row_template, span, walk
from striate.ops.codegen import Index, Pointer, Target, Vector, Writer

__all__ = ["data_gradient_of_few", "sum_of_examples", "weight_gradient_of_few"]

SUMS = {16: 12, 32: 24}  # registers of sums, by the number of registers
ROWS = 8  # rows of weights that are summed together
EXAMPLES = 8  # of a group
CHUNK = {"data": 4096, "weights": 1024}  # columns, at most
LEAST_CHUNKS = 4  # for threads
PARTS = 8  # of the rows of weights
AHEAD = 256  # elements of a row from those that are needed to those that are fetched
LARGE = 1 << 23  # elements of weights that no cache holds: their gradients go past the caches


def _chunks(target: Target, columns: int, vectors: int, most: int) -> tuple[int, int]:
    """Return the tiles of columns in a chunk, and how many chunks there are."""
    width = vectors * target.lanes
    tiles = -(-columns // width)
    each = max(1, min(most // width, -(-tiles // LEAST_CHUNKS)))
    return each, -(-tiles // each)


def _fits(w: Writer, left: Index, vectors: int) -> list[Any]:
    """Return the masks of the columns that are there."""
    return [first_lanes(w, left - v * w.lanes) for v in range(vectors)]


def _load(w: Writer, at: Pointer, masks: list[Any] | None, vectors: int) -> list[Vector]:
    if masks is None:
        return [at.load(v * w.lanes) for v in range(vectors)]
    return [load_first(w, at + v * w.lanes, mask) for v, mask in enumerate(masks)]


def data_gradient_of_few(
    target: Target, dy: Place, examples: int, weight: Place, shape: tuple[int, int], result: Place
) -> Task:
    """Return what writes dy weight; see `dense.data_gradient`."""
    rows, columns = shape
    group = min(examples, EXAMPLES)
    vectors = min(6, max(1, SUMS[target.registers] // group), -(-columns // target.lanes))
    each, chunks = _chunks(target, columns, vectors, CHUNK["data"])
    words: dict[str, Word] = {"dy": dy, "weight": weight, "dx": result, "examples": examples}
    words |= {"rows": rows, "columns": columns, "each": each}
    words["groups"] = -(-examples // group)
    kernel = gradient_of_data.kernel(target, group=group, vectors=vectors)
    scratch = each * examples * vectors * target.lanes
    work = examples * rows * columns
    return cut_task(kernel, words, chunks, work, scratch, f"{group}x{vectors}")


@row_template("dy", "weight", "dx", "examples", "groups", "rows", "columns", "each")
def gradient_of_data(w: Writer, a: Any, group: int, vectors: int) -> None:
    """Write chunks of columns."""
    width = vectors * w.lanes
    begin, end = span(w, a)
    tiles = (a.columns + (width - 1)) // width
    with w.loop(begin, end) as chunk:
        first = chunk * a.each
        count = (tiles - first).least(a.each)
        partial = (a.columns - first * width) // width  # whole tiles from here on
        with w.loop(0, count * a.examples * vectors) as i:
            w.scratch.store(w.constant(0.0), i * w.lanes)

        def add(row: Index, tile: Index, rows: int, whole: bool) -> None:
            column = (first + tile) * width
            masks = None if whole else _fits(w, a.columns - column, vectors)
            weights = [w.pointer(a.weight) + ((row + r) * a.columns + column) for r in range(rows)]
            sums_of = w.scratch + tile * a.examples * width
            with w.loop(0, a.groups) as g:
                numbers = [(g * group + e).least(a.examples - 1) for e in range(group)]
                sums = [[w.variable(w.constant(0.0)) for _ in range(vectors)] for _ in numbers]
                for r, at in enumerate(weights):
                    registers = _load(w, at, masks, vectors)
                    for line in range(0, width, 16):
                        w.prefetch(at + (AHEAD + line), 1)
                    for totals, number in zip(sums, numbers, strict=True):
                        element = (w.pointer(a.dy) + (number * a.rows + row)).broadcast(r)
                        for total, register in zip(totals, registers, strict=True):
                            total.set(element.multiply_add(register, total.get()))
                places = [sums_of + number * width for number in numbers]
                for totals, place in zip(sums, places, strict=True):
                    for v, total in enumerate(totals):
                        total.set(place.load(v * w.lanes) + total.get())
                for totals, place in zip(sums, places, strict=True):  # the last may be twice there
                    for v, total in enumerate(totals):
                        place.store(total.get(), v * w.lanes)

        def add_rows(row: Index, rows: int) -> None:
            whole = count.least(partial)
            with w.loop(0, whole) as tile:
                add(row, tile, rows, True)
            with w.loop(whole, count) as tile:
                add(row, tile, rows, False)

        most = a.rows // ROWS * ROWS
        with w.loop(0, most, ROWS) as row:
            add_rows(row, ROWS)
        with w.loop(most, a.rows) as row:
            add_rows(row, 1)
        with w.loop(0, count) as tile, w.loop(0, a.examples) as number:
            column = (first + tile) * width
            at = w.pointer(a.dx) + (number * a.columns + column)
            sums = w.scratch + (tile * a.examples + number) * width
            for v, mask in enumerate(_fits(w, a.columns - column, vectors)):
                store_first(w, at + v * w.lanes, sums.load(v * w.lanes), mask)


def weight_gradient_of_few(
    target: Target, x: Place, dy: Place, examples: int, shape: tuple[int, int], result: Place
) -> Task:
    """Return what writes dy^T x; see `dense.weight_gradient`."""
    rows, columns = shape
    vectors = min(6, -(-columns // target.lanes))
    group = min(rows, SUMS[target.registers] // vectors, 8)
    each, chunks = _chunks(target, columns, vectors, CHUNK["weights"])
    groups = -(-rows // group)
    parts = min(groups, PARTS if chunks < 4 * PARTS else 1)
    words: dict[str, Word] = {"x": x, "dy": dy, "dw": result, "examples": examples}
    words |= {"rows": rows, "columns": columns, "each": each, "chunks": chunks}
    words |= {"parts": parts, "groups": groups, "groups_each": -(-groups // parts)}
    past = rows * columns >= LARGE
    kernel = gradient_of_weights.kernel(target, group=group, vectors=vectors, past=past)
    scratch = each * examples * vectors * target.lanes
    work = examples * rows * columns
    return cut_task(kernel, words, chunks * parts, work, scratch, f"{group}x{vectors}")


@row_template(
    *("x", "dy", "dw", "examples", "rows", "columns", "each", "chunks"),
    *("parts", "groups", "groups_each"),
)
def gradient_of_weights(w: Writer, a: Any, group: int, vectors: int, past: bool) -> None:
    """Write chunks of columns of some rows."""
    width = vectors * w.lanes
    tiles = (a.columns + (width - 1)) // width
    with walk(w, a, (a.chunks, a.parts)) as (chunk, part):
        first = chunk * a.each
        count = (tiles - first).least(a.each)
        partial = (a.columns - first * width) // width
        with w.loop(0, a.examples) as n, w.loop(0, count) as tile:
            column = (first + tile) * width
            at = w.pointer(a.x) + (n * a.columns + column)
            to = w.scratch + (tile * a.examples + n) * width
            for v, one in enumerate(_load(w, at, _fits(w, a.columns - column, vectors), vectors)):
                to.store(one, v * w.lanes)

        def write(g: Index, tile: Index, whole: bool) -> None:
            column = (first + tile) * width
            numbers = [(g * group + r).least(a.rows - 1) for r in range(group)]
            sums = [[w.variable(w.constant(0.0)) for _ in range(vectors)] for _ in numbers]
            data = w.scratch + tile * a.examples * width
            with w.loop(0, a.examples) as n:
                registers = _load(w, data + n * width, None, vectors)
                factors = w.pointer(a.dy) + n * a.rows
                for totals, number in zip(sums, numbers, strict=True):
                    element = factors.broadcast(number)
                    for total, register in zip(totals, registers, strict=True):
                        total.set(element.multiply_add(register, total.get()))
            masks = None if whole else _fits(w, a.columns - column, vectors)
            for totals, number in zip(sums, numbers, strict=True):
                at = w.pointer(a.dw) + (number * a.columns + column)
                _put(w, at, [total.get() for total in totals], masks, past)

        begin = part * a.groups_each
        with w.loop(begin, (begin + a.groups_each).least(a.groups)) as g:
            whole = count.least(partial)
            with w.loop(0, whole) as tile:
                write(g, tile, True)
            with w.loop(whole, count) as tile:
                write(g, tile, False)
    if past:
        w.settle_streams()


def _put(
    w: Writer, at: Pointer, registers: list[Vector], masks: list[Any] | None, past: bool
) -> None:
    if masks is not None:
        for v, mask in enumerate(masks):
            store_first(w, at + v * w.lanes, registers[v], mask)
        return
    if not past:
        for v, register in enumerate(registers):
            at.store(register, v * w.lanes)
        return
    aligned = (at.word % (4 * w.lanes)).equals(0)
    with w.builder.if_else(aligned) as (then, otherwise):
        with then:
            for v, register in enumerate(registers):
                at.stream(register, v * w.lanes)
        with otherwise:
            for v, register in enumerate(registers):
                at.store(register, v * w.lanes)


def sum_of_examples(target: Target, dy: Place, examples: int, size: int, result: Place) -> Task:
    """Return what writes the sums of a matrix (examples, size) over its examples."""
    words: dict[str, Word] = {"x": dy, "y": result, "examples": examples, "size": size}
    rows, work = -(-size // target.lanes), 4 * examples * size
    return cut_task(sums_of_columns.kernel(target), words, rows, work)


@row_template("x", "y", "examples", "size")
def sums_of_columns(w: Writer, a: Any) -> None:
    """Write registers of sums."""
    begin, end = span(w, a)
    with w.loop(begin, end) as row:
        column = row * w.lanes
        mask = first_lanes(w, a.size - column)
        total = w.variable(w.constant(0.0))
        with w.loop(0, a.examples) as n:
            at = w.pointer(a.x) + (n * a.size + column)
            total.set(total.get() + load_first(w, at, mask))
        store_first(w, w.pointer(a.y) + column, total.get(), mask)
