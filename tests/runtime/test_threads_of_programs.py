"""Programs and threads: the team's, the callers', and those of a process that forked."""

import multiprocessing
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import striate as st
from striate.network import Builder, Network
from striate.network import operators as op


def network():
    """Return a network whose tasks are large enough to be shared, by every method."""
    b = Builder("shared", (None, 3, 32, 32))
    x = b.conv(b.input, "planes", channels=33, kernel=5, padding=2, stride=2)
    y = b.conv(x, "tiles", channels=33, kernel=3, padding=1)
    y = b.add(op.Relu(), b.add(op.Add(), y, x, name="sum"), name="relu")
    y = b.conv(y, "depthwise", channels=33, kernel=3, padding=1, groups=33)
    y = b.add(op.Concat(), b.conv(y, "points", channels=40, kernel=1), x, name="both")
    y = b.conv_transpose(y, "up", channels=32, kernel=4, stride=2, padding=1)
    y = b.add(op.Tanh(), b.max_pool(y, "pool", kernel=3, stride=2), name="tanh")
    y = b.add(op.Softmax(), b.linear(y, "scores", features=100), name="softmax")
    return Network(b.graph(y)).initialize(1)


NETWORK = network()


def example(batch=2, seed=0):
    return np.random.default_rng(seed).standard_normal((batch, 3, 32, 32), np.float32)


@pytest.fixture(scope="module")
def run():
    return st.compile(NETWORK, threads=2)


@pytest.mark.parametrize("precision", ["auto", "exact"])
def test_results_do_not_depend_on_threads(precision):
    for batch in (1, 3):
        alone = st.compile(NETWORK, threads=1, precision=precision)(example(batch))
        for threads in (2, 3, 7):
            together = st.compile(NETWORK, threads=threads, precision=precision)
            for _ in range(3):
                np.testing.assert_array_equal(together(example(batch)), alone)


def test_threads_are_the_environments_unless_told(monkeypatch):
    monkeypatch.setenv("STRIATE_NUM_THREADS", "3")
    assert st.compile(NETWORK).threads == 3
    assert st.compile(NETWORK, threads=1).threads == 1
    monkeypatch.setenv("STRIATE_NUM_THREADS", "none")
    assert st.compile(NETWORK, threads=2).threads == 2
    with pytest.raises(st.errors.ParameterError) as caught:
        st.compile(NETWORK)
    message = "STRIATE_NUM_THREADS must be a whole number of at least 1, not 'none'"
    assert str(caught.value) == message


def test_callers_at_once(run):
    """One of them has the team; the others run alone, with the same results."""
    inputs = [example(seed % 3 + 1, seed) for seed in range(30)]
    wanted = [run(x) for x in inputs]
    with ThreadPoolExecutor(5) as pool:
        for found, exact in zip(pool.map(run, inputs), wanted, strict=True):
            np.testing.assert_array_equal(found, exact)


def test_programs_take_turns_with_one_team(run):
    other = st.compile(NETWORK, threads=2, precision="exact")
    wanted = run(example()), other(example())
    with ThreadPoolExecutor(4) as pool:
        found = pool.map(lambda i: (run, other)[i % 2](example()), range(24))
        for number, y in enumerate(found):
            np.testing.assert_array_equal(y, wanted[number % 2])


def test_calls_after_a_rest(run):
    """Workers sleep after a while without work, and are woken or not missed."""
    wanted = run(example())
    for rest in (0, 0.0005, 0.001, 0.002, 0.005, 0.05) * 3:
        time.sleep(rest)
        np.testing.assert_array_equal(run(example()), wanted)


def child_says(question):
    """Ask in a forked child; return its answer."""
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()

    def child(connection):
        connection.send(question())

    process = context.Process(target=child, args=(there,))
    process.start()
    try:
        assert here.poll(30), "the child hangs"
        return here.recv()
    finally:
        process.join(10)
        process.kill()


forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
quiet = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


@forks
@quiet
def test_calls_after_a_fork(run):
    wanted = run(example())
    assert child_says(lambda: all(np.array_equal(run(example()), wanted) for _ in range(3)))
    assert child_says(lambda: run(example(1, 5)).shape) == (1, 100)  # a new shape is lowered
    np.testing.assert_array_equal(run(example()), wanted)


@forks
@quiet
def test_forks_while_another_thread_runs_the_program(run):
    wanted = run(example())
    stop = threading.Event()

    def work():
        while not stop.is_set():
            run(example())

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(5):
            assert child_says(lambda: np.array_equal(run(example()), wanted))
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    np.testing.assert_array_equal(run(example()), wanted)


def one_convolution(channels):
    b = Builder("one", (None, 3, 9, 9))
    graph = b.graph(b.conv(b.input, "conv", channels=channels, kernel=2))
    return Network(graph).initialize(0)


@forks
@quiet
def test_forks_while_another_thread_plans():
    """The child must not wait for a lock held by a thread that it does not have."""
    stop = threading.Event()

    def plan():
        size = 9
        while not stop.is_set():
            size = size % 50 + 3
            st.compile(one_convolution(size))(np.zeros((1, 3, size, size), np.float32))

    def fresh():
        run = st.compile(one_convolution(7), threads=2)  # planned anew
        return run(np.zeros((1, 3, 9, 9), np.float32)).shape

    assert fresh() == (1, 7, 8, 8)  # what is needed is imported now: that takes locks of its own
    thread = threading.Thread(target=plan)
    thread.start()
    try:
        for _ in range(8):
            assert child_says(fresh) == (1, 7, 8, 8)
    finally:
        stop.set()
        thread.join()


EXITS = """
import threading, numpy as np, striate as st
net = st.load("lenet-5").initialize(0)
run = st.compile(net, threads=2)
x = np.zeros((64, 1, 32, 32), np.float32)
run(x)
def work():
    while True:
        run(x)
"""
BUSY = EXITS + "threading.Thread(target=work, daemon=True).start()\nrun(x)\n"


@pytest.mark.parametrize("program", [EXITS, BUSY], ids=["waiting", "working"])
def test_processes_end_while_workers_wait_or_work(program):
    command = [sys.executable, "-W", "error", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
