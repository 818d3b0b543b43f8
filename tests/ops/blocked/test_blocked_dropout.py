from __future__ import annotations

import re

import numpy as np
import pytest
from scipy import stats

from striate.errors import ParameterError
from striate.ops.blocked.dropout import dropout, dropout_rows
from striate.ops.blocked.layout import Place
from striate.ops.blocked.program import run_tasks
from striate.ops.codegen import Target

SHAPES = [(2, 5, 7), (3, 33, 4, 5), (2, 16, 3, 9), (1, 20, 2, 3, 4), (5, 9000, 1)]
STEP = Place("s", 2)


def split(number):
    """Mix a word as SplitMix64 does."""
    number = (number ^ number >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    number = (number ^ number >> 27) * 0x94D049BB133111EB % 2**64
    return number ^ number >> 31


def definition(shape, rate, seed, layer, step):
    """Return what ones become."""
    golden, size = 0x9E3779B97F4A7C15, int(np.prod(shape[1:]))
    key = split((split(seed % 2**64) + (layer + 1) * golden) % 2**64)
    key = split((key + (step + 1) * golden) % 2**64)
    found = []
    for example in range(shape[0]):
        own = split((key + (example + 1) * golden) % 2**64)
        number = np.arange(size, dtype=np.uint32) + np.uint32(own % 2**32)
        for then in (own >> 32, 0):
            number = (number ^ number >> np.uint32(16)) * np.uint32(0x7FEB352D)
            number = (number ^ number >> np.uint32(15)) * np.uint32(0x846CA68B)
            number = (number ^ number >> np.uint32(16)) ^ np.uint32(then)
        found.append(np.where(number >= round(rate * 2**32), np.float32(1 / (1 - rate)), 0))
    return np.array(found, np.float32).reshape(shape)


@pytest.fixture
def rows(run):
    """Return what drops elements of ones, on this machine."""

    def rows(shape, rate=0.5, seed=1, layer=0, step=0):
        buffers = {"x": np.ones(shape, np.float32), "s": np.array([99, step])}
        task = dropout_rows(Target.host(), Place("x"), shape, Place("x"), rate, seed, layer, STEP)
        run(task, buffers)
        return buffers["x"]

    return rows


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize(
    ("rate", "seed", "layer", "step"),
    [(0.5, 0, 0, 0), (0.2, 2**63 + 5, 3, 10**12), (0.9, -7, 1, 1), (0.0, 1, 2, 3)],
)
def test_masks_are_those_of_the_definition(
    target, run, value, put, get, edge, shape, rate, seed, layer, step
):
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    wanted = x * definition(shape, rate, seed, layer, step)
    at, out = value("x", target, shape, 1, 2, (1, 0)), value("y", target, shape, 0, 1, (0, 1))
    buffers = {"x": put(at.layout, x), "y": np.full(out.layout.size, 7, np.float32)}
    buffers["s"] = np.array([99, step])
    run(dropout(target, at, out, rate, seed, layer, STEP), buffers)
    np.testing.assert_array_equal(get(out.layout, buffers["y"]), wanted)
    assert (edge(out.layout, buffers["y"]) == 7).all()
    run(dropout(target, at, at, rate, seed, layer, STEP), buffers)
    np.testing.assert_array_equal(get(at.layout, buffers["x"]), wanted)
    plain = len(x), x[0].size
    buffers |= {"x": x.ravel(), "y": np.full(x.size + 20, 7, np.float32)}
    run(dropout_rows(target, Place("x"), plain, Place("y"), rate, seed, layer, STEP), buffers)
    np.testing.assert_array_equal(buffers["y"][: x.size].reshape(shape), wanted)
    assert (buffers["y"][x.size :] == 7).all()


def test_what_is_dropped_does_not_matter(run):
    shape = (1, 1000)
    buffers = {"x": np.full(shape, np.nan, np.float32), "s": np.zeros(2, np.int64)}
    run(dropout_rows(Target.host(), Place("x"), shape, Place("x"), 0.3, 0, 0, STEP), buffers)
    dropped = definition(shape, 0.3, 0, 0, 0) == 0
    np.testing.assert_array_equal(np.isnan(buffers["x"]), ~dropped)
    assert (buffers["x"][dropped] == 0).all()


@pytest.mark.parametrize("rate", [0.05, 0.5, 0.8])
def test_as_many_are_dropped_as_said(rows, rate):
    dropped = rows((200, 5000), rate) == 0
    for axis in (0, 1):  # the numbers in each row and column are binomial
        each = dropped.sum(axis)
        count = dropped.shape[axis]
        z = (each - count * rate) / np.sqrt(count * rate * (1 - rate))
        assert stats.chi2.sf((z**2).sum(), len(z)) > 1e-4
        assert stats.chi2.cdf((z**2).sum(), len(z)) > 1e-4


def test_masks_are_independent(rows):
    shape = (64, 4096)
    one = rows(shape) == 0
    others = [
        *(rows(shape, step=step) == 0 for step in (1, 2, 1000)),
        *(rows(shape, layer=layer) == 0 for layer in (1, 7)),
        *(rows(shape, seed=seed) == 0 for seed in (0, 2, -1)),
        *(np.roll(one, by, axis) for axis in (0, 1) for by in (1, 2, 16, 32)),
    ]
    for other in others:  # all four pairs are equally likely
        seen = np.bincount((2 * one + other).ravel(), minlength=4)
        assert stats.chisquare(seen).pvalue > 1e-5


def test_neighbours_form_all_patterns(rows):
    dropped = (rows((100, 8000), step=5) == 0).reshape(-1, 8)
    seen = np.bincount(np.packbits(dropped, axis=1).ravel(), minlength=256)
    assert stats.chisquare(seen).pvalue > 1e-4


def test_threads_do_not_matter():
    x, found = np.ones((64, 5000), np.float32), []
    for threads in (1, 2, 3):
        buffers = {"x": x, "y": np.empty_like(x), "s": np.zeros(2, np.int64)}
        task = dropout_rows(Target.host(), Place("x"), x.shape, Place("y"), 0.5, 0, 0, STEP)
        run_tasks([task], buffers, threads)
        found.append(buffers["y"])
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_rates_are_checked(value, rate):
    one = value("x", Target.host(), (1, 3, 2))
    wanted = f"rate must be at least 0 and less than 1, not {rate!r}"
    with pytest.raises(ParameterError, match=f"^{re.escape(wanted)}$"):
        dropout(Target.host(), one, one, rate, 0, 0, STEP)
