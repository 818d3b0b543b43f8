"""Small graphs that ask for absurdly much run in bounds, or are refused before memory is asked."""

import re
import time

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import striate as st
from striate.errors import ShapeError
from striate.geometry import TransposedWindow, Window
from striate.network import Constant, Graph, Initial, Input, Network, Node, Parameter
from striate.network import operators as op
from striate.runtime import constants, execution
from striate.runtime.lowering import memory

GIB = 2**30
FLOATS = (np.float32, np.float64)


@pytest.fixture(autouse=True)
def machine(monkeypatch):
    """Let the machine have 16 GiB."""
    monkeypatch.setattr(memory, "machine_memory", lambda: 16 * GIB)


def network(nodes, *, shape=(1, 1, 8, 8), weights=None, more=()):
    weights = weights or {}
    parameters = tuple(Parameter(n, a.shape, Initial("normal", 1)) for n, a in weights.items())
    made = tuple(Node(o, operator, tuple(i), (o,)) for operator, i, o in nodes)
    inputs = (Input("x", shape),)
    return Network(Graph("net", inputs, parameters, made, (nodes[-1][2],), tuple(more)), weights)


def chain(length, *steps, shape=(2, 3), more=()):
    """Return a network that does these steps again and again: of its value, "v", and others."""
    nodes, v = [], "x"
    for i in range(length):
        for place, (operator, inputs) in enumerate(steps):
            named = [v if n == "v" else f"{n}{i}" if n == "s" else n for n in inputs]
            nodes.append((operator, named, f"v{i}" if place == len(steps) - 1 else f"s{i}"))
        v = f"v{i}"
    return network(nodes, shape=shape, more=more)


def timed(net, x, **how):
    start = time.perf_counter()
    y = st.compile(net, **how)(x)
    return y, time.perf_counter() - start


@pytest.mark.parametrize("shape", [(2, 3), (1, 3, 8, 8)])
@pytest.mark.parametrize(
    "steps",
    [
        [(op.Add(), ["v", "v"])],
        [(op.Relu(), ["v"]), (op.Add(), ["v", "s"])],
    ],
)
def test_values_added_to_themselves_take_time_by_their_number(steps, shape):
    """Their expressions double with each sum, if they are written out."""
    y, seconds = timed(chain(100, *steps, shape=shape), np.ones(shape, np.float32))
    np.testing.assert_array_equal(y, np.full(shape, 2.0**100, np.float32))
    assert seconds < 10


def test_kernels_compute_some_functions_each():
    plan = st.compile(chain(100, (op.Neg(), ["v"]))).plan
    assert [len(step.names) for step in plan.steps] == [32, 32, 32, 4]


def test_norms_take_in_some_functions():
    ones = {"scale": np.ones(2, np.float32), "shift": np.zeros(2, np.float32)}
    nodes = [(op.GroupNormalization(1, 1e-5), ["x", "scale", "shift"], "s")]
    for i in range(40):
        nodes.append((op.Add(), [f"v{i - 1}" if i else "s"] * 2, f"v{i}"))
    x = np.arange(8, dtype=np.float32).reshape(1, 2, 2, 2)
    y, seconds = timed(network(nodes, shape=x.shape, weights=ones), x)
    wanted = F.group_norm(torch.tensor(x), 1).numpy() * 2.0**40
    np.testing.assert_allclose(y, wanted, rtol=1e-5)
    assert seconds < 10


@pytest.mark.parametrize(
    ("operator", "inputs", "wanted"),
    [(op.Add(), ["v", "k"], 751.0), (op.Relu(), ["v"], 1.0), (op.Concat(1), ["v"], 1.0)],
)
def test_chains_may_be_long(operator, inputs, wanted):
    more = [Constant.of("k", 0.25)] if "k" in inputs else []
    y, seconds = timed(chain(3000, (operator, inputs), more=more), np.ones((2, 3), np.float32))
    np.testing.assert_array_equal(y, np.full((2, 3), wanted, np.float32))
    assert seconds < 30


def doubling(length, weights):
    """Return 16 copies of a value joined, again and again, and added to the input."""
    nodes = [(op.Concat(0), [f"w{i}"] * 16, f"w{i + 1}") for i in range(length)]
    return network([*nodes, (op.Add(), ["x", f"w{length}"], "y")], shape=(1,), weights=weights)


