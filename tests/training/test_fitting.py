"""Training: it learns, it repeats itself to the bit, and it says what it cannot do."""

import os
from dataclasses import replace

import numpy as np
import pytest

import striate as st
from striate.errors import DTypeError, ParameterError, ShapeError, TrainingError, UnknownNameError
from striate.network import Builder, Network
from striate.network.operators import Relu
from striate.training import Dataset, Epoch, data, evaluate, fit, load_weights
from striate.training.schedules import Step


def weights_of(result):
    return np.concatenate([array.ravel() for array in result.network.weights.values()])


@pytest.mark.parametrize("loss", ["squared", "cross-entropy"])
@pytest.mark.parametrize("batch_size", [1, 7])
def test_the_loss_falls_and_a_handful_is_learnt_by_heart(tiny, stripes, loss, batch_size):
    result = fit(
        tiny,
        stripes,
        epochs=15,
        learning_rate=0.05,
        momentum=0.5,
        loss=loss,
        batch_size=batch_size,
        progress=False,
    )
    losses = [epoch.train_loss for epoch in result.history]
    assert losses[-1] < 0.3 * losses[0]
    assert evaluate(result.network, *stripes).errors == 0
    assert [epoch.number for epoch in result.history] == list(range(1, 16))
    assert all(epoch.test_error is None for epoch in result.history)


def test_a_step_is_the_textbooks(tiny, stripes):
    images, labels = stripes[0][:1], stripes[1][:1]
    start = tiny.initialize(3)
    result = fit(start, (images, labels), epochs=1, learning_rate=0.5, loss="squared")
    learner = st.runtime.Trainable(start)
    y = learner.forward(images)
    learner.backward(y - np.array([[1, -1, -1]], np.float32))
    expected = learner.parameters - np.float32(0.5) * learner.gradients
    np.testing.assert_allclose(weights_of(result), expected, rtol=1e-5, atol=1e-6)


def test_a_seed_decides_everything(noisy, stripes):
    arguments = {"epochs": 3, "learning_rate": 0.05, "momentum": 0.9, "batch_size": 8}
    one, two, other = (fit(noisy, stripes, seed=seed, **arguments) for seed in (1, 1, 2))
    np.testing.assert_array_equal(weights_of(one), weights_of(two))
    assert [e.train_loss for e in one.history] == [e.train_loss for e in two.history]
    assert not np.array_equal(weights_of(one), weights_of(other))


def test_the_order_is_the_datas_only_without_shuffling(tiny, stripes):
    images, labels = stripes
    backwards = images[::-1].copy(), labels[::-1].copy()
    arguments = {"epochs": 1, "learning_rate": 0.05, "shuffle": False}
    one, two = fit(tiny, stripes, **arguments), fit(tiny, backwards, **arguments)
    assert not np.array_equal(weights_of(one), weights_of(two))
    assert one.history[0].train_loss != two.history[0].train_loss


def test_the_given_network_is_not_changed(tiny, stripes):
    start = tiny.initialize(0)
    before = {name: array.copy() for name, array in start.weights.items()}
    fit(start, stripes, epochs=1, learning_rate=0.1)
    for name, array in before.items():
        np.testing.assert_array_equal(start.weights[name], array)


def test_epochs_are_handed_over_as_they_end(tiny, stripes):
    images, labels = stripes
    whole = Dataset("stripes", images, labels, images[:9], labels[:9], ("rows", "columns", "no"))
    seen: list[Epoch] = []
    result = fit(tiny, whole, epochs=2, learning_rate=0.05, on_epoch=seen.append)
    assert tuple(seen) == result.history
    assert seen[-1].test_error == evaluate(result.network, images[:9], labels[:9]).error
    assert repr(result).startswith("Result(tiny, 2 epochs in ")


def test_a_last_batch_that_is_smaller_counts_as_a_mean_too(tiny, stripes):
    images, labels = stripes[0][:5], stripes[1][:5]
    start = tiny.initialize(0)
    arguments = {"learning_rate": 0.1, "shuffle": False}
    whole = fit(start, (images, labels), epochs=1, batch_size=3, **arguments)
    first = fit(start, (images[:3], labels[:3]), epochs=1, batch_size=3, **arguments)
    rest = fit(first.network, (images[3:], labels[3:]), epochs=1, batch_size=2, **arguments)
    np.testing.assert_array_equal(weights_of(whole), weights_of(rest))


def test_rates_are_those_of_the_schedule_without_roundings(tiny, stripes):
    settings = {"batch_size": 20, "learning_rate": 0.05, "schedule": "step:1"}
    history = fit(tiny, stripes, epochs=2, **settings).history
    assert [epoch.rate for epoch in history] == [0.05, 0.005]


