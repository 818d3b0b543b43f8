"""Programs that repeat, with parts of longer buffers for each step."""

from __future__ import annotations

import numpy as np
import pytest

from striate.ops.blocked.feeding import look, put, take
from striate.ops.blocked.layout import Place
from striate.ops.blocked.mapping import Operand, map_plain
from striate.ops.blocked.program import Table, aligned
from striate.ops.codegen import Target

STEPS, SIZE = 7, 50_001


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_each_step_has_its_part(threads: int) -> None:
    x = np.random.default_rng(0).standard_normal((STEPS, SIZE)).astype(np.float32)
    result = np.zeros_like(x)
    words = np.array([STEPS, 0, 0, 40], np.int64)
    assert _repeated(x, result, words, threads) is None
    assert (result == x + 1).all()
    assert words.tolist() == [STEPS, 0, STEPS, 40 + STEPS]


def test_a_number_that_is_not_finite_stops_before_the_rest() -> None:
    for bad in (np.nan, np.inf, -np.inf):
        x = np.zeros((STEPS, SIZE), np.float32)
        x[4, 49] = bad
        result = np.full_like(x, 9)
        words = np.array([STEPS, 0, 0, 0], np.int64)
        _repeated(x, result, words, 2)
        assert words.tolist() == [STEPS, 1, 4, 4]
        assert (result[:4] == 1).all()
        assert (result[4:] == 9).all()


def _repeated(x: np.ndarray, result: np.ndarray, words: np.ndarray, threads: int) -> None:
    target = Target.host()
    here, there = aligned(SIZE), aligned(SIZE)
    counter = Place("words", 4)  # counted in elements of 4 bytes
    tasks = [
        take(target, counter, Place("x"), Place("here"), SIZE),
        look(target, Place("here"), SIZE, Place("words", 2)),
        map_plain(target, ("add", 0, 1.0), [Operand(Place("here"), (1,))], Place("there"), (SIZE,)),
        put(target, counter, Place("there"), Place("y"), SIZE),
    ]
    buffers = {"x": x, "y": result, "here": here, "there": there, "words": words}
    addresses = {name: array.ctypes.data for name, array in buffers.items()}
    Table(tasks, addresses, threads, target).repeat(2, words)
