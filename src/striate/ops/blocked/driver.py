"""The compiled loops that run a program: the caller's over tasks, and a worker's over blocks.

A task's blocks are dealt by one shared word, the ticket: its number of the task, how many blocks
that has, and the next one to do, so that whoever adds 1 to it knows at once what it has got. A
worker touches a program only for a block that it was dealt, which the caller waits for: it may
come late, or never, and all gets done.
"""

from __future__ import annotations

import functools
from typing import Any

from striate.ops.codegen import Index, Pointer, Target, Writer, library
from striate.ops.codegen.values import ADDRESS, I32, I64, STEP, VOID, Variable, ir

__all__ = [
    "ENTRY_WORDS",
    "MOST_BLOCKS",
    "RUNNING",
    "SLEEPING",
    "TEAM_WORDS",
    "YIELD",
    "repeat_function",
    "run_function",
    "work_function",
]

# Words of a task: its function, the address of its arguments, blocks, whether threads share it.
FUNCTION, ARGUMENTS, BLOCKS, SHARED = range(4)
ENTRY_WORDS = 4

# Words of a team, which lie apart, so that writing one does not take the others' cache lines.
LINE = 16
TICKET, DONE, TABLE, SCRATCH, STRIDE, RUNNING, YIELD = (LINE * i for i in range(7))
SLEEPING = 7 * LINE
TEAM_WORDS = 8 * LINE

NUMBER, COUNT = 1 << 48, 1 << 24  # the parts of a ticket: task + 1, blocks, next block
MOST_BLOCKS = COUNT >> 1
TURN = 256  # looks after which the processor is offered to others, who may be whom we wait for
PATIENCE = 40_000  # looks at the ticket before a worker goes to sleep: about a millisecond

RUN = ir.FunctionType(VOID, [ADDRESS, I64, ADDRESS, ADDRESS, I64])
REPEAT = ir.FunctionType(VOID, [ADDRESS, I64, I64, ADDRESS, ADDRESS, I64, ADDRESS])
WORK = ir.FunctionType(VOID, [ADDRESS, I64])
SYSTEM_YIELD = ir.FunctionType(I32, [])


@functools.cache
def run_function(target: Target) -> int:
    """Return the address of ``run(table, tasks, team or null, scratch, scratch stride)``."""
    return library(target).address("run()", functools.partial(_write, target, RUN, write_run))


@functools.cache
def work_function(target: Target) -> int:
    """Return the address of ``work(team, worker)``, which returns after waiting in vain."""
    return library(target).address("work()", functools.partial(_write, target, WORK, write_work))


@functools.cache
def repeat_function(target: Target) -> int:
    """Return the address of ``repeat(table, first, rest, team or null, scratch, stride, words)``.

    It runs the first tasks and then the rest, again and again: as often as the word says that
    `words` begins with, or until the second word is not 0 after the first tasks. The third word
    counts the steps that are done, the fourth all there ever were.
    """
    write = functools.partial(_write, target, REPEAT, write_repeat)
    return library(target).address("repeat()", write)


def _write(target: Target, kind: Any, body: Any, module: Any, symbol: str) -> None:
    writer = Writer(module, symbol, kind, target)
    body(writer)
    writer.builder.ret_void()


def write_run(w: Writer) -> None:
    """Write the caller's loop."""
    table, tasks, team, scratch, stride = (w.argument(place) for place in range(5))
    alone = team.is_null()
    with w.when_not(alone):
        for place, value in ((TABLE, table.word), (SCRATCH, scratch.word), (STRIDE, stride)):
            w.publish(team, place, value)
        w.publish(team, RUNNING, 1)
    with w.loop(0, tasks) as number:
        entry = number * ENTRY_WORDS
        blocks = w.word(table, entry + BLOCKS)
        share = w.builder.and_(w.builder.not_(alone), w.word(table, entry + SHARED) > 0)
        with w.builder.if_else(share) as (together, by_itself):
            with together:
                w.publish(team, DONE, 0)
                w.publish(team, TICKET, (number + 1) * NUMBER + blocks * COUNT)
                _do_blocks(w, team, w.index(0))
                looks = w.variable(w.index(0))
                with w.forever() as after:
                    w.leave(after, w.shared(team, DONE) >= blocks)
                    _wait(w, team, looks)
            with by_itself:
                _call(w, table, entry, w.index(0), blocks, scratch)
    with w.when_not(alone):
        w.publish(team, RUNNING, 0)


def write_repeat(w: Writer) -> None:
    """Write the loop that repeats a program; the counters are up to date when its tasks run."""
    table, first, rest, team, scratch, stride, words = (w.argument(place) for place in range(7))
    run = Index(w, w.builder.ptrtoint(_run_here(w), I64))
    behind = w.pointer(table.word + first * (8 * ENTRY_WORDS))
    with w.forever() as after:
        w.leave(after, w.word(words, 2) >= w.word(words, 0))
        w.call(run, RUN, table, first, team, scratch, stride)
        w.leave(after, w.word(words, 1) > 0)
        w.call(run, RUN, behind, rest, team, scratch, stride)
        for counter in (2, 3):
            w.set_word(words, counter, w.word(words, counter) + 1)


def _run_here(w: Writer) -> Any:
    """Return the caller's loop, written into the same module."""
    inner = Writer(w.module, f"{w.function.name}_run", RUN, w.target)
    inner.function.linkage = "internal"
    write_run(inner)
    inner.builder.ret_void()
    return inner.function


def write_work(w: Writer) -> None:
    """Write a worker's loop."""
    team, worker = w.argument(0), w.argument(1)
    waited, looks = w.variable(w.index(0)), w.variable(w.index(0))
    with w.forever() as after:
        ticket = w.shared(team, TICKET)
        with w.builder.if_else(_next(ticket) < _blocks(ticket)) as (some, none):
            with some:
                _do_blocks(w, team, worker)
                waited.set(w.index(0))
            with none:
                _wait(w, team, looks)
                waited.set((waited.get() + 1) * (w.index(1) - w.shared(team, RUNNING)))
        w.leave(after, waited.get() > PATIENCE)


def _wait(w: Writer, team: Pointer, looks: Variable) -> None:
    """Wait a moment; now and then let others have the processor, if the system offers that."""
    w.pause()
    looks.set(looks.get() + 1)
    system = w.shared(team, YIELD)
    enough = (looks.get() % TURN).equals(0)
    with w.when(w.builder.and_(enough, system > 0)):
        w.call(system, SYSTEM_YIELD)


def _do_blocks(w: Writer, team: Pointer, worker: Index) -> None:
    """Take blocks and do them until none is left."""
    with w.forever() as after:
        ticket = w.take(team, TICKET)
        w.leave(after, _next(ticket) >= _blocks(ticket))
        table, scratch = (w.pointer(w.shared(team, place)) for place in (TABLE, SCRATCH))
        entry = (ticket // NUMBER - 1) * ENTRY_WORDS
        own = scratch + w.shared(team, STRIDE) * worker
        _call(w, table, entry, _next(ticket), _next(ticket) + 1, own)
        w.take(team, DONE)


def _call(
    w: Writer, table: Pointer, entry: Index, begin: Index, end: Index, scratch: Pointer
) -> None:
    function, arguments = w.word(table, entry + FUNCTION), w.word(table, entry + ARGUMENTS)
    w.call(function, STEP, w.pointer(arguments), begin, end, scratch)


def _next(ticket: Index) -> Index:
    return ticket % COUNT


def _blocks(ticket: Index) -> Index:
    return (ticket // COUNT) % COUNT