@pytest.mark.filterwarnings("error")
def test_a_loss_that_is_not_finite_stops_training(tiny, stripes):
    with pytest.raises(TrainingError) as error:
        fit(tiny, stripes, epochs=3, learning_rate=1e20, loss="squared", batch_size=20)
    text = str(error.value)
    assert text.startswith("fit: tiny: the loss is not finite at step 2 of epoch 1: the outputs ")
    assert text.endswith(
        ", but their loss is not; try a learning_rate of 0.01; "
        "nothing is kept, since no folder was given (out, --out)"
    )


def test_weights_that_are_not_finite_are_named(tiny, stripes):
    nan = {p.name: np.full(p.shape, np.nan, np.float32) for p in tiny.graph.parameters}
    with pytest.raises(TrainingError) as error:
        fit(replace(tiny, weights=nan), stripes, epochs=1, learning_rate=0.05)
    assert str(error.value) == (
        "fit: tiny: the loss is not finite at step 1 of epoch 1: conv.weight of conv (Conv) is "
        "not finite before the step, 36 of 36; look at the images and at the weights that it "
        "begins with; nothing is kept, since no folder was given (out, --out)"
    )


def test_weights_before_the_step_that_cannot_be_taken_are_saved(tiny, stripes, tmp_path):
    """Without shuffling, the third of six steps meets an image that is too large."""
    images, labels = stripes[0].copy(), stripes[1]
    images[25] = 3e38
    settings = {"epochs": 1, "learning_rate": 0.05, "batch_size": 10, "shuffle": False}
    relu = Builder("relu", (None, 1, 6, 6))
    x = relu.add(Relu(), relu.conv(relu.input, "conv", channels=4, kernel=3), name="relu")
    network = Network(relu.graph(relu.linear(x, "scores", features=3))).initialize(0)
    ones = {"conv.weight": np.full((4, 1, 3, 3), 0.2, np.float32)}
    network = replace(network, weights={**network.weights, **ones})
    with pytest.raises(TrainingError) as error:
        fit(network, (images, labels), out=tmp_path, **settings)
    text = str(error.value)
    assert text.startswith(
        "fit: relu: the loss is not finite at step 3 of epoch 1: conv (Conv) made the first values "
    )
    assert text.endswith(
        "; try a learning_rate of 0.005; begin again in another folder, since this run, resumed, "
        "would fail as before; if the weights of epoch 1 up to example 20 are to be kept, begin "
        f'with load_weights(network, "{tmp_path / "last.safetensors"}") (--weights)'
    )
    whole = fit(network, (images[:20], labels[:20]), **settings)
    saved = load_weights(network, tmp_path / "last.safetensors")
    for name, array in whole.network.weights.items():
        np.testing.assert_array_equal(saved.weights[name], array)


OPTIMIZERS = [
    {"optimizer": "sgd", "momentum": 0.9, "nesterov": True},
    {"optimizer": "adam", "learning_rate": 0.01, "clip_norm": 1.0},
    {"optimizer": "adamw", "learning_rate": 0.01, "weight_decay": 0.1},
]


@pytest.mark.parametrize("settings", OPTIMIZERS, ids=lambda settings: settings["optimizer"])
@pytest.mark.parametrize("schedule", ["cosine:warmup=1", "one-cycle", Step((5, 8))])
def test_every_optimizer_learns_by_every_schedule(tiny, stripes, settings, schedule):
    result = fit(
        tiny,
        stripes,
        **{"learning_rate": 0.1, "epochs": 12, "batch_size": 6, "schedule": schedule, **settings},
    )
    assert evaluate(result.network, *stripes).errors < 6
    rates = [epoch.rate for epoch in result.history]
    assert rates[-1] < rates[2] < 1
    assert result.history[-1].steps == 120


def test_rates_by_name_are_those_of_the_schedule_times_each(tiny, stripes):
    names = [p.name for p in tiny.graph.parameters]
    frozen = dict.fromkeys(names, 0.05) | {"conv.weight": 1e-30}
    start = tiny.initialize(0)
    same = fit(
        start, stripes, epochs=1, learning_rate=dict.fromkeys(names, 0.05), schedule="cosine"
    )
    whole = fit(start, stripes, epochs=1, learning_rate=0.05, schedule="cosine")
    np.testing.assert_allclose(weights_of(same), weights_of(whole), rtol=1e-5, atol=1e-6)
    still = fit(start, stripes, epochs=1, learning_rate=frozen)
    np.testing.assert_array_equal(
        still.network.weights["conv.weight"], start.weights["conv.weight"]
    )


