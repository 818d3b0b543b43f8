"""Networks as machine code against float64: the zoo, and graphs of few nodes that are odd."""

import numpy as np
import pytest

import striate as st
from striate.geometry import TransposedWindow, Window
from striate.network import Builder, Graph, Initial, Network, zoo
from striate.network import operators as op


def classifierless(graph):
    """Return the graph up to where it wants pixels of one size: before a Flatten of many."""
    for place, node in enumerate(graph.nodes):
        if isinstance(node.operator, op.Flatten | op.Gemm) and "vgg" in graph.name:
            nodes = graph.nodes[:place]
            parameters = graph.parameters_of(nodes)
            return Graph(graph.name, graph.inputs, parameters, nodes, node.inputs[:1])
    return graph


SMALLEST = {"alexnet": 224, "vgg": 32, "resnet": 33, "densenet": 33, "mobilenet": 33}
SMALLEST |= {"googlenet": 33, "squeezenet": 33}


@pytest.mark.parametrize("name", zoo.names())
def test_networks_of_the_zoo(check, name):
    network = Network(classifierless(zoo.load(name).graph)).initialize(1)
    _, channels, *sizes = network.input_shape
    for family, size in SMALLEST.items():
        if name.startswith(family):
            sizes = [size, size]
    check(network, (1, channels, *sizes), tolerance=1e-5)


def grouped(b):
    """Groups too narrow for blocks, and what follows them."""
    x = b.conv(b.input, "a", channels=6, kernel=3, padding=1, groups=3)
    x = b.add(op.Add(), x, b.input, name="sum")
    return b.add(op.Relu(), x, name="relu")


def with_parameter(b, operator, shape):
    p = b.parameter("p", shape, Initial("normal", 1.0))
    return b.add(op.Relu(), b.add(operator, b.input, p, name="with"), name="relu")


def units(b):
    x = b.conv(b.input, "a", channels=6, kernel=3, padding=1, bias_per_unit=True)
    return b.add(op.Relu(), b.add(op.Add(), x, b.input, name="sum"), name="relu")


def depthwise_units(b):
    return b.conv(b.input, "a", channels=6, kernel=3, padding=1, groups=6, bias_per_unit=True)


def tied(b):
    """A convolution, and its transpose with the same weights."""
    x = b.conv(b.input, "a", channels=6, kernel=3, padding=1, bias=False)
    window = TransposedWindow.parse(3, 1, 1, rank=2)
    return b.add(op.ConvTranspose(window), x, "a.weight", name="back")


def tables(b):
    """One weight read by two tables, and by a window that dilates."""
    table = ((0, 1), (2, 3), (4, 5))
    x = b.conv(b.input, "a", channels=3, kernel=3, table=table, bias=False)
    other = op.Conv(Window.parse(3, rank=2), 1, ((5, 0), (1, 3), (2, 4)))
    wide = op.Conv(Window.parse(3, 1, 1, 2, rank=2), 1, table)
    y = b.add(other, b.input, "a.weight", name="other")
    z = b.add(wide, b.input, "a.weight", name="wide")
    return b.add(op.Concat(), x, y, z, name="all")


def squeezed(b):
    mean = b.add(op.GlobalAveragePool(), b.input, name="mean")
    return b.add(op.Relu(), b.add(op.Add(), mean, b.input, name="sum"), name="relu")


def computed_weights(b):
    """A weight that is no parameter itself."""
    p = b.parameter("p", (4, 6, 3, 3), Initial("normal", 1.0))
    weight = b.add(op.Tanh(), p, name="weight")
    x = b.add(op.Conv(Window.parse(3, rank=2)), b.input, weight, name="conv")
    return b.add(op.Relu(), b.batch_norm(x, "norm"), name="relu")


