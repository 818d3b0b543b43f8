"""Programs of machine code as their callers see them: any array in, a fresh array out."""

import os
import signal
import threading
import time

import numpy as np
import pytest

import striate as st
from striate.errors import ParameterError
from striate.network import Builder, Initial, Network
from striate.network import operators as op


def small():
    b = Builder("small", (None, 3, 9, 9))
    x = b.add(op.Relu(), b.conv(b.input, "a", channels=20, kernel=3, padding=1), name="relu")
    return Network(b.graph(b.conv(x, "b", channels=5, kernel=3, stride=2))).initialize(0)


def large():
    """Return a network of which the output is large, and its memory used again."""
    b = Builder("large", (None, 3, 40, 40))
    x = b.add(op.Relu(), b.conv(b.input, "a", channels=24, kernel=3, padding=1), name="relu")
    return Network(b.graph(x)).initialize(0)


@pytest.fixture(scope="module")
def run_small():
    return st.compile(small())


@pytest.fixture(scope="module")
def run_large():
    return st.compile(large())


def example(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape, np.float32)


def unaligned(x):
    raw = np.zeros(x.nbytes + 1, np.uint8)
    view = raw[1:].view(np.float32).reshape(x.shape)
    view[...] = x
    assert not view.flags.aligned
    return view


def read_only(x):
    x = x.copy()
    x.flags.writeable = False
    return x


def spread(x):
    wide = np.full((*x.shape[:-1], 3 * x.shape[-1]), np.nan, np.float32)
    wide[..., ::3] = x
    return wide[..., ::3]


