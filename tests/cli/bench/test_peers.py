"""Every peer computes what striate does, whatever the operator: else it would not be timed."""

import numpy as np
import pytest

import striate
from striate.cli.bench.case import Case
from striate.cli.bench.layers import layer_case
from striate.cli.bench.networks import network_case
from striate.cli.bench.peers import PEERS, present_peers
from striate.cli.bench.peers.pytorch import exact
from striate.network import Builder, Network
from striate.network import operators as op

LINES = (
    *("2x5x9x8 6 3x3 s2 p1", "1x6x9x8 4 3x3 p2 d2 g2", "2x4x9x8 4 3x3 p1 g4", "2x5x9 6 3 p1"),
    *("2x3x4x5x6 4 2x2x2 s2", "2x4x5x6 3 4x4 s2 p1 t", "1x4x5x6 6 3x3 s2 g2 t"),
)


def every_operator():
    """Return a network that uses what layers and small networks of the zoo do not."""
    b = Builder("every", (None, 3, 16, 16))
    x = b.batch_norm(b.conv(b.input, "c1", channels=8, kernel=3, padding="same"), "n1")
    x = b.add(op.Clip(0.0, 6.0), x, name="clip")
    y = b.batch_norm(b.max_pool(x, "p1", kernel=3, stride=2, padding=1), "n2")
    z = b.average_pool(x, "p2", kernel=2)
    x = b.add(op.Relu(), b.add(op.Add(), y, z, name="sum"), name="relu")
    x = b.add(op.Concat(), x, b.add(op.Sigmoid(), y, name="s"), z, name="joined")
    x = b.add(op.Pad((1, 0), (0, 2), 0.5), x, name="pad")
    y = b.add(op.Tanh(), b.conv(x, "c2", channels=4, kernel=3, bias_per_unit=True), name="t")
    y = b.conv(b.add(op.Dropout(), y, name="d"), "c3", channels=4, kernel=1, bias=False)
    x = b.add(op.GlobalAveragePool(), b.add(op.Identity(), y, name="i"), name="mean")
    x = b.linear(b.add(op.Flatten(), x, name="flat"), "fc", features=5)
    network = Network(b.graph(b.add(op.Softmax(), x, name="softmax"))).initialize(0)
    random = np.random.default_rng(2)
    weights = {n: a + 0.2 * random.random(a.shape, np.float32) for n, a in network.weights.items()}
    return Case("every", "network", Network(network.graph, weights), (2, 3, 16, 16))


CASES = {
    **{line: layer_case(line) for line in LINES},
    "lenet-1989": network_case("lenet-1989", 2),
    "lenet-5": network_case("lenet-5", 2),
    "every operator": every_operator(),
}


def test_float64_agrees_with_ours():
    for case in CASES.values():
        ours = striate.compile(case.network, dtype=np.float64)(case.x.astype(np.float64))
        np.testing.assert_allclose(exact(case), ours, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", PEERS)
@pytest.mark.parametrize("case", CASES)
def test_every_setting_of_every_peer(name, case):
    peers, absent = present_peers([name])
    if absent:
        pytest.skip(f"{name} is not installed")
    expected = exact(CASES[case])
    settings = []
    for runner in peers[0].runners(CASES[case], 1):
        runner.run()
        result = runner.result()
        assert result.shape == expected.shape
        assert np.abs(result - expected).max() < 2e-5 * np.abs(expected).max()
        settings.append(runner.setting)
    assert settings
    assert len(set(settings)) == len(settings)
