"""What machine code reads lies within its operands; plans are let go."""

import os
import subprocess
import sys

import numpy as np
import pytest

import striate as st
from striate.errors import ParameterError
from striate.network import Builder, Network
from striate.runtime import engines

# Puts arrays right before and right behind pages that cannot be read, and runs networks on them.
GUARDED = """
import ctypes, mmap
import numpy as np
import striate as st
from striate.network import Builder, Network, operators as op

libc, page, maps = ctypes.CDLL(None), mmap.PAGESIZE, []

def guarded(x, behind):
    pages = -(-x.nbytes // page)
    maps.append(mmap.mmap(-1, (pages + 2) * page))
    start = ctypes.addressof(ctypes.c_char.from_buffer(maps[-1]))
    for at in (start, start + (pages + 1) * page):
        assert libc.mprotect(ctypes.c_void_p(at), page, 0) == 0
    offset = page + (0 if behind else pages * page - x.nbytes)
    y = np.frombuffer(maps[-1], np.float32, x.size, offset).reshape(x.shape)
    y[...] = x
    return y

def networks(shape):
    makers = [
        lambda b: b.input,
        lambda b: b.linear(b.input, "linear", features=5),
        lambda b: b.add(op.Add(), b.input, b.input, name="sum"),
        lambda b: b.add(op.Concat(), b.input, b.input, name="both"),
    ]
    for operator in (op.Relu(), op.Tanh(), op.Sigmoid(), op.Flatten(), op.Softmax(1)):
        makers.append(lambda b, operator=operator: b.add(operator, b.input, name="y"))
    if len(shape) > 1:
        makers += [
            lambda b: b.max_pool(b.input, "pool", kernel=2, stride=1, padding=1),
            lambda b: b.batch_norm(b.input, "norm"),
            lambda b: b.add(op.GlobalMaxPool(), b.input, name="most"),
            lambda b: b.conv(b.input, "c", channels=5, kernel=1),
            lambda b: b.conv(b.input, "c", channels=5, kernel=2, padding=1),
            lambda b: b.conv_transpose(b.input, "up", channels=5, kernel=2, stride=2),
            lambda b: b.conv(b.input, "d", channels=shape[0], kernel=3, padding=1, groups=shape[0]),
            lambda b: b.conv(b.input, "d", channels=shape[0], kernel=2, stride=2, groups=shape[0]),
        ]
    for make in makers:
        b = Builder("b", (None, *shape))
        network = Network(b.graph(make(b)))
        yield network.initialize(0) if network.graph.parameters else network

for shape in ((6,), (5001,), (3, 5, 5), (17, 3, 7), (3, 37, 41), (2, 9), (1, 2, 3, 5)):
    for network in networks(shape):
        run = st.compile(network, threads=1)
        for batch in (1, 3):
            x = np.random.default_rng(0).standard_normal((batch, *shape)).astype(np.float32)
            wanted = run(x)
            for behind in (False, True):
                assert (run(guarded(x, behind)) == wanted).all()
"""


@pytest.mark.skipif(os.name != "posix", reason="protects pages as POSIX does")
def test_nothing_beyond_the_input_is_read():
    """A file mapped into memory ends where its pages end."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", GUARDED], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr[-2000:]) == (0, "")


def test_shapes_that_are_not_used_for_long_are_let_go(monkeypatch):
    monkeypatch.setattr(engines, "SHAPES", 3)
    b = Builder("any size", (None, 2, None))
    network = Network(b.graph(b.conv(b.input, "y", channels=3, kernel=3, padding=1))).initialize(0)
    run = st.compile(network)
    kept = run._native._lowered
    first = np.ones((1, 2, 10), np.float32)
    expected = run(first)
    for size in range(11, 30):
        run(np.ones((1, 2, size), np.float32))
        run(first)  # used again and again
        assert len(kept) <= 3
        assert ((1, 2, 10),) in kept
        assert set(run._native._ready) <= set(kept)
    np.testing.assert_array_equal(run(first), expected)
    monkeypatch.setattr(engines, "MEMORY", 0)
    for size in range(30, 34):
        run(np.ones((1, 2, size), np.float32))
        assert list(kept) == [((1, 2, size),)]


@pytest.mark.parametrize(("name", "value"), [("tune", "yes"), ("tune", None), ("threads", True)])
def test_settings_of_another_kind(name, value):
    network = st.load("lenet-1989").initialize(0)
    with pytest.raises(ParameterError) as caught:
        st.compile(network, **{name: value})
    rule = "True or False" if name == "tune" else "a whole number from 1"
    assert str(caught.value) == f"compile: {name} must be {rule}, not {value!r}"
