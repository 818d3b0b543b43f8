"""Networks that end in a softmax, or are written for one batch: how they are trained."""

from dataclasses import replace

import numpy as np
import pytest

import striate as st
from striate.errors import ParameterError
from striate.network import Builder, Network
from striate.network.operators import Add, Concat, Flatten, Relu, Reshape, Softmax
from striate.training import data, evaluate, fit
from striate.training.forms import opened, scores_of

SETTINGS = {"epochs": 2, "learning_rate": 0.05, "batch_size": 8, "validation": 0.2}


def ending(network, *operators):
    """Return a network with more operators at its end."""
    graph = network.graph
    for i, operator in enumerate(operators):
        name = f"end{i}"
        node = st.network.Node(name, operator, (graph.outputs[0],), (name,))
        graph = replace(graph, nodes=(*graph.nodes, node), outputs=(name,))
    return replace(network, graph=graph)


@pytest.mark.parametrize("device", ["cpu", "torch"])
@pytest.mark.parametrize(
    "end",
    [
        (Softmax(),),
        (Softmax(axis=-1), Flatten()),
        (Reshape((0, 1, 3)), Softmax(axis=1, onwards=True), Flatten()),
        (Reshape((0, 3, 1, 1)), Softmax(axis=1), Reshape((0, -1))),
    ],
    ids=["softmax", "flat", "onwards", "planes"],
)
def test_a_softmax_at_the_end_is_that_of_the_loss(tiny, stripes, device, end):
    """To the bit the network without it, whose outputs go through the same softmax once."""
    whole, rest = ending(tiny, *end), ending(tiny, *(o for o in end if type(o) is not Softmax))
    one, two = (fit(n, stripes, device=device, **SETTINGS) for n in (whole, rest))
    for name, array in two.network.weights.items():
        np.testing.assert_array_equal(one.network.weights[name], array)
    assert [e.validation_loss for e in one.history] == [e.validation_loss for e in two.history]
    assert one.network.graph == one.best.network.graph == whole.graph
    scores = st.compile(one.network)(stripes[0])
    np.testing.assert_allclose(scores.sum(axis=1), 1, rtol=1e-5)
    judged = [evaluate(r.network, *stripes, loss="cross-entropy").loss for r in (one, two)]
    assert judged[0] == judged[1]


def test_a_softmax_that_says_more_stays(tiny):
    shape = (1, 6, 6)
    for network in (
        ending(tiny, Softmax(), Relu()),
        ending(tiny, Reshape((-1, 1, 3)), Softmax(axis=1), Flatten()),
        ending(tiny, Softmax(axis=0, onwards=True)),
    ):
        assert scores_of(network.graph, "cross-entropy", shape) is network.graph
    softmax = ending(tiny, Softmax()).graph
    assert scores_of(softmax, "squared", shape) is softmax
    read = st.network.Node("twice", Add(), ("end0", "end0"), ("twice",))
    twice = replace(softmax, nodes=(*softmax.nodes, read), outputs=("twice",))
    assert scores_of(twice, "cross-entropy", shape) is twice


def test_a_run_that_went_through_two_softmaxes_does_not_go_on_with_one(
    tiny, stripes, tmp_path, monkeypatch
):
    whole = ending(tiny, Softmax())
    with monkeypatch.context() as before:
        for place in ("forms", "opening"):
            before.setattr(f"striate.training.{place}.scores_of", lambda graph, *_: graph)
        fit(whole, stripes, out=tmp_path, **SETTINGS)
    with pytest.raises(ParameterError, match=r": its run has graph '.*', not '"):
        fit(whole, stripes, out=tmp_path, resume=True, **SETTINGS)


def fixed(network, batch):
    """Return a network whose input has a batch of one size."""
    first = network.graph.inputs[0]
    sizes = replace(first, shape=(batch, *first.shape[1:]))
    return replace(network, graph=replace(network.graph, inputs=(sizes,)))


@pytest.mark.parametrize("device", ["cpu", "torch"])
@pytest.mark.parametrize("batch", [1, 4])
def test_a_network_for_one_batch_learns_by_any(tiny, stripes, batch, device):
    end = Reshape((batch, 1, 3)), Reshape((batch, -1))
    whole, open_end = ending(tiny, *end), ending(tiny, Reshape((-1, 1, 3)), Reshape((0, -1)))
    one = fit(fixed(whole, batch), stripes, device=device, **SETTINGS)
    two = fit(open_end, stripes, device=device, **SETTINGS)
    for name, array in two.network.weights.items():
        np.testing.assert_array_equal(one.network.weights[name], array)
    assert one.network.input_shape == (batch, 1, 6, 6)
    assert evaluate(one.network, *stripes).errors == evaluate(two.network, *stripes).errors


def test_mnist_8_is_fine_tuned(data_folder):
    """Its input is (1, 1, 28, 28), and it flattens to (1, 256)."""
    network = st.load(data_folder / "models" / "mnist-8.onnx")
    digits = data.load("digits", size=28).subset(60).with_preparation("scale:0:255")
    settings = {"epochs": 2, "learning_rate": 1e-4, "freeze": ["Parameter5"]}
    result = fit(network, digits, batch_size=16, **settings)
    assert result.history[1].train_loss < result.history[0].train_loss
    assert result.history[-1].test_error < 0.5
    images = digits.prepared(digits.test_images[:5])
    alone = np.concatenate([st.compile(result.network)(image[None]) for image in images])
    graph = opened(result.network.graph, (1, 28, 28))
    together = st.compile(replace(result.network, graph=graph))(images)
    np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-3)


def test_a_network_that_mixes_examples_is_refused(tiny, stripes):
    b = Builder("mixing", (2, 1, 6, 6))
    x = b.add(Reshape((1, 72)), b.input, name="together")
    x = b.add(Concat(axis=0), x, x, name="twice")
    mixing = Network(b.graph(b.linear(x, "scores", features=3)))
    with pytest.raises(ParameterError) as error:
        fit(mixing, stripes, epochs=1, learning_rate=0.05)
    assert str(error.value) == (
        "fit: mixing takes batches of 2 and fits no others (mixing: together (Reshape): "
        "(3, 1, 6, 6) has 108 elements, which do not fit the shape (1, 72)): "
        "export it with an open batch (dynamic_axes)"
    )
