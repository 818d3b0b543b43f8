"""What published checkpoints call the weights of the zoo's networks.

Nobody's names are wrong, they differ: torchvision counts the modules of a Sequential
("features.10.weight"), the zoo follows the papers ("conv3_1.weight"). Each naming here is a
function from a graph to parameter name -> tensor name; that which finds most names is taken.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from striate.network import Graph, Node
from striate.network.operators import BatchNormalization, Dropout, Flatten, Gemm

__all__ = ["Naming", "best_naming", "stripped"]

PREFIXES = ("module.", "_orig_mod.", "model.", "backbone.")
"""What wrappers put before every name: DataParallel, torch.compile, Lightning, detectors."""

STATISTICS = {
    "scale": "weight",
    "bias": "bias",
    "mean": "running_mean",
    "variance": "running_var",
}
"""A batch norm's parameters: ONNX's words, as the zoo has them, and PyTorch's."""


@dataclass(frozen=True)
class Naming:
    """A way to name a network's weights: whose it is, and parameter name -> tensor name."""

    owner: str
    names: dict[str, str]


def stripped(names: Collection[str], wanted: Collection[str]) -> dict[str, str]:
    """Return short name -> name, without the prefixes that every name has and no wanted one."""
    cut = 0
    first = next(iter(names), "")
    while True:
        prefix = next((p for p in PREFIXES if first[cut:].startswith(p)), None)
        if prefix is None or not all(name[cut:].startswith(prefix) for name in names):
            break
        if any(name[cut:] in wanted for name in names):
            break
        cut += len(prefix)
    return {name[cut:]: name for name in names}


def best_naming(graph: Graph, found: Collection[str]) -> Naming:
    """Return the naming that finds most of the graph's parameters, its own first."""
    present = set(found)
    return max(_namings(graph), key=lambda naming: len(present.intersection(naming.names.values())))


def _namings(graph: Graph) -> Iterator[Naming]:
    own = [parameter.name for parameter in graph.parameters]
    yield Naming("", {name: name for name in own})
    pytorch = _statistics(graph)
    yield Naming("PyTorch", {name: pytorch.get(name, name) for name in own})
    sequential = _sequential(graph)
    for owner, rename in _SCHEMES:
        layers = rename(graph, sequential)
        yield Naming(owner, {name: _renamed(pytorch.get(name, name), layers) for name in own})


def _renamed(name: str, layers: dict[str, str]) -> str:
    layer, _, weight = name.rpartition(".")
    return f"{layers.get(layer, layer)}.{weight}"


def _statistics(graph: Graph) -> dict[str, str]:
    """Return the zoo's names of batch norms' parameters -> PyTorch's."""
    return {
        name: f"{layer}.{STATISTICS[weight]}"
        for node in graph.nodes
        if isinstance(node.operator, BatchNormalization)
        for name in node.inputs[1:]
        for layer, _, weight in [name.rpartition(".")]
        if weight in STATISTICS
    }


def _sequential(graph: Graph) -> dict[str, str]:
    """Return layer -> features.N or classifier.N, each part counted as a Sequential's modules.

    The classifier begins with the first linear layer, or with the dropout before it.
    """
    layers, part, count = {}, "features", 0
    for node in graph.nodes:
        if part == "features" and isinstance(node.operator, (Gemm, Dropout, Flatten)):
            part, count = "classifier", 0
        if isinstance(node.operator, Flatten):
            continue
        layers[_layer(node)] = f"{part}.{count}"
        count += 1
    return layers


def _layer(node: Node) -> str:
    return node.inputs[1].rpartition(".")[0] if len(node.inputs) > 1 else node.name


def _vgg(graph: Graph, sequential: dict[str, str]) -> dict[str, str]:
    """As torchvision has AlexNet and VGG."""
    return sequential


