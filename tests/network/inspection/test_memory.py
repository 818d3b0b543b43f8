"""Memory: bytes by kind, peaks while training against brute force, bytes moved, sharing."""

from math import prod

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from striate.network import (
    Builder,
    Constant,
    Graph,
    Initial,
    Input,
    Node,
    Parameter,
    explain,
    infer_shapes,
    inspect,
)
from striate.network.inspection.memory import TRAINING_VIEWS, size_of
from striate.network.operators import (
    Add,
    ArgMax,
    Cast,
    Flatten,
    Gather,
    Relu,
    Reshape,
    Slice,
)
from striate.network.operators import Shape as ShapeOf


@pytest.mark.parametrize(
    ("kind", "size"),
    [("float", 4), ("float64", 8), ("int64", 8), ("float16", 2), ("bool", 1), ("complex128", 16)],
)
def test_bytes_of_kinds(kind, size):
    assert size_of((2, 3), kind) == 6 * size


def test_values_of_several_kinds():
    b = Builder("kinds", (1, 4, 8, 8))
    x = b.add(ArgMax(axis=1), b.input, name="best")
    b.add(Cast("bool"), x, name="any")
    report = inspect(b.graph(b.add(ShapeOf(), "any", name="shape")))
    assert [(x.kind, x.activation_bytes) for x in report.layers] == [
        ("int64", 512),
        ("bool", 64),
        ("int64", 32),
    ]
    assert [(x.read_bytes, x.written_bytes) for x in report.layers] == [
        (1024, 512),
        (512, 64),
        (0, 32),
    ]


def test_views_move_nothing_and_slices_read_what_they_pick():
    b = Builder("moves", (1, 2, 8))
    x = b.add(Relu(), b.add(Reshape((1, 4, 4)), b.input, name="view"), name="relu")
    b.add(Slice((0,), (1,), (2,)), x, name="slice")
    layers = inspect(b.graph(b.add(Flatten(), "slice", name="flat"))).layers
    assert [(x.read_bytes, x.written_bytes) for x in layers] == [(0, 0), (64, 64), (16, 16), (0, 0)]
    assert "        moved  nothing: the output is the input, seen otherwise" in explain(
        b.graph("flat"), "flat"
    )
    lines = explain(b.graph("flat"), "slice")
    assert "         read  what is picked = 16 B" in lines
    assert "       axis 2  from 0 by 1: ceil((1 - 0) / 1) = 1" in lines


def test_gathers_read_what_they_pick_and_the_indices():
    graph = Graph(
        "gather",
        (Input("x", (1, 100)),),
        (),
        (Node("some", Gather(1), ("x", "indices"), ("some",)),),
        ("some",),
        (Constant.of("indices", [3, 1]),),
    )
    (layer,) = inspect(graph).layers
    assert (layer.read_bytes, layer.written_bytes) == (8 + 16, 8)


def test_intensity_of_a_convolution_by_hand():
    """One 3x3 convolution of 8 channels on 16 x 16: 2 x 147,456 operations, 8 KiB in, 8 KiB out."""
    b = Builder("one", (1, 8, 16, 16))
    graph = b.graph(b.conv(b.input, "conv", channels=8, kernel=3, padding=1, bias=False))
    (layer,) = inspect(graph).layers
    assert (layer.flops, layer.read_bytes, layer.written_bytes) == (294912, 8192 + 2304, 8192)
    assert layer.intensity == 294912 / 18688


def test_training_by_hand():
    """conv 8, relu 8, fc 2: all are kept; the maps and two gradients are the most."""
    b = Builder("net", (1, 1, 8))
    x = b.conv(b.input, "conv", channels=1, kernel=3, padding=1)
    graph = b.graph(b.linear(b.add(Relu(), x, name="relu"), "fc", features=2))
    training = inspect(graph).totals.training
    parameters = 4 * (3 + 1 + 2 * 8 + 2)
    assert training.kept == 4 * (8 + 8 + 8 + 2)
    assert (training.peak, training.layer) == (4 * (8 + 8 + 8 + 8 + 8), "fc.flatten")
    assert (training.parameters, training.gradients) == (parameters, parameters)
    assert training.optimizer == {"sgd": 0, "momentum": parameters, "adam": 2 * parameters}
    assert training.total["adam"] == training.peak + 4 * parameters