FORMS = {
    "Fortran order": np.asfortranarray,
    "negative strides": lambda x: x[::-1, ::-1, ::-1, ::-1].copy()[::-1, ::-1, ::-1, ::-1],
    "strided": spread,
    "channels last": lambda x: x.transpose(0, 2, 3, 1).copy().transpose(0, 3, 1, 2),
    "unaligned": unaligned,
    "read-only": read_only,
    "no stride": lambda x: np.broadcast_to(x[:1], x.shape),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("size", [7, 45])
def test_inputs_of_any_form(run_small, form, size):
    x = example(2, 3, size, size)
    given = FORMS[form](x)
    wanted = run_small(np.ascontiguousarray(given).copy())
    before = given.copy()
    np.testing.assert_array_equal(run_small(given), wanted)
    np.testing.assert_array_equal(given, before)


def ended(form):
    """Return a network of one step, or of none, that reads the caller's array itself."""
    b = Builder("ended", (None, 3, 41, 11))
    step = {
        "input": lambda: b.input,
        "flat": lambda: b.add(op.Flatten(), b.input, name="y"),
        "relu": lambda: b.add(op.Relu(), b.input, name="y"),
        "both": lambda: b.add(op.Concat(), b.input, b.input, name="y"),
        "sum": lambda: b.add(op.Add(), b.input, b.input, name="y"),
    }[form]
    return Network(b.graph(step()))


@pytest.mark.parametrize("form", ["input", "flat", "relu", "both", "sum"])
def test_results_are_fresh_arrays(form):
    run = st.compile(ended(form))
    for batch in (1, 7):
        x = example(batch, 3, 41, 11)
        before = x.copy()
        first = run(x)
        assert not np.shares_memory(first, x)
        assert first.flags.writeable
        kept = first.copy()
        second = run(example(batch, 3, 41, 11, seed=1))
        np.testing.assert_array_equal(first, kept)
        assert not np.shares_memory(first, second)
        first[...] = np.nan
        np.testing.assert_array_equal(x, before)
        np.testing.assert_array_equal(run(x), kept)


def test_results_and_their_views_outlive_later_calls(run_large):
    """Memory of results is used again once nobody can see it, not before."""
    kept, wanted = [], []
    for seed in range(12):
        y = run_large(example(1, 3, 40, 40, seed=seed))
        wanted.append(y.copy())
        views = [y, y[0, 3:5, ::2], memoryview(y), y.reshape(-1)[:7], y.T]
        kept.append(views[seed % 5])
        wanted[-1] = [y, y[0, 3:5, ::2], y, y.reshape(-1)[:7], y.T][seed % 5].copy()
        del y, views
        if seed % 4 == 3:  # forget one: later calls may have its memory
            del kept[1], wanted[1]
        for found, before in zip(kept, wanted, strict=True):
            np.testing.assert_array_equal(np.asarray(found), before)
    assert not any(
        np.shares_memory(np.asarray(a), np.asarray(b)) for i, a in enumerate(kept) for b in kept[:i]
    )


def test_memory_of_dropped_results_is_used_again(run_large):
    x = example(1, 3, 40, 40)
    places = {run_large(x).ctypes.data for _ in range(10)}
    assert len(places) <= 2


def test_shapes_in_turn(run_small):
    inputs = [example(n, 3, h, w, seed=n) for n in (1, 2, 5) for h, w in ((5, 5), (9, 4), (40, 33))]
    wanted = [st.compile(small())(x) for x in inputs]
    for _ in range(3):
        for x, y in zip(inputs, wanted, strict=True):
            np.testing.assert_array_equal(run_small(x), y)


def test_batches_are_their_examples_one_by_one(run_small):
    for size in (9, 150, 500):  # at 500, a batch is cut into parts that fit into the cache
        x = example(5, 3, size, size)
        whole = run_small(x)
        for i in range(5):
            np.testing.assert_array_equal(whole[i : i + 1], run_small(x[i : i + 1]))


@pytest.mark.parametrize("size", [9, 400])
def test_networks_of_one_batch_size(check, lively, size):
    """As a parameter makes it, which has as many examples; large ones are not cut either."""
    for batch in (1, 2):
        b = Builder("fixed", (batch, 3, size, size))
        p = b.parameter("p", (batch, 8, size, size), Initial("normal", 1.0))
        x = b.conv(b.input, "a", channels=8, kernel=3, padding=1)
        network = Network(b.graph(b.add(op.Add(), x, p, name="sum")))
        check(lively(network, 0), (batch, 3, size, size))


def test_refused_shapes_leave_a_program_usable(run_small):
    x = example(1, 3, 9, 9)
    wanted = run_small(x)
    for bad in ((1, 4, 9, 9), (1, 3, 9), (1, 3, 1, 1)):
        with pytest.raises((st.errors.ShapeError, st.errors.GeometryError)):
            run_small(example(*bad))
    np.testing.assert_array_equal(run_small(x), wanted)


@pytest.mark.parametrize("threads", [0, -1, 1.5, "2"])
def test_threads_of_a_program_are_counted(threads):
    with pytest.raises(ParameterError) as caught:
        st.compile(small(), threads=threads)
    message = f"compile: threads must be a whole number from 1, not {threads!r}"
    assert str(caught.value) == message


@pytest.mark.skipif(os.name != "posix", reason="interrupts a thread as POSIX does")
def test_interrupted_calls_leave_a_program_usable(run_large):
    inputs = [example(1, 3, 40, 40, seed=seed) for seed in range(4)]
    wanted = [run_large(x) for x in inputs]
    interrupted, stop = 0, threading.Event()

    def interrupt():
        while not stop.wait(0.003):
            os.kill(os.getpid(), signal.SIGINT)

    def refuse(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, refuse)
    thread = threading.Thread(target=interrupt)
    try:
        thread.start()
        end = time.monotonic() + 1.0
        while time.monotonic() < end:
            try:
                for x, y in zip(inputs, wanted, strict=True):
                    assert (run_large(x) == y).all()
            except KeyboardInterrupt:
                interrupted += 1
    finally:
        while thread.is_alive():
            try:
                stop.set()
                thread.join()
            except KeyboardInterrupt:
                continue
        signal.signal(signal.SIGINT, before)
    assert interrupted > 5
    for x, y in zip(inputs, wanted, strict=True):
        np.testing.assert_array_equal(run_large(x), y)