def test_examples_are_held_out_of_each_class_alike(tiny, stripes):
    images, labels = stripes
    result = fit(tiny, stripes, epochs=8, learning_rate=0.05, batch_size=5, validation=0.25)
    assert result.history[0].steps == 9  # 45 of the 60 in fives
    assert result.best.epoch.validation_error == min(e.validation_error for e in result.history)
    again = fit(tiny, stripes, epochs=8, learning_rate=0.05, batch_size=5, validation=0.25)
    assert [e.validation_loss for e in again.history] == [e.validation_loss for e in result.history]
    held = fit(tiny, stripes, epochs=2, learning_rate=0.05, validation=(images[:9], labels[:9]))
    judged = evaluate(held.network, images[:9], labels[:9], loss="cross-entropy")
    assert held.history[-1].validation_error == judged.error
    assert held.history[-1].validation_loss == pytest.approx(judged.loss, rel=1e-6)
    assert repr(held).count("validation error") == 1


def test_training_stops_when_nothing_gets_better(tiny, stripes):
    """Labels without meaning are learnt by heart, and validation gets no better for long."""
    images, _ = stripes
    labels = np.random.default_rng(5).integers(0, 3, 60)
    result = fit(tiny, (images, labels), epochs=200, learning_rate=0.02, validation=0.3, patience=3)
    assert result.stopped_early
    errors = [epoch.validation_error for epoch in result.history]
    assert result.best.epoch.number == errors.index(min(errors)) + 1
    assert len(errors) == result.best.epoch.number + 3
    scores = evaluate(result.network, images, labels)
    assert scores.error != evaluate(result.best.network, images, labels).error or len(errors) < 200


def test_augmented_images_are_other_ones_in_each_epoch(tiny, stripes):
    arguments = {"epochs": 2, "learning_rate": 0.05, "seed": 1}
    one, two, plain = (
        fit(tiny, stripes, augment=augment, **arguments)
        for augment in ("flip,shift:1", "flip,shift:1", None)
    )
    np.testing.assert_array_equal(weights_of(one), weights_of(two))
    assert not np.array_equal(weights_of(one), weights_of(plain))
    assert one.settings.augment == "flip,shift:1"


def test_stored_pixels_are_prepared_as_they_are_needed(tiny, stripes):
    pixels = np.random.default_rng(0).integers(0, 256, (60, 1, 6, 6), dtype=np.uint8)
    labels = stripes[1]
    stored = Dataset("pixels", pixels, labels, pixels[:9], labels[:9], ("a", "b", "c"))
    one = fit(tiny, stored, epochs=2, learning_rate=0.05)
    two = fit(tiny, (stored.prepared(pixels), labels), epochs=2, learning_rate=0.05)
    np.testing.assert_array_equal(weights_of(one), weights_of(two))
    assert one.history[0].test_error is not None


def test_torchrun_wants_pytorch(tiny, stripes, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ParameterError) as error:
        fit(tiny, stripes, epochs=1, learning_rate=0.05)
    assert str(error.value) == (
        'fit: device "cpu" trains in one process, but torchrun (WORLD_SIZE) starts several: '
        'take "torch" or "cuda", or start it without torchrun'
    )


def test_pytorch_trains_to_rounding_as_numpy_does(tiny, stripes):
    arguments = {"epochs": 3, "learning_rate": 0.05, "momentum": 0.9, "schedule": "cosine"}
    native, torch = (fit(tiny, stripes, device=device, **arguments) for device in ("cpu", "torch"))
    np.testing.assert_allclose(weights_of(torch), weights_of(native), rtol=1e-3, atol=1e-4)


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
            "fit: no device is called 'gpu'; did you mean cpu?",
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


def test_a_rate_for_each_parameter(tiny, stripes):
    start = tiny.initialize(0)
    names = list(start.weights)
    uniform = fit(start, stripes, epochs=1, learning_rate=dict.fromkeys(names, 0.05))
    plain = fit(start, stripes, epochs=1, learning_rate=0.05)
    np.testing.assert_array_equal(weights_of(uniform), weights_of(plain))
    rates = {**dict.fromkeys(names, 0.05), "conv.weight": 1e-30}
    frozen = fit(start, stripes, epochs=1, learning_rate=rates)
    same = [
        np.array_equal(frozen.network.weights[name], start.weights[name])
        for name in ("conv.weight", "conv.bias", "scores.weight")
    ]
    assert same == [True, False, False]


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


def test_a_given_networks_statistics_are_gathered_from_its_training_alone(noisy, stripes):
    """What is run to compile kernels must leave no trace: one batch, one update of the mean."""
    start = noisy.initialize(0)
    result = fit(start, stripes, epochs=1, batch_size=60, learning_rate=1e-6, shuffle=False)
    learner = st.runtime.Trainable(start)
    learner.forward(stripes[0])
    expected = learner.weights["norm.mean"]
    found = result.network.weights["norm.mean"]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-7)
