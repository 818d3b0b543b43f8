"""Whole networks against PyTorch: outputs, gradients, statistics."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import striate as st
from striate.network import Builder, Initial, Network, zoo
from striate.network import operators as op
from striate.runtime import Trainable
from striate.runtime.folding import folded

SMALL = ["mlp", "lenet-1989", "lenet-5", "base-a", "strided-cnn-b", "convpool-cnn-c", "all-cnn-c"]


def without_dropout(network):
    """Return the network with every dropout replaced by the identity."""
    graph = network.graph
    nodes = tuple(
        type(n)(n.name, op.Identity(), n.inputs, n.outputs)
        if isinstance(n.operator, op.Dropout)
        else n
        for n in graph.nodes
    )
    changed = type(graph)(graph.name, graph.inputs, graph.parameters, nodes, graph.outputs)
    return Network(changed, network.weights)


def everything():
    """Return a network with every operator that the zoo does not use in this way."""
    b = Builder("everything", (None, 4, 9, 11))
    x = b.batch_norm(b.conv(b.input, "a", channels=6, kernel=3, padding=((1, 0), (2, 1))), "bn")
    x = b.add(op.Sigmoid(), x, name="sigmoid")
    left = b.conv(x, "left", channels=6, kernel=3, padding=2, dilation=2, groups=3, bias=False)
    x = b.add(op.Add(), b.add(op.Relu(), left, name="relu"), x, name="sum")
    up = b.conv_transpose(x, "up", channels=4, kernel=3, stride=2, padding=1, output_padding=1)
    x = b.max_pool(up, "max", kernel=3, stride=2, padding=1)
    x = b.add(op.Concat(), x, b.average_pool(up, "mean", kernel=2), name="concat")
    x = b.add(op.Pad((1, 0), (0, 2), 0.5), x, name="pad")
    x = b.add(op.Clip(-0.5, 1.5), x, name="clip")
    gate = b.add(op.GlobalAveragePool(), x, name="squeeze")
    x = b.add(op.Mul(), x, gate, name="gate")
    most = b.add(op.GlobalMaxPool(), x, name="most")
    x = b.linear(b.add(op.Identity(), most, name="same"), "scores", features=5)
    return Network(b.graph(b.add(op.Softmax(), x, name="softmax"))).initialize(3)


def example(network, batch, seed=0):
    _, *shape = network.input_shape
    return np.random.default_rng(seed).standard_normal((batch, *shape), np.float32)


def assert_near(found, exact, tolerance):
    exact = exact.detach().numpy()
    assert found.shape == exact.shape
    np.testing.assert_allclose(
        found, exact, rtol=0, atol=tolerance * max(np.abs(exact).max(), 1e-3)
    )


@pytest.mark.parametrize("name", SMALL)
def test_zoo_runs_as_in_pytorch(name, by_torch):
    network = zoo.load(name).initialize(1)
    x = example(network, 3)
    assert_near(st.compile(network)(x), by_torch(network, x)[0], 1e-5)
    exact = st.compile(network, dtype=np.float64)(x.astype(np.float64))
    assert_near(exact, by_torch(network, x)[0], 1e-12)


def lively(network):
    """Return the network with batch norms that have seen something."""
    random = np.random.default_rng(4)
    scaled = {".scale": (0.5, 1.0), ".mean": (-0.5, 0.5), ".variance": (0.5, 2.0)}
    drawn = {
        name: random.uniform(*scaled[f".{name.rpartition('.')[2]}"], w.shape).astype(w.dtype)
        if name.endswith(tuple(scaled))
        else w
        for name, w in network.weights.items()
    }
    return Network(network.graph, drawn)


@pytest.mark.parametrize(
    "name", ["resnet18", "mobilenet-v1", "mobilenet-v2", "densenet121", "squeezenet", "googlenet"]
)
def test_networks_for_imagenet_run_as_in_pytorch(name, by_torch):
    """With running statistics, and with the batch's: few of them, so that rounding grows.

    Random networks answer much the same to any image; those that normalise by the batch do not.
    """
    network = lively(without_dropout(zoo.load(name).initialize(1)))
    x = np.random.default_rng(0).standard_normal((2, 3, 64, 64), np.float32)
    assert_near(st.compile(network)(x), by_torch(network, x)[0], 1e-4)
    assert_near(Trainable(network).forward(x), by_torch(network, x, training=True)[0], 1e-3)


def test_every_operator_runs_as_in_pytorch(by_torch):
    network = everything()
    x = example(network, 2)
    assert_near(st.compile(network)(x), by_torch(network, x)[0], 1e-5)


@pytest.mark.parametrize("name", [*SMALL[:4], "all-cnn-c"])
def test_zoo_gradients_are_pytorchs(name, by_torch):
    check_gradients(without_dropout(zoo.load(name).initialize(1)), by_torch)


def test_gradients_of_every_operator_are_pytorchs(by_torch):
    check_gradients(everything(), by_torch)


def test_clip_at_its_bounds_and_of_nan():
    """As PyTorch's hardtanh: nothing passes back at a bound; NaN stays and passes all back."""
    x = np.array([[-1.0, 0.0, 0.5, 6.0, 7.0, np.nan]], np.float32)
    b = Builder("clip", (None, 6))
    gain = b.parameter("gain", (1, 6), Initial("constant", 1.0))
    y = b.add(op.Clip(0.0, 6.0), b.add(op.Mul(), b.input, gain, name="gained"), name="clip")
    trainable = Trainable(Network(b.graph(y)).initialize())
    exact = torch.ones(1, 6, requires_grad=True)
    z = F.hardtanh(torch.tensor(x) * exact, 0.0, 6.0)
    np.testing.assert_array_equal(trainable.forward(x), z.detach().numpy())
    trainable.backward(np.ones_like(x))
    z.sum().backward()
    np.testing.assert_array_equal(trainable.gradients, exact.grad.numpy()[0])