def test_constants_that_grow_are_not_computed_beforehand():
    """Each is as large as all that it reads, if what is read many times counts many times."""
    start = time.perf_counter()
    run = st.compile(doubling(9, {"w0": np.ones(16, np.float32)}))
    with pytest.raises(ShapeError) as error:
        run(np.ones(1, np.float32))
    assert str(error.value) == (
        "net: w8 (Concat): its output, 68719476736, takes 274,877,906,944 bytes, but the machine "
        "has 17,179,869,184: run it on a smaller input, or a network whose settings ask for less"
    )
    assert time.perf_counter() - start < 10


def test_what_is_computed_beforehand_has_bounds_together(monkeypatch):
    monkeypatch.setattr(constants, "ROOM", 0)
    nodes = [(op.Neg(), [f"w{i}"], f"w{i + 1}") for i in range(8)]
    weights = {"w0": np.ones(10, np.float32)}
    net = network([*nodes, (op.Add(), ["x", "w8"], "y")], shape=(10,), weights=weights)
    graph = constants.precomputed(net, np.dtype(np.float32)).graph
    assert [node.name for node in graph.nodes] == ["w4", "w5", "w6", "w7", "w8", "y"]
    np.testing.assert_array_equal(st.compile(net)(np.ones(10, np.float32)), np.full(10, 2.0))


def test_transposed_convolutions_of_large_strides():
    """Their outputs are not followed one phase after the other."""
    weight = np.arange(18, dtype=np.float32).reshape(2, 1, 3, 3)
    window = TransposedWindow.parse(3, stride=33, rank=2)
    nodes = [(op.ConvTranspose(window), ["x", "w"], "y")]
    x = np.arange(32, dtype=np.float32).reshape(1, 2, 4, 4)
    net = network(nodes, shape=x.shape, weights={"w": weight})
    wanted = F.conv_transpose2d(torch.tensor(x), torch.tensor(weight), stride=33).numpy()
    np.testing.assert_allclose(st.compile(net)(x), wanted)
    (step,) = st.compile(net).plan.steps
    assert step.method == "NumPy's order, in Python"


def conv(**how):
    return op.Conv(Window.parse(3, rank=2, **how))