def nested(b):
    """Concats of Concats, of values in two of them, and of one value twice."""
    x = b.conv(b.input, "a", channels=16, kernel=3, padding=1)
    y = b.conv(x, "b", channels=5, kernel=5, padding=2)
    one = b.add(op.Concat(), x, y, x, name="one")
    two = b.add(op.Concat(), y, one, b.input, name="two")
    three = b.add(op.Concat(), one, two, one, name="three")
    deep = b.conv(three, "c", channels=7, kernel=3, padding=3, dilation=3)
    return b.add(op.Concat(), deep, three, y, name="four")


CASES = {
    "groups": grouped,
    "sum with a parameter": lambda b: with_parameter(b, op.Add(), (1, 6, 7, 7)),
    "sum with a parameter by channel": lambda b: with_parameter(b, op.Add(), (6, 1, 1)),
    "product with a parameter": lambda b: with_parameter(b, op.Mul(), (1, 6, 1, 1)),
    "bias by unit": units,
    "depthwise bias by unit": depthwise_units,
    "tied weights": tied,
    "tables of one weight": tables,
    "broadcasting sum": squeezed,
    "computed weights": computed_weights,
    "nested concats": nested,
    "flat norm": lambda b: b.add(
        op.Relu(), b.batch_norm(b.add(op.Flatten(), b.input, name="flat"), "norm"), name="relu"
    ),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("precision", ["auto", "exact"])
def test_graphs_of_few_nodes(lively, check, case, precision):
    b = Builder("few", (None, 6, 7, 7))
    network = lively(Network(b.graph(CASES[case](b))), 2)
    check(network, (2, 6, 7, 7), (1, 6, 7, 7), precision=precision)


def test_concat_of_a_parameter(lively, check):
    b = Builder("joined", (1, 6, 7, 7))
    p = b.parameter("p", (1, 5, 7, 7), Initial("normal", 1.0))
    x = b.add(op.Concat(), b.add(op.Concat(), b.input, p, name="one"), b.input, name="two")
    check(lively(Network(b.graph(x)), 3), (1, 6, 7, 7))


def test_shapes_in_turn(lively, check):
    """What was packed for one shape serves the others: phases of a small output are fewer."""
    b = Builder("any", (None, 5, None, None))
    x = b.conv(b.input, "a", channels=18, kernel=3, padding=1)
    x = b.conv_transpose(x, "b", channels=6, kernel=3, stride=2, padding=1)
    network = lively(Network(b.graph(b.conv(x, "c", channels=3, kernel=1))), 1)
    shapes = [(2, 5, 3, 3), (2, 5, 3, 1), (1, 5, 1, 3), (1, 5, 1, 1), (3, 5, 9, 2), (2, 5, 3, 3)]
    check(network, *shapes)
    check(network, *reversed(shapes))


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_infinities_and_nan_of_the_input(rank):
    """They reach what the definition says, through joined, padded and pooled values."""
    shape = (2, 5, *(9, 6, 4)[:rank])
    b = Builder("not finite", (None, *shape[1:]))
    x = b.conv(b.input, "a", channels=18, kernel=3, padding=1)
    x = b.add(op.Concat(), b.input, b.add(op.Relu(), x, name="relu"), name="both")
    x = b.conv(b.max_pool(x, "pool", kernel=2, stride=1), "b", channels=5, kernel=2, padding=1)
    rng = np.random.default_rng(0)
    graph = b.graph(x)
    weights = {p.name: rng.integers(1, 3, p.shape).astype(np.float32) for p in graph.parameters}
    network = Network(graph, weights)
    run = st.compile(network, precision="exact")
    exact = st.compile(network, dtype=np.float64, precision="exact")
    for bad in (np.nan, np.inf, -np.inf):
        x = rng.integers(-3, 4, shape).astype(np.float32)
        x[(0, 1, *(1,) * rank)] = bad
        x[(1, 4, *(-1,) * rank)] = bad
        with np.errstate(all="ignore"):
            np.testing.assert_array_equal(run(x), exact(x.astype(np.float64)))