def check_gradients(network, by_torch):
    x = example(network, 3)
    trainable = Trainable(network)
    y = trainable.forward(x)
    dy = np.random.default_rng(5).standard_normal(y.shape, np.float32)
    trainable.backward(dy)
    exact, parameters = by_torch(network, x, training=True)
    assert_near(y, exact, 1e-5)
    exact.backward(torch.tensor(dy, dtype=torch.float64))
    start = 0
    for parameter in network.graph.parameters:
        if not parameter.trainable:
            continue
        size = int(np.prod(parameter.shape))
        found = trainable.gradients[start : start + size].reshape(parameter.shape)
        assert_near(found, parameters[parameter.name].grad, 2e-4)
        start += size
    assert start == trainable.gradients.size


def test_shared_weights_gather_both_gradients(by_torch):
    b = Builder("shared", (None, 2, 6))
    weight = b.parameter("w", (2, 2, 3), zoo.load("mlp").graph.parameters[0].initial)
    window = st.geometry.Window.parse(3, padding=1, rank=1)
    x = b.add(op.Conv(window), b.input, weight, name="first")
    x = b.add(op.Conv(window), b.add(op.Tanh(), x, name="tanh"), weight, name="second")
    check_gradients(Network(b.graph(x)).initialize(2), by_torch)


def test_batch_norm_gathers_statistics():
    """ONNX, BatchNormalization-15: running = momentum running + (1 - momentum) batch."""
    b = Builder("norm", (None, 3, 4, 4))
    network = Network(b.graph(b.batch_norm(b.input, "bn"))).initialize()
    trainable = Trainable(network)
    x = example(network, 5)
    trainable.forward(x)
    trained = trainable.network().weights
    np.testing.assert_allclose(trained["bn.mean"], 0.1 * x.mean((0, 2, 3)), rtol=1e-5, atol=1e-7)
    variance = 0.9 + 0.1 * x.var((0, 2, 3))
    np.testing.assert_allclose(trained["bn.variance"], variance, rtol=1e-5)
    np.testing.assert_array_equal(network.weights["bn.mean"], 0)