BIG = 2**40
REFUSED = {
    "stride": (
        op.ConvTranspose(TransposedWindow.parse(3, stride=2**31, rank=2)),
        "its output, 1x1x15032385539x15032385539",
        15032385539**2,
    ),
    "padding": (
        conv(padding=BIG),
        "its output, 1x1x2199023255558x2199023255558",
        2199023255558**2,
    ),
    "dilation": (
        conv(padding=BIG, dilation=BIG),
        "its padded input, 1x1x2199023255560x2199023255560",
        2199023255560**2,
    ),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("dtype", FLOATS)
def test_windows_beyond_memory(case, dtype):
    operator, what, needed = REFUSED[case]
    net = network([(operator, ["x", "w"], "y")], weights={"w": np.ones((1, 1, 3, 3), dtype)})
    start = time.perf_counter()
    with pytest.raises(ShapeError) as error:
        st.compile(net, dtype=dtype)(np.ones((1, 1, 8, 8), dtype))
    assert str(error.value) == (
        f"net: y ({operator.onnx}): {what}, takes {needed * dtype().itemsize:,} bytes, but the "
        "machine has 17,179,869,184: run it on a smaller input, or a network whose settings ask "
        "for less"
    )
    assert time.perf_counter() - start < 5


def refusal(net, *inputs):
    start = time.perf_counter()
    with pytest.raises(ShapeError) as error:
        st.compile(net)(*inputs)
    assert time.perf_counter() - start < 5
    return str(error.value)


def test_layouts_beyond_memory():
    """The one channel of the result takes whole registers."""
    nodes = [(conv(padding=20000), ["x", "w"], "y")]
    message = refusal(
        network(nodes, weights={"w": np.ones((1, 1, 3, 3), np.float32)}),
        np.ones((1, 1, 8, 8), np.float32),
    )
    held = re.search(r"takes ([0-9,]+) bytes", message)[1]
    assert int(held.replace(",", "")) > 16 * GIB
    assert message == (
        f"net: y (Conv): what is held at once here takes {held} bytes with its padding, but the "
        "machine has 17,179,869,184: run it on a smaller input, or a network whose settings ask "
        "for less"
    )


@pytest.mark.parametrize(
    ("operator", "message"),
    [
        (op.Range(0, 2**40, 1, "int64"), "1099511627776, takes 8,796,093,022,208 bytes"),
        (op.ConstantOfShape((2**35,), 1.0, "float"), "34359738368, takes 137,438,953,472 bytes"),
    ],
)
def test_constants_beyond_memory(operator, message):
    nodes = [(operator, [], "w"), (op.Cast("float"), ["w"], "f"), (op.Add(), ["x", "f"], "y")]
    assert refusal(network(nodes, shape=(1,)), np.ones(1, np.float32)) == (
        f"net: w ({operator.onnx}): its output, {message}, but the machine has 17,179,869,184: "
        "run it on a smaller input, or a network whose settings ask for less"
    )


def test_shapes_that_no_array_has():
    nodes = [(op.ConstantOfShape((0, 2**40, 2**40), 1.0, "float"), [], "w")]
    nodes.append((op.Add(), ["x", "w"], "y"))
    assert refusal(network(nodes, shape=(1,)), np.ones(1, np.float32)) == (
        "net: w (ConstantOfShape): its output, 0x1099511627776x1099511627776, is larger than "
        "arrays can be: run it on a smaller input, or a network whose settings ask for less"
    )
    many = [(op.Reshape((1,) * 69 + (8,)), ["x"], "y")]
    assert refusal(network(many, shape=(8,)), np.ones(8, np.float32)) == (
        "net: y (Reshape): its output has 70 axes, but arrays have at most 64"
    )


def test_large_values_without_inputs():
    """They are not computed beforehand, and nothing is known of what they read."""
    nodes = [(op.Range(0, 5_000_000, 1, "int64"), [], "w"), (op.Cast("float"), ["w"], "f")]
    net = network([*nodes, (op.Add(), ["x", "f"], "y")], shape=(1,))
    y = st.compile(net)(np.ones(1, np.float32))
    assert y.shape == (5_000_000,)
    assert y[-1] == 5_000_000


@pytest.mark.parametrize("dtype", FLOATS)
def test_windows_of_absurd_steps(dtype):
    """What is multiplied by their numbers must stay within 64 bits."""
    operator = op.MaxPool(Window.parse(1, stride=2**40, rank=2))
    with pytest.raises(ShapeError) as error:
        st.compile(network([(operator, ["x"], "y")]), dtype=dtype)(np.ones((1, 1, 8, 8), dtype))
    assert str(error.value) == (
        "net: y (MaxPool): stride 1099511627776x1099511627776 is beyond 134,217,728, the largest "
        "that is worked with: the model is damaged, or its settings are"
    )


def test_transposed_convolutions_that_read_far_apart():
    operator = op.ConvTranspose(TransposedWindow.parse(3, padding=2**31, dilation=2**31, rank=2))
    net = network([(operator, ["x", "w"], "y")], weights={"w": np.ones((1, 1, 3, 3), np.float32)})
    assert refusal(net, np.ones((1, 1, 8, 8), np.float32)) == (
        "net: y (ConvTranspose): its padded input, 1x1x8589934600x8589934600, takes "
        f"{4 * 8589934600**2:,} bytes, but the machine has 17,179,869,184: run it on a smaller "
        "input, or a network whose settings ask for less"
    )


@pytest.mark.parametrize("dtype", FLOATS)
def test_responses_over_absurdly_many_channels(dtype):
    x = np.arange(192, dtype=dtype).reshape(1, 3, 8, 8)
    y, seconds = timed(
        network([(op.LRN(2**40 - 1, alpha=2.0**40), ["x"], "y")], shape=x.shape), x, dtype=dtype
    )
    wanted = x / (1 + np.square(x).sum(1, keepdims=True) * 2**40 / (2**40 - 1)) ** 0.75
    np.testing.assert_allclose(y, wanted, rtol=1e-5)
    assert seconds < 5


def test_memory_that_others_use(monkeypatch):
    def used(*of, **how):
        raise MemoryError

    nodes = [(op.Relu(), ["x"], "y"), (op.Softmax(), ["y"], "z")]
    x = np.ones((2, 3), np.float32)
    net = network(nodes, shape=(2, 3))
    with monkeypatch.context() as patch:
        patch.setattr(execution, "aligned", used)
        message = refusal(net, x)
    assert re.fullmatch(
        r"net: no memory is left for its values, \d+ bytes at once: run it on a smaller input",
        message,
    )
    with monkeypatch.context() as patch:
        patch.setattr(execution.Instance, "run", used)
        assert refusal(net, x) == message
    monkeypatch.setattr(np, "maximum", used)
    with pytest.raises(ShapeError) as error:
        st.compile(net).values(x)
    assert str(error.value) == (
        "net: y (Relu): no memory is left for its output, 2x3: run it on a smaller input"
    )
