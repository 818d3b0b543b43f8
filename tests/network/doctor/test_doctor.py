"""The doctor: what it says of faults that people make."""

import json
from dataclasses import replace

import pytest

from striate.errors import ParameterError, UnknownNameError
from striate.geometry import Window
from striate.network import (
    Builder,
    Graph,
    Initial,
    Input,
    Node,
    Parameter,
    diagnose,
)
from striate.network.defined import Deferred
from striate.network.graph import Constant
from striate.network.operators import Add, Concat, Gather, MatMul, Relu, Reshape, Shape


def with_shapes(graph, **shapes):
    """The graph with parameters of other shapes, their dots written as underscores."""
    return replace(
        graph,
        parameters=tuple(
            replace(p, shape=shapes.get(p.name.replace(".", "_"), p.shape))
            for p in graph.parameters
        ),
    )


def with_window(graph, name, **numbers):
    window = Window.parse(**numbers, rank=2)
    return replace(
        graph,
        nodes=tuple(
            replace(n, operator=replace(n.operator, window=window)) if n.name == name else n
            for n in graph.nodes
        ),
    )


def residual():
    b = Builder("residual", (None, 8, 16, 16))
    x = b.conv(b.input, "conv1", channels=8, kernel=3, padding=1)
    x = b.conv(x, "conv2", channels=8, kernel=3, padding=1)
    return b.graph(b.add(Add(), x, b.input, name="join"))


def said(diagnosis):
    return [str(repair) for repair in diagnosis.repairs]


def test_a_linear_layer_of_another_size():
    assert str(diagnose("vgg11", (1, 3, 200, 224))) == (
        "vgg11 on 1x3x200x224: fc6 (Gemm) does not fit\n"
        "  weight (4096, 25088) takes 25088 features but the input has 21504\n"
        "  input 1x3x200x224 -> ... -> conv2_1 1x128x100x112 -> pool2 1x128x50x56 -> conv3_1 "
        "1x256x50x56 -> pool3 1x256x25x28 -> conv4_1 1x512x25x28 -> pool4 1x512x12x14 -> pool5 "
        "1x512x6x7 -> fc6.flatten 1x21504\n"
        "  512 x 6 x 7 = 21504 features arrive, fc6.weight (4096, 25088) takes 25088\n"
        "repairs, each inferred to the end:\n"
        "  1. Linear fc6: fc6.weight (4096, 21504) instead of (4096, 25088); gives 1x1000\n"
        "  2. input 1x3x224x224 instead of 1x3x200x224; gives 1x1000"
    )


def test_a_kernel_larger_than_its_input():
    found = diagnose("alexnet", (1, 3, 40, 40))
    assert found.failure.layer == "pool5"
    assert found.failure.arithmetic[-1] == "floor((1 + 0 + 0 - 3) / 2) + 1 = 0 outputs"
    linear = "then Linear fc6: fc6.weight (4096, 256) instead of (4096, 9216)"
    assert said(found)[:3] == [
        f"padding 1 instead of 0 in pool5, {linear}",
        f"kernel 1 instead of 3 in pool5, {linear}",
        f"leave out pool5, {linear}",
    ]
    assert said(found)[-1] == "input 1x3x224x224 instead of 1x3x40x40"


def test_dilation_may_shrink():
    b = Builder("dilated", (None, 1, 20, 20))
    x = b.conv(b.input, "conv", channels=2, kernel=3, dilation=4)
    found = diagnose(b.graph(x), (1, 1, 8, 20))
    assert said(found) == [
        "padding 4x0 instead of 0 in conv",
        "dilation 3x4 instead of 4 in conv",
        "kernel 2x3 instead of 3 in conv",
        "input 1x1x9x20 instead of 1x1x8x20",
    ]


def test_channels_that_differ():
    b = Builder("channels", (None, 3, 8, 8))
    x = b.conv(b.input, "first", channels=8, kernel=3, padding=1)
    x = b.add(Relu(), b.batch_norm(x, "norm"), name="relu")
    x = b.conv(x, "second", channels=4, kernel=3)
    found = diagnose(with_shapes(b.graph(x), second_weight=(4, 16, 3, 3)))
    assert found.failure.arithmetic == (
        "input 1x3x8x8 -> first 1x8x8x8",
        "8 channels arrive, second.weight (4, 16, 3, 3) takes 16",
    )
    norm = ", ".join(
        f"norm.{name} (16,) instead of (8,)" for name in ("scale", "bias", "mean", "variance")
    )
    assert said(found) == [
        "Conv second: second.weight (4, 8, 3, 3) instead of (4, 16, 3, 3)",
        "Conv first: 16 output channels instead of 8, then BatchNormalization norm: " + norm,
    ]


