"""Training: it learns, it repeats itself to the bit, and it says what it cannot do."""

from dataclasses import replace

import numpy as np
import pytest

import striate as st
from striate.errors import DTypeError, ParameterError, ShapeError, TrainingError, UnknownNameError
from striate.training import Dataset, Epoch, data, evaluate, fit


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
    result = fit(start, (images, labels), epochs=1, learning_rate=0.5)
    learner = st.runtime.Trainable(start)
    y = learner.forward(images)
    learner.backward(y - np.array([[1, -1, -1]], np.float32))
    expected = learner.parameters - np.float32(0.5) * learner.gradients
    np.testing.assert_array_equal(weights_of(result), expected)


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


@pytest.mark.filterwarnings("error")
def test_a_loss_that_is_not_finite_stops_training(tiny, stripes):
    with pytest.raises(TrainingError) as error:
        fit(tiny, stripes, epochs=3, learning_rate=1e20)
    text = str(error.value)
    assert text.startswith("fit: the loss is ")
    assert text.endswith(
        "of 60 in epoch 1: it must stay finite; try a lower learning_rate than 1e+20, and pixels "
        "within [-1, 1]; nothing is kept, since no folder was given (out, --out)"
    )


def test_a_second_pass_blames_itself(tiny, stripes, tmp_path):
    fit(tiny, stripes, epochs=1, learning_rate=0.05, out=tmp_path / "run")
    broken = fit(tiny, stripes, epochs=1, learning_rate=0.05).network
    nan = {name: np.full_like(array, np.nan) for name, array in broken.weights.items()}
    with pytest.raises(TrainingError, match="the loss is nan at example 1 of 60 in epoch 1"):
        fit(replace(broken, weights=nan), stripes, epochs=1, learning_rate=0.05)


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
            {**dict.fromkeys(tiny.initialize().weights, 0.1), "x": 0.1},
            f"parameter 'x' is none of tiny's: {hint}",
        ),
    ]:
        with pytest.raises(ParameterError) as error:
            fit(tiny, stripes, epochs=1, learning_rate=rates)
        assert str(error.value) == f"fit: learning_rate: {message}"


def test_a_given_networks_statistics_are_gathered_from_its_training_alone(noisy, stripes):
    """What is run to compile kernels must leave no trace: one batch, one update of the mean."""
    start = noisy.initialize(0)
    result = fit(start, stripes, epochs=1, batch_size=60, learning_rate=1e-6, shuffle=False)
    learner = st.runtime.Trainable(start)
    learner.forward(stripes[0])
    expected = learner.weights["norm.mean"]
    np.testing.assert_array_equal(result.network.weights["norm.mean"], expected)
