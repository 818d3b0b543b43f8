"""Shapes, receptive fields and reach of whole graphs: the cases worth naming."""

from fractions import Fraction

import pytest

from striate.errors import GeometryError, ParameterError, ShapeError, UnknownNameError
from striate.geometry import Field, Window
from striate.network import (
    Builder,
    Graph,
    Initial,
    Input,
    Node,
    infer_fields,
    infer_shapes,
    reach,
    zoo,
)
from striate.network.operators import (
    Add,
    Concat,
    Conv,
    GlobalAveragePool,
    Identity,
    MaxPool,
    Mul,
    Pad,
    Sigmoid,
)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((3, 224, 224), "input shape (3, 224, 224) must have 4 axes: (any, 3, 224, 224)"),
        (
            (1, 4, 224, 224),
            "input shape (1, 4, 224, 224) has 4 channels, not 3: (any, 3, 224, 224)",
        ),
        ((1, 3, 0, 224), "input shape (1, 3, 0, 224) must be of whole numbers of at least 1"),
        ((1, 3, 224.0, 1), "input shape (1, 3, 224.0, 1) must be of whole numbers of at least 1"),
        (
            (1, 3, 64, 64),
            "fc6 (Gemm): weight (4096, 25088) takes 25088 features but the input has 2048"
            "; vgg16 is made for 1x3x224x224",
        ),
    ],
)
def test_input_shapes_that_do_not_fit(shape, message):
    with pytest.raises(ShapeError) as error:
        infer_shapes(zoo.load("vgg16").graph, shape)
    assert str(error.value) == f"vgg16: {message}"


def test_the_first_layer_that_does_not_fit_is_named():
    with pytest.raises(GeometryError) as error:
        infer_shapes(zoo.load("vgg16").graph, (1, 3, 8, 8))
    assert str(error.value) == (
        "vgg16: pool4 (MaxPool): kernel 2 is larger than the padded input 1 + 0 + 0: "
        "pad by 1 more or use a smaller kernel; vgg16 is made for 1x3x224x224"
    )


def test_open_sizes_are_one_unless_given():
    b = Builder("open", (None, 3, None))
    graph = b.graph(b.conv(b.input, "conv", channels=2, kernel=3, padding=1))
    assert infer_shapes(graph)["conv"] == (1, 2, 1)
    assert infer_shapes(graph, (5, 3, 40))["conv"] == (5, 2, 40)


def test_paths_of_different_strides_have_no_field():
    b = Builder("net", (None, 1, 8))
    halved = b.max_pool(b.input, "halved", kernel=2)
    cut = b.add(Pad((-2,), (-2,)), b.input, name="cut")
    graph = b.graph(b.add(Add(), halved, cut, name="sum"))
    shapes = infer_shapes(graph)
    with pytest.raises(GeometryError) as error:
        infer_fields(graph, shapes)
    assert str(error.value) == (
        "net: sum (Add) of halved and cut: paths of strides 2 and 1 meet: "
        "no single receptive field exists there"
    )
    assert reach(graph, shapes, "sum", [0]) == ((0, 1, 2),)


def test_a_value_that_broadcasts_shows_every_output_the_same():
    """A kernel as wide as the input leaves one element; added to all, it is not shifted along."""
    b = Builder("net", (None, 1, 8))
    whole = b.conv(b.input, "whole", channels=1, kernel=8)
    graph = b.graph(b.add(Add(), whole, b.input, name="sum"))
    shapes = infer_shapes(graph)
    assert infer_fields(graph, shapes)["sum"] == (Field(((0, 7),), 0),)
    assert all(reach(graph, shapes, "sum", [i]) == (tuple(range(8)),) for i in range(8))


def test_squeeze_and_excitation_sees_everything():
    """Hu et al., arXiv:1709.01507: channels scaled by a gate that has seen the whole map."""
    b = Builder("net", (None, 4, 8, 8))
    x = b.conv(b.input, "conv", channels=4, kernel=3, padding=1)
    gate = b.conv(b.add(GlobalAveragePool(), x, name="squeeze"), "gate", channels=4, kernel=1)
    y = b.add(Mul(), x, b.add(Sigmoid(), gate, name="open"), name="scaled")
    graph = b.graph(b.conv(y, "after", channels=2, kernel=3))
    shapes = infer_shapes(graph)
    field = infer_fields(graph, shapes)["after"][0]
    assert (field.size, field.stride, field.start) == (10, Fraction(0), -1)
    assert reach(graph, shapes, "after", [0, 0]) == (tuple(range(8)),) * 2


