"""The parts of the bench: turns, limits, cases, settings, cold starts."""

import time

import numpy as np
import pytest

from striate.cli.bench.job import doubts
from striate.cli.bench.layers import KINDS, layer_case, layer_cases
from striate.cli.bench.measure import OURS, measured
from striate.cli.bench.networks import NETWORKS, network_case
from striate.cli.bench.peers import Refused, Runner
from striate.cli.bench.processes import ProcessError
from striate.cli.bench.report import summary
from striate.cli.bench.starts import cold_starts
from striate.cli.bench.turns import Spread, settle, spread, take_turns
from striate.network import zoo
from striate.runtime.limits import Limits


def test_spread_is_median_and_quartiles():
    assert spread([5.0]) == Spread(5.0, 5.0, 5.0)
    assert spread([1.0, 9.0, 2.0, 8.0, 3.0, 7.0, 4.0, 6.0, 5.0]) == Spread(5.0, 3.0, 7.0)


def test_turns_rotate_and_give_everyone_as_many():
    calls = []

    def calling(name):
        def run():
            calls.append(name)
            time.sleep(0.005)

        return run

    times = take_turns([calling("a"), calling("b")], 0.0, rounds=3)
    assert [len(taken) for taken in times] == [3, 3]
    order = [now for before, now in zip([None, *calls], calls, strict=False) if now != before]
    assert order == ["a", "b", "a", "b"]  # a b, then b a, then a b: neighbours melt together
    assert all(taken > 0 for one in times for taken in one)


def test_settling_waits_for_the_busy():
    start = time.perf_counter()
    assert settle()
    assert time.perf_counter() - start < 0.25


def test_every_kind_of_layer_can_be_read():
    cases = list(layer_cases([kind for kind in KINDS if kind != "3x3"], ["1x8x9 4 3 s2"], [1]))
    assert {case.kind for case in cases} == {*KINDS, "own"} - {"3x3"}
    assert all(case.macs > 0 and case.bytes > 0 for case in cases)


@pytest.mark.parametrize(
    ("line", "output", "macs"),
    [
        ("1x64x56x56 96 3x3 s2 p1 d1 g4", (1, 96, 28, 28), 96 * 16 * 9 * 784),
        ("2x5x9 4 3 d2", (2, 4, 5), 2 * 4 * 5 * 3 * 5),
        ("1x2x3x4x5 6 1x2x3", (1, 6, 3, 3, 3), 6 * 2 * 6 * 27),
        ("1x4x5x5 3 4x4 s2 p1 t", (1, 3, 10, 10), 4 * 3 * 16 * 25),
    ],
)
def test_a_line_is_a_layer(line, output, macs):
    case = layer_case(line)
    assert (case.output_shape, case.macs) == (output, macs)
    again = layer_case(line)
    np.testing.assert_array_equal(case.x, again.x)
    assert layer_case(line, batch=7).shape[0] == 7


def test_networks_are_those_of_the_zoo():
    assert set(NETWORKS) <= set(zoo.names())
    assert network_case("lenet-1989", 3).shape == (3, 1, 16, 16)


class Fake:
    """A peer that computes what it is told to."""

    NAME = "Fake"

    def __init__(self, *settings):
        self.settings = settings

    def runners(self, case, threads):
        for name, seconds, result in self.settings:
            if isinstance(result, Exception):
                raise result
            yield Runner(name, lambda s=seconds: time.sleep(s), lambda r=result: r)


def row_with(peer, limits, line="1x1x4x4 1 1x1"):
    case = layer_case(line)
    right = case.network.weights["y.weight"] * case.x + case.network.weights["y.bias"][0]
    settings = [(n, s, right if isinstance(r, str) else r) for n, s, r in peer]
    return measured(case, 1, [Fake(*settings)], limits, 0.0, 3)


def test_the_best_setting_counts(limits):
    row = row_with([("slow", 0.01, "right"), ("fast", 0.001, "right")], limits)
    assert row.entries["Fake"].setting == "fast"
    assert row.entries["Fake"].error < 1e-6
    assert row.best_peer == "Fake"
    assert row.ratios["Fake"].median > 1
    ((threads, kind, count, mean, lowest, pytorch),) = summary([row])
    assert (threads, kind, count, pytorch) == (1, "own", 1, None)
    assert mean == pytest.approx(lowest) == pytest.approx(row.ratios["Fake"].median)


def test_wrong_results_are_not_timed(limits):
    wrong = np.zeros((1, 1, 4, 4), np.float32)
    row = row_with([("one", 0.0, wrong), ("two", 0.0, wrong[0])], limits)
    entry = row.entries["Fake"]
    assert (entry.seconds, row.ratios, row.best_peer, row.wrong) == (None, {}, None, False)
    assert entry.refused == (
        "one: error 1.0e+00 of the largest output; two: error inf of the largest output"
    )
    assert row.entries[OURS].seconds is not None


def test_a_peer_that_refuses_says_why(limits):
    row = row_with([("one", 0.0, Refused("has no\n such layer"))], limits)
    assert row.entries["Fake"].refused == "Refused: has no such layer"


def test_a_machine_that_others_use_is_doubted():
    one, two = Limits(1, gflops=100.0, gigabytes=20.0), Limits(2, gflops=110.0, gigabytes=20.0)
    idle, busy = {"load": [0.5, 3, 3], "processors": 2}, {"load": [2.5, 0, 0], "processors": 2}
    assert list(doubts(idle, [one])) == list(doubts({**busy, "load": []}, [one])) == []
    assert list(doubts(idle, [one, two])) == [
        "2 threads reach 1.1 times what one does: something else runs on this machine, and their "
        "rows cannot be trusted"
    ]
    assert list(doubts(busy, [one])) == [
        "load 2.5 on 2 processors: others compute here too, which slows long calls more than short "
        "ones, so no row can be trusted"
    ]


@pytest.mark.slow
def test_a_cold_start_compiles_and_a_warm_one_does_not():
    empty, kept = cold_starts("lenet-1989", 1, 1, runs=1)
    assert (empty.cache, kept.cache) == ("empty", "kept")
    assert kept.first < empty.first
    assert kept.total.median == pytest.approx(kept.starting + kept.first)
    assert kept.peak_megabytes is None or 50 < kept.peak_megabytes < 500


def test_a_start_that_fails_says_why(monkeypatch):
    monkeypatch.setattr("striate.cli.bench.starts.CHILD", "raise SystemExit('no {name} today')")
    with pytest.raises(ProcessError) as error:
        cold_starts("mlp", 1, 1, runs=1)
    assert str(error.value) == "the first result of mlp never came: no mlp today"
