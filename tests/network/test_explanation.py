"""The arithmetic of a layer, line by line."""

import pytest

from striate.errors import UnknownNameError
from striate.network import Builder, explain, zoo

SIZE = "  output size  O = floor((I + before + after - D (K - 1) - 1) / S) + 1"
FIELD = "        field  r = r_prev + (K - 1) D jump"


def network():
    b = Builder("net", (None, 4, 7))
    x = b.conv(b.input, "down", channels=6, kernel=3, stride=2, dilation=2, padding=((3, 1),))
    x = b.conv_transpose(x, "up", channels=2, kernel=5, stride=2, padding=1, output_padding=1)
    x = b.average_pool(x, "mean", kernel=2, stride=2, ceil=True)
    x = b.max_pool(b.batch_norm(x, "norm"), "pool", kernel=2, stride=2, padding=1, ceil=True)
    return b.graph(b.linear(x, "scores", features=3))


@pytest.mark.parametrize(
    ("layer", "lines"),
    [
        (
            "down",
            [
                "down (Conv): 1x4x7 -> 1x6x4",
                SIZE,
                "       length  floor((7 + 3 + 1 - 2 (3 - 1) - 1) / 2) + 1 = 4",
                "   parameters  6 x 4 x 3 (weight) + 6 (bias) = 78",
                "         MACs  weights x examples x places: 6 x 4 x 3 x 1 x 4 = 288",
                "        units  6 x 4 = 24, with 288 + 24 biases = 312 connections",
                FIELD,
                "       length  1 + (3 - 1) x 2 x 1 = 5",
            ],
        ),
        (
            "up",
            [
                "up (ConvTranspose): 1x6x4 -> 1x2x10",
                "  output size  O = (I - 1) S - before - after + D (K - 1) + output_padding + 1",
                "       length  (4 - 1) 2 - 1 - 1 + 1 (5 - 1) + 1 + 1 = 10",
                "   parameters  6 x 2 x 5 (weight) + 2 (bias) = 62",
                "         MACs  weights x examples x inputs: 6 x 2 x 5 x 1 x 4 = 240",
                "        units  2 x 10 = 20, with 240 + 20 biases = 260 connections",
                "        field  r = r_prev + (inputs written to one output, first to last, - 1) "
                "jump",
                "       length  5 + (3 - 1) x 2 = 9",
            ],
        ),
        (
            "mean",
            [
                "mean (AveragePool): 1x2x10 -> 1x2x5",
                "  output size  O = ceil((I + before + after - D (K - 1) - 1) / S) + 1",
                "       length  ceil((10 + 0 + 0 - 1 (2 - 1) - 1) / 2) + 1 = 5",
                "   parameters  none",
                "         MACs  0 (not counted)",
                FIELD,
                "       length  9, the most that an output sees: they see unequally much",
            ],
        ),
        (
            "pool",
            [
                "pool (MaxPool): 1x2x5 -> 1x2x3",
                "  output size  O = ceil((I + before + after - D (K - 1) - 1) / S) + 1",
                "       length  ceil((5 + 1 + 1 - 1 (2 - 1) - 1) / 2) + 1 - 1 "
                "(the last window would start in the padding after) = 3",
                "   parameters  none",
                "         MACs  0 (not counted)",
                FIELD,
                "       length  9 + (2 - 1) x 1 x 2 = 11",
            ],
        ),
        (
            "norm",
            [
                "norm (BatchNormalization): 1x2x5 -> 1x2x5",
                "         does  (x - mean) / sqrt(variance + epsilon) * scale + bias, "
                "a channel at a time",
                "   parameters  2 (scale) + 2 (bias) = 4",
                "   statistics  2 (mean) + 2 (variance) = 4",
                "         MACs  0 (not counted)",
                "        field  9",
            ],
        ),
        (
            "scores",
            [
                "scores (Gemm): 1x6 -> 1x3",
                "         does  x (N, in) times weight (out, in) transposed, plus bias (out,): "
                "a fully connected layer",
                "   parameters  3 x 6 (weight) + 3 (bias) = 21",
                "         MACs  examples x in x out: 1 x 6 x 3 = 18",
                "        units  3, with 18 + 3 biases = 21 connections",
                "        field  19",
            ],
        ),
    ],
)
def test_lines(layer, lines):
    assert list(explain(network(), layer)) == lines


def test_two_axes_and_several_examples():
    lines = explain(zoo.load("all-cnn-c"), "conv2_3", (2, 3, 32, 64))
    assert lines == (
        "conv2_3 (Conv): 2x192x16x32 -> 2x192x8x16",
        SIZE,
        "       height  floor((16 + 1 + 1 - 1 (3 - 1) - 1) / 2) + 1 = 8",
        "        width  floor((32 + 1 + 1 - 1 (3 - 1) - 1) / 2) + 1 = 16",
        "   parameters  192 x 192 x 3 x 3 (weight) + 192 (bias) = 331,968",
        "         MACs  weights x examples x places: 192 x 192 x 3 x 3 x 2 x 8 x 16 = 84,934,656",
        "        units  192 x 8 x 16 = 24,576, with 42,467,328 + 24,576 biases = "
        "42,491,904 connections",
        FIELD,
        "       height  15 + (3 - 1) x 1 x 2 = 19",
        "        width  15 + (3 - 1) x 1 x 2 = 19",
    )


@pytest.mark.parametrize("name", zoo.names())
def test_every_layer_of_the_zoo_can_be_explained(name):
    net = zoo.load(name)
    for node in net.graph.nodes:
        title, *rest = explain(net, node.name)
        assert title.startswith(f"{node.name} ({node.operator.onnx}): ")
        assert not any("unequally" in line for line in rest)


def test_unknown_layers_suggest_the_nearest():
    with pytest.raises(UnknownNameError) as error:
        explain(zoo.load("lenet-1989"), "H4")
    assert str(error.value) == "no layer is called 'H4'; did you mean H1 or H2 or H3?"
