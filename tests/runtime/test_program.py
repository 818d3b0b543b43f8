"""Programs: plans, threads, values inside, and what they refuse."""

import threading
import warnings

import numpy as np
import pytest

import striate as st
from striate.errors import DTypeError, GraphError, ParameterError, ShapeError, UnknownNameError
from striate.network import Builder, Graph, Network, operators
from striate.runtime import RandomWeightsWarning, Trainable


@pytest.fixture(scope="module")
def lenet():
    return st.load("lenet-1989").initialize(0)


def digits(count, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (count, 1, 16, 16)).astype(np.float32)


def test_any_batch_gives_the_same_answers(lenet):
    run = st.compile(lenet)
    x = digits(7)
    together = run(x)
    for i in range(7):
        np.testing.assert_allclose(run(x[i : i + 1])[0], together[i], rtol=0, atol=2e-6)


def test_threads_share_one_program(lenet):
    run = st.compile(lenet)
    inputs = [digits(n % 5 + 1, seed=n) for n in range(24)]
    expected = [st.compile(lenet)(x) for x in inputs]
    results = [None] * len(inputs)

    def work(i):
        results[i] = run(inputs[i])

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(inputs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for found, wanted in zip(results, expected, strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_values_inside(lenet):
    run = st.compile(lenet)
    x = digits(2)
    values = run.values(x, ["H1", "output.tanh"])
    assert values["H1"].shape == (2, 12, 8, 8)
    np.testing.assert_allclose(values["output.tanh"], run(x), rtol=0, atol=1e-6)
    assert list(run.values(x)) == [node.name for node in lenet.graph.nodes]


def test_the_input_is_never_written_to(lenet):
    x = digits(2)
    before = x.copy()
    x.flags.writeable = False
    st.compile(lenet)(x)
    np.testing.assert_array_equal(x, before)


def test_random_weights_are_announced():
    with pytest.warns(RandomWeightsWarning) as caught:
        run = st.compile(st.load("lenet-1989"))
    assert str(caught[0].message) == (
        "lenet-1989 has no trained weights and runs with random ones (seed 0); "
        "network.initialize(seed) chooses others, without this warning"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        same = st.compile(st.load("lenet-1989").initialize(0))
    np.testing.assert_array_equal(run(digits(1)), same(digits(1)))


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (
            np.zeros((1, 1, 16, 16)),
            DTypeError,
            "lenet-1989: x is float64 but this program computes in float32: "
            "pass np.asarray(x, np.float32)",
        ),
        (
            [[1.0]],
            DTypeError,
            "lenet-1989: x is list but this program computes in float32: "
            "pass np.asarray(x, np.float32)",
        ),
        (
            np.zeros((1, 3, 16, 16), np.float32),
            ShapeError,
            "lenet-1989: input shape (1, 3, 16, 16) has 3 channels, not 1: (any, 1, 16, 16)",
        ),
        (
            np.zeros((16, 16), np.float32),
            ShapeError,
            "lenet-1989: input shape (16, 16) must have 4 axes: (any, 1, 16, 16)",
        ),
        (
            np.zeros((0, 1, 16, 16), np.float32),
            ShapeError,
            "lenet-1989: x (0, 1, 16, 16) is empty: pass an example or more",
        ),
        (
            np.zeros((1, 1, 20, 20), np.float32),
            ShapeError,
            "lenet-1989: H1 (Conv): bias (12, 8, 8) must be (12,) or, by unit, (12, 10, 10)"
            "; lenet-1989 is made for 1x1x16x16",
        ),
    ],
)
def test_inputs_that_do_not_fit(lenet, x, error, message):
    with pytest.raises(error) as caught:
        st.compile(lenet)(x)
    assert str(caught.value) == message


def test_unknown_value(lenet):
    with pytest.raises(UnknownNameError) as caught:
        st.compile(lenet).values(digits(1), ["H11"])
    assert str(caught.value) == "no value of lenet-1989 is called 'H11'; did you mean H1?"


def test_dtype_of_a_program(lenet):
    with pytest.raises(DTypeError) as caught:
        st.compile(lenet, dtype=np.int32)
    assert str(caught.value) == "compile: dtype must be float32 or float64, not int32"


@pytest.mark.parametrize(("make", "name"), [(st.compile, "compile"), (Trainable, "Trainable")])
def test_only_networks_run(make, name):
    with pytest.raises(ParameterError) as caught:
        make(None)
    assert str(caught.value) == (
        f"{name}: network is NoneType, but must be a Network: striate.load(name) returns one"
    )


def test_two_outputs_are_a_tuple():
    b = Builder("two", (None, 1, 4))
    one = b.add(operators.Relu(), b.input, name="one")
    two = b.add(operators.Tanh(), b.input, name="two")
    x = np.array([[[-1, 0, 1, 2]]], np.float32)
    found = st.compile(Network(b.graph(one, two)))(x)
    assert isinstance(found, tuple)
    np.testing.assert_array_equal(found[0], np.maximum(x, 0))
    np.testing.assert_allclose(found[1], np.tanh(x), rtol=1e-6)


def test_backward_needs_forward(lenet):
    with pytest.raises(GraphError) as caught:
        Trainable(lenet).backward(np.zeros((1, 10), np.float32))
    assert str(caught.value) == "lenet-1989: backward needs a forward pass before it"


def test_output_may_be_the_input():
    network = Network(Graph("same", Builder("b", (None, 2)).graph().inputs, (), (), ("input",)))
    x = np.ones((1, 2), np.float32)
    np.testing.assert_array_equal(st.compile(network)(x), x)


def test_exact_programs_only_add_up_products(by_torch):
    """On whole numbers every sum is exact; Winograd's method divides by 24."""
    b = Builder("wide", (None, 64, 28, 28))
    x = b.conv(b.input, "a", channels=64, kernel=3, padding=1)
    network = Network(b.graph(b.add(operators.Relu(), x, name="relu")))
    random = np.random.default_rng(0)
    whole = {
        p.name: random.integers(-4, 5, p.shape).astype(np.float32) for p in network.graph.parameters
    }
    network = Network(network.graph, whole)
    x = random.integers(-4, 5, (1, 64, 28, 28)).astype(np.float32)
    exact = by_torch(network, x)[0].detach().numpy()
    np.testing.assert_array_equal(st.compile(network, precision="exact")(x), exact)
    np.testing.assert_allclose(st.compile(network)(x), exact, rtol=0, atol=2e-5 * exact.max())
    with pytest.raises(ParameterError) as caught:
        st.compile(network, precision="fast")
    assert str(caught.value) == 'compile: precision must be "auto" or "exact", not \'fast\''
