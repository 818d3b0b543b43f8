"""What no learner takes, whoever it is; NumPy, machine code and PyTorch refuse it alike."""

from dataclasses import replace

import numpy as np
import pytest

import striate as st
from striate.errors import ParameterError
from striate.network import Builder, Network
from striate.network import operators as op
from striate.runtime.learning import Assignment, Descent, learner
from striate.training.torch_learner import torch_learner

HOW = {"loss": "squared", "batch_size": 1, "descent": Descent()}


def several():
    """Return a network of scores (N, 3) whose hidden layer is an output too."""
    b = Builder("several", (None, 1, 6, 6))
    x = b.add(op.Tanh(), b.conv(b.input, "conv", channels=4, kernel=3), name="tanh")
    graph = b.graph(b.linear(x, "scores", features=3))
    return Network(replace(graph, outputs=(*graph.outputs, x)))


def picture():
    b = Builder("picture", (None, 1, 6, 6))
    return Network(b.graph(b.conv(b.input, "conv", channels=4, kernel=3)))


def twins():
    """Return a network of scores that takes two images."""
    b = Builder("twins", (None, 1, 6, 6))
    graph = b.graph(b.linear(b.conv(b.input, "conv", channels=4, kernel=3), "scores", features=3))
    return Network(replace(graph, inputs=(*graph.inputs, replace(graph.inputs[0], name="other"))))


REFUSED = [
    (
        several,
        "several has 2 outputs, and a loss is of one: train a network that ends in the scores "
        "alone",
    ),
    (
        picture,
        "picture gives (1, 4, 4, 4), and a loss is of scores (N, K): flatten its output",
    ),
    (
        twins,
        "twins has 2 inputs, and examples are images alone: train a network of one input",
    ),
]


@pytest.mark.parametrize(("make", "message"), REFUSED, ids=["outputs", "rank", "inputs"])
def test_networks_that_are_not_learnt(make, message):
    with pytest.raises(ParameterError) as error:
        learner(make(), **HOW)
    assert str(error.value) == f"learner: {message}"
    with pytest.raises(ParameterError) as error:
        learner(make(), **HOW, method="plain")
    assert str(error.value) == f"learner: {message}"
    with pytest.raises(ParameterError) as error:
        torch_learner(make(), **HOW, device="torch")
    assert str(error.value) == f"torch_learner: {message}"


@pytest.mark.parametrize(("device", "who"), [("cpu", "learner"), ("torch", "torch_learner")])
def test_several_outputs_are_not_fitted(device, who):
    examples = np.zeros((4, 1, 6, 6), np.float32), np.arange(4) % 3
    with pytest.raises(ParameterError) as error:
        st.fit(several(), examples, epochs=1, learning_rate=0.1, batch_size=2, device=device)
    assert str(error.value) == (
        f"fit: {who}: several has 2 outputs, and a loss is of one: "
        "train a network that ends in the scores alone"
    )


def test_a_network_starts_with_its_own_weights_or_random_ones():
    network = st.load("lenet-1989")
    given = Assignment(network, "squared", 1, Descent(), seed=5)
    wanted = network.initialize(5)
    for name, array in given.start().weights.items():
        np.testing.assert_array_equal(array, wanted.weights[name])
    assert replace(given, network=wanted).start() is wanted
