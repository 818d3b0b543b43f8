"""Tables of tasks: their words, their order, and the blocks that threads share."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from striate.ops.blocked.layout import Place
from striate.ops.blocked.program import ALIGNMENT, Table, aligned, run_tasks
from striate.ops.blocked.task import Task, bits
from striate.ops.codegen import Target, Writer, template

LARGE = 10_000_000  # work that threads share


@template("counts", "patience")
def tested_counting(w: Writer, a: Any) -> None:
    """Add 1 to the word of each block, after a while."""
    counts = w.pointer(a.counts)
    with w.loop(w.begin, w.end) as block:
        with w.loop(0, a.patience):
            w.pause()
        w.take(counts + block * 2, 0)


@template("x", "y", "size", "factor")
def tested_scaling(w: Writer, a: Any) -> None:
    """y = x * factor, a register of lanes for each block, read from the other end of x."""
    x, y, factor = w.pointer(a.x), w.pointer(a.y), w.float_of(a.factor)
    with w.loop(w.begin, w.end) as block:
        last = a.size - 1 - block
        y.store(x.load(last * w.lanes) * factor, block * w.lanes)


@template("wrong", "patience")
def tested_scratch(w: Writer, a: Any, size: int) -> None:
    """Fill the thread's own memory, wait, and count elements that others have changed."""
    wrong = w.pointer(a.wrong)
    with w.loop(w.begin, w.end) as block:
        with w.loop(0, size, w.lanes) as i:
            w.scratch.store(w.spread(w.builder.sitofp(block.value, w.vector.element)), i)
        with w.loop(0, a.patience):
            w.pause()
        mine = w.builder.sitofp(block.value, w.vector.element)
        with w.loop(0, size) as i:
            other = w.builder.fcmp_unordered("!=", w.scratch.scalar(i), mine)
            with w.when(other):
                w.take(wrong, 0)


def scaling(target: Target, x: Any, y: Any, size: int, factor: float, work: int = LARGE) -> Task:
    words = {"x": x, "y": y, "size": size, "factor": bits(factor)}
    return Task(tested_scaling.kernel(target), words, size, work)


@pytest.mark.parametrize("threads", [1, 2, 3, 6])
@pytest.mark.parametrize("blocks", [1, 2, 3, 61])
@pytest.mark.parametrize("patience", [0, 50])
def test_every_block_is_done_once(target: Target, threads: int, blocks: int, patience: int) -> None:
    counts = np.zeros(blocks, np.int64)
    words = {"counts": counts, "patience": patience}
    for work in (0, LARGE):
        task = Task(tested_counting.kernel(target), words, blocks, work)
        table = Table([task] * 5, {}, threads, target)
        counts[:] = 0
        for _ in range(20):
            table.run()
        assert_array_equal(counts, 100)


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_tasks_see_what_those_before_have_done(target: Target, threads: int) -> None:
    """Each task reads what other threads wrote in the one before."""
    size = 40
    x = np.random.default_rng(0).integers(-9, 9, size * target.lanes).astype(np.float32)
    x, y, z = x.copy(), np.zeros_like(x), np.zeros_like(x)
    places = {"x": x, "y": y, "z": z}
    tasks = [scaling(target, Place("x"), Place("y"), size, 2)]
    for number in range(20):
        one, other = ("y", "z") if number % 2 == 0 else ("z", "y")
        tasks.append(scaling(target, Place(one), Place(other), size, 1))
    tasks.append(scaling(target, Place("y"), Place("x"), size, 0.5))
    before = x.copy()
    for _ in range(10):
        run_tasks(tasks, places, threads, target)
    turned = before.reshape(size, -1)[::-1].ravel()
    assert_array_equal(y, 2 * turned)
    assert_array_equal(x, before)


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_scratch_is_the_threads_own(target: Target, threads: int) -> None:
    size = 1500
    wrong = np.zeros(1, np.int64)
    kernel = tested_scratch.kernel(target, size=size)
    other = tested_scratch.kernel(target, size=16)
    words = {"wrong": wrong, "patience": 100}
    tasks = [Task(kernel, words, 30, LARGE, size), Task(other, words, 30, LARGE, 16)]
    table = Table(tasks, {}, threads, target)
    for _ in range(5):
        table.run()
    assert wrong[0] == 0