def test_dropout_drops_in_training_only():
    b = Builder("drop", (None, 1, 4, 4))
    network = Network(b.graph(b.add(op.Dropout(0.5), b.input, name="drop")))
    x = np.ones((200, 1, 4, 4), np.float32)
    np.testing.assert_array_equal(st.compile(network)(x), x)
    trainable = Trainable(network, seed=1)
    y = trainable.forward(x)
    assert set(np.unique(y)) == {0.0, 2.0}
    assert 0.45 < (y == 0).mean() < 0.55
    again = Trainable(network, seed=1).forward(x)
    np.testing.assert_array_equal(again, y)


def test_a_shift_of_the_input_shifts_the_output():
    """Equivariance, which stationarity and weight sharing buy: exact away from the border."""
    b = Builder("shift", (None, 1, 24, 24))
    x = b.conv(b.input, "a", channels=4, kernel=3)
    x = b.conv(b.add(op.Relu(), x, name="r"), "b", channels=2, kernel=3, dilation=2)
    run = st.compile(Network(b.graph(x)).initialize(0))
    image = example(run.network, 1)
    shifted = np.roll(image, (3, 5), axis=(2, 3))
    y, moved = run(image), run(shifted)
    np.testing.assert_array_equal(moved[:, :, 3:, 5:], y[:, :, :-3, :-5])


def normalised(bias_per_unit=False):
    """Return a network whose batch norms can and cannot be folded, with lively statistics."""
    b = Builder("normalised", (None, 3, 8, 8))
    x = b.conv(b.input, "a", channels=4, kernel=3, padding=1, bias_per_unit=bias_per_unit)
    x = b.add(op.Dropout(), b.batch_norm(x, "bn_a"), name="drop")
    y = b.conv(x, "b", channels=4, kernel=3, padding=1, groups=2, bias=False)
    y = b.add(op.Add(), b.batch_norm(y, "bn_b"), y, name="sum")  # b is read twice: not folded
    network = Network(b.graph(b.add(op.Identity(), y, name="same"))).initialize(1)
    random = np.random.default_rng(2)
    drawn = {
        n: random.uniform(0.5, 2, w.shape).astype(np.float32) for n, w in network.weights.items()
    }
    return Network(network.graph, drawn)


@pytest.mark.parametrize("bias_per_unit", [False, True])
def test_folding_changes_nothing_but_rounding(bias_per_unit, by_torch):
    network = normalised(bias_per_unit)
    x = example(network, 2)
    exact = by_torch(network, x)[0]
    lean = folded(network)
    kinds = [node.operator.onnx for node in lean.graph.nodes]
    assert kinds == ["Conv", "Conv", "BatchNormalization", "Add"]
    assert [node.name for node in lean.graph.nodes] == ["bn_a", "b", "bn_b", "sum"]
    assert_near(st.compile(network)(x), exact, 1e-5)
    assert_near(st.compile(network, dtype=np.float64)(x.astype(float)), exact, 1e-12)
    assert_near(st.compile(network).values(x, ["same"])["same"], exact, 1e-5)


def test_shared_weights_are_not_folded(by_torch):
    b = Builder("shared", (None, 2, 6))
    weight = b.parameter("w", (2, 2, 3), zoo.load("mlp").graph.parameters[0].initial)
    window = st.geometry.Window.parse(3, padding=1, rank=1)
    x = b.batch_norm(b.add(op.Conv(window), b.input, weight, name="first"), "bn")
    x = b.add(op.Conv(window), x, weight, name="second")
    network = Network(b.graph(x)).initialize(2)
    x = example(network, 2)
    assert_near(st.compile(network)(x), by_torch(network, x)[0], 1e-5)