def brute_peak(graph, shapes):
    """Hold, for each step back, what some step from there on still needs."""
    sizes = {name: 4 * prod(shape) for name, shape in shapes.items()}
    trained = {p.name for p in graph.parameters if p.trainable}
    leads = {}
    for node in graph.nodes:
        leads[node.name] = any(leads.get(name, name in trained) for name in node.inputs)
    peak = 0
    for now in range(len(graph.nodes), -1, -1):
        kept = sizes["input"] + sum(
            sizes[n.name] for n in graph.nodes[:now] if n.operator.onnx not in TRAINING_VIEWS
        )
        passed = graph.nodes[max(now - 1, 0) :]
        begun = {name for node in passed for name in node.inputs} | set(graph.outputs)
        made = {node.name for node in graph.nodes[:now]}
        peak = max(peak, kept + sum(sizes[v] for v in begun & made if leads[v]) if now else 0)
    return max(
        peak,
        sizes["input"]
        + sum(sizes[n.name] for n in graph.nodes if n.operator.onnx not in TRAINING_VIEWS),
    )


@pytest.mark.parametrize("rank", [1, 2])
@settings(deadline=None, max_examples=30)
@given(data=st.data())
def test_training_peak_is_brute_force(rank, graphs, data):
    graph = data.draw(graphs(rank))
    assert inspect(graph).totals.training.peak == brute_peak(graph, infer_shapes(graph))


def test_frozen_and_shared_parameters():
    one = Initial("constant", 1.0)
    b = Builder("shared", (1, 2, 8))
    x = b.conv(b.input, "first", channels=2, kernel=3, padding=1, bias=False)
    operator = b.graph(x).nodes[0].operator
    scale = b.parameter("scale", (2, 1), one, trainable=False)
    y = b.add(Add(), b.add(operator, x, "first.weight", name="second"), scale, name="shift")
    report = inspect(b.graph(y))
    assert [(x.parameters, x.frozen, x.shared_with) for x in report.layers] == [
        (12, 0, ("second",)),
        (12, 0, ("first",)),
        (0, 2, ()),
    ]
    assert (report.totals.parameters, report.totals.frozen) == (12, 2)
    assert report.totals.training.gradients == 48
    assert [row[3] for row in report.rows()] == ["parameters", "12*", "12*", "(2)"]
    assert "shared *     first, second read the same parameters, counted once" in report.summary()
    assert report.summary()[0] == "parameters   12 and 2 frozen (56 B in float32)"
    lines = explain(b.graph(y), "second")
    assert "       shared  first.weight, with first: counted once" in lines
    assert "       frozen  2 x 1 (scale) = 2" in explain(b.graph(y), "shift")
    assert "    broadcast  2x1 to 1x2x8" in explain(b.graph(y), "shift")


def test_nothing_to_train():
    graph = Graph(
        "still",
        (Input("x", (1, 3)),),
        (Parameter("w", (3,), Initial("constant", 1.0), trainable=False),),
        (Node("sum", Add(), ("x", "w"), ("sum",)),),
        ("sum",),
    )
    report = inspect(graph)
    assert (report.totals.training.peak, report.totals.training.gradients) == (24, 0)
    assert "training     24 B of activations kept; nothing is trained" in report.summary()
    assert explain(graph, "sum")[-2:] == (
        "     training  keeps 12 B for the way back, and no gradient: nothing up to here "
        "is trained",
        "     way back  24 B kept + 0 B gradients = 24 B, the most of all layers",
    )


def test_the_peak_at_inference_is_placed():
    totals = inspect("vgg16").totals
    assert totals.peak_layer == "relu1_1"
    assert totals.peak_alive == ("conv1_1", "relu1_1")
    assert totals.peak_activation_bytes == 2 * 64 * 224 * 224 * 4
