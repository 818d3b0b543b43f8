"""The builder: what it makes of a layer's numbers, and how it refuses; whole messages."""

from math import sqrt

import pytest

from striate.errors import GeometryError, GraphError, ParameterError, ShapeError, UnknownNameError
from striate.network import Builder, Initial, infer_shapes
from striate.network.operators import Add, Conv, GlobalAveragePool, Relu


def builder(*shape):
    return Builder("net", shape or (None, 4, 8, 8))


def parameters(b, value):
    return {p.name: p for p in b.graph(value).parameters}


def test_a_layers_name_is_the_prefix_of_its_parameters():
    b = builder()
    x = b.conv(b.input, "conv", channels=6, kernel=(3, 5), groups=2)
    x = b.conv_transpose(x, "up", channels=4, kernel=2, stride=2, groups=2)
    x = b.batch_norm(x, "norm")
    x = b.linear(x, "scores", features=3)
    assert {name: p.shape for name, p in parameters(b, x).items()} == {
        "conv.weight": (6, 2, 3, 5),
        "conv.bias": (6,),
        "up.weight": (6, 2, 2, 2),
        "up.bias": (4,),
        "norm.scale": (4,),
        "norm.bias": (4,),
        "norm.mean": (4,),
        "norm.variance": (4,),
        "scores.weight": (3, 4 * 12 * 8),
        "scores.bias": (3,),
    }
    frozen = [name for name, p in parameters(b, x).items() if not p.trainable]
    assert frozen == ["norm.mean", "norm.variance"]
    assert [node.name for node in b.graph(x).nodes][-2:] == ["scores.flatten", "scores"]


def test_weights_start_as_he_et_al():
    """He et al., arXiv:1502.01852, equation 10: deviation sqrt(2 / fan-in)."""
    b = builder()
    x = b.conv(b.input, "conv", channels=6, kernel=3, groups=2)
    x = b.conv_transpose(x, "up", channels=4, kernel=4, stride=2, bias=False)
    x = b.linear(x, "scores", features=3)
    found = parameters(b, x)
    assert found["conv.weight"].initial == Initial("normal", sqrt(2 / (2 * 9)))
    assert found["up.weight"].initial == Initial("normal", sqrt(2 / (6 * 16 / 4)))
    assert found["scores.weight"].initial == Initial("normal", sqrt(2 / (4 * 14 * 14)))
    assert found["conv.bias"].initial == Initial("constant", 0.0)


def test_a_bias_for_each_unit_and_a_connection_table():
    """Both as in LeCun et al. 1989."""
    b = builder()
    x = b.conv(
        b.input, "conv", channels=2, kernel=5, table=((0, 1, 2), (1, 2, 3)), bias_per_unit=True
    )
    assert [p.shape for p in b.graph(x).parameters] == [(2, 3, 5, 5), (2, 4, 4)]
    assert b.shape(x) == (1, 2, 4, 4)


def test_pools_step_by_their_kernel_unless_told():
    b = builder()
    assert b.shape(b.max_pool(b.input, "a", kernel=2)) == (1, 4, 4, 4)
    assert b.shape(b.average_pool(b.input, "b", kernel=3, stride=1, padding=1)) == (1, 4, 8, 8)
    assert b.shape(b.max_pool(b.input, "c", kernel=3, ceil=True)) == (1, 4, 3, 3)


def test_any_number_of_axes():
    for axes in (1, 2, 3):
        b = builder(None, 2, *(6,) * axes)
        x = b.conv(b.input, "conv", channels=3, kernel=3, padding="same")
        x = b.conv_transpose(b.max_pool(x, "pool", kernel=2), "up", channels=2, kernel=2, stride=2)
        assert b.shape(x) == (1, 2, *(6,) * axes)