def test_buffers_move_and_offsets_go_with_them(target: Target) -> None:
    lanes = target.lanes
    x = np.arange(4 * lanes, dtype=np.float32)
    y, other = np.zeros_like(x), np.zeros_like(x)
    tasks = [
        scaling(target, Place("x", lanes), Place("y", 2 * lanes), 1, 3),
        scaling(target, Place("x"), Place("y"), 1, 5),
    ]
    table = Table(tasks, {"x": x.ctypes.data}, 1, target)
    for to in (y, other):
        table.move("y", to.ctypes.data)
        table.run()
        wanted = np.zeros_like(x)
        wanted[:lanes], wanted[2 * lanes : 3 * lanes] = 5 * x[:lanes], 3 * x[lanes : 2 * lanes]
        assert_array_equal(to, wanted)
    table.move("nobody", 0)  # no task has it
    table.run(1, 1)
    y[:] = 0
    table.move("y", y.ctypes.data)
    table.run(1, 1)
    assert_array_equal(y[:lanes], 5 * x[:lanes])
    assert not y[lanes:].any()
    table.run(0, 0)


@pytest.mark.parametrize("blocks", [0, -1, 1 << 40])
def test_numbers_of_blocks_that_cannot_be(target: Target, blocks: int) -> None:
    task = Task(tested_counting.kernel(target), {"counts": 0, "patience": 0}, blocks, 1)
    with pytest.raises(ValueError, match=rf"^tested_counting\(\): {blocks} blocks$"):
        Table([task], {}, 1, target)


def test_missing_words_are_told(target: Target) -> None:
    task = Task(tested_counting.kernel(target), {"counts": 0}, 1, 1)
    message = r"^tested_counting\(\) takes counts, patience; differing: \['patience'\]$"
    with pytest.raises(TypeError, match=message):
        Table([task], {}, 1, target)


def test_no_tasks_at_all(target: Target) -> None:
    for threads in (1, 2):
        Table([], {}, threads, target).run()


@pytest.mark.parametrize("size", [1, 15, 16, 17, 1000])
def test_memory_begins_on_a_line(size: int) -> None:
    for _ in range(5):
        memory = aligned(size)
        assert memory.shape == (size,)
        assert memory.dtype == np.float32
        assert memory.ctypes.data % ALIGNMENT == 0


def test_bits_of_numbers() -> None:
    assert bits(0.0) == 0
    assert bits(-0.0) == 1 << 31
    assert bits(1.0) == 0x3F800000
    assert bits(np.inf) == 0x7F800000
    assert bits(0.1) == int(np.float32(0.1).view(np.uint32))


def test_several_callers_of_one_team(target: Target) -> None:
    """Whoever comes while another has the team runs alone; all blocks are done by all."""
    callers, blocks = 4, 7
    counts = np.zeros((callers, blocks), np.int64)
    kernel = tested_counting.kernel(target)

    def work(caller: int) -> None:
        words = {"counts": counts[caller], "patience": 3}
        table = Table([Task(kernel, words, blocks, LARGE)] * 3, {}, 2, target)
        for _ in range(50):
            table.run()

    threads = [threading.Thread(target=work, args=(caller,)) for caller in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert_array_equal(counts, 150)


def test_workers_that_sleep_are_not_missed(target: Target) -> None:
    counts = np.zeros(9, np.int64)
    task = Task(tested_counting.kernel(target), {"counts": counts, "patience": 20}, 9, LARGE)
    table = Table([task], {}, 3, target)
    for rest in (0, 0.0003, 0.001, 0.002, 0.03) * 3:
        time.sleep(rest)
        table.run()
    assert_array_equal(counts, 15)