def test_a_linear_layer_behind_a_map():
    b = Builder("map", (None, 2, 4, 4))
    graph = b.graph(b.linear(b.input, "fc", features=3))
    _, fc = graph.nodes
    direct = replace(fc, inputs=("input", *fc.inputs[1:]))
    found = diagnose(replace(graph, nodes=(direct,)))
    assert said(found) == [
        "flatten the 1x2x4x4 that fc reads",
        "input 1x2x4x32 instead of 1x2x4x4",
    ]
    assert found.repairs[0].output_shapes == ((1, 3),)


def test_a_reshape_to_a_fixed_size():
    inputs = (Input("x", (None, 2, 4, 4)),)
    flat = Node("flat", Reshape((-1, 32)), ("x",), ("flat",))
    product = Node("product", MatMul(), ("flat", "weight"), ("product",))
    weight = Parameter("weight", (32, 5), Initial("normal", 1.0))
    graph = Graph("fixed", inputs, (weight,), (flat, product), ("product",))
    assert said(diagnose(graph, (1, 2, 5, 4))) == [
        "reshape to (1, -1) instead of (-1, 32) in flat, then MatMul product: weight (40, 5) "
        "instead of (32, 5)",
        "input 1x2x4x4 instead of 1x2x5x4",
    ]


def test_channels_of_a_transposed_convolution():
    b = Builder("up", (None, 2, 4, 4))
    x = b.conv(b.input, "conv", channels=6, kernel=1)
    graph = b.graph(b.conv_transpose(x, "up", channels=3, kernel=2, stride=2))
    found = diagnose(with_shapes(graph, up_weight=(4, 3, 2, 2)))
    assert found.failure.arithmetic[-1] == "6 channels arrive, up.weight (4, 3, 2, 2) takes 4"
    assert said(found) == [
        "ConvTranspose up: up.weight (6, 3, 2, 2) instead of (4, 3, 2, 2)",
        "Conv conv: 4 output channels instead of 6",
    ]


def test_groups_that_differ():
    b = Builder("depthwise", (None, 8, 8, 8))
    graph = b.graph(b.conv(b.input, "conv", channels=8, kernel=3, groups=4))
    found = diagnose(with_shapes(graph, conv_weight=(8, 1, 3, 3)))
    assert "groups=8 instead of 4 in conv" in said(found)


def test_every_block_has_the_same_fault():
    b = Builder("blocks", (None, 4, 16, 16))
    x = b.input
    for i in range(3):
        y = b.conv(x, f"conv{i}", channels=4, kernel=3, padding=1)
        x = b.add(Add(), x, y, name=f"join{i}")
    graph = b.graph(x)
    for i in range(3):
        graph = with_window(graph, f"conv{i}", kernel=3, padding=0)
    repair = diagnose(graph).repairs[0]
    assert repair.steps == tuple(f"padding 1 instead of 0 in conv{i}" for i in range(3))
    assert repair.output_shapes == ((1, 4, 16, 16),)


def test_a_stride_beside_a_shortcut():
    found = diagnose(with_window(residual(), "conv1", kernel=3, padding=1, stride=2))
    assert said(found) == [
        "stride 1 instead of 2 in conv1",
        "put a 1x1 convolution of stride 2x2 from 8 to 8 channels on input before join",
        "pad conv2 from 8x8 to 16x16 before join",
        "crop input from 16x16 to 8x8 before join",
    ]
    assert [r.output_shapes[0][2:] for r in found.repairs] == [(16, 16), (8, 8), (16, 16), (8, 8)]


def test_channels_beside_a_shortcut():
    graph = residual()
    found = diagnose(with_shapes(graph, conv2_weight=(12, 8, 3, 3), conv2_bias=(12,)))
    assert said(found) == [
        "Conv conv2: 8 output channels instead of 12",
        "put a 1x1 convolution of stride 1x1 from 8 to 12 channels on input before join",
    ]


