"""Networks whose groups of channels fill no blocks, in whole programs of machine code."""

import numpy as np
import pytest

import striate as st
from striate.cli.bench.layers import layer_case
from striate.network import Builder, Network
from striate.network import operators as op
from striate.ops.codegen import Target
from striate.runtime.lowering import IN_PYTHON


def bottleneck(b):
    """Residual blocks of ResNeXt (Xie et al., 2017): many groups of four channels."""
    x = b.conv(b.input, "stem", channels=32, kernel=3, padding=1)
    y = b.conv(x, "a", channels=32, kernel=3, padding=1, groups=8, bias=False)
    y = b.add(op.Relu(), b.batch_norm(y, "norm"), name="relu")
    y = b.conv(y, "b", channels=32, kernel=3, padding=1, groups=8)
    return b.add(op.Relu(), b.add(op.Add(), x, y, name="sum"), name="last")


def odd(b):
    x = b.conv(b.input, "wide", channels=60, kernel=1, groups=3)
    x = b.conv(x, "narrow", channels=25, kernel=(3, 5), stride=2, padding=(1, 2), groups=5)
    return b.conv(x, "units", channels=50, kernel=2, groups=25, bias_per_unit=True)


def multiplied(b):
    """Depthwise, each channel giving two maps, then one for each with a bias for each unit."""
    x = b.conv(b.input, "two", channels=24, kernel=3, padding=1, groups=12)
    return b.conv(x, "one", channels=24, kernel=3, groups=24, bias_per_unit=True)


def upward(b):
    """Transposed ones with narrow groups still run in Python."""
    x = b.conv(b.input, "a", channels=12, kernel=3, padding=1, groups=4)
    return b.conv_transpose(x, "up", channels=6, kernel=2, stride=2, groups=3)


CASES = {f.__name__: f for f in (bottleneck, odd, multiplied, upward)}


@pytest.fixture(params=CASES)
def network(request, lively):
    b = Builder(request.param, (None, 12, 9, 11))
    return lively(Network(b.graph(CASES[request.param](b))), 2)


def test_they_compute_what_float64_does(network, check):
    check(network, (1, 12, 9, 11), (3, 12, 9, 11))


def test_only_transposed_ones_run_in_python(network):
    plan = st.compile(network).plan_for([1, 12, 9, 11])
    names = {name for step in plan.steps if step.method == IN_PYTHON for name in step.names}
    assert names == ({"up"} if network.graph.name == "upward" else set())


@pytest.mark.parametrize(("groups", "maps"), [(32, 32), (8, 32), (5, 35), (32, 64)])
def test_whole_numbers_give_the_bits_of_the_definition(groups, maps):
    channels = groups * 7 if groups == 5 else 32
    b = Builder("one", (None, channels, 8, 21))
    graph = b.graph(b.conv(b.input, "conv", channels=maps, kernel=3, padding=1, groups=groups))
    rng = np.random.default_rng(1)
    weights = {p.name: rng.integers(-4, 5, p.shape).astype(np.float32) for p in graph.parameters}
    run = st.compile(Network(graph, weights))
    x = rng.integers(-4, 5, (2, channels, 8, 21)).astype(np.float32)
    wanted = st.conv2d(x, *weights.values(), padding=1, groups=groups, method="reference")
    np.testing.assert_array_equal(run(x), wanted)


@pytest.mark.parametrize("how", [{"kernel": 3, "padding": 1}, {"kernel": 3, "stride": 2}], ids=str)
def test_a_layer_between_planes(how, lively, check):
    """One that stands alone stays in NumPy's order, and one among others does not."""
    b = Builder("alone", (None, 6, 20, 70))
    x = b.conv(b.input, "conv", channels=6, groups=6, **how)
    alone = lively(Network(b.graph(b.add(op.Clip(0.0, 1.5), x, name="clip"))), 3)
    check(alone, (2, 6, 20, 70))
    assert [part.method for part in st.compile(alone).plan_for([1, 6, 20, 70]).steps] == [
        "depthwise, between planes"
    ]
    y = b.max_pool(x, "pool", kernel=2)
    check(lively(Network(b.graph(y)), 3), (2, 6, 20, 70))


def test_a_layer_alone_with_a_sum_or_a_bias_for_each_unit(lively, check):
    b = Builder("added", (None, 6, 9, 37))
    x = b.conv(b.input, "conv", channels=6, kernel=3, padding=1, groups=6)
    summed = b.add(op.Add(), x, b.input, name="sum")
    check(lively(Network(b.graph(summed)), 3), (2, 6, 9, 37))
    b = Builder("units", (None, 6, 9, 37))
    x = b.conv(b.input, "conv", channels=6, kernel=3, groups=6, bias_per_unit=True)
    check(lively(Network(b.graph(x)), 3), (2, 6, 9, 37))


@pytest.mark.parametrize("line", ["2x32x9x11 64 3x3 p1 g2", "1x48x13x7 96 5x5 p2 g3"])
def test_winograd_of_each_group(line):
    case = layer_case(line)
    run = st.compile(case.network)
    y = run(case.x)
    exact = st.compile(case.network, dtype=np.float64)(case.x.astype(np.float64))
    np.testing.assert_allclose(y, exact, rtol=0, atol=1e-5 * np.abs(exact).max())
    if Target.host().level == "avx512":
        assert any("winograd" in step.method for step in run.plan_for(case.x.shape).steps)


@pytest.mark.parametrize("line", ["1x320x3x5x6 250 9x9x9 p4 g5", "1x128x5x6x5 2 9x9x9 s3 p4 g2"])
def test_long_sums_of_groups_stay_exact(line):
    case = layer_case(line)
    y = st.compile(case.network, precision="exact")(case.x)
    exact = st.compile(case.network, dtype=np.float64)(case.x.astype(np.float64))
    assert np.abs(y - exact).max() < 2e-6 * np.abs(exact).max()
