"""Methods that are measured: the fastest is taken, and remembered."""

import numpy as np
import pytest

import striate as st
from striate.network import Builder, Network
from striate.runtime.lowering import tuning


@pytest.fixture
def network():
    b = Builder("layer", (None, 16, 12, 12))
    return Network(b.graph(b.conv(b.input, "y", channels=32, kernel=3, padding=1))).initialize(0)


@pytest.fixture
def x():
    return np.random.default_rng(0).standard_normal((1, 16, 12, 12), np.float32)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("STRIATE_CACHE", str(tmp_path))
    return tmp_path / "tuning"


def method(run, x):
    (found,) = [s.method for s in run.plan_for(x.shape).steps if s.operator == "Conv"]
    return found


@pytest.mark.parametrize("fastest", ["direct", "winograd 2x2", "winograd 4x4", "winograd 6x6"])
def test_the_fastest_is_taken_and_remembered(network, x, folder, monkeypatch, fastest):
    tried = []

    def seconds(job, source, make):
        name = names[len(tried) % len(names)]
        tried.append(name)
        assert make({})
        return 0.5 if name == fastest else 1.0

    names = ["direct", "winograd 2x2", "winograd 4x4", "winograd 6x6"]
    monkeypatch.setattr(tuning, "_seconds", seconds)
    run = st.compile(network, tune=True)
    exact = st.compile(network, dtype=np.float64)(x.astype(np.float64))
    np.testing.assert_allclose(run(x), exact, rtol=0, atol=1e-5 * np.abs(exact).max())
    assert method(run, x) == fastest
    assert tried[:4] == names
    (kept,) = folder.iterdir()
    count = len(tried)
    assert method(st.compile(network, tune=True), x) == fastest
    assert len(tried) == count
    kept.write_bytes(b"damaged")
    assert method(st.compile(network, tune=True), x) == fastest
    assert len(tried) == count + 4


def test_what_is_measured_runs(network, x, folder):
    run = st.compile(network, tune=True, threads=2)
    exact = st.compile(network, dtype=np.float64)(x.astype(np.float64))
    np.testing.assert_allclose(run(x), exact, rtol=0, atol=1e-5 * np.abs(exact).max())
    assert "the fastest when measured" in {s.why for s in run.plan_for(x.shape).steps}


def test_exact_programs_measure_nothing(network, x, folder):
    run = st.compile(network, tune=True, precision="exact")
    assert method(run, x).startswith("direct")
    assert not folder.exists()
