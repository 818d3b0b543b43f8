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
                "   flops-bias  2 x 288 + 24 biases added = 600",
                "    torchinfo  78 parameters x 4 (examples x places of the output) = 312",
                "        units  6 x 4 = 24, with 288 + 24 biases = 312 connections",
                "         read  (1x4x7 + 6x4x3 + 6) x 4 B = 424 B",
                "      written  1x6x4 x 4 B = 96 B",
                "    intensity  576 FLOPs / 520 B = 1.11 FLOP/B",
                "        alive  input 112 B + down 96 B = 208 B, the most of all layers",
                "     training  keeps 96 B for the way back, and a gradient of 96 B",
                "     way back  208 B kept + 96 B gradients = 304 B",
                "   optimisers  gradients of 78 parameters 312 B; momentum keeps 1 x, "
                "adam 2 x that",
                FIELD,
                "       length  1 + (3 - 1) x 2 x 1 = 5",
                "      padding  3 before, 1 after the input's ends",
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
                "   flops-bias  2 x 240 + 20 biases added = 500",
                "    torchinfo  62 parameters x 10 (examples x places of the output) = 620",
                "         thop  30 x 20 elements written, as if it were no transpose = 600",
                "        units  2 x 10 = 20, with 240 + 20 biases = 260 connections",
                "         read  (1x6x4 + 6x2x5 + 2) x 4 B = 344 B",
                "      written  1x2x10 x 4 B = 80 B",
                "    intensity  480 FLOPs / 424 B = 1.13 FLOP/B",
                "        alive  down 96 B + up 80 B = 176 B",
                "     training  keeps 80 B for the way back, and a gradient of 80 B",
                "     way back  288 B kept + 176 B gradients = 464 B, the most of all layers",
                "   optimisers  gradients of 62 parameters 248 B; momentum keeps 1 x, "
                "adam 2 x that",
                "        field  r = r_prev + (inputs written to one output, first to "
                "last, - 1) jump",
                "       length  5 + (3 - 1) x 2 = 9",
                "      padding  5 before, 5 after the input's ends",
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
                "         thop  1 x 10 elements written (if adaptive, more; a function counts "
                "nothing) = 10",
                "         read  1x2x10 x 4 B = 80 B",
                "      written  1x2x5 x 4 B = 40 B",
                "        alive  up 80 B + mean 40 B = 120 B",
                "     training  keeps 40 B for the way back, and a gradient of 40 B",
                "     way back  328 B kept + 120 B gradients = 448 B",
                FIELD,
                "       length  9, the most that an output sees: they see unequally much",
                "      padding  5 before, 5 after the input's ends",
            ],
        ),
        (
            "pool",
            [
                "pool (MaxPool): 1x2x5 -> 1x2x3",
                "  output size  O = ceil((I + before + after - D (K - 1) - 1) / S) + 1",
                "       length  ceil((5 + 1 + 1 - 1 (2 - 1) - 1) / 2) + 1 - 1 (the "
                "last window would start in the padding after) = 3",
                "   parameters  none",
                "         MACs  0 (not counted)",
                "         read  1x2x5 x 4 B = 40 B",
                "      written  1x2x3 x 4 B = 24 B",
                "        alive  norm 40 B + pool 24 B = 64 B",
                "     training  keeps 24 B for the way back, and a gradient of 24 B",
                "     way back  392 B kept + 64 B gradients = 456 B",
                FIELD,
                "       length  9 + (2 - 1) x 1 x 2 = 11",
                "      padding  7 before, 5 after the input's ends",
            ],
        ),
        (
            "norm",
            [
                "norm (BatchNormalization): 1x2x5 -> 1x2x5",
                "         does  (x - mean) / sqrt(variance + epsilon) * scale + bias, "
                "a channel at a time",
                "statistics of  2 channels, gathered in training",
                "   parameters  2 (scale) + 2 (bias) = 4",
                "   statistics  2 (mean) + 2 (variance) = 4",
                "         MACs  0 (not counted)",
                "    torchinfo  4 parameters x 1 (examples) = 4",
                "       fvcore  2 x 10 elements = 20",
                "         thop  4 x 10 elements = 40",
                "         read  (1x2x5 + 2 + 2 + 2 + 2) x 4 B = 72 B",
                "      written  1x2x5 x 4 B = 40 B",
                "        alive  mean 40 B + norm 40 B = 80 B",
                "     training  keeps 40 B for the way back, and a gradient of 40 B",
                "     way back  368 B kept + 80 B gradients = 448 B",
                "   optimisers  gradients of 4 parameters 16 B; momentum keeps 1 x, adam 2 x that",
                "        field  9",
                "      padding  5 before, 5 after the input's ends",
            ],
        ),
        (
            "scores",
            [
                "scores (Gemm): 1x6 -> 1x3",
                "         does  A fully connected layer: x (..., in) times weight (out, in) "
                "transposed, plus bias (out,)",
                "  each output  the sum of 6 products",
                "   parameters  3 x 6 (weight) + 3 (bias) = 21",
                "         MACs  examples x in x out: 1 x 6 x 3 = 18",
                "   flops-bias  2 x 18 + 3 biases added = 39",
                "    torchinfo  21 parameters x 1 (examples) = 21",
                "        units  3, with 18 + 3 biases = 21 connections",
                "         read  (1x6 + 3x6 + 3) x 4 B = 108 B",
                "      written  1x3 x 4 B = 12 B",
                "    intensity  36 FLOPs / 120 B = 0.30 FLOP/B",
                "        alive  scores.flatten 24 B + scores 12 B = 36 B",
                "     training  keeps 12 B for the way back, and a gradient of 12 B",
                "     way back  404 B kept + 36 B gradients = 440 B",
                "   optimisers  gradients of 21 parameters 84 B; momentum keeps 1 x, adam 2 x that",
                "        field  19",
                "      padding  7 before, 5 after the input's ends",
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
        "   flops-bias  2 x 84,934,656 + 49,152 biases added = 169,918,464",
        "    torchinfo  331,968 parameters x 256 (examples x places of the output) = 84,983,808",
        "        units  192 x 8 x 16 = 24,576, with 42,467,328 + 24,576 biases "
        "= 42,491,904 connections",
        "         read  (2x192x16x32 + 192x192x3x3 + 192) x 4 B = 2,114,304 B",
        "      written  2x192x8x16 x 4 B = 196,608 B",
        "    intensity  169,869,312 FLOPs / 2,310,912 B = 73.51 FLOP/B",
        "        alive  relu2_2 786,432 B + conv2_3 196,608 B = 983,040 B",
        "     training  keeps 196,608 B for the way back, and a gradient of 196,608 B",
        "     way back  10,911,744 B kept + 983,040 B gradients = 11,894,784 B",
        "   optimisers  gradients of 331,968 parameters 1,327,872 B; momentum "
        "keeps 1 x, adam 2 x that",
        FIELD,
        "       height  15 + (3 - 1) x 1 x 2 = 19",
        "        width  15 + (3 - 1) x 1 x 2 = 19",
        "      padding  9 before, 6 after the input's ends",
    )


@pytest.mark.parametrize("name", zoo.names())
def test_layers_of_the_zoo_can_be_explained(name):
    net = zoo.load(name)
    for node in net.graph.nodes[:: max(1, len(net.graph.nodes) // 30)]:
        title, *rest = explain(net, node.name)
        assert title.startswith(f"{node.name} ({node.operator.onnx}): ")
        assert not any("unequally" in line for line in rest)


def test_unknown_layers_suggest_the_nearest():
    with pytest.raises(UnknownNameError) as error:
        explain(zoo.load("lenet-1989"), "H4")
    assert str(error.value) == "no layer is called 'H4'; did you mean H1 or H2 or H3?"
