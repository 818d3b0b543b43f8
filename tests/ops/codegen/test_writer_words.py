"""What kernels do with 64-bit words: arithmetic, loops, conditions, words that threads share."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from numpy.testing import assert_array_equal

from striate.ops.codegen import Target, Writer, template
from striate.ops.codegen.values import STEP

Call = Callable[..., None]
MANY = settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
SIGNED = some.integers(-(2**31), 2**31)
COUNT = some.integers(0, 2**62)


@template("a", "b", "out")
def tested_sums(w: Writer, a: Any) -> None:
    out = w.pointer(a.out)
    results = [a.a + a.b, a.a - a.b, a.a * a.b, a.a + 3, a.a - 3, a.a * -5]
    results += [a.a.least(a.b), a.a.least(7), w.index(-9), a.a * 1 + w.index(2)]
    for place, result in enumerate(results):
        w.publish(out, place, result)


@MANY
@given(a=SIGNED, b=SIGNED)
def test_sums_and_products(target: Target, call: Call, a: int, b: int) -> None:
    out = np.zeros(10, np.int64)
    call(tested_sums.kernel(target), a=a, b=b, out=out)
    wanted = [a + b, a - b, a * b, a + 3, a - 3, a * -5, min(a, b), min(a, 7), -9, a + 2]
    assert out.tolist() == wanted


@template("a", "b", "out")
def tested_quotients(w: Writer, a: Any) -> None:
    out = w.pointer(a.out)
    for place, result in enumerate([a.a // a.b, a.a % a.b, a.a // 8, a.a % 8, a.a // 7, a.a % 7]):
        w.publish(out, place, result)


@MANY
@given(a=COUNT, b=some.integers(1, 2**62))
def test_quotients_of_counts(target: Target, call: Call, a: int, b: int) -> None:
    out = np.zeros(6, np.int64)
    call(tested_quotients.kernel(target), a=a, b=b, out=out)
    assert out.tolist() == [a // b, a % b, a // 8, a % 8, a // 7, a % 7]


@template("a", "b", "out")
def tested_comparisons(w: Writer, a: Any) -> None:
    out = w.pointer(a.out)
    conditions = [a.a < a.b, a.a > a.b, a.a <= a.b, a.a >= a.b, a.a.equals(a.b)]
    conditions += [a.a < 0, a.a > 0, a.a <= -1, a.a >= 1, a.a.equals(-1)]
    for place, condition in enumerate(conditions):
        w.publish(out, place, w.choose(condition, 1, 0))
    for place, condition in enumerate(conditions, len(conditions)):
        with w.when(condition):
            w.publish(out, place, a.a)
        with w.when_not(condition):
            w.publish(out, place, a.b)


@pytest.mark.parametrize("a", [-(2**62), -1, 0, 1, 2**62])
@pytest.mark.parametrize("b", [-(2**62), -1, 0, 1, 2**62])
def test_comparisons_and_conditions(target: Target, call: Call, a: int, b: int) -> None:
    out = np.full(20, 99, np.int64)
    call(tested_comparisons.kernel(target), a=a, b=b, out=out)
    truths = [a < b, a > b, a <= b, a >= b, a == b, a < 0, a > 0, a <= -1, a >= 1, a == -1]
    assert out.tolist() == [int(t) for t in truths] + [a if t else b for t in truths]


@template("start", "stop", "out")
def tested_loops(w: Writer, a: Any, step: int) -> None:
    out = w.pointer(a.out)
    trips, total, last = (w.variable(w.index(0)) for _ in range(3))
    with w.loop(a.start, a.stop, step) as i:
        trips.set(trips.get() + 1)
        with w.loop(0, i) as j, w.when(j >= 2):  # none for i <= 2
            total.set(total.get() + j)
        last.set(i)
    with w.loop(3, 3), w.loop(5, 4):
        trips.set(w.index(-1))
    for place, variable in enumerate((trips, total, last)):
        w.publish(out, place, variable.get())


@pytest.mark.parametrize("step", [1, 3])
@pytest.mark.parametrize("bounds", [(0, 0), (4, 4), (5, 2), (0, 1), (0, 7), (-3, 4), (2, 9)])
def test_loops(target: Target, call: Call, step: int, bounds: tuple[int, int]) -> None:
    out = np.full(3, 99, np.int64)
    call(tested_loops.kernel(target, step=step), start=bounds[0], stop=bounds[1], out=out)
    values = range(*bounds, step)
    total = sum(j for i in values for j in range(i) if j >= 2)
    assert out.tolist() == [len(values), total, values[-1] if values else 0]


@template("out", "limit")
def tested_forever(w: Writer, a: Any) -> None:
    out = w.pointer(a.out)
    number = w.variable(a.limit * 0)
    with w.forever() as after:
        w.leave(after, number.get() >= a.limit)
        w.pause()
        number.set(number.get() + 1)
        w.leave(after, number.get().equals(5))
        w.publish(out, 1, number.get())
    w.publish(out, 0, number.get())


@pytest.mark.parametrize(("limit", "left"), [(0, (0, 0)), (1, (1, 1)), (4, (4, 4)), (9, (5, 4))])
def test_loops_that_are_left(target: Target, call: Call, limit: int, left: Any) -> None:
    out = np.zeros(2, np.int64)
    call(tested_forever.kernel(target), limit=limit, out=out)
    assert tuple(out) == left


@template("out")
def tested_blocks(w: Writer, a: Any) -> None:
    """Add 1 to the word of each block, and say which memory is the thread's own."""
    out = w.pointer(a.out)
    with w.loop(w.begin, w.end) as block:
        w.take(out + block * 2, 0)
    w.scratch.store(w.constant(6.5))


