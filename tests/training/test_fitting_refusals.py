"""What training refuses before it begins: settings, networks and data that cannot be."""

import os

import numpy as np
import pytest

import striate as st
from striate.errors import DTypeError, ParameterError, ShapeError, UnknownNameError
from striate.network import Builder, Network
from striate.network.operators import GlobalAveragePool
from striate.training import data, evaluate, fit

ONE = {"epochs": 1, "learning_rate": 0.1}


def test_torchrun_wants_pytorch(tiny, stripes, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ParameterError) as error:
        fit(tiny, stripes, epochs=1, learning_rate=0.05)
    assert str(error.value) == (
        'fit: device "cpu" trains in one process, but torchrun (WORLD_SIZE) starts several: '
        'take "torch" or "cuda", or start it without torchrun'
    )


@pytest.mark.parametrize(
    ("changes", "kind", "message"),
    [
        ({"epochs": 0}, ParameterError, "fit: epochs 0 must be a whole number of at least 1"),
        (
            {"batch_size": 2.5},
            ParameterError,
            "fit: batch_size 2.5 must be a whole number of at least 1",
        ),
        ({"seed": -1}, ParameterError, "fit: seed -1 must be a whole number of at least 0"),
        (
            {"learning_rate": -1.0},
            ParameterError,
            "fit: learning_rate -1.0 must be a finite number above 0: try 0.01",
        ),
        (
            {"learning_rate": "a"},
            ParameterError,
            "fit: learning_rate 'a' must be a finite number above 0: try 0.01",
        ),
        (
            {"learning_rate": {"conv.weight": None}},
            ParameterError,
            "fit: learning_rate None must be a finite number above 0: try 0.01",
        ),
        (
            {"momentum": "a"},
            ParameterError,
            "fit: momentum 'a' must be at least 0 and less than 1: try 0.9",
        ),
        (
            {"loss": "square"},
            UnknownNameError,
            "fit: no loss is called 'square'; did you mean squared?",
        ),
        (
            {"validation": 1.0},
            ParameterError,
            "fit: validation 1.0 must be a share of the training examples, above 0 and below 1: "
            "try 0.1, or give (images, labels)",
        ),
        (
            {"validation": 0.001},
            ParameterError,
            "fit: validation 0.001 of 60 training examples holds out 0, but must leave some on "
            "both sides: try 0.2, or give others as (images, labels)",
        ),
        (
            {"patience": 2},
            ParameterError,
            "fit: patience 2 needs examples to watch: give validation, such as 0.1",
        ),
        (
            {"patience": 0, "validation": 0.1},
            ParameterError,
            "fit: patience 0 must be a whole number of at least 1",
        ),
        (
            {"optimizer": "sdg"},
            UnknownNameError,
            "fit: no optimizer is called 'sdg'; did you mean sgd?",
        ),
        (
            {"schedule": "cosign"},
            UnknownNameError,
            "fit: no schedule is called 'cosign'; did you mean cosine?",
        ),
        (
            {"device": "gpu"},
            UnknownNameError,
            "fit: no device is called 'gpu': choose cpu, or torch, cuda (cuda:1, ...) or mps, "
            "which PyTorch trains on",
        ),
        (
            {"precision": "bf16"},
            ParameterError,
            "fit: precision 'bf16' is none of device 'cpu': choose one of auto, exact",
        ),
        (
            {"threads": 0},
            ParameterError,
            "fit: threads 0 must be a whole number of at least 1",
        ),
        (
            {"threads": 10**6},
            ParameterError,
            f"fit: threads 1000000 are far beyond the processors, {os.cpu_count()}: "
            f"try {os.cpu_count()}, or leave it out",
        ),
        (
            {"schedule": "cosine:warmup=2"},
            ParameterError,
            "fit: schedule cosine:warmup=2.0: a warm-up of 2 epochs does not end in the 1 of the "
            "run: warm up for fewer, or train for more",
        ),
        (
            {"augment": "flip,shift:6"},
            ParameterError,
            "fit: augment shift:6: 6 pixels would move images (1, 6, 6) out of sight: "
            "shift by at most 5",
        ),
        (
            {"checkpoint_every": -1},
            ParameterError,
            "fit: checkpoint_every -1 must be a number of seconds, at least 0",
        ),
        ({"resume": 1.5}, ParameterError, 'fit: resume 1.5 must be True, False or "auto"'),
        (
            {"resume": True},
            ParameterError,
            "fit: resume needs the folder of the run: give it as out (--out)",
        ),
    ],
)
def test_settings_that_cannot_be(tiny, stripes, changes, kind, message):
    arguments = {"epochs": 1, "learning_rate": 0.1, **changes}
    with pytest.raises(kind) as error:
        fit(tiny, stripes, **arguments)
    assert str(error.value) == message


@pytest.mark.parametrize("network", [None, "lenet-1989", 3])
def test_networks_that_are_none(stripes, network):
    with pytest.raises(ParameterError) as error:
        fit(network, stripes, epochs=1, learning_rate=0.1)
    assert str(error.value) == (
        f"fit: network is {type(network).__name__}, but must be a Network: "
        "striate.load(name) returns one"
    )
    with pytest.raises(ParameterError, match="evaluate: network is "):
        evaluate(network, *stripes)