def test_an_encoder_and_decoder_meet_at_the_same_stride():
    """As U-Net does (Ronneberger et al., arXiv:1505.04597): pool, up-convolve, concatenate."""
    b = Builder("net", (None, 1, 16))
    skip = b.conv(b.input, "skip", channels=2, kernel=3, padding=1)
    deep = b.conv(b.max_pool(skip, "pool", kernel=2), "deep", channels=2, kernel=3, padding=1)
    up = b.conv_transpose(deep, "up", channels=2, kernel=2, stride=2)
    graph = b.graph(b.add(Concat(), skip, up, name="join"))
    field = infer_fields(graph, infer_shapes(graph))["join"][0]
    assert (field.stride, field.size, field.aligned) == (Fraction(1), 8, False)
    assert [field.of(i) for i in (0, 1, 2)] == [(-3, 4), (-3, 4), (-1, 6)]


def test_reach_is_exact_behind_an_output_that_sees_only_padding():
    """An element of `wide` in the padding of one axis reads nothing, so it adds no row either."""
    b = Builder("net", (1, 1, 4, 4))
    wide = b.conv(b.input, "wide", channels=1, kernel=1, padding=((0, 0), (1, 1)))
    moved = b.add(Pad((-1, 0), (1, 2)), b.input, name="moved")
    graph = b.graph(b.add(Add(), wide, moved, name="sum"))
    shapes = infer_shapes(graph)
    assert reach(graph, shapes, "wide", [0, 0]) == ((), ())
    assert reach(graph, shapes, "sum", [0, 0]) == ((1,), (0,))
    assert reach(graph, shapes, "sum", [0, 1]) == ((0, 1), (0, 1))


def test_reach_of_features_the_input_and_a_parameter():
    graph = zoo.load("lenet-1989").graph
    shapes = infer_shapes(graph)
    assert reach(graph, shapes, "output", ()) == (tuple(range(16)),) * 2
    assert reach(graph, shapes, "input", (3, 5)) == ((3,), (5,))
    assert reach(graph, shapes, "H3.bias", ()) == ((), ())


def test_what_depends_on_parameters_alone_has_no_field_and_no_reach():
    """Exporters put such nodes between a parameter and its layer."""
    b = Builder("net", (None, 1, 8))
    weight = b.add(Identity(), b.parameter("w", (2, 1, 3), Initial("constant", 1.0)), name="weight")
    constant = b.parameter("k", (1, 2, 6), Initial("constant", 1.0))
    pooled = b.max_pool(constant, "pooled", kernel=3, stride=1, padding=1)
    whole = b.add(GlobalAveragePool(), constant, name="whole")
    constant = b.add(Add(), pooled, whole, name="constant")
    x = b.add(Conv(Window.parse(3, rank=1)), b.input, weight, name="conv")
    graph = b.graph(b.add(Add(), constant, x, name="sum"))
    shapes = infer_shapes(graph)
    fields = infer_fields(graph, shapes)
    assert set(fields) == {"input", "conv", "sum"}
    assert fields["sum"] == fields["conv"] == (Field(((0, 2),), 1),)
    assert reach(graph, shapes, "sum", [2]) == ((2, 3, 4),)
    assert reach(graph, shapes, "pooled", [2]) == ((),)


def test_reach_of_what_does_not_exist():
    graph = zoo.load("lenet-1989").graph
    shapes = infer_shapes(graph)
    with pytest.raises(UnknownNameError) as error:
        reach(graph, shapes, "H1.tahn", (0, 0))
    assert str(error.value) == (
        "lenet-1989: no value is called 'H1.tahn'; did you mean H1.tanh or H2.tanh or H3.tanh?"
    )
    for index in ((8, 0), (0, -1), (0,)):
        with pytest.raises(ParameterError) as error:
            reach(graph, shapes, "H1", index)
        assert str(error.value) == (
            f"lenet-1989: index {index} must lie within 'H1', whose spatial axes are (8, 8)"
        )


def test_sizes_left_open_that_do_not_fit_ask_for_a_shape():
    graph = Graph(
        "open",
        (Input("x", (None, 3, None, None)),),
        (),
        (Node("pool", MaxPool(Window.parse(2, 2, rank=2)), ("x",), ("pool",)),),
        ("pool",),
    )
    with pytest.raises(GeometryError) as error:
        infer_shapes(graph)
    assert str(error.value) == (
        "open: pool (MaxPool): kernel 2 is larger than the padded input 1 + 0 + 0: "
        "pad by 1 more or use a smaller kernel; input 'x' is (any, 3, any, any), "
        "and any was taken as 1: give its shape"
    )
