"""The team of a process: who has it, who helps, and what a fork leaves of it."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from typing import Any

import numpy as np
import pytest

from striate.ops.blocked.program import Table
from striate.ops.blocked.task import Task
from striate.ops.blocked.team import team_of
from striate.ops.codegen import Target, Writer, template

LARGE = 10_000_000


@template("seen", "patience")
def tested_helpers(w: Writer, a: Any) -> None:
    """Wait until another thread does a block too; note that none came for a while."""
    seen = w.pointer(a.seen)
    with w.loop(w.begin, w.end):
        w.take(seen, 0)
        waited = w.variable(w.index(0))
        with w.forever() as after:
            w.leave(after, w.shared(seen, 0) >= 2)
            w.leave(after, waited.get() > a.patience)
            w.pause()
            waited.set(waited.get() + 1)
        with w.when(waited.get() > a.patience):
            w.publish(seen, 1, 1)


def test_one_caller_at_a_time() -> None:
    team = team_of(2, Target.host())
    assert team_of(2, Target.host()) is team
    assert team_of(3, Target.host()) is not team
    with team.taken() as address:
        assert address == team.address
        with team.taken() as other:
            assert other is None
        with team.taken() as again:
            assert again is None
    with team.taken() as address:
        assert address == team.address


def test_an_error_gives_the_team_back() -> None:
    team = team_of(2, Target.host())
    with pytest.raises(KeyboardInterrupt), team.taken():
        raise KeyboardInterrupt
    with team.taken() as address:
        assert address == team.address


def workers() -> int:
    return sum(thread.name == "striate" for thread in threading.enumerate())


def test_threads_that_ask_at_once_get_one_team() -> None:
    """And no second one is made, whose workers would stay for good."""
    found: list[Any] = []
    together = threading.Barrier(8)

    def ask() -> None:
        together.wait()
        found.append(team_of(5, Target.host()))

    before = workers()
    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(map(id, found))) == 1
    assert workers() - before == 4


def helped(table: Table, seen: Any) -> bool:
    seen[:] = 0
    table.run()
    assert seen[0] == 2
    return not seen[1]


def helpers() -> tuple[Table, Any]:
    """Return a table of a task that waits for company, and what it notes."""
    seen = np.zeros(2, np.int64)
    words = {"seen": seen, "patience": 1_000_000}
    task = Task(tested_helpers.kernel(Target.host()), words, 2, LARGE)
    return Table([task], {}, 2, Target.host()), seen


def test_workers_help_again_and_after_a_rest() -> None:
    """Not each time, where the machine is busy: a block waits for tens of milliseconds only."""
    table, seen = helpers()
    assert sum(helped(table, seen) for _ in range(10)) >= 5
    woken = 0
    for _ in range(5):
        time.sleep(0.03)  # the worker sleeps by now
        woken += helped(table, seen)
    assert woken >= 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("taken", [False, True])
def test_a_child_has_a_team_of_its_own(taken: bool) -> None:
    table, seen = helpers()
    helped(table, seen)
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()

    def child(connection: Any) -> None:
        connection.send(sum(helped(table, seen) for _ in range(10)))

    process = context.Process(target=child, args=(there,))
    team = team_of(2, Target.host())
    if taken:
        with team.taken():
            process.start()
    else:
        process.start()
    try:
        assert here.poll(60), "the child hangs"
        assert here.recv() >= 2  # it has workers that help
    finally:
        process.join(10)
        process.kill()
    with team.taken() as address:
        assert address == team.address