@pytest.mark.parametrize("data", [None, 5, (), np.zeros(2)])
def test_data_that_are_none(tiny, data):
    with pytest.raises(ParameterError) as error:
        fit(tiny, data, epochs=1, learning_rate=0.1)
    assert str(error.value) == (
        f"fit: data is {type(data).__name__}, but must be a data set's name, a Dataset or a tuple "
        "(images, labels)"
    )


def test_data_that_do_not_fit(tiny, stripes):
    images, labels = stripes
    cases = [
        (
            (images, labels + 1),
            ParameterError,
            "fit: data: label 3 for the 3 outputs of tiny: labels must be 0 to 2",
        ),
        (
            (images, labels[:-1]),
            ShapeError,
            "fit: data: labels of shape (59,) do not go with 60 images: they must be (60,)",
        ),
        (
            (images.astype(np.float64), labels),
            DTypeError,
            "fit: data: images are float64, not float32: scale and convert them with astype",
        ),
        (
            (images, labels * 1.0),
            DTypeError,
            "fit: data: labels are float64: they must be integers, 0 upwards",
        ),
        (
            (images, labels - 1),
            ParameterError,
            "fit: data: label -1 is negative: labels start at 0",
        ),
        (
            (np.where(images > 0.9, np.nan, images), labels),
            ParameterError,
            f"fit: data: {np.count_nonzero(images > 0.9)} pixels are NaN or infinite: they must be "
            "finite, remove or mend them",
        ),
        (
            (images[:0], labels[:0]),
            ShapeError,
            "fit: data: images of shape (0, 1, 6, 6) must be (N, C, *spatial), not empty",
        ),
        ("digit", UnknownNameError, "fit: no data set is called 'digit'; did you mean digits?"),
    ]
    for bad, kind, message in cases:
        with pytest.raises(kind) as error:
            fit(tiny, bad, epochs=1, learning_rate=0.1)
        assert str(error.value) == message


def test_images_that_do_not_fit_the_network_say_what_it_takes():
    with pytest.raises(ShapeError) as error:
        fit(st.load("lenet-1989"), "digits", epochs=1, learning_rate=0.1)
    assert str(error.value).startswith(
        "fit: data: images (1, 8, 8) do not fit lenet-1989, which takes (1, 16, 16): "
        "resize them (data.load(name, size=...), --resize) or choose another network ("
    )
    with pytest.raises(ShapeError) as error:
        fit(st.load("vgg16"), data.load("digits", size=16), epochs=1, learning_rate=0.1)
    assert str(error.value).startswith(
        "fit: data: images (1, 16, 16) do not fit vgg16, which takes (3, 224, 224): "
    )


@pytest.mark.parametrize(
    ("shape", "images", "advice"),
    [
        ((None, 1, 8, 8), (1, 6, 6), "resize them (data.load(name, size=...), --resize) or choose"),
        ((None, 1, 8, 9), (1, 6, 6), "bring them to 8x9, or choose"),
        ((None, 3, 8, 8), (1, 6, 6), "give images of 3 channels, or choose"),
        ((None, 1, None, None), (2, 6, 6), "give images of 1 channel, or choose"),
        (
            (None, 1, None, None),
            (1, 2, 2),
            "give images of another size (data.load(name, size=...)), or choose",
        ),
        (
            (None, 8, 8, 3),
            (3, 8, 8),
            "it has the channels last: give images so, or export it with channels first",
        ),
        ((None, 1, 8), (1, 6, 6), "give images of that shape, or choose"),
    ],
)
def test_advice_is_that_for_the_network(shape, images, advice):
    b = Builder("net", shape)
    x = b.input if len(shape) < 4 else b.conv(b.input, "conv", channels=2, kernel=3)
    if shape[2] is None:
        x = b.add(GlobalAveragePool(), x, name="mean")
    network = Network(b.graph(b.linear(x, "scores", features=3)))
    with pytest.raises(ShapeError) as error:
        fit(network, (np.zeros((4, *images), np.float32), np.arange(4) % 3), **ONE)
    takes = str(shape[1:]).replace("None", "any")
    more = "" if advice.endswith("first") else " another network"
    said = f"fit: data: images {images} do not fit net, which takes {takes}: {advice}{more} ("
    assert str(error.value).startswith(said)


def test_rates_that_belong_to_no_parameter(tiny, stripes):
    hint = "give one number, or one for each trainable parameter by name"
    for rates, message in [
        ({"conv.weight": 1.0}, f"parameter 'conv.bias' has no rate: {hint}"),
        (
            {"conv.wieght": 0.1},
            "no trainable parameter of tiny is called 'conv.wieght'; "
            "did you mean conv.bias or conv.weight or scores.weight?",
        ),
    ]:
        with pytest.raises((ParameterError, UnknownNameError)) as error:
            fit(tiny, stripes, epochs=1, learning_rate=rates)
        assert str(error.value) == f"fit: learning_rate: {message}"
