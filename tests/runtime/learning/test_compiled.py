"""Learning in machine code, against learning in NumPy: every rule, alone and together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import striate as st
from striate.network import Builder, Network
from striate.network import operators as op
from striate.runtime.learning import Assignment, Descent, PlainLearner, learner
from striate.runtime.learning.compiled import CompiledLearner, why_not


def relu(b, x):
    return b.add(op.Relu(), x, name=f"{x}.relu")


def headed(b, x):
    """Return the network with five scores: means of five maps."""
    x = b.add(op.GlobalAveragePool(), b.conv(x, "head", channels=5, kernel=1), name="means")
    return Network(b.graph(b.add(op.Flatten(), x, name="scores")))


def plain():
    b = Builder("plain", (None, 3, 10, 11))
    x = relu(b, b.conv(b.input, "c1", channels=20, kernel=3, padding=1))
    x = relu(b, b.conv(x, "c2", channels=24, kernel=3, stride=2, padding=1))
    x = b.conv(x, "c3", channels=17, kernel=(5, 1), dilation=1, bias=False)
    return headed(b, b.conv(x, "c4", channels=33, kernel=(1, 3), stride=(1, 2)))


def strided():
    b = Builder("strided", (None, 2, 17, 16))
    x = relu(b, b.conv(b.input, "c1", channels=9, kernel=7, stride=2, padding=3))
    x = relu(b, b.conv(x, "c2", channels=16, kernel=1, stride=3))
    return headed(b, b.conv(x, "c3", channels=12, kernel=2, dilation=2, padding=2))


def residual():
    b = Builder("residual", (None, 3, 12, 12))
    x = relu(b, b.batch_norm(b.conv(b.input, "c1", channels=20, kernel=3, padding=1), "b1"))
    y = b.batch_norm(b.conv(x, "c2", channels=20, kernel=3, padding=1, bias=False), "b2")
    x = relu(b, b.add(op.Add(), y, x, name="sum1"))
    y = b.batch_norm(b.conv(x, "c3", channels=32, kernel=3, stride=2, padding=1), "b3")
    z = b.batch_norm(b.conv(x, "c4", channels=32, kernel=1, stride=2, bias=False), "b4")
    x = b.add(op.Add(), b.add(op.Add(), y, z, name="sum2"), z, name="sum3")
    return headed(b, relu(b, x))


def joined():
    b = Builder("joined", (None, 3, 9, 11))
    x = relu(b, b.conv(b.input, "c1", channels=32, kernel=5, padding=2))
    y = b.add(op.Tanh(), b.conv(x, "c2", channels=16, kernel=3, padding=1), name="tanh")
    z = b.add(op.LeakyRelu(0.1), b.conv(x, "c3", channels=10, kernel=3, padding=1), name="leaky")
    x = b.add(op.Concat(), x, y, z, x, name="all")
    x = b.add(op.Sigmoid(), b.conv(x, "c4", channels=20, kernel=3), name="sigmoid")
    return headed(b, b.add(op.Clip(0.4, 0.6), b.conv(x, "c5", channels=20, kernel=3), name="clip"))


def pooled():
    b = Builder("pooled", (None, 1, 13, 14))
    x = relu(b, b.conv(b.input, "c1", channels=20, kernel=3, padding=1))
    x = b.max_pool(x, "p1", kernel=2, stride=2)
    x = b.add(op.ScaledTanh(), b.conv(x, "c2", channels=33, kernel=3, padding=1), name="tanh")
    x = b.average_pool(b.max_pool(x, "p2", kernel=3, stride=2, padding=1), "p3", kernel=2)
    x = relu(b, b.linear(x, "l1", features=23))
    x = b.add(op.Tanh(), b.linear(x, "l2", features=19), name="tanh2")
    return Network(b.graph(b.linear(x, "l3", features=5)))


def depthwise():
    b = Builder("depthwise", (None, 3, 12, 13))
    x = relu(b, b.conv(b.input, "c1", channels=20, kernel=3, padding=1))
    x = relu(b, b.conv(x, "c2", channels=20, kernel=3, padding=1, groups=20))
    y = b.conv(x, "c3", channels=20, kernel=3, padding=1, groups=20, bias=False)
    x = b.add(op.Add(), relu(b, b.batch_norm(y, "b3")), x, name="sum")
    return headed(b, b.conv(x, "c4", channels=20, kernel=5, stride=2, padding=2, groups=20))


def grouped():
    b = Builder("grouped", (None, 3, 10, 10))
    x = relu(b, b.conv(b.input, "c1", channels=32, kernel=3))
    return headed(b, b.conv(x, "c2", channels=64, kernel=3, padding=1, groups=2))


def three_axes():
    b = Builder("three axes", (None, 2, 5, 6, 7))
    x = relu(b, b.conv(b.input, "c1", channels=18, kernel=3, padding=1))
    x = b.max_pool(x, "p", kernel=2, stride=2)
    return headed(b, b.conv(x, "c2", channels=7, kernel=(1, 2, 3), padding=(0, 1, 1)))


def one_axis():
    b = Builder("one axis", (None, 3, 40))
    x = relu(b, b.conv(b.input, "c1", channels=18, kernel=5, padding=2))
    return headed(b, b.conv(x, "c2", channels=32, kernel=3, stride=2))


MADE = {
    f.__name__: f
    for f in (plain, strided, residual, joined, pooled, depthwise, grouped, three_axes, one_axis)
}
ZOO = ("lenet-1989", "lenet-5", "mlp")
DESCENTS = {
    "sgd": Descent(),
    "momentum": Descent(momentum=0.9, weight_decay=1e-2),
    "nesterov": Descent(momentum=0.9, nesterov=True, clip_norm=0.1),
    "adam": Descent("adam", weight_decay=1e-2),
    "adamw": Descent("adamw", weight_decay=1e-2, betas=(0.8, 0.9), clip_norm=1.0),
}


def network_of(name):
    network = MADE[name]() if name in MADE else st.load(name)
    return network.initialize(1)


def examples_of(network, count, seed=0):
    random = np.random.default_rng(seed)
    images = random.standard_normal((count, *network.input_shape[1:])).astype(np.float32)
    return images, random.integers(0, 5, count)


def both(name, loss="cross-entropy", descent=None, steps=3, batch=4, rate=0.01, **options):
    """Return what both learners make of the same examples, the last batch smaller."""
    network = network_of(name)
    given = Assignment(network, loss, batch, descent or Descent(momentum=0.9))
    learners = PlainLearner(given), CompiledLearner(given, **options)
    images, labels = examples_of(network, steps * batch - 1)
    rates = np.full(steps, rate, np.float32)
    return network, learners, [student.learn(images, labels, rates) for student in learners]


def check(network, learners, tolerance=2e-4):
    """Compare weights by how far they have moved."""
    first, second = (student.network().weights for student in learners)
    for name, start in network.weights.items():
        moved = np.abs(first[name] - start).max()
        assert moved > 0, name
        assert np.abs(first[name] - second[name]).max() <= tolerance * moved + 1e-7, name


@pytest.mark.parametrize("exact", [False, True], ids=["fastest", "exact"])
@pytest.mark.parametrize("name", [*MADE, *ZOO])
def test_steps_are_those_of_numpy(name, exact):
    assert why_not(network_of(name)) == ""
    network, learners, (plain, compiled) = both(name, exact=exact)
    assert plain.steps == compiled.steps == 3
    np.testing.assert_allclose(compiled.losses, plain.losses, rtol=1e-4)
    assert (compiled.hits == plain.hits).all()
    check(network, learners)


@pytest.mark.parametrize("loss", ["squared", "cross-entropy"])
@pytest.mark.parametrize("descent", DESCENTS)
def test_descents_and_losses(descent, loss):
    network, learners, (plain, compiled) = both("pooled", loss, DESCENTS[descent], rate=1e-3)
    np.testing.assert_allclose(compiled.losses, plain.losses, rtol=1e-3)
    # Adam divides by gradients: what is near 0 is moved as far as the rest.
    check(network, learners, 2e-2 if "adam" in descent else 5e-4)


@pytest.mark.parametrize("name", ["residual", "joined", "pooled"])
def test_threads_change_no_bit(name):
    weights = [
        both(name, threads=threads, batch=16)[1][1].network().weights for threads in (1, 2, 3)
    ]
    for other in weights[1:]:
        assert all((weights[0][key] == other[key]).all() for key in other)


@pytest.mark.parametrize("descent", DESCENTS)
def test_going_back_repeats_every_bit(descent):
    b = Builder("dropping", (None, 3, 8, 8))
    x = b.add(op.Dropout(0.2), b.input, name="drop")
    x = b.add(op.Dropout(0.5), relu(b, b.conv(x, "c", channels=20, kernel=3)), name="drop2")
    network = headed(b, x).initialize(0)
    given = Assignment(network, "cross-entropy", 4, DESCENTS[descent], seed=3)
    student, again = CompiledLearner(given), CompiledLearner(given)
    images, labels = examples_of(network, 24)
    rates = np.full(3, 1e-2, np.float32)
    student.learn(images[:12], labels[:12], rates)
    weights, state = student.network().weights, student.state()
    student.learn(images[12:], labels[12:], rates)
    again.restore(weights, state)
    again.learn(images[12:], labels[12:], rates)
    expected = student.network().weights
    assert all((again.network().weights[key] == expected[key]).all() for key in expected)
    other = CompiledLearner(replace(given, seed=4))
    other.restore(weights, state)
    other.learn(images[12:], labels[12:], rates)
    assert any((other.network().weights[key] != expected[key]).any() for key in expected)


def test_dropout_keeps_the_mean_and_drops_anew_with_each_step():
    b = Builder("only dropout", (None, 1, 64, 64))
    x = b.add(op.Dropout(0.5), b.conv(b.input, "c", channels=2, kernel=1, bias=False), name="drop")
    x = b.add(op.GlobalAveragePool(), x, name="means")
    network = Network(b.graph(b.add(op.Flatten(), x, name="scores")))
    network = Network(network.graph, {"c.weight": np.array([[[[1.0]]], [[[1.0]]]], np.float32)})
    student = CompiledLearner(Assignment(network, "squared", 1, Descent()))
    images = np.ones((50, 1, 64, 64), np.float32)
    rates = np.full(50, 1e-30, np.float32)
    losses = student.learn(images, np.zeros(50, int), rates).losses
    # (m1 - 1)^2 / 2 + (m2 + 1)^2 / 2 with means of 4,096 elements near 1
    assert len(set(losses.tolist())) > 40
    assert abs(losses.mean() - 2) < 0.02


def test_a_loss_that_is_not_finite_stops_before_its_step():
    network = network_of("residual")
    given = Assignment(network, "cross-entropy", 4, Descent(momentum=0.9))
    student, short = CompiledLearner(given), CompiledLearner(given)
    images, labels = examples_of(network, 20)
    images[13] = np.nan
    rates = np.full(5, 0.01, np.float32)
    lesson = student.learn(images, labels, rates)
    assert lesson.steps == 3
    short.learn(images[:12], labels[:12], rates[:3])
    for name, array in short.network().weights.items():
        assert (student.network().weights[name] == array).all(), name
    assert all((student.state()[key] == array).all() for key, array in short.state().items())


def test_frozen_parameters_stay():
    network = network_of("residual")
    frozen = tuple(
        p if p.name.startswith("c") else type(p)(p.name, p.shape, p.initial, False)
        for p in network.graph.parameters
    )
    graph = type(network.graph)(**{**_fields(network.graph), "parameters": frozen})
    network = Network(graph, network.weights)
    student = learner(network, loss="squared", batch_size=4, descent=Descent(weight_decay=0.1))
    assert student.plain_because == ""
    images, labels = examples_of(network, 8)
    student.learn(images, labels, np.full(2, 0.1, np.float32))
    after = student.network().weights
    for name, before in network.weights.items():
        statistic = name.endswith(("mean", "variance"))
        changes = name.startswith("c") or statistic
        assert (after[name] != before).any() == changes, name


def _fields(graph):
    return {name: getattr(graph, name) for name in graph.__dataclass_fields__}


def test_what_has_no_rule_is_told():
    b = Builder("odd", (None, 3, 8, 8))
    x = b.conv(b.input, "c", channels=20, kernel=3)
    network = headed(b, b.add(op.Softplus(), x, name="softplus")).initialize(0)
    assert why_not(network) == "odd: softplus (Softplus) has no gradient in machine code"
    student = learner(network, loss="squared", batch_size=2, descent=Descent())
    assert student.plain_because == why_not(network)
