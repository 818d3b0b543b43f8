from __future__ import annotations

import multiprocessing
import os
import re
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from striate import ops
from striate.errors import ParameterError
from striate.ops._threads import SMALL, run_blocks, thread_count

Make = Callable[..., Any]


@pytest.fixture
def layer(whole: Make, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Any]:
    """Return a convolution that is large enough for two threads."""
    monkeypatch.setenv("STRIATE_NUM_THREADS", "2")
    x, weight = whole(2, 16, 32, 32), whole(16, 16, 3, 3)
    return lambda: ops.conv2d(x, weight, padding=1)


def test_small_every_block_is_done_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for threads in ("1", "2", "5"):
        monkeypatch.setenv("STRIATE_NUM_THREADS", threads)
        for steps in (1, SMALL):
            done: list[int] = []
            run_blocks(lambda a, b, done=done: done.extend(range(a, b)), 11, steps)
            assert sorted(done) == list(range(11))


def test_small_small_work_stays_on_the_calling_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIATE_NUM_THREADS", "4")
    names: list[str] = []
    run_blocks(lambda a, b: names.append(threading.current_thread().name), 8, SMALL - 1)
    assert names == [threading.current_thread().name]


def test_small_errors_of_blocks_reach_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIATE_NUM_THREADS", "2")

    def fail(start: int, stop: int) -> None:
        raise ParameterError(f"block {start}")

    with pytest.raises(ParameterError, match=r"^block [01]$"):
        run_blocks(fail, 2, SMALL)


def test_small_thread_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIATE_NUM_THREADS", "3")
    assert thread_count() == 3
    monkeypatch.delenv("STRIATE_NUM_THREADS")
    if hasattr(os, "sched_getaffinity"):
        assert thread_count() == len(os.sched_getaffinity(0))
        monkeypatch.delattr(os, "sched_getaffinity")
    assert thread_count() == os.cpu_count()


@pytest.mark.parametrize("value", ["0", "-1", "two", " "])
def test_small_message_of_thread_count(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("STRIATE_NUM_THREADS", value)
    message = f"STRIATE_NUM_THREADS must be a whole number of at least 1, not {value!r}"
    with pytest.raises(ParameterError, match=f"^{re.escape(message)}$"):
        thread_count()


def test_calls_from_several_threads_at_once(layer: Callable[[], Any]) -> None:
    expected = layer()
    with ThreadPoolExecutor(4) as pool:
        for result in pool.map(lambda _: layer(), range(24)):
            assert_array_equal(result, expected)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_calls_after_a_fork(layer: Callable[[], Any]) -> None:
    expected = layer()  # the pool now has threads, which a child does not inherit

    def child(connection: Any) -> None:
        connection.send(np.array_equal(layer(), expected))

    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()
    process = context.Process(target=child, args=(there,))
    process.start()
    try:
        assert here.poll(60), "the child hangs"
        assert here.recv()
    finally:
        process.join(10)
        process.kill()
    assert_array_equal(layer(), expected)