def _timm_vgg(graph: Graph, sequential: dict[str, str]) -> dict[str, str]:
    """As timm has VGG, whose first two linear layers are convolutions."""
    head = {"fc6": "pre_logits.fc1", "fc7": "pre_logits.fc2", "fc8": "head.fc"}
    return {**sequential, **head}


_BLOCK = re.compile(r"conv(\d+)_(\d+)\.(\d+|shortcut)(\.norm)?")


def _resnet(graph: Graph, sequential: dict[str, str]) -> dict[str, str]:
    """As torchvision and timm have ResNet: the zoo's conv2_1.1 is their layer1.0.conv1."""
    layers = {"conv1.norm": "bn1"}
    for parameter in graph.parameters:
        layer = parameter.name.rpartition(".")[0]
        place = _BLOCK.fullmatch(layer)
        if place is None:
            continue
        stage, block, which, norm = place.groups()
        block = f"layer{int(stage) - 1}.{int(block) - 1}"
        if which == "shortcut":
            layers[layer] = f"{block}.downsample.{1 if norm else 0}"
        else:
            layers[layer] = f"{block}.{'bn' if norm else 'conv'}{which}"
    return layers


def _densenet(graph: Graph, sequential: dict[str, str]) -> dict[str, str]:
    """As torchvision has DenseNet: dense1_1.1 is denseblock1.denselayer1.conv1."""
    layers = {"conv0.norm": "features.norm0", "norm5": "features.norm5", "fc": "classifier"}
    layers["conv0"] = "features.conv0"
    for parameter in graph.parameters:
        layer = parameter.name.rpartition(".")[0]
        if place := re.fullmatch(r"dense(\d+)_(\d+)\.(\d)(\.norm)?", layer):
            block, number, which, norm = place.groups()
            kind = f"{'norm' if norm else 'conv'}{which}"
            layers[layer] = f"features.denseblock{block}.denselayer{number}.{kind}"
        elif place := re.fullmatch(r"transition(\d+)(\.norm)?", layer):
            layers[layer] = f"features.transition{place[1]}.{'norm' if place[2] else 'conv'}"
    return layers


def _squeezenet(graph: Graph, sequential: dict[str, str]) -> dict[str, str]:
    """As torchvision has SqueezeNet 1.1: fires follow each other, with pools between."""
    places = {2: 3, 3: 4, 4: 6, 5: 7, 6: 9, 7: 10, 8: 11, 9: 12}
    layers = {"conv1": "features.0", "conv10": "classifier.1"}
    for fire, place in places.items():
        for part in ("squeeze", "expand1x1", "expand3x3"):
            layers[f"fire{fire}.{part}"] = f"features.{place}.{part}"
    return layers


def _mobilenet_v2(graph: Graph, sequential: dict[str, str]) -> dict[str, str]:
    """As torchvision has MobileNet v2: blocks are features.1 to .17, their layers a Sequential."""
    layers = {"conv1": "features.0.0", "conv1.norm": "features.0.1"}
    layers |= {"conv2": "features.18.0", "conv2.norm": "features.18.1", "fc": "classifier.1"}
    for parameter in graph.parameters:
        layer = parameter.name.rpartition(".")[0]
        place = re.fullmatch(r"bottleneck(\d+)\.(expand|depthwise|project)(\.norm)?", layer)
        if place is None:
            continue
        block, part, norm = place.groups()
        count = 0 if block == "1" else 1  # the first block has nothing to expand
        step = {"expand": 0, "depthwise": count, "project": count + 1}[part]
        last = part == "project"
        inner = f"{step + bool(norm)}" if last else f"{step}.{1 if norm else 0}"
        layers[layer] = f"features.{block}.conv.{inner}"
    return layers


_SCHEMES: tuple[tuple[str, Callable[[Graph, dict[str, str]], dict[str, str]]], ...] = (
    ("torchvision", _vgg),
    ("timm", _timm_vgg),
    ("torchvision", _resnet),
    ("torchvision", _densenet),
    ("torchvision", _squeezenet),
    ("torchvision", _mobilenet_v2),
)
