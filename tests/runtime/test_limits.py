"""The machine's limits: what bounds work, and how they are measured."""

import time

import pytest

from striate.ops.codegen import Target
from striate.runtime import limits as module
from striate.runtime.limits import Limits, measured_bandwidth, measured_limits


def test_the_bound_is_the_longer():
    limits = Limits(1, gflops=100.0, gigabytes=10.0)
    assert limits.bound(macs=5_000, size=100) == ("multiply-adds", pytest.approx(1e-7))
    assert limits.bound(macs=5, size=1_000) == ("memory", pytest.approx(1e-7))


def test_a_share_is_of_the_least_time():
    limits = Limits(2, gflops=100.0, gigabytes=10.0)
    assert limits.share(macs=5_000, size=100, seconds=4e-7) == pytest.approx(0.25)


@pytest.mark.parametrize("threads", [1, 2])
def test_limits_of_this_machine_are_measured_once(threads):
    limits = measured_limits(threads)
    assert limits.threads == threads
    assert limits.gflops > 1
    assert limits.gigabytes > 0.1
    start = time.perf_counter()
    assert measured_limits(threads) is limits
    assert time.perf_counter() - start < 0.1


def test_plainer_processors_have_their_own_limits(monkeypatch):
    monkeypatch.setattr(module, "SECONDS", 0.0)
    monkeypatch.setattr(module, "SIZE", 1 << 20)
    plain = Target.named("neon" if Target.host().level == "neon" else "sse")
    assert measured_limits(1, plain).gflops > 1


def test_a_small_array_is_changed_no_slower_by_more_threads(monkeypatch):
    monkeypatch.setattr(module, "SECONDS", 0.0)
    rates = {1: 30.0, 2: 20.0}
    monkeypatch.setattr(module, "_gigabytes", lambda threads, target, size: rates[threads])
    assert [measured_bandwidth(threads, 12_345) for threads in (1, 2)] == [30.0, 30.0]
    measured_bandwidth.cache_clear()
    monkeypatch.undo()
    assert measured_bandwidth(1, 100_000) > 0.1