def refusals():
    """Yield what a caller does to a builder, and the whole message of the error."""
    conv = {"channels": 4, "kernel": 3}
    yield (
        lambda b: b.conv("imput", "c", **conv),
        UnknownNameError,
        "net: c (Conv): no value is called 'imput'; did you mean input?",
    )
    yield (
        lambda b: b.conv(b.input, "c", channels=4, kernel=9),
        GeometryError,
        "net: c (Conv): kernel 9 is larger than the padded input 8 + 0 + 0: "
        "pad by 1 more or use a smaller kernel",
    )
    yield (
        lambda b: b.conv(b.input, "c", **conv, stride=0),
        GeometryError,
        "net: c (Conv): stride must be at least 1, not 0",
    )
    yield (
        lambda b: b.conv(b.input, "c", channels=0, kernel=3),
        ParameterError,
        "net: c (Conv): channels must be at least 1, not 0",
    )
    yield (
        lambda b: b.conv(b.input, "c", **conv, groups=0),
        ParameterError,
        "net: c (Conv): groups must be at least 1, not 0",
    )
    yield (
        lambda b: b.conv(b.input, "c", **conv, groups=3),
        ShapeError,
        "net: c (Conv): 4 input and 4 output channels must both be divisible by groups=3",
    )
    yield (
        lambda b: b.conv(b.input, "c", **conv, table=((0, 9),) * 4),
        ShapeError,
        "net: c (Conv): connection table of 4 outputs by [2] inputs, up to channel 9, does not fit "
        "weight (4, 2, 3, 3) and input (1, 4, 8, 8)",
    )
    yield (
        lambda b: b.conv_transpose(b.input, "c", channels=5, kernel=3, groups=2, bias=False),
        ShapeError,
        "net: c (ConvTranspose): 4 input and 5 output channels must both be divisible by groups=2",
    )
    yield (
        lambda b: b.conv_transpose(b.input, "c", channels=5, kernel=1, padding=8),
        GeometryError,
        "net: c (ConvTranspose): padding 8 + 8 cuts away the whole transposed output of 8: "
        "use less padding",
    )
    yield (
        lambda b: b.max_pool(b.input, "p", kernel=0),
        GeometryError,
        "net: p (MaxPool): kernel must be at least 1, not 0",
    )
    yield (
        lambda b: b.average_pool(b.input, "p", kernel=2, padding="sane"),
        GeometryError,
        "net: p (AveragePool): padding must be a whole number, 2 of them, 2 (before, after) pairs, "
        '"same", "valid" or "full", not \'sane\'',
    )
    yield (
        lambda b: b.max_pool(b.linear(b.input, "fc", features=3), "p", kernel=2),
        ShapeError,
        "net: p (MaxPool): 'fc' (1, 3) must be (N, C) and at least one spatial axis",
    )
    yield (
        lambda b: b.linear(b.input, "fc", features=0),
        ParameterError,
        "net: fc (Gemm): features must be at least 1, not 0",
    )
    yield (
        lambda b: b.add(Relu(), "zzz", name="r"),
        UnknownNameError,
        "net: r (Relu): no value is called 'zzz'; known: input",
    )
    yield (
        lambda b: b.add(Add(), b.input, b.max_pool(b.input, "p", kernel=2), name="sum"),
        ShapeError,
        "net: sum (Add): shapes (1, 4, 8, 8) and (1, 4, 4, 4) do not broadcast: "
        "aligned from the right, sizes must be equal or 1",
    )
    yield (
        lambda b: b.graph("zzz"),
        GraphError,
        "net: output 'zzz' is computed by no node",
    )
    yield (
        lambda b: b.graph(b.add(Relu(), b.input, name="input")),
        GraphError,
        "net: two values are called 'input': names must be unique",
    )


@pytest.mark.parametrize(("act", "kind", "message"), list(refusals()))
def test_refusals(act, kind, message):
    with pytest.raises(kind) as error:
        act(builder())
    assert str(error.value) == message


def test_operators_can_be_added_by_hand():
    b = builder()
    weight = b.parameter("w", (2, 4, 1, 1), Initial("constant", 1.0))
    window = b.graph(b.conv(b.input, "c", channels=1, kernel=1)).nodes[0].operator.window
    assert b.shape(b.add(Conv(window), b.input, weight, name="again")) == (1, 2, 8, 8)


def test_open_sizes_may_be_pooled_and_padded():
    b = Builder("open", (None, 3, None, None))
    y = b.conv(b.input, "conv", channels=4, kernel=7, stride=2)
    y = b.add(GlobalAveragePool(), b.max_pool(y, "pool", kernel=3), name="mean")
    graph = b.graph(b.linear(y, "linear", features=10))
    assert infer_shapes(graph, (2, 3, 65, 97))["linear"] == (2, 10)


@pytest.mark.parametrize("shape", [(None, 3, None, 8), (None, None, 8, 8)])
def test_open_sizes_cannot_decide_how_many_weights_there_are(shape):
    b = Builder("open", shape)
    with pytest.raises(ShapeError) as error:
        b.linear(b.input, "linear", features=10)
    assert str(error.value) == (
        "open: linear (Gemm): axis 1 of 'linear.flatten' changes with the sizes that the network's "
        "input leaves open, but the number of weights follows from it: fix them, or pool globally "
        "before"
    )
    with pytest.raises(ShapeError, match=r"^open: conv "):
        b.conv(b.input, "conv", channels=4, kernel=3, bias_per_unit=True)


@pytest.mark.parametrize("wrong", [["conv", "input"], ("conv",), 3])
def test_outputs_are_given_one_by_one(wrong):
    b = builder()
    y = b.conv(b.input, "conv", channels=4, kernel=3)
    assert b.graph(y, b.input).outputs == ("conv", "input")
    with pytest.raises(ParameterError) as error:
        b.graph(wrong)
    assert str(error.value) == (
        f"net: output {wrong!r} must be the name of a value; give several one by one, as in "
        "graph(a, b)"
    )
