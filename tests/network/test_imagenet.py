"""The zoo's networks for ImageNet against published counts, costs and receptive fields."""

import pytest

from striate.network import inspect, zoo

# Parameters and "GFLOPS" (multiply-adds) as torchvision 0.28 publishes them with its weights
# (`num_params`, `_ops`), but for MobileNet v1, whose own paper has 4.2 million and 569 million
# (arXiv:1704.04861, table 8).
# Fields by the recurrence of Araujo, Norris and Sim, Distill 2019, before the global average; where
# their table has the network (AlexNet, MobileNet v1), they are its numbers.
IMAGENET = [
    ("alexnet", 61_100_840, 0.714, 195, 32),
    ("squeezenet", 1_235_496, 0.349, 207, 16),
    ("resnet18", 11_689_512, 1.814, 435, 32),
    ("resnet34", 21_797_672, 3.664, 899, 32),
    ("resnet50", 25_557_032, 4.089, 427, 32),
    ("resnet101", 44_549_160, 7.801, 971, 32),
    ("resnet152", 60_192_808, 11.514, 1451, 32),
    ("mobilenet-v1", 4_231_976, 0.569, 315, 32),
    ("mobilenet-v2", 3_504_872, 0.301, 491, 32),
    ("googlenet", 6_624_904, 1.498, 379, 32),
    ("densenet121", 7_978_856, 2.834, 2071, 32),
]
NAMES = [row[0] for row in IMAGENET]


@pytest.mark.parametrize(("name", "parameters", "gmacs", "size", "stride"), IMAGENET)
def test_published_numbers(name, parameters, gmacs, size, stride):
    report = inspect(zoo.load(name))
    assert report.totals.parameters == parameters
    assert round(report.totals.macs / 1e9, 3) == gmacs
    local = [layer for layer in report.layers if layer.field[0].stride != 0]
    seen = [(axis.size, axis.stride, axis.aligned) for axis in local[-1].field]
    assert seen == [(size, stride, True)] * 2
    assert report.layers[-1].output_shape == (1, 1000)
    assert not report.notes


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_is_read(name):
    graph = zoo.load(name).graph
    assert graph.parameters_of(graph.nodes) == graph.parameters


@pytest.mark.parametrize("name", NAMES[1:])
def test_images_of_another_size(name):
    """All but AlexNet, whose fully connected layers fix the size, end in a global average."""
    assert inspect(zoo.load(name), (2, 3, 160, 256)).layers[-1].output_shape == (2, 1000)


@pytest.mark.parametrize("depth", [18, 34, 50, 101, 152])
def test_resnets_are_as_deep_as_their_names(depth):
    """He et al., arXiv:1512.03385, table 1: layers with weights but those of shortcuts."""
    layers = inspect(zoo.load(f"resnet{depth}")).layers
    weighted = [layer for layer in layers if layer.macs]
    assert sum("shortcut" not in layer.name for layer in weighted) == depth


def test_resnet_stages():
    """He et al., arXiv:1512.03385, table 1, 50-layer: output sizes and channels of each stage."""
    shapes = {layer.name: layer.output_shape[1:] for layer in inspect(zoo.load("resnet50")).layers}
    assert [shapes[name] for name in ("conv1", "conv2_3", "conv3_4", "conv4_6", "conv5_3")] == [
        (64, 112, 112),
        (256, 56, 56),
        (512, 28, 28),
        (1024, 14, 14),
        (2048, 7, 7),
    ]


def test_googlenet_stages():
    """Szegedy et al., arXiv:1409.4842, table 1: output size of the rows of modules."""
    shapes = {layer.name: layer.output_shape[1:] for layer in inspect(zoo.load("googlenet")).layers}
    assert {name: shapes[name] for name in shapes if name in ROWS} == ROWS


ROWS = {
    "conv1": (64, 112, 112),
    "pool1": (64, 56, 56),
    "conv2": (192, 56, 56),
    "pool2": (192, 28, 28),
    "inception3a": (256, 28, 28),
    "inception3b": (480, 28, 28),
    "pool3": (480, 14, 14),
    "inception4a": (512, 14, 14),
    "inception4b": (512, 14, 14),
    "inception4c": (512, 14, 14),
    "inception4d": (528, 14, 14),
    "inception4e": (832, 14, 14),
    "pool4": (832, 7, 7),
    "inception5a": (832, 7, 7),
    "inception5b": (1024, 7, 7),
}


def test_densenet_stages():
    """Huang et al., arXiv:1608.06993, table 1, DenseNet-121: sizes; 121 layers with weights."""
    layers = inspect(zoo.load("densenet121")).layers
    shapes = {layer.name: layer.output_shape[1:] for layer in layers}
    assert [shapes[name] for name in ("dense1_6", "dense2_12", "dense3_24", "dense4_16")] == [
        (256, 56, 56),
        (512, 28, 28),
        (1024, 14, 14),
        (1024, 7, 7),
    ]
    assert sum(layer.macs > 0 for layer in layers) == 121


def test_mobilenet_v2_stages():
    """Sandler et al., arXiv:1801.04381, table 2: input of each row, which is the last's output."""
    layers = inspect(zoo.load("mobilenet-v2")).layers
    shapes = {layer.name: layer.output_shape[1:] for layer in layers}
    ends = {i: shapes[f"bottleneck{i}.project"] for i in (1, 3, 6, 10, 13, 16, 17)}
    assert ends == {
        1: (16, 112, 112),
        3: (24, 56, 56),
        6: (32, 28, 28),
        10: (64, 14, 14),
        13: (96, 14, 14),
        16: (160, 7, 7),
        17: (320, 7, 7),
    }
    assert shapes["conv2"] == (1280, 7, 7)
