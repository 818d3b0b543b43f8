"""Losses that are not finite: where that began, and what is kept."""

from dataclasses import replace

import numpy as np
import pytest

from striate.errors import TrainingError
from striate.network import Builder, Network
from striate.network.operators import Relu
from striate.training import fit, load_weights


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
