"""Profiles: the times of the parts, beside the limits."""

import json

import numpy as np
import pytest

import striate as st
from striate.errors import DTypeError, ParameterError
from striate.runtime import Limits, plan_report, profile_report
from striate.runtime.profile_report import profiled


@pytest.fixture(autouse=True)
def known_machine(monkeypatch):
    """Let the machine have round limits."""
    limits = Limits(1, gflops=100.0, gigabytes=10.0)
    monkeypatch.setattr(plan_report, "measured_limits", lambda threads, target=None: limits)


@pytest.fixture(scope="module")
def network():
    return st.load("lenet-1989").initialize(0)


X = np.random.default_rng(0).uniform(-1, 1, (2, 1, 16, 16))


@pytest.mark.parametrize(("name", "kind"), [("lenet-1989", np.float32), ("mlp", np.float64)])
def test_every_part_has_a_time(name, kind):
    network = st.load(name).initialize(0)
    run = st.compile(network, dtype=kind, threads=1)
    x = np.random.default_rng(0).uniform(-1, 1, (2, *network.input_shape[1:])).astype(kind)
    before = run(x)
    profile = run.profile(x, repeats=4)
    np.testing.assert_array_equal(run(x), before)
    assert profile.plan == run.plan_for(x.shape)
    assert tuple(timed.step for timed in profile.steps) == profile.plan.steps
    assert profile.passes == 4
    assert profile.undivided > 0
    assert profile.call_seconds >= 0
    assert all(timed.seconds >= 0 for timed in profile.steps)
    assert profile.seconds == pytest.approx(sum(timed.seconds for timed in profile.steps))
    assert sum(timed.share for timed in profile.steps) == pytest.approx(1)


def plan_of(network):
    return st.compile(network, threads=1).plan


def passing(seconds):
    return lambda: (np.zeros(1), list(seconds))


def test_rates_are_of_median_times_less_the_call(network):
    plan = plan_of(network)
    times = iter([[1e-3] * len(plan.steps), [3e-3] * len(plan.steps), [2e-3] * len(plan.steps)])
    warm = [[9.0] * len(plan.steps)]

    def timed():
        return np.zeros(1), warm.pop() if warm else next(times)

    profile = profiled(plan, lambda: None, timed, 3, lambda: 1e-3)
    assert profile.call_seconds == pytest.approx(1e-3)
    for one in profile.steps:
        assert one.seconds == pytest.approx(1e-3)
        assert one.share == pytest.approx(1 / len(plan.steps))
        assert one.gflops == pytest.approx(1e-6 * one.step.flops)
        assert one.gigabytes == pytest.approx(1e-6 * one.step.bytes)
        assert one.of_limit == pytest.approx(1e3 * one.step.seconds)
    assert profile.seconds == pytest.approx(1e-3 * len(plan.steps))


def test_parts_too_short_to_tell_have_no_rates(network):
    plan = plan_of(network)
    profile = profiled(plan, lambda: None, passing([1e-6] * len(plan.steps)), 1, lambda: 1e-3)
    assert {(t.seconds, t.share, t.gflops, t.gigabytes, t.of_limit) for t in profile.steps} == {
        (0.0, 0.0, 0.0, 0.0, 0.0)
    }
    assert " -  " in str(profile)


def test_passes_go_on_for_a_while(network, monkeypatch):
    plan = plan_of(network)
    still = passing([1e-6] * len(plan.steps))
    monkeypatch.setattr(profile_report, "SECONDS", 0.0)
    assert profiled(plan, lambda: None, still, None).passes == 3
    monkeypatch.setattr(profile_report, "SECONDS", 60.0)
    assert profiled(plan, lambda: None, still, None).passes == 1000


def test_the_table(network):
    profile = st.compile(network, threads=1).profile(X.astype(np.float32), repeats=1)
    lines = str(profile).splitlines()
    assert lines[0] == profile.plan.title
    header = "part operator method output us share GFLOP/s GB/s of limit bound by"
    assert " ".join(lines[1].split()) == header
    assert [line.split("  ")[0] for line in lines[3:-5]] == [s.name for s in profile.plan.steps]
    below = [line.split()[0] for line in lines[-4:]]
    assert below == ["parts", "undivided", "MACs", "limits"]


def test_json_has_the_plan_too(network):
    profile = st.compile(network, threads=1).profile(X.astype(np.float32), repeats=1)
    content = json.loads(profile.to_json())
    assert list(content) == ["plan", "steps", "passes", "seconds", "undivided", "call_seconds"]
    assert content["plan"] == json.loads(profile.plan.to_json())
    assert list(content["steps"][0]) == [
        *("step", "seconds", "share", "gflops", "gigabytes", "of_limit")
    ]


@pytest.mark.parametrize("repeats", [0, -1, 1.5, "3"])
def test_repeats_are_counted(network, repeats):
    with pytest.raises(ParameterError) as error:
        st.compile(network).profile(X.astype(np.float32), repeats=repeats)
    assert str(error.value) == (f"profile: repeats must be a whole number from 1, not {repeats!r}")


def test_inputs_are_checked_as_in_calls(network):
    with pytest.raises(DTypeError) as error:
        st.compile(network).profile(X)
    assert str(error.value) == (
        "lenet-1989: x is float64 but this program computes in float32: "
        "pass np.asarray(x, np.float32)"
    )


def test_any_order_of_memory_is_taken(network):
    run = st.compile(network, threads=1)
    x = np.asfortranarray(X.astype(np.float32))
    assert run.profile(x, repeats=1).passes == 1