def test_up_and_down_again():
    b = Builder("unet", (None, 1, 32, 32))
    down = b.max_pool(b.input, "down", kernel=2)
    up = b.conv_transpose(down, "up", channels=1, kernel=2, stride=2)
    graph = b.graph(b.add(Concat(), b.input, up, name="join"))
    found = diagnose(graph, (1, 1, 33, 32))
    assert found.failure.arithmetic[-1] == "input 1x1x33x32 meets up 1x1x32x32"
    assert said(found) == [
        "output padding 1x0 instead of 0 in up",
        "crop input from 33x32 to 32x32 before join",
        "pad up from 32x32 to 33x32 before join",
        "input 1x1x32x32 instead of 1x1x33x32",
        "input 1x1x34x32 instead of 1x1x33x32",
    ]


@pytest.mark.parametrize(
    ("shape", "first"),
    [
        ((32, 32), "input 1x1x32x32 instead of 32x32"),
        ((4, 32, 32, 1), "input 4x1x32x32 instead of 4x32x32x1"),
        ((2, 3, 32, 32), "input 2x1x32x32 instead of 2x3x32x32"),
    ],
)
def test_inputs_of_other_layouts(shape, first):
    found = diagnose("lenet-5", shape)
    assert (found.failure.layer, found.failure.operator) == ("input", "Input")
    assert said(found)[0] == first


def test_the_network_may_take_other_channels():
    assert said(diagnose("lenet-5", (2, 3, 32, 32)))[-1] == (
        "an input declared with 3 channels, then Conv C1: C1.weight (6, 3, 5, 5) instead of "
        "(6, 1, 5, 5)"
    )


def deferred():
    """x (N, 2, H) and y (N, 4, 4): relu(x) reshaped as y is, plus y."""
    shape = Node("shape", Shape(), ("y",), ("shape",))
    batch = Node("batch", Gather(), ("shape", "zero"), ("batch",))
    like = Node("like", Deferred(Reshape, (), ("shape",)), ("relu", "shape"), ("like",))
    relu = Node("relu", Relu(), ("x",), ("relu",))
    add = Node("add", Add(), ("like", "y"), ("add",))
    inputs = Input("x", (None, 2, None)), Input("y", (None, 4, 4))
    nodes, zero = (shape, batch, relu, like, add), Constant.of("zero", 0)
    return Graph("deferred", inputs, (), nodes, ("add",), (zero,))


def test_a_graph_that_cannot_be_settled():
    found = diagnose(deferred(), (1, 2, 7))
    assert str(found) == (
        "deferred on 1x2x7: like (Reshape) does not fit\n"
        "  (1, 2, 7) has 14 elements, which do not fit the shape (1, 4, 4)\n"
        "  x 1x2x7\n"
        "  relu 1x2x7 meets shape 3\n"
        "repairs, each inferred to the end:\n"
        "  1. input 1x2x8 instead of 1x2x7; gives 1x4x4"
    )
    assert diagnose(deferred(), (1, 2, 8)).fits
    assert diagnose(deferred(), {"x": (3, 2, 8), "y": (3, 4, 4)}).fits
    assert not diagnose(deferred(), {"y": (3, 4, 4)}).fits


def test_as_json():
    found = json.loads(diagnose("lenet-5", (1, 1, 30, 32)).to_json())
    keys = ["schema", "network", "input_shape", "fits", "failure", "repairs", "advice"]
    assert list(found) == keys
    assert found["schema"] == 1
    assert list(found["failure"]) == ["layer", "operator", "message", "input_shapes", "arithmetic"]
    assert found["failure"]["input_shapes"] == [[1, 16, 4, 5], [120, 16, 5, 5], [120]]
    assert found["repairs"][-1] == {
        "kind": "input",
        "steps": ["input 1x1x32x32 instead of 1x1x30x32"],
        "input_shape": [1, 1, 32, 32],
        "output_shapes": [[1, 10]],
    }
    advised = json.loads(diagnose("squeezenet").to_json())
    assert advised["failure"] is None
    assert {advice["topic"] for advice in advised["advice"]} == {
        "pixels dropped",
        "receptive field",
    }


def test_refusals():
    with pytest.raises(UnknownNameError) as unknown:
        diagnose(deferred(), {"z": (1,)})
    assert str(unknown.value) == "diagnose: no input is called 'z'; known: x, y"
    with pytest.raises(UnknownNameError) as unknown:
        diagnose("vgg17")
    assert str(unknown.value).startswith("diagnose: no network is called 'vgg17'; did you mean ")
    with pytest.raises(ParameterError, match=r"diagnose: network is 3; give what striate\.load"):
        diagnose(3)
