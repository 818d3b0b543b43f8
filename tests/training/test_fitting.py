"""Training: it learns, and it repeats itself to the bit."""

import numpy as np
import pytest

import striate as st
from striate.training import Dataset, Epoch, evaluate, fit
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


def test_pytorch_trains_to_rounding_as_numpy_does(tiny, stripes):
    arguments = {"epochs": 3, "learning_rate": 0.05, "momentum": 0.9, "schedule": "cosine"}
    native, torch = (fit(tiny, stripes, device=device, **arguments) for device in ("cpu", "torch"))
    np.testing.assert_allclose(weights_of(torch), weights_of(native), rtol=1e-3, atol=1e-4)


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


def test_a_given_networks_statistics_are_gathered_from_its_training_alone(noisy, stripes):
    """What is run to compile kernels must leave no trace: one batch, one update of the mean."""
    start = noisy.initialize(0)
    result = fit(start, stripes, epochs=1, batch_size=60, learning_rate=1e-6, shuffle=False)
    learner = st.runtime.Trainable(start)
    learner.forward(stripes[0])
    expected = learner.weights["norm.mean"]
    found = result.network.weights["norm.mean"]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-7)
