"""Weights: drawn as the graph says, the same for the same seed, refused if they do not fit."""

from math import sqrt

import numpy as np
import pytest

from striate.errors import ShapeError
from striate.network import Builder, Graph, Initial, Input, Network, Parameter, zoo


def drawn(initial, seed=0, shape=(200, 300)):
    parameter = Parameter("w", shape, initial)
    graph = Graph("net", (Input("x", (1, 1)),), (parameter,), (), ("x",))
    return Network(graph).initialize(seed).weights["w"]


@pytest.mark.parametrize("kind", ["constant", "uniform", "normal"])
def test_weights_are_float32_of_the_shape_asked(kind):
    weight = drawn(Initial(kind, 0.5))
    assert weight.dtype == np.float32
    assert weight.shape == (200, 300)


def test_constants():
    np.testing.assert_array_equal(drawn(Initial("constant", 0.25)), np.float32(0.25))


def test_uniform_fills_its_range():
    """60,000 draws in +-s: mean 0, deviation s / sqrt(3), the ends nearly reached."""
    weight = drawn(Initial("uniform", 0.5)).astype(np.float64)
    assert np.abs(weight).max() <= 0.5
    assert np.abs(weight).max() > 0.4999
    assert abs(weight.mean()) < 5 * 0.5 / sqrt(3 * weight.size)
    assert weight.std() == pytest.approx(0.5 / sqrt(3), rel=0.01)


def test_normal_has_its_deviation():
    weight = drawn(Initial("normal", 0.5)).astype(np.float64)
    assert abs(weight.mean()) < 5 * 0.5 / sqrt(weight.size)
    assert weight.std() == pytest.approx(0.5, rel=0.02)
    assert (np.abs(weight) < 0.5).mean() == pytest.approx(0.6827, abs=0.01)


def test_lenet_1989_starts_within_its_fan_in():
    """LeCun et al. 1989, section 4: uniform in +-2.4 / F, F the inputs of the unit."""
    weights = zoo.load("lenet-1989").initialize(seed=3).weights
    fan_in = {"H1": 25, "H2": 8 * 25, "H3": 192, "output": 30}
    for layer, inputs in fan_in.items():
        for name in ("weight", "bias"):
            values = weights[f"{layer}.{name}"]
            assert np.abs(values).max() <= np.float32(2.4 / inputs)
        assert np.abs(weights[f"{layer}.weight"]).max() > 0.9 * 2.4 / inputs


def test_the_same_seed_draws_the_same():
    net = zoo.load("lenet-5")
    one, two, other = (net.initialize(seed).weights for seed in (7, 7, 8))
    for name in one:
        np.testing.assert_array_equal(one[name], two[name])
    assert any((one[name] != other[name]).any() for name in one)


def test_a_stream_is_made_of_the_seed_and_the_place():
    """So that weights of a release can be drawn again without it: C1.weight is parameter 0."""
    weight = zoo.load("lenet-5").initialize(7).weights["C1.weight"]
    expected = np.random.default_rng([7, 0]).uniform(-2.4 / 25, 2.4 / 25, (6, 1, 5, 5))
    np.testing.assert_array_equal(weight, expected.astype(np.float32))


def test_parameters_have_streams_of_their_own():
    """A network that begins alike draws alike, whatever comes after."""

    def net(layers):
        b = Builder("net", (None, 2, 8))
        x = b.input
        for i in range(layers):
            x = b.conv(x, f"conv{i}", channels=2, kernel=3, padding=1)
        return Network(b.graph(x)).initialize(5).weights

    short, long = net(1), net(3)
    np.testing.assert_array_equal(short["conv0.weight"], long["conv0.weight"])
    assert (long["conv0.weight"] != long["conv1.weight"]).any()


def test_initialize_leaves_the_network_as_it_was():
    net = zoo.load("lenet-1989")
    fresh = net.initialize()
    assert not net.has_weights
    assert fresh.has_weights
    assert fresh.graph is net.graph
    assert fresh.input_shape == (None, 1, 16, 16)


def test_a_network_without_parameters_can_always_run():
    b = Builder("net", (None, 2, 8))
    assert Network(b.graph(b.max_pool(b.input, "pool", kernel=2))).has_weights


def test_weights_cannot_be_exchanged_in_place():
    weights = dict(zoo.load("lenet-1989").initialize().weights)
    net = Network(zoo.load("lenet-1989").graph, weights)
    weights.clear()
    assert net.has_weights
    with pytest.raises(TypeError, match="does not support item assignment"):
        net.weights["H1.bias"] = np.zeros(3)


def refused(change):
    net = zoo.load("lenet-1989").initialize()
    weights = dict(net.weights)
    change(weights)
    with pytest.raises(ShapeError) as error:
        Network(net.graph, weights)
    return str(error.value)


def test_missing_and_unknown_weights():
    message = refused(lambda weights: weights.update(other=weights.pop("H3.bias")))
    assert message == (
        "lenet-1989: weights lack ['H3.bias'] and have ['other'] too many: "
        "they belong to another network"
    )
    message = refused(lambda weights: [weights.pop(name) for name in list(weights)[1:]])
    assert message == (
        "lenet-1989: weights lack ['H1.bias', 'H2.weight', 'H2.bias'] and have [] too many: "
        "they belong to another network"
    )


def test_weights_of_another_shape():
    message = refused(lambda weights: weights.update({"H3.bias": np.zeros(31, np.float32)}))
    assert message == "lenet-1989: weight 'H3.bias' is (31,), not (30,)"


def test_networks_in_few_words():
    network = zoo.load("lenet-1989")
    assert repr(network) == (
        "<Network lenet-1989: input (any, 1, 16, 16); 9,760 parameters, no weights>"
    )
    assert repr(network.initialize()) == (
        "<Network lenet-1989: input (any, 1, 16, 16); 9,760 parameters, with weights>"
    )
