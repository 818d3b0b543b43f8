"""Published checkpoints fit the zoo's networks: their names are translated, none is guessed."""

import numpy as np
import pytest

import striate as st
from striate.errors import ShapeError
from striate.interop.weights import load_weights

BN = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


def norm(name):
    return [f"{name}.{key}" for key in BN]


def vgg_names(name, batch_norm):
    """torchvision's names, from its own table of configurations."""
    table = {
        "vgg11": (1, 1, 2, 2, 2),
        "vgg16": (2, 2, 3, 3, 3),
        "vgg19": (2, 2, 4, 4, 4),
    }[name]
    names, count = [], 0
    for block in table:
        for _ in range(block):
            names += [f"features.{count}.weight", f"features.{count}.bias"]
            if batch_norm:
                names += norm(f"features.{count + 1}")
            count += 3 if batch_norm else 2
        count += 1
    return names + [f"classifier.{n}.{key}" for n in (0, 3, 6) for key in ("weight", "bias")]


def resnet_names(blocks, layers):
    names = ["conv1.weight", *norm("bn1")]
    for stage, count in enumerate(blocks, start=1):
        for block in range(count):
            place = f"layer{stage}.{block}"
            for layer in range(1, layers + 1):
                names += [f"{place}.conv{layer}.weight", *norm(f"{place}.bn{layer}")]
            if block == 0 and (stage > 1 or layers == 3):
                names += [f"{place}.downsample.0.weight", *norm(f"{place}.downsample.1")]
    return [*names, "fc.weight", "fc.bias"]


def densenet_names():
    names = ["features.conv0.weight", *norm("features.norm0")]
    for block, count in enumerate((6, 12, 24, 16), start=1):
        for layer in range(1, count + 1):
            place = f"features.denseblock{block}.denselayer{layer}"
            for part in (1, 2):
                names += [*norm(f"{place}.norm{part}"), f"{place}.conv{part}.weight"]
        if block < 4:
            place = f"features.transition{block}"
            names += [*norm(f"{place}.norm"), f"{place}.conv.weight"]
    return [*names, *norm("features.norm5"), "classifier.weight", "classifier.bias"]


def mobilenet_names():
    names = ["features.0.0.weight", *norm("features.0.1")]
    for block in range(1, 18):
        place = f"features.{block}.conv"
        steps = 1 if block == 1 else 2
        for step in range(steps):
            names += [f"{place}.{step}.0.weight", *norm(f"{place}.{step}.1")]
        names += [f"{place}.{steps}.weight", *norm(f"{place}.{steps + 1}")]
    names += ["features.18.0.weight", *norm("features.18.1")]
    return [*names, "classifier.1.weight", "classifier.1.bias"]


def squeezenet_names():
    layers = ["features.0"]
    for place in (3, 4, 6, 7, 9, 10, 11, 12):
        layers += [f"features.{place}.{part}" for part in ("squeeze", "expand1x1", "expand3x3")]
    layers.append("classifier.1")
    return [f"{layer}.{key}" for layer in layers for key in ("weight", "bias")]


def alexnet_names():
    layers = [f"features.{n}" for n in (0, 3, 6, 8, 10)] + [f"classifier.{n}" for n in (1, 4, 6)]
    return [f"{layer}.{key}" for layer in layers for key in ("weight", "bias")]


CHECKPOINTS = {
    "vgg11": vgg_names("vgg11", False),
    "vgg16": vgg_names("vgg16", False),
    "vgg16-bn": vgg_names("vgg16", True),
    "vgg19-bn": vgg_names("vgg19", True),
    "alexnet": alexnet_names(),
    "resnet18": resnet_names((2, 2, 2, 2), 2),
    "resnet50": resnet_names((3, 4, 6, 3), 3),
    "resnet152": resnet_names((3, 8, 36, 3), 3),
    "densenet121": densenet_names(),
    "squeezenet": squeezenet_names(),
    "mobilenet-v2": mobilenet_names(),
}


def zeros(name):
    """A checkpoint of these names in the order of the zoo's parameters: no numbers, only claims."""
    network = st.load(name)
    shapes = iter(parameter.shape for parameter in network.graph.parameters)
    state = {}
    for key in CHECKPOINTS[name]:
        shape = () if key.endswith("num_batches_tracked") else next(shapes)
        state[key] = np.broadcast_to(np.float32(len(state)), shape)
    assert next(shapes, None) is None
    return network, state


@pytest.mark.parametrize("name", CHECKPOINTS)
@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.module."])
def test_every_tensor_finds_its_place(name, prefix):
    network, state = zeros(name)
    loaded = load_weights(network, {prefix + key: value for key, value in state.items()})
    kept = [value for key, value in state.items() if not key.endswith("num_batches_tracked")]
    # the zoo and torchvision list their parameters in one order
    for (place, array), value in zip(loaded.weights.items(), kept, strict=True):
        assert array.flat[0] == value.flat[0], place


def test_timm_keeps_linear_layers_as_convolutions():
    network, state = zeros("vgg11")
    timm = {"classifier.0": "pre_logits.fc1", "classifier.3": "pre_logits.fc2"}
    timm["classifier.6"] = "head.fc"
    renamed = {}
    for key, value in state.items():
        layer, _, kind = key.rpartition(".")
        renamed[f"{timm.get(layer, layer)}.{kind}"] = value
    renamed["pre_logits.fc1.weight"] = np.broadcast_to(np.float32(1), (4096, 512, 7, 7))
    loaded = load_weights(network, renamed)
    assert loaded.weights["fc6.weight"].shape == (4096, 25088)


def test_a_checkpoint_of_other_classes_names_the_tensor():
    network, state = zeros("resnet18")
    state["fc.weight"] = np.broadcast_to(np.float32(0), (10, 512))
    with pytest.raises(ShapeError) as error:
        load_weights(network, state)
    assert str(error.value) == (
        "load_weights: weight 'fc.weight' is (10, 512) but resnet18 needs (1000, 512): "
        "the file belongs to another network"
    )


def test_a_wrong_tensor_is_named_in_both_languages():
    network, state = zeros("vgg11")
    state["features.3.weight"] = np.zeros((128, 64, 5, 5), np.float32)
    with pytest.raises(ShapeError) as error:
        load_weights(network, state)
    assert str(error.value) == (
        "load_weights: weight 'features.3.weight' is (128, 64, 5, 5) but vgg11 needs "
        "(128, 64, 3, 3) for 'conv2_1.weight': the file belongs to another network"
    )


def test_a_missing_tensor_is_named_in_both_languages():
    network, state = zeros("resnet18")
    del state["layer2.0.bn1.bias"]
    with pytest.raises(ShapeError) as error:
        load_weights(network, state)
    assert str(error.value) == (
        "load_weights: no weight 'conv3_1.1.norm.bias' ('layer2.0.bn1.bias' in torchvision's "
        "names) (128,), which resnet18 needs: the file belongs to another network"
    )


def test_another_depth_is_another_network():
    _, state = zeros("resnet50")
    with pytest.raises(ShapeError) as error:
        load_weights(st.load("resnet18"), state)
    assert str(error.value) == (
        "load_weights: weight 'layer1.0.conv1.weight' is (64, 64, 1, 1) but resnet18 needs "
        "(64, 64, 3, 3) for 'conv2_1.1.weight': the file belongs to another network"
    )
