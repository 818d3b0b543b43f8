"""Published networks, built here, against published receptive fields and costs.

Araujo, Norris and Sim, "Computing Receptive Fields of Convolutional Neural Networks", Distill
2019, and its table in google-research/receptive_field: size, stride, padding, FLOPs for a 224
input, fully connected layers left out.
"""

from dataclasses import replace

import pytest

from striate.network import Builder, inspect, zoo
from striate.network.operators import Add, Concat, Relu


def layers(report):
    return {layer.name: layer for layer in report.layers}


def field(report, name):
    """Return (size, stride, padding) of a layer, alike along both axes and aligned."""
    rows, columns = layers(report)[name].field
    assert replace(rows, axis=3, along=columns.along) == columns
    assert rows.aligned
    return rows.size, rows.stride, -rows.start


def test_alexnet_v2(published_gflop):
    """TF-Slim's alexnet_v2: 11, 19, 51, (67,) 99, 131, 163, 195; stride 32, padding 64."""
    b = Builder("alexnet-v2", (None, 3, 224, 224))
    x = b.conv(b.input, "conv1", channels=64, kernel=11, stride=4)
    x = b.max_pool(x, "pool1", kernel=3, stride=2)
    x = b.conv(x, "conv2", channels=192, kernel=5, padding="same")
    x = b.max_pool(x, "pool2", kernel=3, stride=2)
    for name, channels in (("conv3", 384), ("conv4", 384), ("conv5", 256)):
        x = b.conv(x, name, channels=channels, kernel=3, padding="same")
    graph = b.graph(b.max_pool(x, "pool5", kernel=3, stride=2))
    report = inspect(graph)
    sizes = [layer.field[0].size for layer in report.layers]
    assert sizes == [11, 19, 51, 67, 99, 131, 163, 195]
    assert field(report, "pool5") == (195, 32, 64)
    assert published_gflop(graph, biases=True) == 1.38


@pytest.mark.parametrize(
    ("name", "size", "padding", "gflop"), [("vgg11", 150, 59, 14.98), ("vgg16", 212, 90, 30.71)]
)
def test_vgg(name, size, padding, gflop, published_gflop):
    graph = zoo.load(name).graph
    assert field(inspect(graph), "pool5") == (size, 32, padding)
    end = next(i for i, node in enumerate(graph.nodes) if node.name == "pool5")
    features = replace(graph, nodes=graph.nodes[: end + 1], outputs=("pool5",))
    assert published_gflop(features, biases=True) == gflop


def test_vgg16_pools():
    """Araujo et al. 2019: the pools of VGG-16 see 6, 16, 44, 100, 212."""
    found = layers(inspect(zoo.load("vgg16")))
    assert [found[f"pool{i}"].field[0].size for i in range(1, 6)] == [6, 16, 44, 100, 212]


def test_mobilenet_v1(published_gflop):
    """Howard et al., arXiv:1704.04861, table 1; size 315, stride 32, padding 126, 1.14 GFLOP."""
    graph = zoo.load("mobilenet-v1").graph
    end = next(i for i, node in enumerate(graph.nodes) if node.name == "pointwise13")
    features = replace(graph, nodes=graph.nodes[: end + 1], outputs=("pointwise13",))
    assert field(inspect(features), "pointwise13") == (315, 32, 126)
    assert published_gflop(features, biases=False) == 1.14


class SlimResNet:
    """He et al., arXiv:1512.03385, table 1, with the stride in each stage's last block."""

    def __init__(self):
        self.b = Builder("resnet", (None, 3, 224, 224))

    def conv(self, x, name, channels, kernel, stride=1, relu=True):
        b, side = self.b, (kernel - 1) // 2
        x = b.conv(
            x, name, channels=channels, kernel=kernel, stride=stride, padding=side, bias=False
        )
        x = b.batch_norm(x, f"{name}.norm")
        return b.add(Relu(), x, name=f"{name}.relu") if relu else x

    def block(self, x, name, channels, stride):
        y = self.conv(x, f"{name}.a", channels, 1)
        y = self.conv(y, f"{name}.b", channels, 3, stride)
        y = self.conv(y, f"{name}.c", 4 * channels, 1, relu=False)
        if self.b.shape(x)[1] != 4 * channels:
            x = self.conv(x, f"{name}.shortcut", 4 * channels, 1, stride, relu=False)
        elif stride > 1:  # TF-Slim's subsample
            x = self.b.max_pool(x, f"{name}.shortcut", kernel=1, stride=stride)
        return self.b.add(Relu(), self.b.add(Add(), x, y, name=f"{name}.sum"), name=name)

    def features(self, blocks):
        x = self.conv(self.b.input, "conv1", 64, 7, 2)
        x = self.b.max_pool(x, "pool1", kernel=3, stride=2, padding="same")
        for stage, count in enumerate(blocks):
            for i in range(count):
                stride = 2 if stage < 3 and i == count - 1 else 1
                x = self.block(x, f"block{stage}.{i}", 64 * 2**stage, stride)
        return x


# ResNet v1 of TF-Slim, the stride at each block's end.
@pytest.mark.parametrize(
    ("blocks", "size", "padding", "gflop"),
    [
        ((3, 4, 6, 3), 483, 239, 6.96),
        ((3, 4, 23, 3), 1027, 511, 14.39),
        ((3, 8, 36, 3), 1507, 751, 21.81),
    ],
)
def test_resnet_of_slim(blocks, size, padding, gflop, published_gflop):
    net = SlimResNet()
    graph = net.b.graph(net.features(blocks))
    assert field(inspect(graph), f"block3.{blocks[-1] - 1}") == (size, 32, padding)
    assert published_gflop(graph, biases=False) == gflop


def test_two_3x3_see_what_one_5x5_sees_with_18_of_25_weights():
    """Simonyan and Zisserman, arXiv:1409.1556, section 2.3, for two layers of C channels."""
    b = Builder("stack", (None, 8, 32, 32))
    x = b.conv(b.input, "first", channels=8, kernel=3, bias=False)
    b.conv(x, "second", channels=8, kernel=3, bias=False)
    stack = inspect(b.graph("second"))
    b = Builder("single", (None, 8, 32, 32))
    single = inspect(b.graph(b.conv(b.input, "only", channels=8, kernel=5, bias=False)))
    assert field(stack, "second") == field(single, "only") == (5, 1, 0)
    assert stack.totals.parameters * 25 == single.totals.parameters * 18


def test_paths_of_different_centres_are_misaligned():
    """Araujo et al. 2019, "aligned" networks: both paths share the stride but not the centre."""
    b = Builder("misaligned", (None, 1, 8, 8))
    left = b.conv(b.input, "left", channels=1, kernel=3, padding=((2, 0), (1, 1)))
    right = b.conv(b.input, "right", channels=1, kernel=1)
    rows, columns = layers(inspect(b.graph(b.add(Concat(), left, right, name="join"))))[
        "join"
    ].field
    assert (rows.size, rows.start, rows.aligned) == (3, -2, False)
    assert (columns.size, columns.start, columns.aligned) == (3, -1, True)