@pytest.mark.parametrize(("begin", "end"), [(0, 0), (0, 5), (2, 3), (4, 2)])
def test_blocks_and_scratch(target: Target, call: Call, begin: int, end: int) -> None:
    out, scratch = np.zeros(5, np.int64), np.zeros(17, np.float32)
    call(tested_blocks.kernel(target), begin, end, scratch, out=out)
    assert out.tolist() == [int(begin <= block < end) for block in range(5)]
    assert_array_equal(scratch, [6.5] * target.lanes + [0] * (17 - target.lanes))


@template("shared", "times", "out")
def tested_tickets(w: Writer, a: Any) -> None:
    shared, out = w.pointer(a.shared), w.pointer(a.out)
    most = w.variable(w.index(-1))
    with w.loop(0, a.times):
        before = w.take(shared, 0, 3)
        with w.when(before >= w.shared(shared, 0)):
            w.publish(shared, 1, 1)  # somebody saw less than was there before
        with w.when(before <= most.get()):
            w.publish(shared, 1, 2)
        most.set(before)
    w.publish(out, 0, most.get())


def test_words_that_threads_share(target: Target, call: Call) -> None:
    times, count = 20_000, 4
    shared, most = np.zeros(2, np.int64), np.zeros((count, 1), np.int64)
    kernel = tested_tickets.kernel(target)
    threads = [
        threading.Thread(
            target=call, args=(kernel,), kwargs={"shared": shared, "times": times, "out": most[i]}
        )
        for i in range(count)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert shared.tolist() == [3 * times * count, 0]
    assert most.max() == 3 * (times * count - 1)


@template("table", "out", "nothing")
def tested_tables(w: Writer, a: Any) -> None:
    table, out = w.pointer(a.table), w.pointer(a.out)
    w.publish(out, 0, w.word(table, 2))
    w.publish(out, 1, w.word(table, w.word(table, 0)))
    w.publish(out, 2, (table + 6).word - table.word)
    for place, pointer in ((3, table), (4, w.pointer(a.nothing))):
        w.publish(out, place, 0)
        with w.when(pointer.is_null()):
            w.publish(out, place, 1)


def test_tables_and_addresses(target: Target, call: Call) -> None:
    table, out = np.array([3, 10, -20, 2**62]), np.zeros(5, np.int64)
    call(tested_tables.kernel(target), table=table, out=out, nothing=0)
    assert out.tolist() == [-20, 2**62, 24, 0, 1]


@template("function", "words", "first")
def tested_calls(w: Writer, a: Any) -> None:
    w.call(a.function, STEP, w.pointer(a.words), a.first, a.first + 2, w.scratch)


def test_calls_of_other_functions(target: Target, call: Call) -> None:
    out, scratch = np.zeros(5, np.int64), np.zeros(16, np.float32)
    words = np.array([out.ctypes.data])
    address = tested_blocks.kernel(target).address
    call(tested_calls.kernel(target), 0, 1, scratch, function=address, words=words, first=1)
    assert out.tolist() == [0, 1, 1, 0, 0]
    assert scratch[0] == 6.5


def test_wrong_and_missing_words_are_told(target: Target) -> None:
    kernel = tested_tables.kernel(target)
    for words, wrong in (
        ({"table": 0, "out": 0}, "['nothing']"),
        ({"table": 0, "out": 0, "nothing": 0, "more": 1}, "['more']"),
        ({"tabel": 0, "out": 0, "nothing": 0}, "['tabel', 'table']"),
    ):
        with pytest.raises(TypeError) as caught:
            kernel.words(**words)
        message = f"tested_tables() takes table, out, nothing; differing: {wrong}"
        assert str(caught.value) == message
    assert kernel.words(nothing=3, out=2, table=1) == [1, 2, 3]


def test_fields_that_a_kernel_lacks_are_told(target: Target) -> None:
    @template("x")
    def tested_misspelling(w: Writer, a: Any) -> None:
        w.pointer(a.z)

    with pytest.raises(AttributeError) as caught:
        tested_misspelling.kernel(target)
    assert str(caught.value) == "the kernel has no field z"
